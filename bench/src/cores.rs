//! On which core each process runs. Where the kernel places a client and its server decides how
//! long a call takes, so the benchmark chooses.

#![expect(unsafe_code, reason = "the C library's function has no safe equivalent here")]

use anyhow::{Result, ensure};
use std::sync::OnceLock;

/// A core of this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Core {
    /// The first core.
    First,
    /// The last core.
    Last,
}

impl Core {
    /// Returns the number of this core, or `None` on a machine with one core.
    pub fn number(self) -> Result<Option<usize>> {
        // Read once: later this process may be bound to one of them.
        static CORES: OnceLock<Vec<usize>> = OnceLock::new();
        let cores = match CORES.get() {
            Some(cores) => cores,
            None => {
                let allowed = allowed()?;
                CORES.get_or_init(|| allowed)
            }
        };
        let core = match self {
            Self::First => cores.first(),
            Self::Last => cores.last(),
        };
        Ok(core.copied().filter(|_| cores.len() > 1))
    }

    /// Binds the calling thread to this core, and with it the threads that it starts later. Does
    /// nothing on a machine with one core.
    ///
    /// Call it before anything reads the number of cores: a runtime then has one worker thread.
    pub fn bind(self) -> Result<()> {
        self.number()?.map_or(Ok(()), bind)
    }
}

/// Binds the calling thread to the core with this number.
pub fn bind(core: usize) -> Result<()> {
    // SAFETY: an empty set is all zeros, and the set lives until the call returns.
    let result = unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(core, &mut set);
        libc::sched_setaffinity(0, size_of_val(&set), &raw const set)
    };
    ensure!(result == 0, "cannot bind to a core: {}", std::io::Error::last_os_error());
    Ok(())
}

/// Returns the cores that this thread may use, in their order.
fn allowed() -> Result<Vec<usize>> {
    // SAFETY: the kernel writes at most the size of the set, which lives until the call returns.
    let set = unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        let result = libc::sched_getaffinity(0, size_of_val(&set), &raw mut set);
        ensure!(result == 0, "cannot read the cores: {}", std::io::Error::last_os_error());
        set
    };
    // SAFETY: `CPU_ISSET` only reads the set, and the number is below the size of the set.
    let is_allowed = |core: &usize| unsafe { libc::CPU_ISSET(*core, &set) };
    Ok((0..libc::CPU_SETSIZE as usize).filter(is_allowed).collect())
}
