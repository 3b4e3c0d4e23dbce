//! Memory that core dumps leave out.

mod slots;

use memmap2::MmapMut;
use slots::{SLOT_BYTES, Slot};
use zeroize::{Zeroize, Zeroizing};

/// Bytes that are overwritten when they are dropped, and that core dumps leave out.
///
/// They are in memory pages that hold nothing else but secrets, because the system marks whole
/// pages. A core dump that is written to a program, as `systemd-coredump` is, ignores the limit on
/// its size (`core(5)`).
pub(crate) struct Undumped {
    memory: Memory,
    length: usize,
}

enum Memory {
    /// A place in a page that it shares with other secrets: an access key, of which there are
    /// thousands if there are thousands of datasources.
    Slot(Slot),
    /// Pages of its own: a session token.
    Pages(MmapMut),
    /// Where the system gives no pages, or cannot mark them.
    Heap(Zeroizing<Vec<u8>>),
}

impl Undumped {
    /// Copies `bytes`.
    pub(crate) fn new(bytes: &[u8]) -> Self {
        let marked = if bytes.len() <= SLOT_BYTES {
            Slot::new(bytes).map(Memory::Slot)
        } else {
            pages(bytes).map(Memory::Pages)
        };
        let memory = marked.unwrap_or_else(|| Memory::Heap(Zeroizing::new(bytes.to_vec())));
        Self { memory, length: bytes.len() }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        match &self.memory {
            Memory::Slot(slot) => slot.bytes(self.length),
            Memory::Pages(pages) => &pages[..self.length],
            Memory::Heap(bytes) => bytes,
        }
    }
}

/// A copy of `bytes` in marked pages.
#[cfg(target_os = "linux")]
fn pages(bytes: &[u8]) -> Option<MmapMut> {
    let mut pages = MmapMut::map_anon(bytes.len().max(1)).ok()?;
    // Before the secret is there.
    pages.advise(memmap2::Advice::DontDump).ok()?;
    pages[..bytes.len()].copy_from_slice(bytes);
    Some(pages)
}

#[cfg(not(target_os = "linux"))]
fn pages(_: &[u8]) -> Option<MmapMut> {
    None
}

impl Drop for Undumped {
    fn drop(&mut self) {
        if let Memory::Pages(pages) = &mut self.memory {
            pages[..self.length].zeroize();
        }
    }
}

impl PartialEq for Undumped {
    fn eq(&self, other: &Self) -> bool {
        self.bytes() == other.bytes()
    }
}

impl Eq for Undumped {}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    /// Whether core dumps leave out the memory at `address`: the flag `dd` of `proc_pid_smaps(5)`.
    fn is_left_out(address: usize) -> bool {
        let maps = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let mut holds = false;
        for line in maps.lines() {
            let range = line.split(' ').next().and_then(|range| range.split_once('-'));
            let bounds = range.and_then(|(first, end)| {
                let hex = |text| usize::from_str_radix(text, 16).ok();
                Some(hex(first)?..hex(end)?)
            });
            match (bounds, line.strip_prefix("VmFlags:")) {
                (Some(bounds), _) => holds = bounds.contains(&address),
                (None, Some(flags)) if holds => return flags.split(' ').any(|flag| flag == "dd"),
                _ => {}
            }
        }
        panic!("no memory at {address:x}")
    }

    #[test]
    fn core_dumps_leave_out_secrets() {
        for length in [1, 40, 5000] {
            let secret = Undumped::new(&vec![7; length]);
            let first = secret.bytes().as_ptr() as usize;
            assert!(is_left_out(first) && is_left_out(first + length - 1));
        }
        let ordinary = Box::new([7u8; 40]);
        assert!(!is_left_out(ordinary.as_ptr() as usize), "the check tells them apart");
    }
}
