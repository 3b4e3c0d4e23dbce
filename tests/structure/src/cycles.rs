//! Import cycles.

use crate::files::Crate;
use crate::imports::{Modules, imports};
use crate::source::Source;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

/// Which file or folder imports which.
#[derive(Clone, Debug, Default)]
pub struct Graph(BTreeMap<PathBuf, BTreeSet<PathBuf>>);

/// The imports between the files of a crate.
///
/// # Errors
/// Returns an error if a file cannot be read or parsed.
pub fn file_graph(root: &Path, one: &Crate) -> io::Result<Graph> {
    let src = root.join(&one.folder).join("src");
    let modules = Modules::new(&one.files);
    let mut graph = BTreeMap::new();
    for file in &one.files {
        let source = Source::read(&src.join(file))?;
        graph.insert(file.clone(), imports(file, &source.syntax, &modules));
    }
    Ok(Graph(graph))
}

/// The imports between the folders of a crate. A file directly in `src` counts as a folder of its
/// own.
#[must_use]
pub fn folder_graph(files: &Graph) -> Graph {
    let folder = |file: &Path| match file.parent() {
        Some(parent) if parent != Path::new("") => parent.to_path_buf(),
        _ => file.to_path_buf(),
    };
    let mut graph: BTreeMap<PathBuf, BTreeSet<PathBuf>> = BTreeMap::new();
    for (file, imported) in &files.0 {
        let from = folder(file);
        let to: BTreeSet<PathBuf> = imported.iter().map(|file| folder(file)).collect();
        graph.entry(from.clone()).or_default().extend(to.into_iter().filter(|to| *to != from));
    }
    Graph(graph)
}

impl Graph {
    /// The cycles: groups of files or folders that import each other, directly or by a chain.
    #[must_use]
    pub fn cycles(&self) -> Vec<Vec<PathBuf>> {
        let reachable: BTreeMap<&Path, BTreeSet<&Path>> =
            self.0.keys().map(|from| (from.as_path(), self.reachable(from))).collect();
        let mut cycles: BTreeSet<Vec<PathBuf>> = BTreeSet::new();
        for (from, to) in &reachable {
            if to.contains(from) {
                let returns =
                    |other: &&Path| reachable.get(*other).is_some_and(|to| to.contains(from));
                let cycle = to.iter().copied().filter(|other| returns(other));
                cycles.insert(cycle.map(Path::to_path_buf).collect());
            }
        }
        cycles.into_iter().collect()
    }

    fn reachable(&self, from: &Path) -> BTreeSet<&Path> {
        let mut found = BTreeSet::new();
        let mut next: Vec<&Path> = self.edges(from).collect();
        while let Some(path) = next.pop() {
            if found.insert(path) {
                next.extend(self.edges(path));
            }
        }
        found
    }

    /// What a file or folder imports directly.
    pub fn edges(&self, from: &Path) -> impl Iterator<Item = &Path> {
        self.0.get(from).into_iter().flatten().map(PathBuf::as_path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crate_of(files: &[(&str, &str)]) -> Graph {
        let names: Vec<PathBuf> = files.iter().map(|(name, _)| PathBuf::from(name)).collect();
        let modules = Modules::new(&names);
        let graph = files.iter().zip(&names).map(|((_, text), name)| {
            (name.clone(), imports(name, &syn::parse_file(text).unwrap(), &modules))
        });
        Graph(graph.collect())
    }

    #[test]
    fn a_cycle_of_uses_paths_and_macros_is_found() {
        for back in [
            "use crate::a::A;",
            "pub use super::a::A;",
            "fn f() { let _ = crate::a::A; }",
            "fn f() -> super::a::A { panic!() }",
            "fn f() { println!(\"{}\", crate::a::A); }",
            "mod inner { use super::super::a::A; }",
        ] {
            let graph = crate_of(&[
                ("lib.rs", "mod a; mod b;"),
                ("a.rs", "use crate::b::B;"),
                ("b.rs", back),
            ]);
            assert_eq!(graph.cycles(), [[PathBuf::from("a.rs"), PathBuf::from("b.rs")]], "{back}");
        }
    }

    #[test]
    fn a_declaration_and_a_one_way_import_are_not_a_cycle() {
        let graph = crate_of(&[
            ("lib.rs", "mod a; pub use a::A;"),
            ("a/mod.rs", "mod b; pub use b::B; use crate::c::C;"),
            ("a/b.rs", "use crate::c::C;"),
            ("c.rs", "use std::fmt; #[cfg(test)] mod tests { use super::*; }"),
        ]);
        assert!(graph.cycles().is_empty());
        assert!(folder_graph(&graph).cycles().is_empty());
    }

    #[test]
    fn folders_that_import_each_other_are_a_cycle() {
        let graph = crate_of(&[
            ("lib.rs", "mod a; mod b;"),
            ("a/one.rs", "use crate::b::one::B;"),
            ("a/two.rs", ""),
            ("b/one.rs", ""),
            ("b/two.rs", "use crate::a::two::A;"),
        ]);
        assert!(graph.cycles().is_empty());
        assert_eq!(folder_graph(&graph).cycles(), [[PathBuf::from("a"), PathBuf::from("b")]]);
    }
}
