//! The tokens that the server accepts.

use portcullis_config::Token;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;
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

    /// The principal of a token that has not expired. The comparison is constant-time: every digest
    /// is compared in full.
    pub(crate) fn principal(&self, presented: &str) -> Option<&Principal> {
        let digest: [u8; 32] = Sha256::digest(presented).into();
        let mut found = None;
        for known in &self.0 {
            for accepted in known.token.sha256.iter() {
                if bool::from(digest.ct_eq(&accepted.0)) {
                    found = Some(known);
                }
            }
        }
        let now = SystemTime::now();
        found.filter(|known: &&Principal| !known.token.is_expired(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_config::Digests;

    fn digest(token: &str) -> portcullis_config::Digest {
        portcullis_config::Digest(Sha256::digest(token).into())
    }

    #[test]
    fn both_tokens_of_a_rotation_are_accepted_until_they_expire() {
        let mut rotated = Token::new(Digests::pair(digest("old"), digest("new")), ["*"]);
        let accepts = |token: &Token, presented: &str| {
            let tokens = Tokens::new(&[("app".to_string(), token.clone())].into());
            tokens.principal(presented).is_some()
        };
        assert!(accepts(&rotated, "old") && accepts(&rotated, "new") && !accepts(&rotated, ""));
        rotated.expires = Some("9999-01-01T00:00:00Z".parse().unwrap());
        assert!(accepts(&rotated, "old") && accepts(&rotated, "new"));
        rotated.expires = Some("2001-01-01T00:00:00Z".parse().unwrap());
        assert!(!accepts(&rotated, "old") && !accepts(&rotated, "new"));
    }
}
