//! Other processes that the benchmark starts: what they use, and that they end with it.

#![expect(unsafe_code, reason = "the C library's clock of another process has no safe equivalent")]

use crate::cores::{self, Core};
use anyhow::{Context, Result, ensure};
use rustix::process::{
    Resource, Rlimit, Signal, getrlimit, set_parent_process_death_signal, setrlimit,
};
use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

/// A running process. It is killed when this value is dropped.
pub struct Process(Child);

impl Process {
    /// Starts a command.
    pub fn start(command: &mut Command) -> Result<Self> {
        let name = command.get_program().to_owned();
        Ok(Self(command.spawn().with_context(|| format!("cannot start {}", name.display()))?))
    }

    /// The process with its pipes.
    pub fn child(&mut self) -> &mut Child {
        &mut self.0
    }

    /// The id of the process.
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// Returns the CPU time of all its threads so far, also of those that have ended.
    pub fn processor_time(&self) -> Result<Duration> {
        let mut clock: libc::clockid_t = 0;
        // SAFETY: the function writes the clock's id, which lives until the call returns.
        let result = unsafe { libc::clock_getcpuclockid(self.id().cast_signed(), &raw mut clock) };
        ensure!(result == 0, "the process has ended");
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: the function writes the time, which lives until the call returns.
        let result = unsafe { libc::clock_gettime(clock, &raw mut time) };
        ensure!(result == 0, "the clock of a process: {}", std::io::Error::last_os_error());
        Ok(Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32))
    }

    /// Returns its anonymous memory, in bytes.
    pub fn anonymous_memory(&self) -> Result<u64> {
        anonymous_memory(&self.id().to_string())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It has ended if this fails.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Returns the anonymous memory (`RssAnon`) of a process, in bytes. The process is a number, or
/// `self`.
///
/// It is what a process allocated. Files that it maps, such as its own program, are not in it.
pub fn anonymous_memory(process: &str) -> Result<u64> {
    memory_of(process, "RssAnon:")
}

/// Returns a figure of the memory of a process, in bytes. The process is a number, or `self`.
pub fn memory_of(process: &str, key: &str) -> Result<u64> {
    let status = std::fs::read_to_string(Path::new("/proc").join(process).join("status"))
        .context("memory can be read on Linux only")?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(key))
        .context("the kernel does not say how much memory is used")?;
    let kib: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib * 1024)
}

/// Returns a command that runs a program on a core, and that ends with the thread that starts it.
pub fn bound(core: Option<Core>, program: impl AsRef<OsStr>) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("bound");
    if let Some(core) = core.map_or(Ok(None), Core::number)? {
        command.args(["--core", &core.to_string()]);
    }
    command.arg("--").arg(program);
    Ok(command)
}

/// Returns a command that runs a subcommand of this program, as [`bound`] does.
pub fn bound_self(core: Option<Core>, subcommand: &str) -> Result<Command> {
    let mut command = bound(core, std::env::current_exe()?)?;
    command.arg(subcommand);
    Ok(command)
}

/// Becomes the program of [`bound`]. Returns only if that fails.
pub fn become_bound(core: Option<usize>, command: &[OsString]) -> Result<()> {
    let (program, arguments) = command.split_first().context("there is no program to run")?;
    if let Some(core) = core {
        cores::bind(core)?;
    }
    // A program that does not notice that its input has ended would go on after a killed benchmark.
    set_parent_process_death_signal(Some(Signal::KILL))?;
    Err(Command::new(program).args(arguments).exec())
        .with_context(|| format!("cannot start {}", program.display()))
}

/// Raises the limit of open files as far as it goes, for this process and those that it starts: the
/// upstream keeps connections to all programs.
pub fn allow_many_files() -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    setrlimit(Resource::Nofile, raised).context("the limit of open files cannot be raised")
}
