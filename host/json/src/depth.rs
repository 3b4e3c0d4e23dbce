//! How deep JSON nests: deep nesting overflows the stack of recursive parsers.

use crate::block::{BYTES, Block};
use crate::parts::{Part, Parts};

/// Whether arrays and objects in `text` nest more than `limit` levels deep. A text that is not JSON
/// gives a result without a meaning, but no panic.
///
/// ```
/// assert!(portcullis_json::is_deeper("[[[]]]", 2));
/// assert!(!portcullis_json::is_deeper(r#"["[[["]"#, 2));
/// ```
#[must_use]
pub fn is_deeper(text: &str, limit: u32) -> bool {
    let mut state = State::default();
    let (blocks, rest) = text.as_bytes().as_chunks::<BYTES>();
    if blocks.iter().any(|block| state.is_deeper(block, limit)) {
        return true;
    }
    let mut last = [b' '; BYTES];
    last[..rest.len()].copy_from_slice(rest);
    state.is_deeper(&last, limit)
}

/// Whether arrays and objects nest too deep in a text that may have comments, as what people type may.
/// Quotes and brackets in comments do not count. A text with comments is read slowly, and therefore in
/// pieces, between which other tasks can run.
///
/// ```
/// use portcullis_json::InputDepth;
///
/// assert_eq!(InputDepth::new("{} // 5\" [[[\n", 1).advance(), Some(false));
/// assert_eq!(InputDepth::new("/* \" */ [[]]", 1).advance(), Some(true));
/// ```
pub struct InputDepth<'t> {
    text: &'t str,
    limit: u32,
    /// What is left of a text that may have comments.
    parts: Option<Parts<'t>>,
    depth: u32,
}

/// The parts of a text that are read at once: at 10 to 50 ns for each, they take less than a millisecond.
const PARTS_AT_ONCE: usize = 16 * 1024;

impl<'t> InputDepth<'t> {
    /// Prepares to find out whether `text` nests more than `limit` levels deep.
    #[must_use]
    pub fn new(text: &'t str, limit: u32) -> Self {
        let may_have_comments = text.contains("//") || text.contains("/*");
        Self { text, limit, parts: may_have_comments.then(|| Parts::new(text)), depth: 0 }
    }

    /// Reads all that is left at once. Returns whether the text nests too deep.
    #[must_use]
    pub fn finish(mut self) -> bool {
        loop {
            if let Some(known) = self.advance() {
                return known;
            }
        }
    }

    /// Reads the next piece. Returns whether the text nests too deep, or none as long as that is not
    /// known: call it again.
    #[must_use]
    pub fn advance(&mut self) -> Option<bool> {
        let Some(parts) = &mut self.parts else { return Some(is_deeper(self.text, self.limit)) };
        for _ in 0..PARTS_AT_ONCE {
            let brackets = match parts.next() {
                None => return Some(false),
                Some(Part::Plain(text)) => text,
                // Of a template, or two braces.
                Some(Part::Placeholder(_)) => "{{}}",
                Some(Part::Comment(_) | Part::Quoted(_)) => continue,
            };
            for byte in brackets.bytes() {
                match byte {
                    b'{' | b'[' => self.depth += 1,
                    b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                    _ => {}
                }
                if self.depth > self.limit {
                    return Some(true);
                }
            }
        }
        None
    }
}

/// What one block hands to the next.
#[derive(Default)]
struct State {
    depth: u32,
    /// All ones within a string, all zeros outside.
    in_string: u64,
    /// 1 if a backslash at the end of the block escapes the first byte of the next one.
    escapes: u64,
}

impl State {
    fn is_deeper(&mut self, bytes: &[u8; BYTES], limit: u32) -> bool {
        let block = Block::new(bytes);
        let quotes = block.quotes & !self.escaped(block.backslashes);
        // From each quote that opens a string up to the one that closes it.
        let within = spans(quotes) ^ self.in_string;
        self.in_string = if within >> (BYTES - 1) == 1 { u64::MAX } else { 0 };
        let (opening, closing) = (block.opening & !within, block.closing & !within);
        if self.depth + opening.count_ones() <= limit {
            self.depth = (self.depth + opening.count_ones()).saturating_sub(closing.count_ones());
            return false;
        }
        self.deeper_at_some_bracket(opening, closing, limit)
    }

    /// Counts bracket by bracket, near the limit.
    fn deeper_at_some_bracket(&mut self, opening: u64, closing: u64, limit: u32) -> bool {
        let mut brackets = opening | closing;
        while brackets != 0 {
            let bracket = brackets & brackets.wrapping_neg();
            brackets ^= bracket;
            if opening & bracket == 0 {
                self.depth = self.depth.saturating_sub(1);
                continue;
            }
            self.depth += 1;
            if self.depth > limit {
                return true;
            }
        }
        false
    }

