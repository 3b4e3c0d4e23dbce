//! The modules of a crate that a file imports: by a `use`, or by a path to an item.

use proc_macro2::{TokenStream, TokenTree};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use syn::UseTree;
use syn::visit::Visit;

/// The modules of a crate: the path of each, without `crate`, and its file.
pub(crate) struct Modules(BTreeMap<Vec<String>, PathBuf>);

impl Modules {
    /// The modules of these files.
    pub(crate) fn new(files: &[PathBuf]) -> Self {
        Self(files.iter().map(|file| (module(file), file.clone())).collect())
    }

    /// The file of the innermost module that a path leads to.
    fn resolve(&self, path: &[String]) -> Option<&Path> {
        let prefixes = (0..=path.len()).rev().map(|length| &path[..length]);
        let mut prefixes = prefixes;
        prefixes.find_map(|prefix| self.0.get(prefix)).map(PathBuf::as_path)
    }
}

/// The module of a file, relative to its crate: `a/b.rs` and `a/b/mod.rs` are `a::b`.
fn module(file: &Path) -> Vec<String> {
    let mut path: Vec<String> =
        file.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if matches!(path.last().map(String::as_str), Some("mod" | "lib" | "main")) {
        path.pop();
    }
    path
}

/// The files that `file` imports. `mod x;` is not an import.
pub(crate) fn imports(file: &Path, syntax: &syn::File, modules: &Modules) -> BTreeSet<PathBuf> {
    let mut visitor = Visitor { module: module(file), modules, found: BTreeSet::new() };
    visitor.visit_file(syntax);
    visitor.found.remove(file);
    visitor.found
}

struct Visitor<'m> {
    /// The module that is visited; deeper than the file's within `mod x { … }`.
    module: Vec<String>,
    modules: &'m Modules,
    found: BTreeSet<PathBuf>,
}

impl Visitor<'_> {
    /// Adds the file of a path that starts with `crate`, `self`, `super` or a child module.
    fn add(&mut self, path: &[String]) {
        let Some(first) = path.first() else { return };
        let mut absolute = self.module.clone();
        let rest = match first.as_str() {
            "crate" => {
                absolute.clear();
                &path[1..]
            }
            "self" => &path[1..],
            "super" => {
                let count = path.iter().take_while(|part| *part == "super").count();
                absolute.truncate(absolute.len().saturating_sub(count));
                &path[count..]
            }
            child => {
                let mut module = absolute.clone();
                module.push(child.to_string());
                if !self.modules.0.contains_key(&module) {
                    return;
                }
                path
            }
        };
        absolute.extend(rest.iter().cloned());
        if let Some(file) = self.modules.resolve(&absolute) {
            self.found.insert(file.to_path_buf());
        }
    }

    fn add_use(&mut self, prefix: &mut Vec<String>, tree: &UseTree) {
        match tree {
            UseTree::Path(path) => {
                prefix.push(path.ident.to_string());
                self.add_use(prefix, &path.tree);
                prefix.pop();
            }
            UseTree::Group(group) => {
                group.items.iter().for_each(|tree| self.add_use(prefix, tree));
            }
            UseTree::Name(name) if name.ident == "self" => self.add(prefix),
            UseTree::Name(name) => self.add_name(prefix, name.ident.to_string()),
            UseTree::Rename(name) => self.add_name(prefix, name.ident.to_string()),
            UseTree::Glob(_) => self.add(prefix),
        }
    }

    fn add_name(&mut self, prefix: &mut Vec<String>, name: String) {
        prefix.push(name);
        self.add(prefix);
        prefix.pop();
    }

    /// Adds the paths in the tokens of a macro, which start with `crate` or `super`.
    fn add_tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => {
                    let ident = ident.to_string();
                    if ident == "crate" || (ident == "super" && path.is_empty()) {
                        path.clear();
                        path.push(ident);
                    } else if !path.is_empty() {
                        path.push(ident);
                    }
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => {}
                TokenTree::Group(group) => {
                    self.add(&std::mem::take(&mut path));
                    self.add_tokens(group.stream());
                }
                _ => self.add(&std::mem::take(&mut path)),
            }
        }
        self.add(&path);
    }
}

impl<'ast> Visit<'ast> for Visitor<'_> {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.add_use(&mut Vec::new(), &item.tree);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let parts: Vec<String> =
            path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        // A single name is a local item, or one that a `use` has brought in.
        if parts.len() > 1 {
            self.add(&parts);
        }
        syn::visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.add_tokens(call.tokens.clone());
        syn::visit::visit_macro(self, call);
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if item.content.is_some() {
            self.module.push(item.ident.to_string());
            syn::visit::visit_item_mod(self, item);
            self.module.pop();
        }
    }

    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {
        // `pub(in path)` imports nothing.
    }
}
