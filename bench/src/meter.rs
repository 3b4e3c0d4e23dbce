//! Measures what this process has used: processor time, allocations and memory.

#![expect(
    unsafe_code,
    reason = "an allocator that counts is unsafe to write, and so is the C library's"
)]

use crate::process::memory_of;
use anyhow::{Context, Result};
use rustix::time::{ClockId, clock_gettime};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The system allocator, with a count of allocations.
pub struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: every method calls the same method of the system allocator with the same arguments.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// Returns the processor time since an earlier [`processor_time`].
pub fn processor_time_since(earlier: Duration) -> Duration {
    processor_time().saturating_sub(earlier)
}

/// Returns the number of allocations and reallocations so far. Guests allocate in their own memory,
/// and are not counted.
pub fn allocations() -> u64 {
    ALLOCATIONS.load(Ordering::Relaxed)
}

/// Returns the processor time of all threads of this process so far.
pub fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}

/// Returns the resident memory of this process in bytes, with the memory of guests.
pub fn memory() -> Result<u64> {
    memory_of("self", "VmRSS:")
}

/// Returns the peak of the resident memory since [`forget_peak`], in bytes.
pub fn peak_memory() -> Result<u64> {
    memory_of("self", "VmHWM:")
}

/// Resets the peak of the resident memory. See proc(5), `clear_refs`.
pub fn forget_peak() -> Result<()> {
    std::fs::write("/proc/self/clear_refs", "5")
        .context("the peak of memory cannot be reset on this system")
}

/// Returns what the allocator keeps to the operating system. Otherwise what is allocated next may fit
/// in it, and would not be measured.
pub fn return_free_memory() {
    // SAFETY: `malloc_trim` may be called at any time by any thread. It changes only memory that is
    // free.
    unsafe { libc::malloc_trim(0) };
}
