//! A fast check for UTF-8, for texts that are mostly ASCII.

use super::block::is_ascii;
use alloc::string::String;
use alloc::vec::Vec;

/// Takes bytes as a text, or returns `None` if they are not UTF-8. Copies nothing.
///
/// ```
/// use dynamodb_json::json::text;
///
/// assert_eq!(text(b"{}".to_vec()).as_deref(), Some("{}"));
/// assert_eq!(text(b"\xff".to_vec()), None);
/// ```
#[must_use]
#[expect(unsafe_code, reason = "the standard library would check a second time, and more slowly")]
pub fn text(bytes: Vec<u8>) -> Option<String> {
    // SAFETY: the bytes are UTF-8.
    is_utf8(&bytes).then(|| unsafe { String::from_utf8_unchecked(bytes) })
}

/// Returns whether `bytes` are UTF-8.
///
/// This is [`core::str::from_utf8`] with vector instructions. The standard library for WebAssembly
/// is compiled without them.
///
/// ```
/// use dynamodb_json::json::is_utf8;
///
/// assert!(is_utf8("żółw".as_bytes()));
/// assert!(!is_utf8(b"\xff"));
/// ```
#[must_use]
pub fn is_utf8(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    loop {
        while let Some((blocks, after)) = rest.split_first_chunk()
            && is_ascii(blocks)
        {
            rest = after;
        }
        if rest.is_empty() {
            return true;
        }
        let part = &rest[..rest.len().min(PART)];
        let valid = match core::str::from_utf8(part) {
            Ok(_) => part.len(),
            // A character may go on after the part, but not after the text.
            Err(error) if error.error_len().is_none() && part.len() < rest.len() => {
                error.valid_up_to()
            }
            Err(_) => return false,
        };
        rest = &rest[valid..];
    }
}

/// The number of bytes that are given to the standard library if some of them are not ASCII. A text
/// in another language has characters that are not ASCII everywhere.
const PART: usize = 256;
