//! The crates of a checkout, and their files.

use std::io;
use std::path::{Path, PathBuf};

/// A crate of the checkout.
#[derive(Clone, Debug)]
pub struct Crate {
    /// Its folder, relative to the root of the checkout: `host/gate`.
    pub folder: PathBuf,
    /// Its source files, relative to its `src` folder, in order.
    pub files: Vec<PathBuf>,
}

/// The root of this checkout.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The crates below `root`, in order of their folders. Folders with build results are left out.
///
/// # Errors
/// Returns an error if a folder cannot be read.
pub fn crates(root: &Path) -> io::Result<Vec<Crate>> {
    let mut found = Vec::new();
    for folder in folders(root, root)? {
        let path = root.join(&folder);
        if path.join("Cargo.toml").is_file() && path.join("src").is_dir() {
            let mut files = rust_files(&path.join("src"), &path.join("src"))?;
            files.sort();
            found.push(Crate { folder, files });
        }
    }
    found.sort_by(|one, other| one.folder.cmp(&other.folder));
    Ok(found)
}

fn folders(root: &Path, folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = vec![relative(root, folder)];
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let is_source = name == "src" || name == "target" || name.starts_with('.');
        if path.is_dir() && !is_source {
            found.extend(folders(root, &path)?);
        }
    }
    Ok(found)
}

fn rust_files(src: &Path, folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(rust_files(src, &path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(relative(src, &path));
        }
    }
    Ok(found)
}

fn relative(root: &Path, path: &Path) -> PathBuf {
    path.strip_prefix(root).unwrap_or(path).to_path_buf()
}
