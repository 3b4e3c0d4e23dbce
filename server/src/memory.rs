//! The memory that the server holds for its callers: bodies of requests, and of responses until
//! they were sent.

use parking_lot::Mutex;
use portcullis::TenantName;
use portcullis_memory::{Account, Charge, Exceeded, MemoryLimit};
use std::collections::HashMap;
use std::sync::Arc;

/// Part of the memory limit that one token may hold: four tokens with many large bodies leave
/// nothing to others, but no single one does.
const SHARE: u64 = 4;

/// Part of the memory limit that one tenant of a token may hold, within what the token may hold.
const TENANT_SHARE: u64 = 8;

/// The accounts of all tokens, within the memory limit of the host.
pub(crate) struct Accounts {
    process: Arc<MemoryLimit>,
    by_token: Mutex<HashMap<String, Arc<Account>>>,
    by_tenant: Mutex<HashMap<OfToken, Arc<Account>>>,
}

/// A tenant of a token.
type OfToken = (Arc<str>, TenantName);

impl Accounts {
    pub(crate) fn new(process: Arc<MemoryLimit>) -> Self {
        Self { process, by_token: Mutex::default(), by_tenant: Mutex::default() }
    }

    /// The account of a token. It stays the same when the policy is loaded again: running calls
    /// still count.
    pub(crate) fn of(&self, token: &str) -> Arc<Account> {
        let mut accounts = self.by_token.lock();
        if let Some(account) = accounts.get(token) {
            return account.clone();
        }
        let account = Account::new(self.process.limit() / SHARE, self.process.clone());
        accounts.insert(token.to_string(), account.clone());
        account
    }

    /// The account of a tenant of a token, within the account of the token: the tenants of one
    /// platform have one token.
    pub(crate) fn of_tenant(
        &self,
        token: &Arc<str>,
        account: &Arc<Account>,
        tenant: &TenantName,
    ) -> Arc<Account> {
        let new = || Account::within(account, self.process.limit() / TENANT_SHARE);
        let key = (token.clone(), tenant.clone());
        self.by_tenant.lock().entry(key).or_insert_with(new).clone()
    }

    /// Forgets the tenants for whom no request runs.
    pub(crate) fn release_tenants(&self) {
        self.by_tenant.lock().retain(|_, account| Arc::strong_count(account) > 1);
    }

    /// Forgets the tokens that are not in `kept`, once they hold nothing.
    pub(crate) fn retain(&self, kept: impl Fn(&str) -> bool) {
        self.by_token.lock().retain(|token, account| kept(token) || account.held() > 0);
    }
}

/// Memory that a response holds until it was sent, as an extension of the response.
#[derive(Clone)]
pub(crate) struct Held(#[expect(dead_code, reason = "it is released when dropped")] Arc<Charge>);

impl From<Charge> for Held {
    fn from(charge: Charge) -> Self {
        Self(Arc::new(charge))
    }
}

/// Why a body is not held, and what helps.
pub(crate) fn refusal(exceeded: Exceeded) -> String {
    match exceeded {
        Exceeded::Account { limit } => format!(
            "the bodies of this caller's requests and responses hold as much of the memory limit as \
             one token or tenant may have, {} MiB; call less at a time, or raise host.memory in the \
             policy file",
            limit >> 20
        ),
        Exceeded::Process { limit } => format!(
            "the calls that are running leave too little of the host's memory limit, {} MiB; raise \
             host.memory in the policy file, or call less",
            limit >> 20
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_token_holds_at_most_a_quarter_of_the_memory() {
        let accounts = Accounts::new(MemoryLimit::new(100));
        let charge = accounts.of("a").charge(25).unwrap();
        assert_eq!(accounts.of("a").charge(1).unwrap_err(), Exceeded::Account { limit: 25 });
        accounts.retain(|_| false);
        assert!(accounts.of("a").charge(1).is_err(), "it still holds memory");
        assert!(accounts.of("b").charge(25).is_ok());
        drop(charge);
        accounts.retain(|_| false);
        assert!(accounts.by_token.lock().is_empty());
    }
}
