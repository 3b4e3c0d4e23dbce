//! Finds the end of strings.

use super::block::{BLOCK, Block, has_specials};
use super::error::SyntaxError;
use super::text::hex4;
use core::num::NonZeroUsize;

/// A string that was checked.
#[derive(Clone, Copy)]
pub(crate) struct Scanned {
    /// The offset after the closing quote.
    pub(crate) end: usize,
    /// Whether the string may contain escapes.
    pub(crate) may_escape: bool,
}

/// Checks the string whose text starts at `pos`, after the opening quote.
///
/// Returns `None` if it is not a string of JSON. [`explain_string`] then says why.
#[inline(always)]
pub(crate) fn scan_string(bytes: &[u8], pos: usize) -> Option<Scanned> {
    // Most strings are short enough to end in the first block.
    if let Some(block) = Block::load(bytes, pos) {
        let hits = block.specials();
        let at = pos + hits.trailing_zeros() as usize;
        if hits != 0 && bytes.get(at) == Some(&b'"') {
            return Some(Scanned { end: at + 1, may_escape: false });
        }
    }
    let end = scan_long_string(bytes, pos)?;
    Some(Scanned { end: end.get(), may_escape: true })
}

/// As [`scan_string`], for strings that are long, contain escapes or are not valid, and for those at
/// the end of the text.
#[inline(never)]
fn scan_long_string(bytes: &[u8], mut pos: usize) -> Option<NonZeroUsize> {
    loop {
        pos = skip_unescaped(bytes, pos);
        match bytes.get(pos) {
            Some(b'"') => return NonZeroUsize::new(pos + 1),
            Some(b'\\') => pos = check_escape(bytes, pos).ok()?,
            _ => return None,
        }
    }
}

/// Returns what is wrong with the string whose text starts at `pos`, if [`scan_string`] refuses it.
#[cold]
#[inline(never)]
pub(super) fn explain_string(bytes: &[u8], mut pos: usize) -> SyntaxError {
    let start = pos - 1;
    loop {
        pos = skip_unescaped(bytes, pos);
        match bytes.get(pos) {
            Some(b'\\') => match check_escape(bytes, pos) {
                Ok(after) => pos = after,
                Err(error) => return error,
            },
            Some(_) => {
                return SyntaxError {
                    offset: pos,
                    message: "a control character in a string; write it as an escape, as in \\n",
                };
            }
            None => {
                return SyntaxError {
                    offset: start,
                    message: "this string is not closed; end it with a double quote",
                };
            }
        }
    }
}

/// Returns the offset of the first byte at or after `pos` that ends a string, starts an escape or
/// is not allowed in a string. Returns the length of the text if there is none.
fn skip_unescaped(bytes: &[u8], mut pos: usize) -> usize {
    if let Some(block) = Block::load(bytes, pos) {
        let hits = block.specials();
        if hits != 0 {
            return pos + hits.trailing_zeros() as usize;
        }
        pos += BLOCK;
    }
    while let Some(blocks) = bytes.get(pos..).and_then(|rest| rest.first_chunk())
        && !has_specials(blocks)
    {
        pos += blocks.len();
    }
    while let Some(block) = Block::load(bytes, pos) {
        let hits = block.specials();
        if hits != 0 {
            return pos + hits.trailing_zeros() as usize;
        }
        pos += BLOCK;
    }
    while bytes.get(pos).is_some_and(|&byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
        pos += 1;
    }
    pos
}

/// Checks the escape at `pos` and returns the offset after it.
fn check_escape(bytes: &[u8], pos: usize) -> Result<usize, SyntaxError> {
    match bytes.get(pos + 1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(pos + 2),
        Some(b'u') => match hex4(bytes, pos + 2) {
            Some(0xd800..=0xdbff) => {
                match (bytes.get(pos + 6), bytes.get(pos + 7), hex4(bytes, pos + 8)) {
                    (Some(b'\\'), Some(b'u'), Some(0xdc00..=0xdfff)) => Ok(pos + 12),
                    _ => Err(SyntaxError {
                        offset: pos,
                        message: "the first half of a surrogate pair (\\ud800 to \\udbff) without the \
                                  second",
                    }),
                }
            }
            Some(0xdc00..=0xdfff) => Err(SyntaxError {
                offset: pos,
                message: "the second half of a surrogate pair (\\udc00 to \\udfff) without the \
                          first",
            }),
            Some(_) => Ok(pos + 6),
            None => Err(SyntaxError {
                offset: pos,
                message: "\\u is not followed by four hexadecimal digits",
            }),
        },
        _ => Err(SyntaxError {
            offset: pos,
            message: "an escape that JSON does not have; write a backslash as \\\\",
        }),
    }
}
