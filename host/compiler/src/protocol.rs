//! What a compiling process and its parent exchange: the component on standard input, and one byte
//! with compiled code, or an error, on standard output.

use crate::config::engine_config;
use std::io::{self, Read, Write};
use wasmtime::Engine;

/// The byte before compiled code.
pub(crate) const CODE: u8 = 0;
/// The byte before the text of an error.
pub(crate) const ERROR: u8 = 1;
/// The argument after the process's own ones if the code counts what it computes.
pub(crate) const METER: &str = "--meter";

/// Compiles the component on standard input for the parent of this process, at most with `memory`
/// bytes: the other side of [`CompilerProcess`](crate::CompilerProcess). `arguments` are those that
/// follow the process's own ones.
///
/// # Errors
/// Returns an error if standard input or output fails, or if the limit cannot be set. An error of the
/// component is written to standard output.
pub fn compile_for_parent(arguments: &[String], memory: u64) -> io::Result<()> {
    limit(memory)?;
    let mut component = Vec::new();
    io::stdin().lock().read_to_end(&mut component)?;
    let config = engine_config(arguments.iter().any(|argument| argument == METER));
    let compiled = Engine::new(&config).and_then(|engine| engine.precompile_component(&component));
    let mut output = io::stdout().lock();
    match compiled {
        Ok(code) => {
            output.write_all(&[CODE])?;
            output.write_all(&code)?;
        }
        Err(error) => {
            output.write_all(&[ERROR])?;
            output.write_all(format!("{error:#}").as_bytes())?;
        }
    }
    output.flush()
}

/// Limits the memory of this process, and ends it with its parent.
#[cfg(unix)]
fn limit(memory: u64) -> io::Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    // Without a file of its memory: the component may be large.
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    // A limit cannot be raised.
    let data = getrlimit(Resource::Data).maximum.map_or(memory, |maximum| maximum.min(memory));
    setrlimit(Resource::Data, Rlimit { current: Some(data), maximum: Some(data) })?;
    Ok(())
}

#[cfg(not(unix))]
fn limit(_: u64) -> io::Result<()> {
    Ok(())
}
