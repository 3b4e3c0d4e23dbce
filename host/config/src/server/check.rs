//! Whether the server can be started with a configuration.

use super::config::ServerConfig;
use super::digest::Digest;
use super::error::ServerConfigError;
use super::names::NamePattern;
use super::proxies::is_everyone;
use super::token::Token;
use crate::nearest::nearest;
use bytesize::ByteSize;
use portcullis_policy::MAX_DEADLINE;
use std::collections::{BTreeMap, BTreeSet};

/// The most concurrent connections that `server.connections` allows. 65,536: as many as one client
/// address has ports, and each takes some 20 KiB.
pub const MAX_CONNECTIONS: u32 = 65_536;
/// The largest `server.body-bytes`. 1 GiB: sixty times what `DynamoDB` accepts. A body is held in
/// memory as a whole.
pub const MAX_BODY_BYTES: ByteSize = ByteSize::gib(1);

const PUBLIC: &str = "public = true (or --public)";

impl ServerConfig {
    /// Checks that the server can be started with this configuration. `is_datasource` tells whether
    /// a datasource exists, and `needs_tenant` whether a template needs the name of a tenant; it
    /// returns `None` if there is no such template.
    ///
    /// # Errors
    /// Returns an error if `wire` or a token names a datasource or a template that does not exist,
    /// if a token has the digest of the empty text or that of another token, if it names a template
    /// that needs a tenant and has none, if it manages datasources and there is no store, if a limit is zero or larger than the server supports, if
    /// `trusted-proxies` contains every address, or if other machines can reach the server and it
    /// lacks `public = true`, a token or TLS.
    pub fn check(
        &self,
        is_datasource: impl Fn(&str) -> bool,
        needs_tenant: impl Fn(&str) -> Option<bool>,
    ) -> Result<(), ServerConfigError> {
        if let Some((address, name)) = self.wire.iter().find(|(_, name)| !is_datasource(name)) {
            return Err(ServerConfigError::UnknownWireDatasource {
                address: *address,
                datasource: name.clone(),
            });
        }
        self.check_tokens(is_datasource)?;
        self.check_tenants(needs_tenant)?;
        self.check_limits()?;
        if let Some(network) = self.trusted_proxies.iter().find(|network| is_everyone(network)) {
            return Err(ServerConfigError::TrustsEveryone { network: *network });
        }
        self.check_protection()
    }

    /// Checks that each action that a token lists is in `known`: the actions in the manifests of
    /// all plugins that are served. Otherwise a misspelt name would allow nothing, unnoticed.
    ///
    /// ```
    /// use portcullis_config::{Digest, ServerConfig, Token};
    ///
    /// let mut token = Token::new(Digest([1; 32]), ["orders"]);
    /// token.actions = Some(vec!["GetItems".parse()?]);
    /// let mut server = ServerConfig::default();
    /// server.tokens.insert("app".to_string(), token);
    /// let error = server.check_actions(&["GetItem", "Query"].into()).unwrap_err();
    /// assert!(error.to_string().ends_with("did you mean GetItem?"));
    /// # Ok::<(), portcullis_policy::NameError>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error that names the token, the first action that is not known, and the closest
    /// name that is.
    pub fn check_actions(&self, known: &BTreeSet<&str>) -> Result<(), ServerConfigError> {
        for (name, token) in &self.tokens {
            let mut listed = token.actions.iter().flatten();
            if let Some(action) = listed.find(|action| !known.contains(action.as_str())) {
                return Err(ServerConfigError::UnknownTokenAction {
                    token: name.clone(),
                    action: action.to_string(),
                    nearest: nearest(action.as_str(), known.iter().copied()).map(str::to_string),
                });
            }
        }
        Ok(())
    }

    fn check_tokens(&self, is_datasource: impl Fn(&str) -> bool) -> Result<(), ServerConfigError> {
        let mut holders: BTreeMap<&Digest, &String> = BTreeMap::new();
        for (name, token) in &self.tokens {
            let may_be_saved = |names: &NamePattern| self.store.is_some() && names.can_be_saved();
            let unknown = |names: &&NamePattern| {
                names.prefix().is_none() && !is_datasource(names.as_str()) && !may_be_saved(names)
            };
            if let Some(datasource) = token.datasources.iter().find(unknown) {
                return Err(ServerConfigError::UnknownTokenDatasource {
                    token: name.clone(),
                    datasource: datasource.to_string(),
                });
            }
            self.check_manage(name, token)?;
            for digest in token.sha256.iter() {
                if digest.is_of_nothing() {
                    return Err(ServerConfigError::EmptyToken { token: name.clone() });
                }
                match holders.insert(digest, name) {
                    Some(first) if first == name => {
                        return Err(ServerConfigError::DigestTwice { token: name.clone() });
                    }
                    Some(first) => {
                        return Err(ServerConfigError::SameToken {
                            first: first.clone(),
                            second: name.clone(),
                        });
                    }
                    None => {}
                }
            }
        }
        Ok(())
    }

