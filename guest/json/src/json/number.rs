//! The form of numbers (RFC 8259, section 6).

/// Returns the length of the JSON number at the start of `bytes`.
pub(super) fn number_length(bytes: &[u8]) -> Option<usize> {
    let digits = |from: usize| {
        let mut pos = from;
        while bytes.get(pos).is_some_and(u8::is_ascii_digit) {
            pos += 1;
        }
        pos - from
    };
    let mut pos = usize::from(bytes.first() == Some(&b'-'));
    let whole = digits(pos);
    if whole == 0 || (whole > 1 && bytes[pos] == b'0') {
        return None;
    }
    pos += whole;
    if bytes.get(pos) == Some(&b'.') {
        let fraction = digits(pos + 1);
        if fraction == 0 {
            return None;
        }
        pos += 1 + fraction;
    }
    if matches!(bytes.get(pos), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(pos + 1), Some(b'+' | b'-')));
        let exponent = digits(pos + 1 + sign);
        if exponent == 0 {
            return None;
        }
        pos += 1 + sign + exponent;
    }
    Some(pos)
}

/// Returns whether `text` is one JSON number and nothing else.
#[must_use]
pub fn is_number(text: &str) -> bool {
    number_length(text.as_bytes()) == Some(text.len())
}
