//! Writes the Rust source that embeds the files of a bundle.

use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The source of a sorted slice of all files in `bundle`. `name.gz` and `name.br` become part of `name`.
pub(crate) fn source(bundle: &Path) -> io::Result<String> {
    let mut paths = Vec::new();
    collect(bundle, bundle, &mut paths)?;
    paths.sort();
    let mut source = String::from("&[\n");
    for path in &paths {
        let file = bundle.join(path);
        let media_type = media_type(path)?;
        let digest = Sha256::digest(fs::read(&file)?);
        let etag = hex::encode(digest.get(..12).unwrap_or_default());
        // Vite puts a hash of the content into the names of these files.
        let immutable = path.starts_with("assets/");
        let _ = writeln!(
            source,
            "    File {{ path: {path:?}, bytes: {}, gzip: {}, brotli: {}, media_type: {media_type:?}, \
             etag: {:?}, immutable: {immutable} }},",
            included(&file),
            compressed(&file, "gz"),
            compressed(&file, "br"),
            format!("\"{etag}\""),
        );
    }
    source.push_str("]\n");
    Ok(source)
}

fn collect(root: &Path, folder: &Path, paths: &mut Vec<String>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let file = entry?.path();
        if file.is_dir() {
            collect(root, &file, paths)?;
        } else if !is_compressed(&file) {
            let path = file.strip_prefix(root).map_err(io::Error::other)?;
            paths.push(path.to_string_lossy().replace('\\', "/"));
        }
    }
    Ok(())
}

fn is_compressed(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "gz" || extension == "br")
}

/// The expression for the compressed form of a file, if there is one.
fn compressed(file: &Path, extension: &str) -> String {
    let mut name = file.as_os_str().to_os_string();
    name.push(".");
    name.push(extension);
    let file = PathBuf::from(name);
    if file.is_file() { format!("Some({})", included(&file)) } else { "None".to_string() }
}

fn included(file: &Path) -> String {
    format!("include_bytes!({:?})", file.to_string_lossy())
}

/// The media type of a file. An unknown kind is an error: it would be served as something that browsers refuse.
fn media_type(path: &str) -> io::Result<&'static str> {
    match path.rsplit('.').next() {
        Some("html") => Ok("text/html; charset=utf-8"),
        Some("js") => Ok("text/javascript; charset=utf-8"),
        Some("css") => Ok("text/css; charset=utf-8"),
        Some("svg") => Ok("image/svg+xml"),
        Some("json") => Ok("application/json"),
        Some("txt") => Ok("text/plain; charset=utf-8"),
        Some("woff2") => Ok("font/woff2"),
        _ => Err(io::Error::other(format!(
            "the console's file {path} has no known media type; add it to server/console/build/embed.rs"
        ))),
    }
}
