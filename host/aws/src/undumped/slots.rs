//! Slots for short secrets, many in each page.

#![expect(unsafe_code, reason = "the borrow checker does not know that slots are disjoint")]

use memmap2::{MmapMut, MmapRaw};
use parking_lot::Mutex;
use std::ptr::NonNull;
use std::slice;
use zeroize::Zeroize;

/// The bytes of a slot. 64: a secret access key has 40.
pub(super) const SLOT_BYTES: usize = 64;
/// The bytes of pages that are taken at a time: 256 slots.
const CHUNK_BYTES: usize = 256 * SLOT_BYTES;

/// A slot for a secret, which is overwritten and free again when this is dropped.
pub(super) struct Slot(NonNull<u8>);

// SAFETY: a slot is memory that nothing else uses, as that of a `Box<[u8]>`.
unsafe impl Send for Slot {}
// SAFETY: a shared slot is only read.
unsafe impl Sync for Slot {}

/// The slots that are free, in pages that are never given back.
static FREE: Mutex<Vec<Slot>> = Mutex::new(Vec::new());

impl Slot {
    /// Copies `bytes`, at most [`SLOT_BYTES`], to a slot. None if the system gives no pages that core
    /// dumps leave out.
    pub(super) fn new(bytes: &[u8]) -> Option<Self> {
        assert!(bytes.len() <= SLOT_BYTES, "a slot has {SLOT_BYTES} bytes");
        let mut free = FREE.lock();
        if free.is_empty() {
            add_chunk(&mut free)?;
        }
        let slot = free.pop()?;
        drop(free);
        // SAFETY: the slot has at least so many bytes, which nothing else uses.
        unsafe { slice::from_raw_parts_mut(slot.0.as_ptr(), bytes.len()) }.copy_from_slice(bytes);
        Some(slot)
    }

    /// The first `length` bytes of the slot.
    pub(super) fn bytes(&self, length: usize) -> &[u8] {
        assert!(length <= SLOT_BYTES, "a slot has {SLOT_BYTES} bytes");
        // SAFETY: the slot has at least so many bytes, which begin as zeros, and which nobody writes
        // while it is borrowed.
        unsafe { slice::from_raw_parts(self.0.as_ptr(), length) }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        // SAFETY: nothing else uses the slot.
        unsafe { slice::from_raw_parts_mut(self.0.as_ptr(), SLOT_BYTES) }.zeroize();
        FREE.lock().push(Self(self.0));
    }
}

/// Adds the slots of new pages, which core dumps leave out.
#[cfg(target_os = "linux")]
fn add_chunk(free: &mut Vec<Slot>) -> Option<()> {
    let pages = MmapMut::map_anon(CHUNK_BYTES).ok()?;
    // Before a secret is there.
    pages.advise(memmap2::Advice::DontDump).ok()?;
    let pages = MmapRaw::from(pages);
    let first = NonNull::new(pages.as_mut_ptr())?;
    // The slots keep the pages from now on.
    std::mem::forget(pages);
    for start in (0..CHUNK_BYTES).step_by(SLOT_BYTES) {
        // SAFETY: the offset is within the pages.
        free.push(Slot(unsafe { first.add(start) }));
    }
    Some(())
}

#[cfg(not(target_os = "linux"))]
fn add_chunk(_: &mut Vec<Slot>) -> Option<()> {
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn slots_are_disjoint_and_overwritten() {
        let slots: Vec<Slot> = (0..1000u32).map(|n| Slot::new(&n.to_le_bytes()).unwrap()).collect();
        for (number, slot) in (0u32..).zip(&slots) {
            assert_eq!(slot.bytes(4), number.to_le_bytes());
        }
        drop(slots);
        let again = Slot::new(&[]).unwrap();
        assert_eq!(again.bytes(SLOT_BYTES), [0; SLOT_BYTES]);
    }

    #[test]
    fn threads_get_slots_of_their_own() {
        std::thread::scope(|scope| {
            for byte in 0..8u8 {
                scope.spawn(move || {
                    for _ in 0..1000 {
                        let slot = Slot::new(&[byte; SLOT_BYTES]).unwrap();
                        assert_eq!(slot.bytes(SLOT_BYTES), [byte; SLOT_BYTES]);
                    }
                });
            }
        });
    }
}
