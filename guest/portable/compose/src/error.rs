//! Why components cannot be composed.

use portcullis_component::ComponentError;
use std::fmt;

/// One of the components.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The plugin.
    Plugin,
    /// `guest/portable/platform`.
    Platform,
    /// `guest/portable/guard`.
    Guard,
    /// `guest/portable/front`.
    Front,
}

impl Part {
    /// The name of the part in the composition.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Plugin => "plugin",
            Self::Platform => "platform",
            Self::Guard => "guard",
            Self::Front => "front",
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Why components cannot be composed. The message names the part, the import and the remedy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ComposeError {
    /// The plugin is not one, or imports what no plugin gets.
    #[error(
        "the plugin is refused: {0}; build it for the world portcullis:datasource/plugin of \
         wit/connector.wit, which has no other imports"
    )]
    Plugin(#[source] ComponentError),
    /// The plugin exports what no plugin has.
    #[error(
        "the plugin exports {export}, which is not part of the contract; remove the export: the world \
         portcullis:datasource/plugin of wit/connector.wit has only the connector"
    )]
    Export {
        /// What it exports.
        export: String,
    },
    /// A part is not a component.
    #[error("the {part} is not a component that can be composed: {reason}; build it again")]
    Part {
        /// The part.
        part: Part,
        /// What is wrong.
        reason: String,
    },
    /// A part imports an interface in another form than it is supplied in.
    #[error(
        "the {part} imports {import}, and {offered}, which would be connected to it, has another \
         form: {reason}; build the {part} with this release of wit/connector.wit"
    )]
    Mismatch {
        /// The part.
        part: Part,
        /// What it imports.
        import: String,
        /// What is supplied.
        offered: String,
        /// How they differ.
        reason: String,
    },
    /// A part imports what no other part supplies, and what the engine must not supply to it.
    #[error(
        "the {part} imports {import}, which nothing in the composition supplies, and the engine \
         must not; remove the import from the {part}"
    )]
    Open {
        /// The part.
        part: Part,
        /// What it imports.
        import: String,
    },
    /// The composed component cannot be written.
    #[error("the {part} cannot be composed: {reason}; report this as a defect of the composition")]
    Encode {
        /// The part whose exports the component has.
        part: Part,
        /// What is wrong.
        reason: String,
    },
}
