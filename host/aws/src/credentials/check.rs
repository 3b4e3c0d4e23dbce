//! The check of credentials where they enter, before anything else sees them.

use super::error::CredentialsError;
use super::identity::Credentials;
use crate::secret::Secret;

/// Where the parts of an identity were found: the words that messages use for them.
pub(crate) struct Places<'p> {
    pub(crate) id: &'p str,
    pub(crate) secret: &'p str,
    pub(crate) token: &'p str,
    /// The file, for the operator.
    pub(crate) file: Option<&'p str>,
}

/// Credentials of which nothing more is known.
pub(crate) const UNNAMED: Places<'static> = Places {
    id: "the access key id",
    secret: "the secret access key",
    token: "the session token",
    file: None,
};

/// The number of characters of an AWS secret key, which is Base64 of 30 bytes.
const SECRET_CHARACTERS: usize = 40;

/// The longest access key id: as long as AWS allows.
/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_Credentials.html>
const MAX_ID_BYTES: usize = 128;
/// The longest secret access key. AWS's have 40 characters; other services may have longer ones.
const MAX_SECRET_BYTES: usize = 1024;
/// The longest session token: four times the largest that AWS hands out in practice.
const MAX_TOKEN_BYTES: usize = 16 << 10;

/// Credentials that a caller sends as JSON.
const FIELDS: Places<'static> =
    Places { id: "accessKeyId", secret: "secretAccessKey", token: "sessionToken", file: None };

impl Credentials {
    /// Credentials that a caller sends. They do not expire, as far as is known.
    ///
    /// ```
    /// use portcullis_aws::{Credentials, Secret};
    ///
    /// let error = Credentials::from_caller("AKID EXAMPLE", Secret::new("x"), None).unwrap_err();
    /// assert!(error.to_string().contains("accessKeyId"));
    /// ```
    ///
    /// # Errors
    /// Returns an error that names the field of what cannot be used, and never quotes it.
    pub fn from_caller(
        access_key_id: impl Into<String>,
        secret_access_key: Secret,
        session_token: Option<Secret>,
    ) -> Result<Self, CredentialsError> {
        let access_key_id = access_key_id.into();
        let token = session_token.as_ref().map_or("", Secret::expose);
        let lengths = [
            (FIELDS.id, access_key_id.len(), MAX_ID_BYTES),
            (FIELDS.secret, secret_access_key.expose().len(), MAX_SECRET_BYTES),
            (FIELDS.token, token.len(), MAX_TOKEN_BYTES),
        ];
        if let Some((field, _, max)) = lengths.iter().find(|(_, length, max)| length > max) {
            return Err(CredentialsError::new(format!("{field} has more than {max} bytes")));
        }
        Self { access_key_id, secret_access_key, session_token, expires: None }.checked(&FIELDS)
    }

    /// Checks that the credentials can be used in headers, and that the id is one: it enters the
    /// sandbox, and a secret must not. An empty session token is none.
    ///
    /// # Errors
    /// Returns an error that names the place of what is wrong, and never quotes it.
    pub(crate) fn checked(mut self, places: &Places<'_>) -> Result<Self, CredentialsError> {
        self.session_token = self.session_token.filter(|token| !token.expose().is_empty());
        let token = self.session_token.as_ref().map(Secret::expose);
        let wrong = wrong_id(&self.access_key_id)
            .map(|wrong| (places.id, wrong))
            .or_else(|| Some((places.secret, wrong_text(self.secret_access_key.expose())?)))
            .or_else(|| Some((places.token, wrong_text(token?)?)));
        let Some((place, wrong)) = wrong else { return Ok(self) };
        let message = format!("{place} {wrong}");
        let error = CredentialsError::new(&message);
        Err(match places.file {
            Some(file) => error.with_detail(format!("{file}: {message}")),
            None => error,
        })
    }
}

/// Why a text is no access key id. Other services than AWS use ids such as `alternator.user`.
fn wrong_id(id: &str) -> Option<String> {
    if let Some(wrong) = wrong_text(id) {
        return Some(wrong);
    }
    let base64 = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/';
    if id.len() == SECRET_CHARACTERS && id.bytes().all(base64) {
        return Some(
            "has 40 characters of Base64: this looks like a secret key; write the id here, and \
             replace the secret if others may have seen it"
                .to_string(),
        );
    }
    let refused = id.chars().find(|char| "\"'`/\\{}<>$,;=".contains(*char))?;
    let hint = match refused {
        '"' | '\'' | '`' => "write it without quotes",
        '<' | '>' | '{' | '}' | '$' => "replace this placeholder with the id",
        _ => "copy it again",
    };
    Some(format!("contains {refused} and no access key id does; {hint}"))
}

fn wrong_text(text: &str) -> Option<String> {
    if text.is_empty() {
        return Some("is empty".to_string());
    }
    let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
    (!visible).then(|| "contains whitespace or another character that is not visible".to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(id: &str, secret: &str, token: Option<&str>) -> Credentials {
        Credentials {
            access_key_id: id.to_string(),
            secret_access_key: Secret::new(secret),
            session_token: token.map(Secret::new),
            expires: None,
        }
    }

    #[test]
    fn ids_of_aws_and_of_other_services_are_accepted() {
        let digest = "0123456789abcdef0123456789abcdef0123456";
        for id in ["AKIDEXAMPLE", "alternator.user", "a", "user@host:1", "[x]", "a-b_c", digest] {
            assert!(credentials(id, "s", None).checked(&UNNAMED).is_ok(), "{id}");
        }
    }

    #[test]
    fn ids_with_characters_of_placeholders_are_refused_and_not_quoted() {
        for id in [
            "\"AKID\"",
            "'AKID'",
            "`AKID`",
            "<your-key>",
            "${AWS_KEY}",
            "{key}",
            "A/B",
            "A\\B",
            "A,B",
            "A;B",
            "A=B",
            "A B",
            "AKID\n",
            "\u{feff}AKID",
            "AKIDÄ",
            "",
        ] {
            let error = credentials(id, "s", None).checked(&UNNAMED).unwrap_err().to_string();
            assert!(error.starts_with("the access key id "), "{error}");
            assert!(id.is_empty() || !error.contains(id), "{error}");
        }
    }

    #[test]
    fn a_secret_in_place_of_the_id_is_recognized() {
        for id in ["wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", &"a".repeat(40)] {
            let error = credentials(id, "s", None).checked(&UNNAMED).unwrap_err();
            assert!(error.to_string().contains("this looks like a secret key"), "{error}");
            assert!(!error.to_string().contains(id), "{error}");
        }
    }

    #[test]
    fn an_empty_session_token_is_none() {
        let checked = credentials("A", "s", Some("")).checked(&UNNAMED).unwrap();
        assert_eq!(checked.session_token, None);
        let error = credentials("A", "s", Some("a b")).checked(&UNNAMED).unwrap_err();
        assert!(error.to_string().starts_with("the session token "), "{error}");
    }
}
