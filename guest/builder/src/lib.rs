//! Builds a crate of this workspace as a WebAssembly component, from a build script.
//!
//! The target is `wasm32-unknown-unknown`, linked by `wasm-component-ld`, which ships with every
//! Rust toolchain. The component then imports only what its world names. A build for
//! `wasm32-wasip2` would also import `wasi:cli`.
//!
//! If the toolchain has no standard library for the target, and none can be downloaded, Debian's
//! compiler is used, with the sources of `core` and `alloc`.

use std::env;
use std::error::Error;
use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Builds the library of `package` as a component and returns the path of the component.
///
/// `package` is a member of the workspace at `workspace`. Call this from a build script: it uses a
/// separate target folder below `OUT_DIR`, and tells cargo to run the script again if a file below
/// one of `sources` changes. `sources` are relative to `workspace`.
///
/// # Errors
/// Returns an error if no compiler for the target is found, with the command that installs one, or
/// if the compiler fails, with its output.
pub fn build(workspace: &Path, package: &str, sources: &[&str]) -> Result<PathBuf, BuildError> {
    for source in sources.iter().chain(&["Cargo.toml", "Cargo.lock"]) {
        println!("cargo::rerun-if-changed={}", workspace.join(source).display());
    }
    println!("cargo::rerun-if-env-changed=PORTCULLIS_WASM_RUSTC");

    let out = env::var_os("OUT_DIR").ok_or(BuildError::NotInBuildScript("OUT_DIR"))?;
    let target_dir = Path::new(&out).join("component");
    let toolchain = Toolchain::find()?;
    run(toolchain.command(workspace, package, &target_dir))?;

    let file =
        target_dir.join(TARGET).join(PROFILE).join(format!("{}.wasm", package.replace('-', "_")));
    let bytes = match std::fs::read(&file) {
        Ok(bytes) => bytes,
        Err(source) => return Err(BuildError::Read { file, source }),
    };
    // A component has version 13 and layer 1. A core module has version 1 and layer 0.
    if bytes.get(4..8) != Some(&[0x0d, 0, 1, 0]) {
        return Err(BuildError::NotComponent { file });
    }
    Ok(file)
}

/// Why a component was not built. The message names what was expected, and the remedy.
#[derive(Debug)]
#[non_exhaustive]
pub enum BuildError {
    /// A variable that cargo sets for build scripts is missing.
    NotInBuildScript(&'static str),
    /// The compiler does not say where its libraries are.
    NoSysroot,
    /// The toolchain has no linker for components.
    NoLinker {
        /// Where it was expected.
        folder: PathBuf,
    },
    /// No toolchain has the target's standard library.
    NoTarget,
    /// Cargo cannot be started.
    Start(io::Error),
    /// The compiler failed.
    Compile {
        /// What it wrote to its standard error.
        output: String,
    },
    /// The file that was built cannot be read.
    Read {
        /// The file.
        file: PathBuf,
        /// Why it cannot be read.
        source: io::Error,
    },
    /// The file that was built is a core module.
    NotComponent {
        /// The file.
        file: PathBuf,
    },
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotInBuildScript(variable) => {
                write!(f, "{variable} is not set; call this from a build script")
            }
            Self::NoSysroot => f.write_str("`rustc --print sysroot` failed"),
            Self::NoLinker { folder } => write!(
                f,
                "{} has no wasm-component-ld; install Rust with rustup, which includes it",
                folder.display()
            ),
            Self::NoTarget => f.write_str(
                "this machine has no Rust standard library for wasm32-unknown-unknown; install it \
                 with\n    rustup target add wasm32-unknown-unknown\nor, on Debian, with\n    \
                 apt-get install --no-install-recommends rustc-web rust-web-src\n\
                 `make setup` runs the first command, and prints the second one; \
                 `SETUP=yes make setup` runs it too",
            ),
            Self::Start(_) => f.write_str("cannot start cargo"),
            Self::Compile { output } => write!(f, "building the component failed:\n{output}"),
            Self::Read { file, .. } => write!(f, "cannot read {}", file.display()),
            Self::NotComponent { file } => write!(
                f,
                "{} is not a component; check that wasm-component-ld linked it",
                file.display()
            ),
        }
    }
}

impl Error for BuildError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Start(source) | Self::Read { source, .. } => Some(source),
            _ => None,
        }
    }
}

const TARGET: &str = "wasm32-unknown-unknown";
const PROFILE: &str = "component";

/// The compiler and linkers for the target on this machine.
struct Toolchain {
    /// The compiler.
    rustc: PathBuf,
    /// Whether `core` and `alloc` must first be built from source.
    build_std: bool,
    /// The folder with `wasm-component-ld` and `gcc-ld/wasm-ld`.
    linkers: PathBuf,
}

