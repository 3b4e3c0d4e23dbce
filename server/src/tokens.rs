//! The tokens that the server accepts.

use portcullis_config::Token;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::Arc;
use subtle::ConstantTimeEq;

/// A named token: who uses the server, and what they may do.
#[derive(Clone)]
pub(crate) struct Principal {
    pub(crate) name: Arc<str>,
    pub(crate) token: Arc<Token>,
}

/// The tokens that the server accepts.
pub(crate) struct Tokens(Vec<Principal>);

impl Tokens {
    pub(crate) fn new(tokens: &BTreeMap<String, Token>) -> Self {
        let principal = |(name, token): (&String, &Token)| Principal {
            name: name.as_str().into(),
            token: Arc::new(token.clone()),
        };
        Self(tokens.iter().map(principal).collect())
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The principal of a token. The comparison is constant-time: every digest is compared in full.
    pub(crate) fn principal(&self, presented: &str) -> Option<&Principal> {
        let digest: [u8; 32] = Sha256::digest(presented).into();
        let mut found = None;
        for known in &self.0 {
            if bool::from(digest.ct_eq(&known.token.sha256.0)) {
                found = Some(known);
            }
        }
        found
    }
}
