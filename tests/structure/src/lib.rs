//! Reads the sources of this repository: import cycles between files and folders, lines of code,
//! and other figures. `make figures` prints them, and the tests of this crate hold the limits.

mod cycles;
mod files;
mod imports;
mod report;
mod source;

pub use cycles::{Graph, file_graph, folder_graph};
pub use files::{Crate, crates, root};
pub use report::{Figures, figures};
