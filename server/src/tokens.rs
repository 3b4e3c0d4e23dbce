//! The tokens that the server accepts.

use crate::memory::Accounts;
use portcullis::ActionName;
use portcullis_config::Token;
use portcullis_memory::Account;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::Arc;
use subtle::ConstantTimeEq;

/// A named token: who uses the server, and what they may do.
#[derive(Clone)]
pub(crate) struct Principal {
    pub(crate) name: Arc<str>,
    pub(crate) token: Arc<Token>,
    /// The actions that the token lists, shared by its calls; all are allowed if `None`.
    pub(crate) actions: Option<Arc<[ActionName]>>,
    /// The memory that is held for its requests.
    pub(crate) account: Arc<Account>,
}

/// The tokens that the server accepts.
pub(crate) struct Tokens {
    all: Vec<Principal>,
    /// The account of requests without a token.
    pub(crate) nobody: Arc<Account>,
}

impl Tokens {
    pub(crate) fn new(tokens: &BTreeMap<String, Token>, accounts: &Accounts) -> Self {
        let principal = |(name, token): (&String, &Token)| Principal {
            name: name.as_str().into(),
            token: Arc::new(token.clone()),
            actions: token.actions.as_deref().map(Arc::from),
            account: accounts.of(name),
        };
        Self { all: tokens.iter().map(principal).collect(), nobody: accounts.of("") }
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The principal of a token, also of one that has expired. The comparison is constant-time:
    /// every digest is compared in full.
    pub(crate) fn principal(&self, presented: &str) -> Option<&Principal> {
        let digest: [u8; 32] = Sha256::digest(presented).into();
        let mut found = None;
        for known in &self.all {
            for accepted in known.token.sha256.iter() {
                if bool::from(digest.ct_eq(&accepted.0)) {
                    found = Some(known);
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis::MemoryLimit;
    use portcullis_config::Digests;

    #[test]
    fn both_tokens_of_a_rotation_are_accepted() {
        let digest = |token: &str| portcullis_config::Digest(Sha256::digest(token).into());
        let rotated = Token::new(Digests::pair(digest("old"), digest("new")), ["*"]);
        let accounts = Accounts::new(MemoryLimit::new(1));
        let tokens = Tokens::new(&[("app".to_string(), rotated)].into(), &accounts);
        let accepts = |presented: &str| tokens.principal(presented).is_some();
        assert!(accepts("old") && accepts("new") && !accepts("") && !accepts("other"));
    }
}
