//! Texts and lists that a guest passes, with their lengths. Nothing is copied or decoded before the
//! length is checked.
//!
//! wasmtime's [`WasmStr`] does not say how long it is, and decoding a text of 30 MB takes a tenth of
//! a second in some encodings. Values that exceed wasmtime's own bound on what passes at once are
//! not errors here: the function that gets them says which limit they exceed.

use std::borrow::Cow;
use wasmtime::component::__internal::{CanonicalAbiInfo, InstanceType, InterfaceType, LiftContext};
use wasmtime::component::{ComponentType, Lift, WasmList, WasmStr};
use wasmtime::{AsContextMut, Result, StoreContext, ValRaw};

/// A text in a guest's memory.
pub struct Text {
    /// None if it is too long for any limit.
    text: Option<WasmStr>,
    units: u32,
}

/// A list in a guest's memory.
pub struct List<E> {
    /// None if it is too long for any limit.
    list: Option<WasmList<E>>,
    elements: u32,
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
        let Some(text) = &self.text else { return Ok(None) };
        let text = text.to_str(store)?;
        Ok((text.len() <= max).then_some(text))
    }
}

impl<E: Lift> List<E> {
    /// The number of elements.
    #[must_use]
    pub fn len(&self) -> usize {
        self.elements as usize
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.elements == 0
    }

    /// The element at `index`; `None` if there is none, or if the list is too long for any limit.
    pub(crate) fn get(&self, store: impl AsContextMut, index: usize) -> Result<Option<E>> {
        self.list.as_ref().and_then(|list| list.get(store, index)).transpose()
    }
}

impl List<u8> {
    /// The bytes, in the guest's memory; `None` if the list is too long for any limit.
    pub fn bytes<'s, T: 'static>(&self, store: impl Into<StoreContext<'s, T>>) -> Option<&'s [u8]> {
        self.list.as_ref().map(|list| list.as_le_slice(store))
    }
}

/// `None` for a value that exceeds wasmtime's bound on what passes at once. Other errors are those of
/// the guest.
fn bounded<V>(lifted: Result<V>) -> Result<Option<V>> {
    match lifted {
        Ok(value) => Ok(Some(value)),
        // wasmtime has no public type for this error.
        Err(error) if error.to_string().contains("fuel allocated for hostcalls") => Ok(None),
        Err(error) => Err(error),
    }
}

/// The second of the two values that represent a text or a list: its length.
fn flat_length(source: &[ValRaw; 2]) -> u32 {
    source[1].get_u32()
}

/// The length of a text or a list whose address and length are in memory.
fn stored_length(bytes: &[u8]) -> u32 {
    bytes.last_chunk().map_or(u32::MAX, |length| u32::from_le_bytes(*length))
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
// SAFETY: `WasmStr` lifts the text. The length is only read, as the canonical ABI stores it.
unsafe impl Lift for Text {
    fn linear_lift_from_flat(
        context: &mut LiftContext<'_>,
        ty: InterfaceType,
        source: &Self::Lower,
    ) -> Result<Self> {
        let text = WasmStr::linear_lift_from_flat(context, ty, source);
        let text = bounded(text)?;
        Ok(Self { text, units: flat_length(source) })
    }

    fn linear_lift_from_memory(
        context: &mut LiftContext<'_>,
        ty: InterfaceType,
        bytes: &[u8],
    ) -> Result<Self> {
        let text = WasmStr::linear_lift_from_memory(context, ty, bytes);
        let text = bounded(text)?;
        Ok(Self { text, units: stored_length(bytes) })
    }
}

#[expect(unsafe_code, reason = "implements wasmtime's trait, by wasmtime's own implementation")]
// SAFETY: size, alignment, representation and type check are those of `WasmList`.
unsafe impl<E: ComponentType> ComponentType for List<E> {
    type Lower = <WasmList<E> as ComponentType>::Lower;

    const ABI: CanonicalAbiInfo = <WasmList<E> as ComponentType>::ABI;

    fn typecheck(ty: &InterfaceType, types: &InstanceType<'_>) -> Result<()> {
        WasmList::<E>::typecheck(ty, types)
    }
}

#[expect(unsafe_code, reason = "implements wasmtime's trait, by wasmtime's own implementation")]
// SAFETY: `WasmList` lifts the list. The length is only read, as the canonical ABI stores it.
unsafe impl<E: Lift> Lift for List<E> {
    fn linear_lift_from_flat(
        context: &mut LiftContext<'_>,
        ty: InterfaceType,
        source: &Self::Lower,
    ) -> Result<Self> {
        let list = WasmList::linear_lift_from_flat(context, ty, source);
        let list = bounded(list)?;
        Ok(Self { list, elements: flat_length(source) })
    }

    fn linear_lift_from_memory(
        context: &mut LiftContext<'_>,
        ty: InterfaceType,
        bytes: &[u8],
    ) -> Result<Self> {
        let list = WasmList::linear_lift_from_memory(context, ty, bytes);
        let list = bounded(list)?;
        Ok(Self { list, elements: stored_length(bytes) })
    }
}
