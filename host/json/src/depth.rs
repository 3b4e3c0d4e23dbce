//! How deep JSON nests: deep nesting overflows the stack of recursive parsers.

use crate::string;

/// Whether arrays and objects in `text` nest more than `limit` levels deep. A text that is not JSON
/// gives a result without a meaning, but no panic.
///
/// ```
/// assert!(portcullis_json::is_deeper("[[[]]]", 2));
/// assert!(!portcullis_json::is_deeper(r#"["[[["]"#, 2));
/// ```
#[must_use]
pub fn is_deeper(text: &str, limit: u32) -> bool {
    let bytes = text.as_bytes();
    // A small text rarely has as many brackets as there are levels allowed.
    if bytes.len() <= SMALL
        && bytes.iter().filter(|byte| matches!(byte, b'{' | b'[')).count() <= limit as usize
    {
        return false;
    }
    let mut depth = 0u32;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'{' | b'[' => {
                depth += 1;
                if depth > limit {
                    return true;
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => at = string::end(bytes, at),
            _ => {}
        }
    }
    false
}

/// The most bytes of a small text: one pass that counts brackets is vectorised.
const SMALL: usize = 4096;

#[cfg(test)]
mod tests {
    use super::is_deeper;

    #[test]
    fn brackets_within_strings_do_not_count() {
        assert!(!is_deeper("[[]]", 2) && is_deeper("[[[]]]", 2));
        assert!(!is_deeper(r#"["[[[[", "\"[[[", {"a": "\\"}]"#, 2));
        assert!(is_deeper(&"[".repeat(1_000_000), 128));
        assert!(!is_deeper(&"[]".repeat(1_000_000), 1));
        for odd in ["", "\"", "\"\\", "]]]]", "{]"] {
            assert!(!is_deeper(odd, 2), "{odd}");
        }
    }
}
