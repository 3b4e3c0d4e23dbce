//! The DynamoDB plugin in the forms that run on other engines than Portcullis.
//!
//! ```
//! use portable_component::Form;
//!
//! let form: Form = "service".parse()?;
//! assert!(form.bytes().starts_with(b"\0asm"));
//! assert!("server".parse::<Form>().unwrap_err().to_string().contains("plugin, library or service"));
//! # Ok::<(), portable_component::FormError>(())
//! ```

use std::fmt;
use std::str::FromStr;

/// A form of the DynamoDB plugin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// The plugin alone. Its host supplies all of `wit/connector.wit`.
    #[default]
    Plugin,
    /// With platform and guard: for a program that calls it through an engine with WASI 0.2.
    Library,
    /// An HTTP service, for an engine with `wasi:http/incoming-handler`.
    Service,
}

impl Form {
    /// All forms.
    pub const ALL: [Self; 3] = [Self::Plugin, Self::Library, Self::Service];

    /// Returns the name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Plugin => "plugin",
            Self::Library => "library",
            Self::Service => "service",
        }
    }

    /// Returns the component.
    #[must_use]
    pub fn bytes(self) -> &'static [u8] {
        match self {
            Self::Plugin => dynamodb_component::COMPONENT,
            Self::Library => include_bytes!(env!("PORTABLE_LIBRARY")),
            Self::Service => include_bytes!(env!("PORTABLE_SERVICE")),
        }
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A text that is not the name of a [`Form`]. It holds the first 50 characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormError(String);

impl fmt::Display for FormError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not a form; expected plugin, library or service", self.0)
    }
}

impl std::error::Error for FormError {}

impl FromStr for Form {
    type Err = FormError;

    fn from_str(text: &str) -> Result<Self, FormError> {
        let form = Self::ALL.into_iter().find(|form| form.name() == text);
        form.ok_or_else(|| FormError(text.chars().take(50).collect()))
    }
}

/// The component of `guest/portable/platform`.
pub static PLATFORM: &[u8] = include_bytes!(env!("PORTABLE_PLATFORM"));
/// The component of `guest/portable/guard`.
pub static GUARD: &[u8] = include_bytes!(env!("PORTABLE_GUARD"));
/// The component of `guest/portable/front`.
pub static FRONT: &[u8] = include_bytes!(env!("PORTABLE_FRONT"));