    /// The bytes that a backslash escapes: those after a run of backslashes of odd length.
    ///
    /// A run that begins at an odd offset, added to the mask, leaves a carry after its end. See
    /// section 3.1.1 of <https://arxiv.org/abs/1902.08318>.
    fn escaped(&mut self, backslashes: u64) -> u64 {
        const EVEN: u64 = u64::MAX / 3;
        if backslashes == 0 {
            return std::mem::take(&mut self.escapes);
        }
        let backslashes = backslashes & !self.escapes;
        let follow = backslashes << 1 | self.escapes;
        let odd_starts = backslashes & !EVEN & !follow;
        let (ends, carry) = odd_starts.overflowing_add(backslashes);
        self.escapes = u64::from(carry);
        (EVEN ^ ends << 1) & follow
    }
}

/// The bits from each odd bit that is set up to, and without, the next one.
fn spans(mut bits: u64) -> u64 {
    for shift in [1, 2, 4, 8, 16, 32] {
        bits ^= bits << shift;
    }
    bits
}

#[cfg(test)]
mod tests {
    use super::{InputDepth, is_deeper};
    use proptest::prelude::*;
    use serde_json::Value;

    /// The depth of a text without closing brackets, byte by byte.
    fn depth(text: &str) -> u32 {
        let (mut depth, mut in_string, mut escaped) = (0u32, false, false);
        for byte in text.bytes() {
            match byte {
                // Only quotes and backslashes are escaped: outside strings, there are no escapes.
                b'"' | b'\\' if escaped => {}
                b'\\' => {
                    escaped = true;
                    continue;
                }
                b'"' => in_string = !in_string,
                b'{' | b'[' if !in_string => depth += 1,
                _ => {}
            }
            escaped = false;
        }
        depth
    }

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

    fn is_input_deeper(text: &str, limit: u32) -> bool {
        InputDepth::new(text, limit).finish()
    }

    #[test]
    fn a_long_input_with_comments_is_read_in_pieces() {
        let mut depth = InputDepth::new("/**/", 1);
        assert_eq!((depth.advance(), depth.advance()), (Some(false), Some(false)));
        for piece in ["/ ", "\"\"", "{}", "{{", "/**/", "//\n"] {
            let text = format!("/**/{}", piece.repeat(100_000));
            assert_eq!(InputDepth::new(&text, 200_000).advance(), None, "{piece}");
            assert!(!is_input_deeper(&text, 200_000) && is_input_deeper(&(text + "[[["), 2));
        }
    }

    #[test]
    fn comments_neither_hide_brackets_nor_count() {
        let deep = "[".repeat(129);
        for shallow in [
            format!("{{\"t\": 1, // 5\" disk\n \"text\": \"{deep}\"}}"),
            format!("{{}} // {deep}\n"),
            format!("/* {deep} */ {{\"url\": \"https://a.b/*{deep}*/\"}}"),
        ] {
            assert!(!is_input_deeper(&shallow, 128), "{shallow}");
        }
        for hidden in [
            format!("/*\"*/{deep}"),
            format!("/*]]]]*/{deep}"),
            format!("//\"\n{deep}"),
            format!("[\"https://a.b\", {deep}"),
            deep,
        ] {
            assert!(is_input_deeper(&hidden, 128), "{hidden}");
        }
    }

    #[test]
    fn escapes_and_strings_may_cross_from_one_block_to_the_next() {
        for offset in 0..140 {
            for string in [r#""\\""#, r#""\"[""#, r#""\\\"[[""#, r#""[\\\\""#] {
                let text = format!("[{}{string}, [[]]]", " ".repeat(offset));
                assert!(!is_deeper(&text, 3) && is_deeper(&text, 2), "{offset}: {text}");
            }
        }
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = r#"[\[\]{}"\\ab]{0,90}"#.prop_map(Value::from);
        leaf.prop_recursive(9, 60, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(r#"[\[{"\\a]{0,9}"#, inner, 0..4)
                    .prop_map(|fields| fields.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_depth_is_that_of_the_values(value in json(), limit in 0u32..12) {
            fn of(value: &Value) -> u32 {
                match value {
                    Value::Array(all) => 1 + all.iter().map(of).max().unwrap_or_default(),
                    Value::Object(all) => 1 + all.values().map(of).max().unwrap_or_default(),
                    _ => 0,
                }
            }
            prop_assert_eq!(is_deeper(&value.to_string(), limit), of(&value) > limit);
        }

        #[test]
        fn strings_and_escapes_are_those_of_a_byte_by_byte_search(
            text in r#"[\[{"\\a]{0,300}"#
        ) {
            let depth = depth(&text);
            prop_assert!(!is_deeper(&text, depth));
            prop_assert!(depth == 0 || is_deeper(&text, depth - 1));
        }
    }
}
