//! The names of tables in requests. What could mean different tables to different services is not a
//! name.

/// The table that a request names: by its name, or by an ARN that contains the name.
///
/// A name has 1 to 255 of the characters `A-Z a-z 0-9 _ . -`. AWS's names have at least 3; other
/// services that speak its protocol allow shorter ones.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html>
///
/// ```
/// use portcullis_policy::TableName;
///
/// assert_eq!(TableName::parse("orders")?.as_str(), "orders");
/// assert!(TableName::parse("orders ").is_err());
///
/// // An ARN of something that belongs to a table names the table.
/// let arn = "arn:aws:dynamodb:eu-west-1:123456789012:table/orders";
/// assert_eq!(TableName::parse(&format!("{arn}/backup/1"))?.as_str(), arn);
/// # Ok::<(), portcullis_policy::TableNameError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableName<'t>(&'t str);

/// The error of parsing a [`TableName`]. The variants hold the first 200 characters of the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TableNameError {
    /// The text, or the name in an ARN, is not a name.
    #[error("{0:?} is not a table name")]
    Name(String),
    /// The text is the ARN of something else, or not an ARN.
    #[error("the table of {0:?} cannot be determined")]
    Arn(String),
}

impl<'t> TableName<'t> {
    /// Parses the name of a table, or an ARN, of which the part after the name is left out:
    /// `/index/…`, `/stream/…`, `/backup/…` and the like.
    /// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html>
    ///
    /// # Errors
    /// Returns an error if the text is neither, or if an ARN has parts that services may read
    /// differently.
    pub fn parse(text: &'t str) -> Result<Self, TableNameError> {
        let shown = || text.chars().take(200).collect();
        if !text.starts_with("arn:") {
            return if is_name(text) { Ok(Self(text)) } else { Err(TableNameError::Name(shown())) };
        }
        let resource = text.splitn(6, ':').nth(5).and_then(|part| part.strip_prefix("table/"));
        let Some(resource) = resource else { return Err(TableNameError::Arn(shown())) };
        let before = &text[..text.len() - resource.len()];
        let (name, more) = match resource.split_once('/') {
            Some((name, more)) => (name, Some(more)),
            None => (resource, None),
        };
        if !is_name(name) {
            return Err(TableNameError::Name(shown()));
        }
        let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/".contains(&byte);
        let is_segment = |part: &str| !matches!(part, "" | "." | "..");
        if !text.bytes().all(known) || more.is_some_and(|more| !more.split('/').all(is_segment)) {
            return Err(TableNameError::Arn(shown()));
        }
        Ok(Self(&text[..before.len() + name.len()]))
    }

    /// Returns the name, or the ARN up to the name.
    #[must_use]
    pub fn as_str(self) -> &'t str {
        self.0
    }
}

fn is_name(text: &str) -> bool {
    (1..=MAX_NAME_BYTES).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
}

/// The longest name of a table on AWS.
const MAX_NAME_BYTES: usize = 255;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ARN: &str = "arn:aws:dynamodb:eu-west-1:123456789012:table/";

    #[test]
    fn only_a_name_is_the_name_of_a_table() {
        let longest = "a".repeat(255);
        for name in ["a", "my.Table_1-x", &longest] {
            assert_eq!(TableName::parse(name).unwrap().as_str(), name);
            let arn = format!("{ARN}{name}");
            assert_eq!(TableName::parse(&arn).unwrap().as_str(), arn);
        }
        let too_long = "a".repeat(256);
        for odd in [
            "",
            " ",
            "a ",
            "a\0",
            "a/b",
            "a\\b",
            "a%2fb",
            "a\"b",
            "é",
            "a\u{200b}",
            "a*",
            "ARN:a",
            &too_long,
        ] {
            assert!(matches!(TableName::parse(odd), Err(TableNameError::Name(_))), "{odd:?}");
            let arn = format!("{ARN}{odd}");
            if odd != "a/b" {
                assert!(TableName::parse(&arn).is_err(), "{arn:?}");
            }
        }
    }

    #[test]
    fn an_arn_is_cut_after_the_name_of_the_table() {
        let orders = format!("{ARN}orders");
        for more in
            ["", "/index/by-date", "/stream/2026-01-31T23:59:59.123", "/backup/01-ab", "/export/1"]
        {
            let arn = format!("{orders}{more}");
            assert_eq!(TableName::parse(&arn).unwrap().as_str(), orders, "{arn}");
        }
    }

    #[test]
    fn an_arn_with_odd_parts_names_no_table() {
        for odd in [
            "arn:",
            "arn:aws:s3:::orders",
            "arn:aws:dynamodb:eu-west-1:123456789012:global-table/orders",
            "arn:aws:dynamodb:eu-west-1:1:Table/orders",
            "arn:aws:dynamodb:eu west:1:table/orders",
            "arn:aws:dynamodb:eu-west-1:1:2:table/orders",
        ] {
            assert!(matches!(TableName::parse(odd), Err(TableNameError::Arn(_))), "{odd}");
        }
        for more in ["/", "//secrets", "/../secrets", "/index/.", "/index/", "/index/a b", "/é"] {
            let arn = format!("{ARN}orders{more}");
            assert!(matches!(TableName::parse(&arn), Err(TableNameError::Arn(_))), "{arn}");
        }
        for name in ["", "/orders", ":orders", "orders:1", "orders?x"] {
            let arn = format!("{ARN}{name}");
            assert!(matches!(TableName::parse(&arn), Err(TableNameError::Name(_))), "{arn}");
        }
    }

    #[test]
    fn an_error_shows_at_most_200_characters() {
        let error = TableName::parse(&"é".repeat(10_000)).unwrap_err();
        assert_eq!(error, TableNameError::Name("é".repeat(200)));
    }

    proptest! {
        #[test]
        fn what_is_parsed_is_the_start_of_the_text_and_parses_to_itself(
            text in "(arn:[a-z:1/-]{0,20}:table/)?[a-zA-Z._/:é -]{0,20}",
        ) {
            if let Ok(table) = TableName::parse(&text) {
                prop_assert!(text.starts_with(table.as_str()));
                prop_assert_eq!(TableName::parse(table.as_str()).unwrap(), table);
            }
        }
    }
}
