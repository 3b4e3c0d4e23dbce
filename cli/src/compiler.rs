//! Compiles plugins in a process of this program, whose memory and time are limited.

use portcullis::{CompilerProcess, HostBuilder, compile_for_parent};
use portcullis_server::setup;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The argument of a process that compiles. People have no use for it, so no help lists it.
const SUBCOMMAND: &str = "compile-component";

/// If this process is one that compiles, compiles and returns how it ends.
pub(crate) fn run_if_asked() -> Option<ExitCode> {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() != Some(SUBCOMMAND) {
        return None;
    }
    let rest: Vec<String> = arguments.collect();
    Some(match compile_for_parent(&rest, CompilerProcess::MEMORY) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: the component cannot be passed on: {error}");
            ExitCode::FAILURE
        }
    })
}

/// A builder for a command that makes few calls.
pub(crate) fn small_host() -> HostBuilder {
    setup::with_compiler(setup::small_host(), process())
}

/// A process of this program that compiles; none if this program cannot be found.
#[expect(unsafe_code, reason = "the host runs what the process returns")]
pub(crate) fn process() -> Option<CompilerProcess> {
    // SAFETY: with this argument, `main` calls `compile_for_parent`, before it does anything else.
    program().map(|program| unsafe { CompilerProcess::new(program, [SUBCOMMAND]) })
}

/// This program. On Linux it is also found if its file was replaced by a newer one.
fn program() -> Option<PathBuf> {
    let linux = Path::new("/proc/self/exe");
    if linux.exists() { Some(linux.to_path_buf()) } else { std::env::current_exe().ok() }
}
