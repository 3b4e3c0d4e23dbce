//! Makes untrusted text safe to print: a terminal would carry out its control characters.

/// Replaces control characters, except line breaks, and characters that change the direction of
/// text.
pub(crate) fn visible(text: &str) -> String {
    text.chars().map(|c| if is_unsafe(c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// Like [`visible`], and replaces line breaks: the text must not look like lines of ours.
pub(crate) fn visible_line(text: &str) -> String {
    visible(text).replace('\n', "\u{fffd}")
}

fn is_unsafe(c: char) -> bool {
    let changes_direction =
        matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    changes_direction || (c.is_control() && c != '\n')
}

/// Escapes a character of a JSON text if it is a control character. JSON allows two groups of them
/// without an escape: DEL and C1.
pub(crate) fn escaped(c: char) -> String {
    if c.is_control() { format!("\\u{:04x}", c as u32) } else { c.to_string() }
}

#[cfg(test)]
mod tests {
    use super::visible;

    #[test]
    fn control_characters_are_replaced() {
        assert_eq!(visible("a\u{1b}[31mb\r\u{9b}"), "a\u{fffd}[31mb\u{fffd}\u{fffd}");
        assert_eq!(
            visible("a\u{202e}b\u{2066}"),
            "a\u{fffd}b\u{fffd}",
            "changes of direction are replaced too"
        );
    }
}
