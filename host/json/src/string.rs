//! Where a JSON string ends.

/// The length of the string at the start of `text`, in bytes and with both quotes. If the string is
/// not closed, it is the length of `text`.
///
/// ```
/// assert_eq!(portcullis_json::string_length(r#""a\"b": 1"#), 6);
/// assert_eq!(portcullis_json::string_length(r#""open"#), 5);
/// ```
#[must_use]
pub fn string_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 1;
    while let Some(&byte) = bytes.get(at) {
        at += match byte {
            b'"' => return at + 1,
            b'\\' => 2,
            _ => 1,
        };
    }
    bytes.len()
}
