//! Builds a crate of this workspace as a WebAssembly component, from a build script.
//!
//! The target is `wasm32-unknown-unknown`, linked by `wasm-component-ld`, which ships with every Rust toolchain: the
//! component imports what its world names and nothing of `wasi:cli`, which a build for `wasm32-wasip2` would bring.
//! Where the toolchain has no standard library for the target, and none can be fetched, Debian's compiler with the
//! sources of `core` and `alloc` serves.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Builds the library of `package`, a member of the workspace at `workspace`, and returns the component's path.
///
/// To be called from a build script: it uses a target folder of its own below `OUT_DIR`, and tells cargo to run the
/// script again when a file below one of `sources` changes. Paths are relative to `workspace`.
///
/// # Errors
/// A text to show: no compiler for the target, with the command that installs one, or the compiler's own complaint.
pub fn build(workspace: &Path, package: &str, sources: &[&str]) -> Result<PathBuf, String> {
    for source in sources.iter().chain(&["Cargo.toml", "Cargo.lock"]) {
        println!("cargo::rerun-if-changed={}", workspace.join(source).display());
    }
    println!("cargo::rerun-if-env-changed=PORTCULLIS_WASM_RUSTC");

    let out = PathBuf::from(
        env::var_os("OUT_DIR").ok_or("OUT_DIR is not set: call this from a build script")?,
    );
    let target_dir = out.join("component");
    let toolchain = Toolchain::find()?;
    run(toolchain.command(workspace, package, &target_dir))?;

    let file =
        target_dir.join(TARGET).join(PROFILE).join(format!("{}.wasm", package.replace('-', "_")));
    let bytes =
        std::fs::read(&file).map_err(|error| format!("cannot read {}: {error}", file.display()))?;
    // Version 13, layer 1: a component. A core module has 1 and 0.
    if bytes.get(4..8) != Some(&[0x0d, 0, 1, 0]) {
        return Err(format!(
            "{} is not a component: was it linked by wasm-component-ld?",
            file.display()
        ));
    }
    Ok(file)
}

const TARGET: &str = "wasm32-unknown-unknown";
const PROFILE: &str = "component";

/// What compiles for the target on this machine.
struct Toolchain {
    /// The compiler.
    rustc: PathBuf,
    /// Whether `core` and `alloc` have to be built from source first.
    build_std: bool,
    /// The folder with `wasm-component-ld` and `gcc-ld/wasm-ld`.
    linkers: PathBuf,
}

impl Toolchain {
    fn find() -> Result<Self, String> {
        let own = PathBuf::from(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
        let host =
            env::var("HOST").map_err(|_| "HOST is not set: call this from a build script")?;
        let sysroot =
            ask(&own, &["--print", "sysroot"]).ok_or("rustc --print sysroot gives no answer")?;
        let linkers = Path::new(&sysroot).join("lib/rustlib").join(host).join("bin");
        if !linkers.join(executable("wasm-component-ld")).exists() {
            return Err(format!(
                "{} has no wasm-component-ld; install Rust with rustup: it brings it",
                linkers.display()
            ));
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
        Err("this machine has no Rust standard library for wasm32-unknown-unknown. Install it with\n    \
             rustup target add wasm32-unknown-unknown\nor, on Debian, with\n    \
             apt-get install --no-install-recommends rustc-web rust-web-src\n`make setup` does one or the other."
            .to_string())
    }

    fn command(&self, workspace: &Path, package: &str, target_dir: &Path) -> Command {
        let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.current_dir(workspace);
        // What the outer build says of compiler and flags is for the host, not for this target.
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
            concat("-Clinker=", &linker),
            concat("-Clink-arg=--wasm-ld-path=", &wasm_ld),
            // A stack for 128 levels of JSON and more. All that a small call touches then lies within the first MiB, of which
            // hosts keep what was touched for the next instance, and its heap need not grow.
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
            // The nightly option is wanted for this one command; the compiler is a released one.
            command.env("RUSTC_BOOTSTRAP", "1");
            command.arg("-Zbuild-std=core,alloc,panic_abort");
        }
        command
    }
}

/// Whether the compiler's standard library for the target is installed.
fn has_target(rustc: &Path) -> bool {
    ask(rustc, &["--print", "target-libdir", "--target", TARGET])
        .is_some_and(|folder| Path::new(&folder).is_dir())
}

/// Whether the compiler comes with the sources of its standard library.
fn has_sources(rustc: &Path) -> bool {
    ask(rustc, &["--print", "sysroot"]).is_some_and(|sysroot| {
        Path::new(&sysroot).join("lib/rustlib/src/rust/library/core").is_dir()
    })
}

fn ask(rustc: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new(rustc).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_string())
}

fn run(mut command: Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("cannot start cargo: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("building the component failed:\n{}", String::from_utf8_lossy(&output.stderr)))
}

fn executable(name: &str) -> String {
    format!("{name}{}", env::consts::EXE_SUFFIX)
}

fn concat(prefix: &str, path: &Path) -> OsString {
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
