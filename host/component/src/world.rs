//! What a plugin may import and must export.

use crate::error::ComponentError;
use crate::validation::Items;

/// What a component imports and exports.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct ComponentSummary {
    /// The names of its imports. Each is an instance of an interface in [`IMPORTS`].
    pub imports: Vec<String>,
    /// The names of its exports. One is an instance of [`CONNECTOR`].
    pub exports: Vec<String>,
}

/// The interfaces that a plugin may import, with the prefix of their versions: any 0.2 release of
/// WASI.
pub const IMPORTS: [(&str, &str); 12] = [
    ("wasi:io/poll", "0.2."),
    ("wasi:io/error", "0.2."),
    ("wasi:io/streams", "0.2."),
    ("wasi:clocks/wall-clock", "0.2."),
    ("wasi:clocks/monotonic-clock", "0.2."),
    ("wasi:random/random", "0.2."),
    ("wasi:http/types", "0.2."),
    ("wasi:http/outgoing-handler", "0.2."),
    ("portcullis:datasource/types", "0.1."),
    ("portcullis:datasource/http-messages", "0.1."),
    ("portcullis:datasource/aws-signing", "0.1."),
    ("portcullis:datasource/call", "0.1."),
];

/// The interface that a plugin must export, in any 0.1 release.
pub const CONNECTOR: &str = "portcullis:datasource/connector@0.1";

/// Whether a plugin may import this interface.
#[must_use]
pub fn is_allowed(import: &str) -> bool {
    let (name, version) = import.split_once('@').unwrap_or((import, ""));
    IMPORTS.iter().any(|(known, prefix)| *known == name && version.starts_with(prefix))
}

/// Checks the imports and exports of a component.
pub(crate) fn check(items: Items) -> Result<ComponentSummary, ComponentError> {
    let forbidden: Vec<String> = items
        .imports
        .iter()
        .filter(|item| !item.is_instance || !is_allowed(&item.name))
        .map(|item| item.name.clone())
        .collect();
    if !forbidden.is_empty() {
        return Err(ComponentError::Imports(forbidden));
    }
    let has_connector =
        items.exports.iter().any(|item| item.is_instance && is_connector(&item.name));
    let exports: Vec<String> = items.exports.into_iter().map(|item| item.name).collect();
    if !has_connector {
        return Err(ComponentError::Exports { missing: CONNECTOR, exports });
    }
    let imports = items.imports.into_iter().map(|item| item.name).collect();
    Ok(ComponentSummary { imports, exports })
}

/// Whether this is the connector, in any 0.1 release.
fn is_connector(export: &str) -> bool {
    export.strip_prefix(CONNECTOR).is_some_and(|patch| patch.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::{is_allowed, is_connector};

    #[test]
    fn only_the_interfaces_of_the_world_are_allowed() {
        assert!(
            is_allowed("wasi:http/types@0.2.3") && is_allowed("portcullis:datasource/call@0.1.0")
        );
        for other in [
            "wasi:cli/environment@0.2.12",
            "wasi:http/types@0.3.0",
            "wasi:filesystem/types@0.2.12",
            "wasi:sockets/tcp@0.2.12",
            "wasi:http/types",
            "x",
        ] {
            assert!(!is_allowed(other), "{other}");
        }
    }

    #[test]
    fn only_releases_of_0_1_are_the_connector() {
        assert!(is_connector("portcullis:datasource/connector@0.1.0"));
        assert!(is_connector("portcullis:datasource/connector@0.1.12"));
        for other in [
            "portcullis:datasource/connector@0.2.0",
            "portcullis:datasource/connector@0.10.0",
            "portcullis:datasource/connector",
            "portcullis:datasource/types@0.1.0",
            "connector",
        ] {
            assert!(!is_connector(other), "{other}");
        }
    }
}
