//! Positions in the text of a policy file.

/// Returns the number of the line that contains byte `at`, counted from 1, and the line.
pub(crate) fn line_at(text: &str, at: usize) -> (usize, &str) {
    let before = text.get(..at).unwrap_or(text);
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = text[start..].lines().next().unwrap_or_default();
    (before.matches('\n').count() + 1, line)
}
