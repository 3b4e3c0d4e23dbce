//! Bytes of an input that are not text in UTF-8.

use std::fmt;

/// Reads an input as text. A byte order mark is kept: JSON parsers of plugins decide about it.
///
/// ```
/// assert_eq!(portcullis_json::text(b"{}".to_vec()).as_deref(), Ok("{}"));
///
/// let error = portcullis_json::text(b"\xff\xfe{\0}\0".to_vec()).unwrap_err();
/// assert!(error.to_string().contains("UTF-16"));
/// ```
///
/// # Errors
/// Returns an error if `bytes` are not UTF-8. It says at which byte, and what they probably are.
pub fn text(bytes: Vec<u8>) -> Result<String, NotUtf8> {
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let bytes = error.as_bytes();
        let is_utf16 = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
        NotUtf8 { at, byte: bytes.get(at).copied().unwrap_or_default(), is_utf16 }
    })
}

/// Bytes that are not UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotUtf8 {
    at: usize,
    byte: u8,
    is_utf16: bool,
}

impl NotUtf8 {
    /// The offset of the first byte that is not UTF-8.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.at
    }
}

impl fmt::Display for NotUtf8 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_utf16 {
            return f.write_str(
                "this is text in UTF-16, which starts with a byte order mark; save it as UTF-8 (in \
                 PowerShell: Out-File -Encoding utf8)",
            );
        }
        let Self { at, byte, .. } = self;
        write!(f, "found the byte {byte:#04x} at offset {at}, which is not UTF-8; save it as UTF-8")
    }
}

impl std::error::Error for NotUtf8 {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_in_utf_16_is_recognised_by_its_byte_order_mark() {
        for (bytes, offset, part) in [
            (&b"\xff\xfe{\0}\0"[..], 0, "UTF-16"),
            (b"\xfe\xff\0{\0}", 0, "UTF-16"),
            (b"{\"a\": \"\xe9\"}", 7, "0xe9 at offset 7"),
            (b"{\xff\xfe", 1, "0xff at offset 1"),
            (b"\xc3", 0, "0xc3 at offset 0"),
        ] {
            let error = text(bytes.to_vec()).unwrap_err();
            assert_eq!(error.offset(), offset, "{bytes:?}");
            let message = error.to_string();
            assert!(message.contains(part) && message.contains("save it as UTF-8"), "{message}");
        }
        assert_eq!(text("\u{feff}{}é".into()).as_deref(), Ok("\u{feff}{}é"));
    }
}
