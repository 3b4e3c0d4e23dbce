//! Finds the end of a value of strict JSON, and checks all of it.

use super::number::number_length;
use super::string::scan_string;

/// The maximum nesting depth of arrays and objects.
///
/// DynamoDB allows 32 levels of attribute values. Each takes two levels of JSON (`{"M": {…}}`),
/// below at most eight levels of the request. 128 is well above that and still bounds the depth of
/// recursion.
pub const MAX_DEPTH: u32 = 128;

/// Checks the value that starts at `start`, inside of `outside` objects and arrays. Returns the
/// offset after it.
///
/// Returns `None` if the text there is not a value of strict JSON, and also if it nests unusually
/// deep. `Scanner::read_value` then reads it again, to say why or to accept it. So this function
/// needs no positions for messages.
pub(super) fn scan_value(bytes: &[u8], start: usize, outside: u32) -> Option<usize> {
    if outside > MAX_DEPTH - u64::BITS {
        return None;
    }
    // One bit for each open bracket, the innermost lowest: 1 for an object, 0 for an array. A 1
    // stands above the outermost bracket. There is room for 63 of them, and a tagged string below.
    let mut open = 1u64;
    let mut pos = start;
    loop {
        // A value starts at `pos`.
        let first = *bytes.get(pos)?;
        let mut is_complete = true;
        if first == b'"' {
            pos = scan_string(bytes, pos + 1)?.end;
        } else if first == b'{' || first == b'[' {
            let tagged = scan_tagged(bytes, pos);
            if let Some((end, true)) = tagged {
                pos = end;
            } else if open >> (u64::BITS - 1) == 1 {
                return None;
            } else if let Some((value, _)) = tagged {
                open = open << 1 | 1;
                pos = value;
                continue;
            } else {
                pos = skip_whitespace(bytes, pos + 1);
                // In ASCII the closing bracket comes two after the opening one.
                if *bytes.get(pos)? == first + 2 {
                    pos += 1;
                } else {
                    open = open << 1 | u64::from(first == b'{');
                    is_complete = false;
                }
            }
        } else {
            pos = scan_other(bytes, pos)?;
        }
        if is_complete {
            // Leaves all objects and arrays that end here.
            loop {
                if open == 1 {
                    return Some(pos);
                }
                pos = skip_whitespace(bytes, pos);
                let byte = *bytes.get(pos)?;
                pos += 1;
                if byte == b',' {
                    pos = skip_whitespace(bytes, pos);
                    break;
                }
                if byte != (if open & 1 == 1 { b'}' } else { b']' }) {
                    return None;
                }
                open >>= 1;
            }
        }
        if open & 1 == 1 {
            // The name of a field.
            if *bytes.get(pos)? != b'"' {
                return None;
            }
            pos = skip_whitespace(bytes, scan_string(bytes, pos + 1)?.end);
            if *bytes.get(pos)? != b':' {
                return None;
            }
            pos = skip_whitespace(bytes, pos + 1);
        }
    }
}

/// Reads the start of an object such as `{"S":"text"}`, without white space: most objects in a
/// response are such attribute values.
///
/// If all of the object is like that, returns the offset after it and true. If another object or
/// array follows the name, returns the offset of that and false. The name is any capital letter:
/// this function only finds out whether the text is JSON.
#[inline(always)]
fn scan_tagged(bytes: &[u8], pos: usize) -> Option<(usize, bool)> {
    const PREFIX: u64 = u64::from_le_bytes(*b"{\"\0\":\0\0\0");
    const MASK: u64 = u64::from_le_bytes([0xff, 0xff, 0, 0xff, 0xff, 0, 0, 0]);
    let word = u64::from_le_bytes(*bytes.get(pos..)?.first_chunk()?);
    if word & MASK != PREFIX || !((word >> 16) as u8).is_ascii_uppercase() {
        return None;
    }
    match (word >> 40) as u8 {
        b'"' => {
            let end = scan_string(bytes, pos + 6)?.end;
            (bytes.get(end) == Some(&b'}')).then_some((end + 1, true))
        }
        b'{' | b'[' => Some((pos + 5, false)),
        _ => None,
    }
}

/// Returns the offset after the number, true, false or null that starts at `pos`.
#[inline(never)]
fn scan_other(bytes: &[u8], pos: usize) -> Option<usize> {
    let rest = &bytes[pos..];
    let length = match rest.first()? {
        b't' | b'f' | b'n' => literal_length(rest)?,
        _ => number_length(rest)?,
    };
    Some(pos + length)
}

/// Returns the length of the literal at the start of `bytes`: true, false or null.
pub(super) fn literal_length(bytes: &[u8]) -> Option<usize> {
    let length = match bytes.first_chunk()? {
        b"true" | b"null" => 4,
        b"fals" if bytes.get(4) == Some(&b'e') => 5,
        _ => return None,
    };
    (!bytes.get(length).is_some_and(u8::is_ascii_alphanumeric)).then_some(length)
}

/// Returns the offset of the first byte at or after `pos` that is not white space.
#[inline(always)]
pub(super) fn skip_whitespace(bytes: &[u8], pos: usize) -> usize {
    // Compact text has none, which one comparison shows.
    if bytes.get(pos).is_some_and(|&byte| byte <= b' ') { skip_run(bytes, pos) } else { pos }
}

#[inline(never)]
fn skip_run(bytes: &[u8], mut pos: usize) -> usize {
    loop {
        match bytes.get(pos) {
            // An indent is a run of spaces.
            Some(b' ') => match bytes[pos..].first_chunk() {
                Some(b"        ") => pos += 8,
                _ => pos += 1,
            },
            Some(b'\t' | b'\n' | b'\r') => pos += 1,
            _ => return pos,
        }
    }
}
