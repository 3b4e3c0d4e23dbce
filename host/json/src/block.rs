//! 64 bytes of JSON at a time: where its quotes, backslashes and brackets are, as one bit for each byte.

/// The bytes of a block: one bit of a mask for each.
pub(crate) const BYTES: usize = 64;

/// Masks of one block, the first byte lowest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) quotes: u64,
    pub(crate) backslashes: u64,
    /// `{` and `[`.
    pub(crate) opening: u64,
    /// `}` and `]`.
    pub(crate) closing: u64,
}

/// The bit that tells `[` from `{`, and `]` from `}`.
const BRACE: u8 = b'{' ^ b'[';

impl Block {
    pub(crate) fn new(bytes: &[u8; BYTES]) -> Self {
        #[cfg(target_arch = "x86_64")]
        #[expect(unsafe_code, reason = "the compiler does not know that SSE2 is always there")]
        // SAFETY: SSE2 is part of x86-64.
        return unsafe { sse2(bytes) };
        #[cfg(not(target_arch = "x86_64"))]
        words(bytes)
    }
}

/// 16 bytes at a time.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "sse2")]
fn sse2(bytes: &[u8; BYTES]) -> Block {
    use std::arch::x86_64::{
        __m128i, _mm_cmpeq_epi8, _mm_movemask_epi8, _mm_or_si128, _mm_set_epi64x, _mm_set1_epi8,
    };
    let is = |chunk: __m128i, byte: u8| {
        let equal = _mm_cmpeq_epi8(chunk, _mm_set1_epi8(byte.cast_signed()));
        u64::from(_mm_movemask_epi8(equal).cast_unsigned())
    };
    let mut block = Block::default();
    for (index, chunk) in bytes.chunks_exact(16).enumerate() {
        let half =
            |at: usize| i64::from_le_bytes(chunk[at..at + 8].try_into().expect("half of 16 bytes"));
        let chunk = _mm_set_epi64x(half(8), half(0));
        let braces = _mm_or_si128(chunk, _mm_set1_epi8(BRACE.cast_signed()));
        let shift = index * 16;
        block.quotes |= is(chunk, b'"') << shift;
        block.backslashes |= is(chunk, b'\\') << shift;
        block.opening |= is(braces, b'{') << shift;
        block.closing |= is(braces, b'}') << shift;
    }
    block
}

/// Eight bytes at a time.
#[cfg(any(test, not(target_arch = "x86_64")))]
fn words(bytes: &[u8; BYTES]) -> Block {
    const ONES: u64 = u64::MAX / 255;
    const LOW: u64 = ONES * 0x7f;
    let is = |word: u64, byte: u8| {
        let different = word ^ (ONES * u64::from(byte));
        // The highest bit of each byte: set if the byte is zero, so that it was equal.
        let equal = !(((different & LOW) + LOW) | different | LOW);
        // Moves these eight bits into the highest byte.
        (equal >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
    };
    let mut block = Block::default();
    for (index, word) in bytes.chunks_exact(8).enumerate() {
        let word = u64::from_le_bytes(word.try_into().expect("eight bytes"));
        let braces = word | (ONES * u64::from(BRACE));
        let shift = index * 8;
        block.quotes |= is(word, b'"') << shift;
        block.backslashes |= is(word, b'\\') << shift;
        block.opening |= is(braces, b'{') << shift;
        block.closing |= is(braces, b'}') << shift;
    }
    block
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn byte_by_byte(bytes: &[u8; BYTES]) -> Block {
        let mut block = Block::default();
        for (index, byte) in bytes.iter().enumerate() {
            match byte {
                b'"' => block.quotes |= 1 << index,
                b'\\' => block.backslashes |= 1 << index,
                b'{' | b'[' => block.opening |= 1 << index,
                b'}' | b']' => block.closing |= 1 << index,
                _ => {}
            }
        }
        block
    }

    #[test]
    fn every_byte_is_found_at_every_offset() {
        for byte in 0..=u8::MAX {
            for offset in 0..BYTES {
                let mut bytes = [b'a'; BYTES];
                bytes[offset] = byte;
                let expected = byte_by_byte(&bytes);
                assert_eq!((Block::new(&bytes), words(&bytes)), (expected, expected), "{byte}");
            }
        }
    }

    proptest! {
        #[test]
        fn blocks_are_those_of_a_byte_by_byte_search(
            bytes in prop::collection::vec(
                prop_oneof![any::<u8>(), prop::sample::select(&b"\"\\{}[]"[..])], BYTES
            )
        ) {
            let bytes: [u8; BYTES] = bytes.try_into().unwrap();
            let expected = byte_by_byte(&bytes);
            prop_assert_eq!((Block::new(&bytes), words(&bytes)), (expected, expected));
        }
    }
}
