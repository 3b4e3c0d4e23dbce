//! Blocks of 16 bytes: the only code that differs between targets.
//!
//! On `wasm32` with `simd128` a block is one vector. Elsewhere it is two words, so that native
//! tests run the same algorithms.

/// The number of bytes in a block.
pub(crate) const BLOCK: usize = 16;

/// 16 bytes of a text.
#[derive(Clone, Copy)]
pub(crate) struct Block(Lanes);

impl Block {
    /// Loads the block that starts at `pos`. Returns `None` if the text has fewer bytes there.
    #[inline(always)]
    pub(crate) fn load(bytes: &[u8], pos: usize) -> Option<Self> {
        Some(Self(load(bytes.get(pos..)?.first_chunk()?)))
    }

    /// Returns one bit for each byte that ends a string, starts an escape or is not allowed in a
    /// string. The lowest bit stands for the first byte.
    #[inline(always)]
    pub(crate) fn specials(self) -> u32 {
        mask(special(self.0))
    }
}

/// Returns whether a byte of these four blocks ends a string, starts an escape or is not allowed in
/// a string.
#[inline(always)]
pub(crate) fn has_specials(blocks: &[u8; 4 * BLOCK]) -> bool {
    let [a, b, c, d] = four(blocks);
    any(or(or(special(a), special(b)), or(special(c), special(d))))
}

/// Returns whether all bytes of these four blocks are ASCII.
#[inline(always)]
pub(crate) fn is_ascii(blocks: &[u8; 4 * BLOCK]) -> bool {
    let [a, b, c, d] = four(blocks);
    mask(or(or(a, b), or(c, d))) == 0
}

/// Loads four blocks.
#[inline(always)]
fn four(blocks: &[u8; 4 * BLOCK]) -> [Lanes; 4] {
    let (chunks, _) = blocks.as_chunks::<BLOCK>();
    core::array::from_fn(|index| load(&chunks[index]))
}

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
use vector::{Lanes, any, load, mask, or, special};
#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
use words::{Lanes, any, load, mask, or, special};

/// Blocks as vectors of WebAssembly.
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod vector {
    use super::BLOCK;
    use core::arch::wasm32::{
        i8x16_lt, i8x16_splat, u8x16_bitmask, u8x16_eq, u8x16_splat, v128, v128_any_true,
        v128_load, v128_or, v128_xor,
    };

    pub(super) type Lanes = v128;

    #[inline(always)]
    #[expect(unsafe_code, reason = "there is no safe function that loads a vector")]
    pub(super) fn load(bytes: &[u8; BLOCK]) -> Lanes {
        // SAFETY: the array has the 16 bytes that are read, and no alignment is needed.
        unsafe { v128_load(bytes.as_ptr().cast()) }
    }

    /// Marks the special bytes: quotes, backslashes and control characters.
    #[inline(always)]
    pub(super) fn special(lanes: Lanes) -> Lanes {
        // With bit 1 flipped, a quote (0x22) becomes 0x20, and control characters stay below 0x20.
        // So one comparison finds both. With the highest bit flipped too, it is a signed one, for
        // which processors have an instruction.
        let low = i8x16_lt(v128_xor(lanes, u8x16_splat(0x82)), i8x16_splat(-0x80 + 0x21));
        v128_or(low, u8x16_eq(lanes, u8x16_splat(b'\\')))
    }

    #[inline(always)]
    pub(super) fn or(left: Lanes, right: Lanes) -> Lanes {
        v128_or(left, right)
    }

    #[inline(always)]
    pub(super) fn any(lanes: Lanes) -> bool {
        v128_any_true(lanes)
    }

    /// Returns the highest bit of each byte.
    #[inline(always)]
    pub(super) fn mask(lanes: Lanes) -> u32 {
        u32::from(u8x16_bitmask(lanes))
    }
}

/// Blocks as pairs of words, the first bytes lowest.
#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
mod words {
    use super::BLOCK;

    pub(super) type Lanes = [u64; 2];

    #[inline(always)]
    pub(super) fn load(bytes: &[u8; BLOCK]) -> Lanes {
        let word = u128::from_le_bytes(*bytes);
        [word as u64, (word >> 64) as u64]
    }

    /// Marks the special bytes, as the highest bit of each.
    #[inline(always)]
    pub(super) fn special(lanes: Lanes) -> Lanes {
        lanes.map(|word| {
            zeros(word & (ONES * 0xe0)) | zeros(word ^ (ONES * 0x22)) | zeros(word ^ (ONES * 0x5c))
        })
    }

    #[inline(always)]
    pub(super) fn or(left: Lanes, right: Lanes) -> Lanes {
        [left[0] | right[0], left[1] | right[1]]
    }

    #[inline(always)]
    pub(super) fn any(lanes: Lanes) -> bool {
        lanes != [0, 0]
    }

    /// Returns the highest bit of each byte.
    #[inline(always)]
    pub(super) fn mask(lanes: Lanes) -> u32 {
        // The factor moves bit 8 i of the word to bit 56 + i, without carries.
        let bits =
            |word: u64| ((word >> 7 & ONES).wrapping_mul(0x0102_0408_1020_4080) >> 56) as u32;
        bits(lanes[0]) | bits(lanes[1]) << 8
    }

    /// Marks the bytes that are zero.
    /// <https://graphics.stanford.edu/~seander/bithacks.html#ZeroInWord>
    #[inline(always)]
    fn zeros(word: u64) -> u64 {
        !((word & !HIGHS).wrapping_add(!HIGHS) | word) & HIGHS
    }

    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = ONES << 7;
}
