//! One source file: its lines, and its parts that are tests.

use std::io;
use std::ops::RangeInclusive;
use std::path::Path;
use syn::spanned::Spanned;

/// One source file.
pub(crate) struct Source {
    pub(crate) text: String,
    pub(crate) syntax: syn::File,
    /// The lines of test modules, counted from 1.
    tests: Vec<RangeInclusive<usize>>,
}

impl Source {
    /// Reads a file.
    pub(crate) fn read(path: &Path) -> io::Result<Self> {
        let text = std::fs::read_to_string(path)?;
        let syntax = syn::parse_file(&text)
            .map_err(|error| io::Error::other(format!("{}: {error}", path.display())))?;
        let is_test_file = syntax.attrs.iter().any(is_cfg_test) || is_named_as_tests(path);
        let tests = if is_test_file {
            vec![1..=usize::MAX]
        } else {
            let tests = syntax.items.iter().filter(|item| attributes(item).iter().any(is_cfg_test));
            tests.map(|item| item.span().start().line..=item.span().end().line).collect()
        };
        Ok(Self { text, syntax, tests })
    }

    /// The lines outside test modules that are neither blank nor comments, with their numbers.
    pub(crate) fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line.trim())).filter(
            |(number, line)| !line.is_empty() && !line.starts_with("//") && !self.is_test(*number),
        )
    }

    /// Whether a line belongs to a test module.
    pub(crate) fn is_test(&self, line: usize) -> bool {
        self.tests.iter().any(|lines| lines.contains(&line))
    }
}

/// Whether the file is a test module by its name: `tests.rs`, `x_tests.rs`, or a file in `tests/`.
fn is_named_as_tests(path: &Path) -> bool {
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let folder = path.parent().and_then(|folder| folder.file_name());
    stem == "tests" || stem.ends_with("_tests") || folder.is_some_and(|folder| folder == "tests")
}

/// Whether an attribute is `#[cfg(test)]` or `#[cfg(all(test, …))]`.
fn is_cfg_test(attribute: &syn::Attribute) -> bool {
    let syn::Meta::List(list) = &attribute.meta else { return false };
    let tokens = list.tokens.to_string();
    list.path.is_ident("cfg") && (tokens == "test" || tokens.starts_with("all (test"))
}

/// The attributes of an item.
pub(crate) fn attributes(item: &syn::Item) -> &[syn::Attribute] {
    match item {
        syn::Item::Const(item) => &item.attrs,
        syn::Item::Enum(item) => &item.attrs,
        syn::Item::Fn(item) => &item.attrs,
        syn::Item::Impl(item) => &item.attrs,
        syn::Item::Macro(item) => &item.attrs,
        syn::Item::Mod(item) => &item.attrs,
        syn::Item::Static(item) => &item.attrs,
        syn::Item::Struct(item) => &item.attrs,
        syn::Item::Trait(item) => &item.attrs,
        syn::Item::Type(item) => &item.attrs,
        syn::Item::Use(item) => &item.attrs,
        _ => &[],
    }
}
