//! The builds of the Makefile: no crate of another project is compiled once more because another build
//! enables other features of it. wasmtime alone takes minutes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
fn all_builds_of_the_makefile_share_their_dependencies() {
    let makefile = std::fs::read_to_string(root().join("Makefile")).unwrap();
    let later: Vec<&str> = variable(&makefile, "LATER").split(' ').collect();
    let features = ["--features", variable(&makefile, "FEATURES")];
    let (build, test) = (["--edges", "normal,build"], ["--edges", "normal,build,dev"]);
    let demo = crates(&[&later[..], &build].concat());
    assert!(demo.len() > 300, "cargo lists the dependencies: {demo:?}");
    for other in [
        [&later[..], &test].concat(),
        [&later[..], &features, &test].concat(),
        [&features[..], &build].concat(),
        [&features[..], &test].concat(),
    ] {
        let found = crates(&other);
        for (name, known) in &demo {
            let missing: Vec<_> = known.difference(&found[name]).collect();
            assert!(
                missing.is_empty(),
                "{other:?} compiles {name} with {:?} instead of {missing:?}: add what is missing to \
                 the dependencies that are not used, in tests/Cargo.toml",
                found[name]
            );
        }
    }
}

/// The value of a variable of the Makefile.
fn variable<'m>(makefile: &'m str, name: &str) -> &'m str {
    let line = |line: &'m str| line.strip_prefix(name)?.strip_prefix(" := ");
    makefile.lines().find_map(line).unwrap_or_else(|| panic!("the Makefile has {name}"))
}

/// The crates of other projects in a build of the workspace, each with the sets of features that it is
/// compiled with.
fn crates(arguments: &[&str]) -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--workspace", "--locked", "--prefix", "none", "--format", "{p}\t{f}\t"])
        .args(arguments)
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut crates = BTreeMap::<String, BTreeSet<String>>::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let Some((name, features)) = line.split_once('\t') else { continue };
        let is_own = name.contains('/');
        if !is_own {
            let features = features.split('\t').next().unwrap_or_default();
            crates.entry(name.to_string()).or_default().insert(features.to_string());
        }
    }
    crates
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
