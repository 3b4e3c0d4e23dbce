//! The manifest of the DynamoDB plugin, as far as requests are bound by it: the access class of each
//! action, and what `test` and `structure` may send.
//!
//! It is the manifest that the host trusts. Its file is generated, and has one action on each line.

use alloc::vec::Vec;

/// The access class of an action, or the highest class allowed. Each includes the lower ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Access {
    /// Reads items or descriptions.
    #[default]
    Read,
    /// Changes items.
    Write,
    /// Creates, changes or deletes tables, backups, tags, policies and the like.
    Admin,
}

impl Access {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text {
            "read" => Some(Self::Read),
            "write" => Some(Self::Write),
            "admin" => Some(Self::Admin),
            _ => None,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }
}

/// What the header `x-amz-target` has before the operation.
pub(crate) const TARGET_PREFIX: &str = "DynamoDB_20120810.";
/// The service of credential scopes.
pub(crate) const SERVICE: &str = "dynamodb";

const MANIFEST: &str = include_str!("../../../component/manifest.toml");

/// Returns the access class of an action, or `None` if the manifest does not list it. An action whose
/// input contains PartiQL statements has the class of a statement that writes: nothing here reads
/// the statements.
pub(crate) fn access(action: &str) -> Option<Access> {
    let rest = line(section("[actions]"), action)?;
    let (_, rest) = rest.split_once("access = \"")?;
    Access::parse(rest.split('"').next()?)
}

/// Returns the operations that an export other than `execute` and `relay` may send.
pub(crate) fn export(name: &str) -> Vec<&'static str> {
    let list = line(section("[exports]"), name).unwrap_or_default();
    list.split('"').skip(1).step_by(2).collect()
}

/// Returns the text after a section's heading.
fn section(heading: &str) -> &'static str {
    MANIFEST
        .split_once(heading)
        .map_or("", |(_, rest)| rest.split_once("\n[").map_or(rest, |(section, _)| section))
}

/// Returns what follows `key = ` at the beginning of a line.
fn line(section: &'static str, key: &str) -> Option<&'static str> {
    section.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_is_read_as_the_host_reads_it() {
        let manifest = portcullis_policy::Manifest::parse(MANIFEST).unwrap();
        let mut count = 0;
        for (name, action) in manifest.actions() {
            let ours = access(name.as_str()).map(Access::name);
            assert_eq!(ours, Some(action.access().to_string().as_str()), "{name}");
            count += 1;
        }
        assert!(count > 50, "the actions are found");
        for name in ["test", "structure"] {
            let theirs: Vec<&str> =
                manifest.export(name).iter().map(portcullis_policy::ActionName::as_str).collect();
            assert_eq!(export(name), theirs, "{name}");
            assert!(theirs.contains(&"ListTables"));
        }
        let signing = manifest.signing().unwrap().scope("eu-west-1").unwrap();
        assert_eq!(signing.service(), SERVICE);
        for unknown in ["", "GetIte", "GetItem ", "prefix", "table", "test"] {
            assert_eq!(access(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn requests_are_bound_as_the_manifest_says() {
        for expected in [
            "method = \"POST\"",
            "path = \"/\"",
            "header = \"x-amz-target\"",
            "DynamoDB_20120810.{operation}",
        ] {
            assert!(section("[binding]").contains(expected), "{expected}");
        }
    }
}
