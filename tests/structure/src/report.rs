//! Figures of a checkout.

use crate::cycles::{file_graph, folder_graph};
use crate::files::{Crate, crates};
use crate::source::{Source, attributes};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Figures of a checkout.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// The figures of each crate, in order of their folders.
    pub crates: Vec<CrateFigures>,
}

/// Figures of one crate.
#[derive(Clone, Debug, Default)]
pub struct CrateFigures {
    /// Its folder.
    pub folder: PathBuf,
    /// Groups of files that import each other.
    pub file_cycles: Vec<Vec<PathBuf>>,
    /// Groups of folders that import each other.
    pub folder_cycles: Vec<Vec<PathBuf>>,
    /// Lines of code, without tests, comments and blank lines.
    pub code: usize,
    /// Files with more than 500 lines.
    pub long_files: Vec<PathBuf>,
    /// All lines.
    pub lines: usize,
    /// Lines with more than 100 characters.
    pub long_lines: usize,
    /// Public items with a name of their own: types, traits, functions, constants.
    pub public_items: usize,
    /// Public items whose docs have no example.
    pub without_example: usize,
    /// Calls outside tests that panic: `unwrap`, `expect`, `panic!`, `unreachable!` …
    pub panics: usize,
}

/// The figures of the checkout at `root`.
///
/// # Errors
/// Returns an error if a file cannot be read or parsed.
pub fn figures(root: &Path) -> io::Result<Figures> {
    let crates = crates(root)?;
    let figures = crates.iter().map(|one| crate_figures(root, one));
    Ok(Figures { crates: figures.collect::<io::Result<_>>()? })
}

/// The longest file and the longest line of the style guide.
const MAX_FILE_LINES: usize = 500;
const MAX_LINE: usize = 100;

fn crate_figures(root: &Path, one: &Crate) -> io::Result<CrateFigures> {
    let files = file_graph(root, one)?;
    let mut figures = CrateFigures {
        folder: one.folder.clone(),
        file_cycles: files.cycles(),
        folder_cycles: folder_graph(&files).cycles(),
        ..CrateFigures::default()
    };
    for file in &one.files {
        let source = Source::read(&root.join(&one.folder).join("src").join(file))?;
        figures.code += source.code().count();
        let lines = source.text.lines().count();
        figures.lines += lines;
        if lines > MAX_FILE_LINES {
            figures.long_files.push(file.clone());
        }
        let is_long = |line: &&str| line.chars().count() > MAX_LINE;
        figures.long_lines += source.text.lines().filter(is_long).count();
        figures.panics += source.code().map(|(_, line)| panics(line)).sum::<usize>();
        for item in source.syntax.items.iter().filter(|item| is_public(item)) {
            figures.public_items += 1;
            let docs = docs(attributes(item));
            figures.without_example += usize::from(!docs.contains("```"));
        }
    }
    Ok(figures)
}

fn panics(line: &str) -> usize {
    const CALLS: [&str; 6] =
        [".unwrap()", ".expect(", "panic!(", "unreachable!(", "todo!(", "unimplemented!("];
    CALLS.iter().map(|call| line.matches(call).count()).sum()
}

fn is_public(item: &syn::Item) -> bool {
    let visibility = match item {
        syn::Item::Const(item) => &item.vis,
        syn::Item::Enum(item) => &item.vis,
        syn::Item::Fn(item) => &item.vis,
        syn::Item::Static(item) => &item.vis,
        syn::Item::Struct(item) => &item.vis,
        syn::Item::Trait(item) => &item.vis,
        syn::Item::Type(item) => &item.vis,
        _ => return false,
    };
    matches!(visibility, syn::Visibility::Public(_))
}

fn docs(attributes: &[syn::Attribute]) -> String {
    let mut text = String::new();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("doc")) {
        if let syn::Meta::NameValue(value) = &attribute.meta
            && let syn::Expr::Lit(literal) = &value.value
            && let syn::Lit::Str(line) = &literal.lit
        {
            text.push_str(&line.value());
            text.push('\n');
        }
    }
    text
}

impl Figures {
    /// The figures of the crate in `folder`.
    #[must_use]
    pub fn of(&self, folder: &str) -> Option<&CrateFigures> {
        self.crates.iter().find(|one| one.folder == Path::new(folder))
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<20} {:>6} {:>6} {:>7} {:>8} {:>6} {:>6} {:>7} {:>11} {:>6}",
            "crate",
            "code",
            "lines",
            "> 100",
            "> 500",
            "file",
            "folder",
            "public",
            "no example",
            "panics"
        )?;
        let mut sums = [0; 9];
        for one in &self.crates {
            let in_cycles = |cycles: &[Vec<PathBuf>]| cycles.iter().map(Vec::len).sum::<usize>();
            let row = [
                one.code,
                one.lines,
                one.long_lines,
                one.long_files.len(),
                in_cycles(&one.file_cycles),
                in_cycles(&one.folder_cycles),
                one.public_items,
                one.without_example,
                one.panics,
            ];
            write_row(f, &one.folder.display().to_string(), &row)?;
            sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
        }
        write_row(f, "all", &sums)?;
        for one in &self.crates {
            for file in &one.long_files {
                writeln!(f, "over 500 lines: {}/src/{}", one.folder.display(), file.display())?;
            }
            for cycle in one.file_cycles.iter().chain(&one.folder_cycles) {
                let names: Vec<String> =
                    cycle.iter().map(|path| path.display().to_string()).collect();
                writeln!(f, "cycle in {}: {}", one.folder.display(), names.join(", "))?;
            }
        }
        writeln!(
            f,
            "code: without tests, comments and blank lines. file, folder: in import cycles. panics: \
             calls outside tests that panic."
        )
    }
}

fn write_row(f: &mut fmt::Formatter<'_>, name: &str, row: &[usize; 9]) -> fmt::Result {
    let [code, lines, long_lines, long_files, files, folders, public, without, panics] = row;
    writeln!(
        f,
        "{name:<20} {code:>6} {lines:>6} {long_lines:>7} {long_files:>8} {files:>6} {folders:>6} \
         {public:>7} {without:>11} {panics:>6}"
    )
}
