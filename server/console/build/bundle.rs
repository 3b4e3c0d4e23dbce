//! Runs npm and Vite on a copy of the sources.

use std::env;
use std::error::Error;
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What Vite needs: the files and folders of this package.
const SOURCES: [&str; 6] =
    ["package.json", "package-lock.json", ".npmrc", "vite.config.ts", "index.html", "src"];

/// Builds the page below `out` and returns the folder with its files.
///
/// It works on a copy, so that a build never writes to the source tree. Packages are installed again only if the lock
/// file has changed, and none of their scripts run.
pub(crate) fn build(package: &Path, out: &Path) -> Result<PathBuf, BundleError> {
    for source in SOURCES {
        println!("cargo::rerun-if-changed={}", package.join(source).display());
    }
    println!("cargo::rerun-if-env-changed=PORTCULLIS_NODE");

    let node = Node::find()?;
    let work = out.join("console");
    copy_sources(package, &work)?;
    install(&node, &work)?;

    let bundle = out.join("bundle");
    let mut vite = node.command(&work);
    vite.args(["node_modules/vite/bin/vite.js", "build", "--logLevel", "warn", "--emptyOutDir"]);
    vite.arg("--outDir").arg(&bundle);
    run("building the console", vite)?;
    Ok(bundle)
}

/// Why the page was not built. The message names what was expected, and the remedy.
#[derive(Debug)]
pub(crate) enum BundleError {
    /// There is no Node.js.
    NoNode,
    /// Node.js is too old.
    OldNode {
        /// Its version.
        version: String,
    },
    /// A program cannot be started.
    Start {
        /// Its name.
        program: OsString,
        /// Why.
        source: io::Error,
    },
    /// A program failed.
    Failed {
        /// What it was to do.
        task: &'static str,
        /// What it wrote.
        output: String,
    },
    /// A file cannot be copied.
    Copy {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// How to get Node.js.
const REMEDY: &str = "install it with\n    apt-get install --no-install-recommends nodejs npm\nif your system has \
     20.19 or newer, and otherwise from nodejs.org; set PORTCULLIS_NODE if it is not on the PATH. `make setup` says \
     what is missing";

impl fmt::Display for BundleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoNode => {
                write!(f, "building the console needs Node.js 20.19 or newer, and npm; {REMEDY}")
            }
            Self::OldNode { version } => write!(
                f,
                "building the console needs Node.js 20.19 or newer, and this is {version}; {REMEDY}"
            ),
            Self::Start { program, .. } => {
                write!(f, "cannot start {}; {REMEDY}", program.to_string_lossy())
            }
            Self::Failed { task, output } => write!(f, "{task} failed:\n{output}"),
            Self::Copy { file, .. } => write!(f, "cannot copy {}", file.display()),
        }
    }
}

impl Error for BundleError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Start { source, .. } | Self::Copy { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// Node.js on this machine.
struct Node(PathBuf);

impl Node {
    fn find() -> Result<Self, BundleError> {
        let program = env::var_os("PORTCULLIS_NODE").unwrap_or_else(|| "node".into());
        let output = Command::new(&program).arg("--version").output();
        let output = output.map_err(|_| BundleError::NoNode)?;
        let version = String::from_utf8_lossy(&output.stdout).trim().to_string();
        if !version.starts_with('v') {
            return Err(BundleError::NoNode);
        }
        if is_new_enough(&version) {
            Ok(Self(program.into()))
        } else {
            Err(BundleError::OldNode { version })
        }
    }

    fn command(&self, folder: &Path) -> Command {
        let mut command = Command::new(&self.0);
        command.current_dir(folder);
        command
    }

    /// npm, which is next to Node.js or on the PATH.
    fn npm(&self, folder: &Path) -> Command {
        let name = if cfg!(windows) { "npm.cmd" } else { "npm" };
        let beside = self.0.with_file_name(name);
        let mut command =
            Command::new(if beside.is_file() { beside.into_os_string() } else { name.into() });
        command.current_dir(folder);
        command
    }
}

/// Whether Vite supports a version, such as `v20.19.2`: 20.19 and later of 20, 22.12 and later.
fn is_new_enough(version: &str) -> bool {
    let mut parts = version.trim_start_matches('v').split('.').map(str::parse::<u32>);
    let (Some(Ok(major)), Some(Ok(minor))) = (parts.next(), parts.next()) else { return false };
    match major {
        20 => minor >= 19,
        22 => minor >= 12,
        _ => major > 22,
    }
}

fn copy_sources(package: &Path, work: &Path) -> Result<(), BundleError> {
    let failed = |source| BundleError::Copy { file: work.to_path_buf(), source };
    fs::create_dir_all(work).map_err(failed)?;
    // A file that is gone from the sources must not stay.
    let src = work.join("src");
    if src.exists() {
        fs::remove_dir_all(&src).map_err(|source| BundleError::Copy { file: src, source })?;
    }
    SOURCES.iter().try_for_each(|name| copy(&package.join(name), &work.join(name)))
}

fn copy(from: &Path, to: &Path) -> Result<(), BundleError> {
    let failed = |source| BundleError::Copy { file: from.to_path_buf(), source };
    if from.is_dir() {
        fs::create_dir_all(to).map_err(failed)?;
        for entry in fs::read_dir(from).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            copy(&from.join(&name), &to.join(&name))?;
        }
        return Ok(());
    }
    fs::copy(from, to).map(|_| ()).map_err(failed)
}

/// Installs the packages of the lock file: those that the build needs, and not those of the tests.
fn install(node: &Node, work: &Path) -> Result<(), BundleError> {
    let lock = work.join("package-lock.json");
    let installed = work.join("node_modules/.portcullis-lock.json");
    let read = |file: &Path| fs::read(file).ok();
    if read(&lock).is_some_and(|lock| read(&installed).is_some_and(|installed| installed == lock)) {
        return Ok(());
    }
    let mut npm = node.npm(work);
    npm.args([
        "ci",
        "--omit=dev",
        "--ignore-scripts",
        "--prefer-offline",
        "--no-audit",
        "--no-fund",
    ]);
    run("installing the console's packages", npm)?;
    copy(&lock, &installed)
}

/// Runs a program. What it writes becomes the error message.
fn run(task: &'static str, mut command: Command) -> Result<(), BundleError> {
    let output = command.output().map_err(|source| BundleError::Start {
        program: command.get_program().to_os_string(),
        source,
    })?;
    if output.status.success() {
        return Ok(());
    }
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_string();
    let output = format!("{}\n{}", text(&output.stdout), text(&output.stderr));
    Err(BundleError::Failed { task, output })
}
