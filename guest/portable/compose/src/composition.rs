//! Connects the imports of components to the exports of others.

use crate::error::{ComposeError, Part};
use crate::version::track;
use std::error::Error;
use wac_graph::types::Package;
use wac_graph::{CompositionGraph, EncodeOptions, NodeId};

/// Components that are being connected.
#[derive(Default)]
pub(crate) struct Composition {
    graph: CompositionGraph,
    instances: Vec<Instance>,
}

/// One of the components.
struct Instance {
    part: Part,
    node: NodeId,
    imports: Vec<String>,
    exports: Vec<String>,
}

/// What a plugin exports.
const CONNECTOR: &str = "portcullis:datasource/connector@0.1";

/// What an engine supplies to a plugin itself: clocks, random numbers, and WASI's types for requests,
/// which send nothing.
const OF_PLUGINS: [&str; 8] = [
    "portcullis:datasource/types@0.1",
    "wasi:clocks/monotonic-clock@0.2",
    "wasi:clocks/wall-clock@0.2",
    "wasi:http/types@0.2",
    "wasi:io/error@0.2",
    "wasi:io/poll@0.2",
    "wasi:io/streams@0.2",
    "wasi:random/random@0.2",
];

impl Composition {
    /// Adds a component, and returns its number.
    pub(crate) fn add(&mut self, part: Part, bytes: &[u8]) -> Result<usize, ComposeError> {
        let wrong = |reason: String| ComposeError::Part { part, reason };
        let name = format!("portcullis:{part}");
        let package = Package::from_bytes(&name, None, bytes, self.graph.types_mut())
            .map_err(|error| wrong(format!("{error:#}")))?;
        let world = &self.graph.types()[package.ty()];
        let imports = world.imports.keys().cloned().collect();
        let exports = world.exports.keys().cloned().collect();
        let package = self.graph.register_package(package).map_err(|it| wrong(chain(&it)))?;
        let node = self.graph.instantiate(package);
        self.instances.push(Instance { part, node, imports, exports });
        Ok(self.instances.len() - 1)
    }

    /// Connects all imports of a component to exports of the parts that supply them. The others must be
    /// what the engine may supply to this part.
    pub(crate) fn connect(&mut self, number: usize) -> Result<(), ComposeError> {
        let Instance { part, node, ref imports, .. } = self.instances[number];
        for import in imports {
            let wanted = track(import);
            let offered = supplier(part, &wanted).and_then(|supplier| {
                let other = self.instances.iter().find(|other| other.part == supplier)?;
                let export = other.exports.iter().find(|export| track(export) == wanted)?;
                Some((other.node, export))
            });
            let Some((supplier, export)) = offered else {
                if from_engine(part, &wanted) {
                    continue;
                }
                return Err(ComposeError::Open { part, import: import.clone() });
            };
            let mismatch = |reason: String| ComposeError::Mismatch {
                part,
                import: import.clone(),
                offered: export.clone(),
                reason,
            };
            let alias = self
                .graph
                .alias_instance_export(supplier, export)
                .map_err(|error| mismatch(chain(&error)))?;
            self.graph
                .set_instantiation_argument(node, import, alias)
                .map_err(|error| mismatch(chain(&error)))?;
        }
        Ok(())
    }

    /// Checks that a plugin exports what the contract has, and nothing else.
    pub(crate) fn check_exports(&self, plugin: usize) -> Result<(), ComposeError> {
        let exports = &self.instances[plugin].exports;
        match exports.iter().find(|export| track(export) != CONNECTOR) {
            Some(export) => Err(ComposeError::Export { export: export.clone() }),
            None => Ok(()),
        }
    }

    /// Writes the component, with the exports of one of its parts.
    pub(crate) fn finish(mut self, top: usize, part: Part) -> Result<Vec<u8>, ComposeError> {
        let wrong = |reason: String| ComposeError::Encode { part, reason };
        let Instance { node, ref exports, .. } = self.instances[top];
        for export in exports {
            let alias = self
                .graph
                .alias_instance_export(node, export)
                .map_err(|error| wrong(chain(&error)))?;
            self.graph.export(alias, export).map_err(|error| wrong(chain(&error)))?;
        }
        self.graph.encode(EncodeOptions::default()).map_err(|error| wrong(chain(&error)))
    }
}

/// The part that supplies an interface to another one. Each is named: a plugin that exports an interface
/// of the platform would otherwise take the platform's place.
fn supplier(part: Part, track: &str) -> Option<Part> {
    match (part, track) {
        (Part::Guard, "portcullis:portable/session@0.1")
        | (
            Part::Plugin,
            "wasi:http/outgoing-handler@0.2"
            | "portcullis:datasource/http-messages@0.1"
            | "portcullis:datasource/aws-signing@0.1"
            | "portcullis:datasource/call@0.1",
        ) => Some(Part::Platform),
        (Part::Guard, CONNECTOR) => Some(Part::Plugin),
        (Part::Front, CONNECTOR) => Some(Part::Guard),
        _ => None,
    }
}

/// Whether the engine supplies an interface to a part. Only the platform reaches the network.
fn from_engine(part: Part, track: &str) -> bool {
    OF_PLUGINS.contains(&track)
        || match track {
            "wasi:cli/environment@0.2" => matches!(part, Part::Platform | Part::Front),
            "wasi:http/outgoing-handler@0.2" => part == Part::Platform,
            _ => false,
        }
}

/// An error with its causes, in one line.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engine_supplies_to_a_plugin_only_what_the_host_also_leaves_to_wasi() {
        for import in OF_PLUGINS {
            assert!(portcullis_component::is_allowed(&format!("{import}.0")), "{import}");
        }
        // The rest of the host's list is what the platform supplies.
        let rest = portcullis_component::IMPORTS.iter().filter(|(name, prefix)| {
            !from_engine(Part::Plugin, &format!("{name}@{}", prefix.trim_end_matches('.')))
        });
        let rest: Vec<&str> = rest.map(|(name, _)| *name).collect();
        assert_eq!(
            rest,
            [
                "wasi:http/outgoing-handler",
                "portcullis:datasource/http-messages",
                "portcullis:datasource/aws-signing",
                "portcullis:datasource/call",
            ]
        );
    }
}
