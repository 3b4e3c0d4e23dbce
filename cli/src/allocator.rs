//! How the allocator of the binary returns memory to the operating system.
//!
//! The binary keeps the allocator of the C library. As glibc is configured by default, the server
//! kept more than 100 MiB after a peak of large calls: glibc keeps freed memory for later
//! allocations, and by itself returns only the end of an arena. Two settings change this:
//!
//! - `map_large_buffers`: each large buffer has its own mapping, which ends with the buffer.
//! - `trim_regularly`: pages of small allocations that are free are returned while the server
//!   runs.
//!
//! Measured 90 s after a peak, without the memories of guests: 152 MiB with glibc by default,
//! 7.5 MiB with these settings, 9.7 MiB with jemalloc, and 25 MiB with mimalloc; 7 to 8 MiB before
//! the peak. The CPU time of small calls differs by less than the measurement's noise. See "Memory
//! after a peak" in `docs/performance.md`.
//!
//! Only glibc has these settings. With another C library or operating system both functions do
//! nothing.

/// Gives each buffer of 128 KiB or more its own mapping.
///
/// glibc starts with this threshold, but raises it to the size of each mapped buffer that is freed,
/// up to 32 MiB. Then bodies of calls share arenas with small allocations, which keep the pages
/// around them in use. Setting the threshold keeps it where it is.
///
/// Must be called before the process starts threads.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "the C library's function has no safe equivalent")]
pub(crate) fn map_large_buffers() {
    /// The initial threshold of glibc, in bytes.
    const THRESHOLD: libc::c_int = 128 * 1024;
    // SAFETY: `mallopt` may be called at any time as long as no other thread calls it or allocates
    // for the first time. `main` calls this function first, when there is only one thread.
    let is_set = unsafe { libc::mallopt(libc::M_MMAP_THRESHOLD, THRESHOLD) };
    // It fails only for a threshold above 32 MiB. The server would then keep more memory.
    debug_assert_eq!(is_set, 1, "glibc accepts this threshold");
}

/// Starts a thread that returns free pages of all arenas to the operating system every five
/// seconds, as long as the process lives.
///
/// The interval is that in which the host drops idle instances. A trim every second took 15 %
/// more CPU time in one of two measurements of small calls, and 3 % in the other.
///
/// # Errors
/// Returns an error if the thread cannot be started.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "the C library's function has no safe equivalent")]
pub(crate) fn trim_regularly() -> std::io::Result<()> {
    const INTERVAL: std::time::Duration = std::time::Duration::from_secs(5);
    /// The bytes to leave free at the end of the heap.
    const LEFT: libc::size_t = 0;
    let run = || {
        loop {
            std::thread::sleep(INTERVAL);
            // SAFETY: `malloc_trim` may be called at any time by any thread. It locks each arena,
            // and changes only memory that is free.
            unsafe { libc::malloc_trim(LEFT) };
        }
    };
    std::thread::Builder::new().name("portcullis-trim".to_string()).spawn(run).map(drop)
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn map_large_buffers() {}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
#[expect(clippy::unnecessary_wraps, reason = "with glibc it can fail")]
pub(crate) fn trim_regularly() -> std::io::Result<()> {
    Ok(())
}
