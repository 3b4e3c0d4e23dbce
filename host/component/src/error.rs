//! Why a component is refused.

/// Why a component is refused before it is compiled.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ComponentError {
    /// The file does not start with WebAssembly's magic number.
    #[error("this is not a WebAssembly component: it does not start with \\0asm")]
    NotWebAssembly,
    /// The file is a core module.
    #[error("this is a WebAssembly core module; a plugin is a component")]
    CoreModule,
    /// The file is not a valid component, or uses a feature that the host does not support.
    #[error("this is not a valid WebAssembly component: at byte {offset}: {reason}")]
    Invalid {
        /// Where, in bytes from the start of the file.
        offset: u64,
        /// What is wrong.
        reason: String,
    },
    /// The component is too expensive to compile.
    #[error(
        "the component is too expensive to compile: it has {found} {what}, counted up to byte \
         {offset}; the maximum is {max}"
    )]
    TooExpensive {
        /// What there is too much of: one of the [`limits`](crate::limits).
        what: &'static str,
        /// How much there is, up to this offset.
        found: u64,
        /// The limit.
        max: u64,
        /// Where it was noticed, in bytes from the start of the file.
        offset: u64,
    },
    /// The component imports more than a plugin gets.
    #[error("the component imports what no plugin gets: {}", first(.0))]
    Imports(Vec<String>),
    /// The component does not export what a plugin must export.
    #[error(
        "the component is not of the world portcullis:datasource/plugin@0.1: it must export the \
         interface {missing}, and {}",
        listed(exports)
    )]
    Exports {
        /// The interface that it does not export.
        missing: &'static str,
        /// What it exports.
        exports: Vec<String>,
    },
}

fn listed(exports: &[String]) -> String {
    if exports.is_empty() {
        "exports nothing".to_string()
    } else {
        format!("exports only {}", first(exports))
    }
}

/// The names that a message shows: their number and their lengths are the component's.
const MAX_NAMES: usize = 10;
/// The characters of each of them. The longest interface of WASI has 40.
const MAX_CHARACTERS: usize = 100;

/// The first names of a list.
fn first(names: &[String]) -> String {
    let shown = names.iter().take(MAX_NAMES);
    let mut text: Vec<String> =
        shown.map(|name| name.chars().take(MAX_CHARACTERS).collect()).collect();
    let more = names.len().saturating_sub(MAX_NAMES);
    if more > 0 {
        text.push(format!("and {more} more"));
    }
    text.join(", ")
}

impl From<wasmparser::Error> for ComponentError {
    fn from(error: wasmparser::Error) -> Self {
        Self::Invalid { offset: error.offset(), reason: error.message().to_string() }
    }
}
