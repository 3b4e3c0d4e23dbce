//! Which versions of an interface are compatible.

/// Returns the name of an interface with as much of its version as must be equal: `x/y@0.2` for
/// `x/y@0.2.9`, and `x/y@1` for `x/y@1.4.0`. Releases with an equal track are compatible (Semantic
/// Versioning, as the component model uses it), and engines treat them as the same interface.
pub(crate) fn track(name: &str) -> String {
    let Some((name, version)) = name.split_once('@') else { return name.to_string() };
    // A pre-release is compatible only with itself.
    if version.contains('-') {
        return format!("{name}@{version}");
    }
    let mut parts = version.split(['.', '+']);
    let mut next = || parts.next().unwrap_or_default();
    match (next(), next(), next()) {
        ("0", "0", patch) => format!("{name}@0.0.{patch}"),
        ("0", minor, _) => format!("{name}@0.{minor}"),
        (major, ..) => format!("{name}@{major}"),
    }
}

#[cfg(test)]
mod tests {
    use super::track;

    #[test]
    fn releases_are_compatible_if_their_leading_number_is_equal() {
        let are_compatible = |a: &str, b: &str| track(a) == track(b);
        assert!(are_compatible("a:b/c@0.2.9", "a:b/c@0.2.12"));
        assert!(are_compatible("a:b/c@1.0.0", "a:b/c@1.9.3"));
        assert!(are_compatible("a:b/c", "a:b/c"));
        for (a, b) in [
            ("a:b/c@0.2.9", "a:b/c@0.3.9"),
            ("a:b/c@0.0.1", "a:b/c@0.0.2"),
            ("a:b/c@1.0.0", "a:b/c@2.0.0"),
            ("a:b/c@0.2.0-rc-1", "a:b/c@0.2.0"),
            ("a:b/c@0.2.0", "a:b/d@0.2.0"),
            ("a:b/c@0.2.0", "a:b/c"),
        ] {
            assert!(!are_compatible(a, b), "{a} {b}");
        }
    }
}
