//! Compiles in a process of its own.

use crate::error::CompileError;
use crate::protocol::{CODE, ERROR, METER};
use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// A program that compiles components for a host, in a process of its own: its memory is limited,
/// and it is ended when its time is over.
///
/// The program is usually the host's own, with an argument of its own:
///
/// ```no_run
/// use portcullis_compiler::{CompilerProcess, compile_for_parent};
///
/// let arguments: Vec<String> = std::env::args().skip(1).collect();
/// if arguments.first().is_some_and(|first| first == "compile") {
///     return compile_for_parent(&arguments[1..], CompilerProcess::MEMORY);
/// }
/// // SAFETY: with this argument, this program calls `compile_for_parent`, and nothing else.
/// let process = unsafe { CompilerProcess::new(std::env::current_exe()?, ["compile"]) };
/// # drop(process);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct CompilerProcess {
    program: PathBuf,
    arguments: Vec<OsString>,
}

/// The most bytes of compiled code that are read: it has some ten times the component's size.
const MAX_CODE_BYTES: u64 = 512 * 1024 * 1024;
/// Threads that compile functions at the same time: each takes memory.
const THREADS: &str = "2";

impl CompilerProcess {
    /// The memory for one compilation, in bytes: half as much again as any component takes that
    /// `portcullis-component` lets pass.
    pub const MEMORY: u64 = 768 * 1024 * 1024;

    /// A program that compiles with these arguments.
    ///
    /// # Safety
    /// With these arguments, the program must call
    /// [`compile_for_parent`](crate::compile_for_parent) of the same version and build of this crate:
    /// the host runs what the program returns as its own code.
    #[expect(unsafe_code, reason = "the host runs what the program returns")]
    #[must_use]
    pub unsafe fn new<A: Into<OsString>>(
        program: impl Into<PathBuf>,
        arguments: impl IntoIterator<Item = A>,
    ) -> Self {
        let arguments = arguments.into_iter().map(Into::into).collect();
        Self { program: program.into(), arguments }
    }

    /// Compiles a component, and returns its code.
    pub(crate) fn compile(
        &self,
        component: &[u8],
        meter: bool,
        limit: Duration,
    ) -> Result<Vec<u8>, CompileError> {
        let mut process = self.start(meter).map(Ended).map_err(CompileError::Start)?;
        let (Some(mut input), Some(output)) = (process.0.stdin.take(), process.0.stdout.take())
        else {
            return Err(CompileError::Crashed);
        };
        let component = component.to_vec();
        // Both threads end with the process, which `Ended` ends in any case.
        in_background(move || {
            // If the process ends early, its output or its status says why.
            let _ = input.write_all(&component);
        })?;
        let (sender, receiver) = mpsc::channel();
        in_background(move || {
            // If nobody waits any more, nobody misses it.
            let _ = sender.send(read(output));
        })?;
        match receiver.recv_timeout(limit) {
            Err(_) => Err(CompileError::TooSlow(limit)),
            Ok(Ok((ERROR, text))) => {
                Err(CompileError::Invalid(String::from_utf8_lossy(&text).into()))
            }
            Ok(result) => {
                let status = process.0.wait().map_err(CompileError::Start)?;
                match result {
                    Ok((CODE, code)) if status.success() => Ok(code),
                    _ => Err(CompileError::Ended { status, memory: Self::MEMORY }),
                }
            }
        }
    }

    fn start(&self, meter: bool) -> io::Result<Child> {
        Command::new(&self.program)
            .args(&self.arguments)
            .args(meter.then_some(METER))
            // It needs no secrets, and no settings of the host.
            .env_clear()
            .env("RAYON_NUM_THREADS", THREADS)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
    }
}

fn in_background(run: impl FnOnce() + Send + 'static) -> Result<(), CompileError> {
    let thread = thread::Builder::new().name("portcullis-compile".to_string());
    thread.spawn(run).map(drop).map_err(CompileError::Start)
}

/// Reads the first byte of a result, and what follows it.
fn read(mut output: ChildStdout) -> io::Result<(u8, Vec<u8>)> {
    let mut kind = [0];
    output.read_exact(&mut kind)?;
    let mut rest = Vec::new();
    output.take(MAX_CODE_BYTES).read_to_end(&mut rest)?;
    Ok((kind[0], rest))
}

/// A process that is ended when nobody waits for it any more.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
