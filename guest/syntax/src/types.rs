//! Names that are almost those of the types of attribute values.

/// The types, each with its descriptor and then its long names.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html>
const NAMES: [&[&str]; 10] = [
    &["S", "string", "str"],
    &["N", "number", "num"],
    &["B", "binary", "bin"],
    &["SS", "stringset"],
    &["NS", "numberset"],
    &["BS", "binaryset"],
    &["M", "map"],
    &["L", "list"],
    &["BOOL", "boolean"],
    &["NULL"],
];

/// The longest name that may resemble a type: `binaryset` with some separators.
const MAX_SIMILAR: usize = 16;

/// Returns the data type descriptor that `name` resembles: it is the descriptor or the long name of
/// the type, in any case, and maybe with spaces, hyphens or underscores.
///
/// ```
/// use dynamodb_syntax::similar_type;
///
/// assert_eq!(similar_type("s"), Some("S"));
/// assert_eq!(similar_type("String Set"), Some("SS"));
/// assert_eq!(similar_type("text"), None);
/// ```
#[inline(never)]
#[must_use]
pub fn similar_type(name: &str) -> Option<&'static str> {
    let is_same = |known: &str| {
        let mut letters = name.bytes().filter(|byte| !matches!(byte, b' ' | b'_' | b'-'));
        let all = known
            .bytes()
            .all(|byte| letters.next().is_some_and(|letter| letter.eq_ignore_ascii_case(&byte)));
        all && letters.next().is_none()
    };
    if name.len() > MAX_SIMILAR {
        return None;
    }
    let names = NAMES.iter().find(|names| names.iter().any(|known| is_same(known)))?;
    names.first().copied()
}
