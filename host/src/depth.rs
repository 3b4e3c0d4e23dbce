//! How deep JSON nests, without reading more of it: deep nesting overflows the stack of parsers that recurse.

/// Whether `text` nests deeper than `limit`. Of a text that is not JSON it says something, and fails on nothing.
pub(crate) fn is_deeper(text: &str, limit: u32) -> bool {
    let bytes = text.as_bytes();
    // A small text seldom has as many brackets as levels are allowed, wherever they stand.
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
            b'"' => at = after_string(bytes, at),
            _ => {}
        }
    }
    false
}

/// The most bytes of a small text.
const SMALL: usize = 4096;

/// Where a string that began before `at` ends.
fn after_string(bytes: &[u8], mut at: usize) -> usize {
    while let Some(&byte) = bytes.get(at) {
        at += match byte {
            b'"' => return at + 1,
            b'\\' => 2,
            _ => 1,
        };
    }
    at
}

#[cfg(test)]
mod tests {
    use super::is_deeper;

    #[test]
    fn brackets_count_and_those_in_strings_do_not() {
        assert!(!is_deeper("[[]]", 2) && is_deeper("[[[]]]", 2));
        assert!(!is_deeper(r#"["[[[[", "\"[[[", {"a": "\\"}]"#, 2));
        assert!(is_deeper(&"[".repeat(1_000_000), 128));
        assert!(!is_deeper(&"[]".repeat(1_000_000), 1));
        for odd in ["", "\"", "\"\\", "]]]]", "{]"] {
            assert!(!is_deeper(odd, 2), "{odd}");
        }
    }
}
