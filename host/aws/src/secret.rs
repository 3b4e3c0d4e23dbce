//! Texts that nobody may see.

use crate::undumped::Undumped;
use std::fmt;
use std::sync::Arc;
use zeroize::{ZeroizeOnDrop, Zeroizing};

/// A secret text. It is overwritten when it is dropped, core dumps leave it out (on Linux), and
/// `Debug` never shows it.
///
/// ```
/// use portcullis_aws::Secret;
///
/// assert_eq!(format!("{:?}", Secret::new("hunter2")), "Secret(…)");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<Undumped>);

impl Secret {
    /// Keeps a text as a secret. A `String` that is passed is overwritten.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        let text = Zeroizing::new(text.into());
        Self(Arc::new(Undumped::new(text.as_bytes())))
    }

    /// The text itself, for the code that signs or searches.
    pub(crate) fn expose(&self) -> &str {
        // It is the copy of a text.
        str::from_utf8(self.0.bytes()).unwrap_or_default()
    }
}

// The bytes are overwritten with the last of its copies, which share them.
impl ZeroizeOnDrop for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_never_shows_a_secret() {
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "Secret(…)");
    }

    #[test]
    fn secret_keeps_its_text() {
        for text in ["", "hunter2", "ü", &"x".repeat(20_000)] {
            assert_eq!(Secret::new(text).expose(), text);
            assert_eq!(Secret::new(text), Secret::new(text).clone());
        }
        assert_ne!(Secret::new("a"), Secret::new("b"));
    }
}