impl Toolchain {
    fn find() -> Result<Self, BuildError> {
        let own = PathBuf::from(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
        let host = env::var("HOST").map_err(|_| BuildError::NotInBuildScript("HOST"))?;
        let sysroot = query(&own, &["--print", "sysroot"]).ok_or(BuildError::NoSysroot)?;
        let linkers = Path::new(&sysroot).join("lib/rustlib").join(host).join("bin");
        if !linkers.join(executable("wasm-component-ld")).exists() {
            return Err(BuildError::NoLinker { folder: linkers });
        }
        if has_target(&own) {
            return Ok(Self { rustc: own, build_std: false, linkers });
        }
        let with_sources = env::var_os("PORTCULLIS_WASM_RUSTC").map(PathBuf::from);
        for rustc in with_sources
            .into_iter()
            .chain([PathBuf::from("/usr/bin/rustc"), PathBuf::from("/usr/lib/rust-web/bin/rustc")])
        {
            if has_target(&rustc) {
                return Ok(Self { rustc, build_std: false, linkers });
            }
            if has_sources(&rustc) {
                return Ok(Self { rustc, build_std: true, linkers });
            }
        }
        Err(BuildError::NoTarget)
    }

    fn command(&self, workspace: &Path, package: &str, target_dir: &Path) -> Command {
        let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.current_dir(workspace);
        // The outer build sets the compiler and flags for the host, not for this target.
        for (name, _) in env::vars_os() {
            let text = name.to_string_lossy();
            let inherited = text.starts_with("RUSTC")
                || text.starts_with("CARGO_ENCODED")
                || text.starts_with("CARGO_PROFILE")
                || text.starts_with("CARGO_BUILD");
            if inherited
                || text == "RUSTFLAGS"
                || text == "CARGO_TARGET_DIR"
                || text == "MAKEFLAGS"
                || text == "CARGO_MAKEFLAGS"
            {
                command.env_remove(&name);
            }
        }
        let linker = self.linkers.join(executable("wasm-component-ld"));
        let wasm_ld = self.linkers.join("gcc-ld").join(executable("wasm-ld"));
        let flags = [
            "-Ctarget-feature=+simd128".into(),
            with_path("-Clinker=", &linker),
            with_path("-Clink-arg=--wasm-ld-path=", &wasm_ld),
            // The stack is large enough for more than 128 levels of JSON. With these sizes a small
            // call only touches the first MiB, which hosts keep for the next instance, and the heap
            // need not grow.
            "-Clink-arg=-zstack-size=524288".into(),
            "-Clink-arg=--initial-memory=1048576".into(),
        ];
        command.env("CARGO_ENCODED_RUSTFLAGS", join(&flags, "\u{1f}"));
        command.env("RUSTC", &self.rustc);
        command.args([
            "rustc",
            "--locked",
            "--package",
            package,
            "--lib",
            "--crate-type",
            "cdylib",
            "--target",
            TARGET,
            "--profile",
            PROFILE,
        ]);
        command.arg("--target-dir").arg(target_dir);
        if self.build_std {
            // A released compiler needs this variable to accept the unstable option -Zbuild-std.
            command.env("RUSTC_BOOTSTRAP", "1");
            command.arg("-Zbuild-std=core,alloc,panic_abort");
        }
        command
    }
}

/// Returns whether the compiler's standard library for the target is installed.
fn has_target(rustc: &Path) -> bool {
    query(rustc, &["--print", "target-libdir", "--target", TARGET])
        .is_some_and(|folder| Path::new(&folder).is_dir())
}

/// Returns whether the compiler comes with the sources of its standard library.
fn has_sources(rustc: &Path) -> bool {
    query(rustc, &["--print", "sysroot"]).is_some_and(|sysroot| {
        Path::new(&sysroot).join("lib/rustlib/src/rust/library/core").is_dir()
    })
}

/// Runs the compiler and returns its output, or `None` if it fails.
fn query(rustc: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new(rustc).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_string())
}

/// Runs a command. Its standard error becomes the error message.
fn run(mut command: Command) -> Result<(), BuildError> {
    let output = command.output().map_err(BuildError::Start)?;
    if output.status.success() {
        return Ok(());
    }
    Err(BuildError::Compile { output: String::from_utf8_lossy(&output.stderr).into_owned() })
}

/// Returns the file name of an executable on this platform.
fn executable(name: &str) -> String {
    format!("{name}{}", env::consts::EXE_SUFFIX)
}

fn with_path(prefix: &str, path: &Path) -> OsString {
    let mut text = OsString::from(prefix);
    text.push(path);
    text
}

fn join(parts: &[OsString], separator: &str) -> OsString {
    let mut text = OsString::new();
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            text.push(separator);
        }
        text.push(part);
    }
    text
}