    fn check_manage(&self, name: &str, token: &Token) -> Result<(), ServerConfigError> {
        let token_name = || name.to_string();
        if let Some(names) = token.manage.iter().find(|names| !names.can_be_saved()) {
            let names = names.to_string();
            return Err(ServerConfigError::ManagesNothing { token: token_name(), names });
        }
        if !token.manage.is_empty() && self.store.is_none() {
            return Err(ServerConfigError::NoStore { token: token_name() });
        }
        Ok(())
    }

    fn check_tenants(
        &self,
        needs_tenant: impl Fn(&str) -> Option<bool>,
    ) -> Result<(), ServerConfigError> {
        for (name, token) in &self.tokens {
            if token.tenant.is_some() && token.tenants.is_some() {
                return Err(ServerConfigError::TwoTenants { token: name.clone() });
            }
            let has_tenant = token.tenant.is_some() || token.tenants.is_some();
            for template in token.templates.iter().filter(|name| *name != "*") {
                let (token, template) = (name.clone(), template.clone());
                match needs_tenant(&template) {
                    None => return Err(ServerConfigError::UnknownTemplate { token, template }),
                    Some(true) if !has_tenant => {
                        return Err(ServerConfigError::NoTenant { token, template });
                    }
                    Some(_) => {}
                }
            }
        }
        Ok(())
    }

    fn check_limits(&self) -> Result<(), ServerConfigError> {
        let times = [
            ("header-timeout", self.header_timeout),
            ("body-timeout", self.body_timeout),
            ("idle-timeout", self.idle_timeout),
            ("reload-timeout", self.reload_timeout),
            ("drain-timeout", self.drain_timeout),
        ];
        // Without a drain timeout, calls end at once when the server stops.
        let may_be_zero = |key: &str| key == "drain-timeout";
        let zero = times.iter().map(|(key, time)| (*key, time.is_zero() && !may_be_zero(key)));
        let mut zero = zero.chain([
            ("connections", self.connections == 0),
            ("body-bytes", self.body_bytes.as_u64() == 0),
        ]);
        if let Some((key, _)) = zero.find(|(_, is_zero)| *is_zero) {
            return Err(ServerConfigError::Zero { key });
        }
        if let Some((key, _)) = times.iter().find(|(_, time)| *time > MAX_DEADLINE) {
            return Err(ServerConfigError::TooLong { key });
        }
        if self.connections > MAX_CONNECTIONS {
            let max = MAX_CONNECTIONS.to_string();
            return Err(ServerConfigError::TooLarge { key: "connections", max });
        }
        if self.body_bytes > MAX_BODY_BYTES {
            let max = MAX_BODY_BYTES.to_string();
            return Err(ServerConfigError::TooLarge { key: "body-bytes", max });
        }
        Ok(())
    }

    fn check_protection(&self) -> Result<(), ServerConfigError> {
        let mut addresses = std::iter::once(&self.listen).chain(self.wire.keys());
        if let Some(&address) = addresses.find(|address| !address.ip().is_loopback()) {
            let needed = [
                (self.public, PUBLIC),
                (!self.tokens.is_empty(), "a token, which `portcullis token NAME` makes"),
                (
                    self.tls.is_some(),
                    "tls = { certificate = \"server.pem\", key = \"server-key.pem\" }",
                ),
            ];
            let missing: Vec<&str> =
                needed.iter().filter(|(is_given, _)| !is_given).map(|(_, what)| *what).collect();
            if !missing.is_empty() {
                return Err(ServerConfigError::Unprotected { address, missing });
            }
        }
        // It shows only whether the server runs, so it needs consent, but neither a token nor TLS.
        match self.health {
            Some(address) if !address.ip().is_loopback() && !self.public => {
                Err(ServerConfigError::Unprotected { address, missing: vec![PUBLIC] })
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
