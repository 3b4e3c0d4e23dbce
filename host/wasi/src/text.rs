//! A text that a guest passes, with its length.

use std::borrow::Cow;
use wasmtime::component::__internal::{CanonicalAbiInfo, InstanceType, InterfaceType, LiftContext};
use wasmtime::component::{ComponentType, Lift, WasmStr};
use wasmtime::{Result, StoreContext};

/// A text in a guest's memory. Nothing is copied or decoded until [`read`](Self::read).
///
/// wasmtime's [`WasmStr`] does not say how long it is, and decoding a text of 30 MB takes a tenth of
/// a second in some encodings.
pub struct Text {
    text: WasmStr,
    units: u32,
}

/// Marks a text in the encoding `latin1+utf16` as UTF-16.
/// <https://github.com/WebAssembly/component-model/blob/main/design/mvp/CanonicalABI.md>
const UTF16_TAG: u32 = 1 << 31;

impl Text {
    /// Decodes the text if it has at most `max` bytes; `None` if it is longer.
    ///
    /// # Errors
    /// Returns an error if the text is not in the encoding that the guest has declared.
    pub fn read<'s, T: 'static>(
        &self,
        store: impl Into<StoreContext<'s, T>>,
        max: usize,
    ) -> Result<Option<Cow<'s, str>>> {
        // A unit is at least one byte of UTF-8.
        if (self.units & !UTF16_TAG) as usize > max {
            return Ok(None);
        }
        let text = self.text.to_str(store)?;
        Ok((text.len() <= max).then_some(text))
    }
}

#[expect(unsafe_code, reason = "implements wasmtime's trait, by wasmtime's own implementation")]
// SAFETY: size, alignment, representation and type check are those of `WasmStr`.
unsafe impl ComponentType for Text {
    type Lower = <WasmStr as ComponentType>::Lower;

    const ABI: CanonicalAbiInfo = <WasmStr as ComponentType>::ABI;

    fn typecheck(ty: &InterfaceType, types: &InstanceType<'_>) -> Result<()> {
        WasmStr::typecheck(ty, types)
    }
}

#[expect(unsafe_code, reason = "implements wasmtime's trait, by wasmtime's own implementation")]
// SAFETY: `WasmStr` lifts the text. The length is only read: it is the second of the two values that
// represent a text (component model, canonical ABI).
unsafe impl Lift for Text {
    fn linear_lift_from_flat(
        context: &mut LiftContext<'_>,
        ty: InterfaceType,
        source: &Self::Lower,
    ) -> Result<Self> {
        let text = WasmStr::linear_lift_from_flat(context, ty, source)?;
        Ok(Self { text, units: source[1].get_u32() })
    }

    fn linear_lift_from_memory(
        context: &mut LiftContext<'_>,
        ty: InterfaceType,
        bytes: &[u8],
    ) -> Result<Self> {
        let text = WasmStr::linear_lift_from_memory(context, ty, bytes)?;
        let units = bytes.last_chunk().map_or(u32::MAX, |units| u32::from_le_bytes(*units));
        Ok(Self { text, units })
    }
}
