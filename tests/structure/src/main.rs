//! Prints the figures of this checkout, or of the one in the first argument.

use std::path::PathBuf;

fn main() -> std::io::Result<()> {
    let root = std::env::args_os().nth(1).map_or_else(structure::root, PathBuf::from);
    print!("{}", structure::figures(&root)?);
    Ok(())
}
