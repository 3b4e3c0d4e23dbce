//! What one datasource may do, and the decisions.

use crate::{Access, ActionName, Class, CredentialScope, Denial, Host, Limits, Origin, Rule, TablePattern, classify};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// What one datasource may do. The default allows nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Origins that requests may go to.
    pub egress: Vec<Origin>,
    /// Networks, beside the public ones, that those origins may resolve to.
    pub networks: Vec<IpNet>,
    /// The most that actions may do.
    pub access: Access,
    /// The only actions, where it is given.
    pub actions: Option<Vec<ActionName>>,
    /// The only tables, where it is given.
    pub tables: Option<Vec<TablePattern>>,
    /// Credential scopes that keys are derived for.
    pub signing: Option<Vec<CredentialScope>>,
    /// Whether instances serve several calls.
    pub isolation: Option<Isolation>,
    /// Bounds on each call.
    pub limits: Limits,
}

/// Whether an instance of a plugin serves several calls of its datasource. It never serves two datasources.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Isolation {
    /// Warm instances. They keep datasources apart, not the users of one datasource.
    Reuse,
    /// An instance for each call.
    Fresh,
}

impl Policy {
    /// Whether a request may go to `origin`.
    ///
    /// # Errors
    /// The origin is not listed.
    pub fn judge_origin(&self, origin: &Origin) -> Result<(), Denial> {
        if let Host::Address(address) = origin.host()
            && classify(*address) == Class::Metadata
        {
            return self.judge_addresses(origin, &[*address]);
        }
        if self.egress.contains(origin) {
            return Ok(());
        }
        let message = format!("{origin} is not on the list of origins that this datasource may reach");
        Err(Denial::new(Rule::Egress, origin.to_string(), message, allow("egress", &self.egress, &origin.to_string())))
    }

    /// Whether `origin`, which resolved to `addresses`, may be dialled. One address that may not be reached spoils all.
    ///
    /// # Errors
    /// The first address that may not be reached.
    pub fn judge_addresses(&self, origin: &Origin, addresses: &[IpAddr]) -> Result<(), Denial> {
        for &address in addresses {
            match classify(address) {
                Class::Public => {}
                Class::Metadata => {
                    let message = format!("{origin} is at {address}, which hands out credentials of the machine");
                    let remedy = "nothing allows a plugin to reach a metadata service; take the origin off the list";
                    return Err(Denial::new(Rule::Metadata, origin.to_string(), message, remedy));
                }
                Class::Special(_) if self.networks.iter().any(|network| network.contains(&address)) => {}
                Class::Special(kind) => {
                    let message = format!("{origin} is at {address}, which is not a public address but {kind}");
                    let block = IpNet::from(address);
                    return Err(Denial::new(
                        Rule::Networks,
                        origin.to_string(),
                        message,
                        allow("networks", &self.networks, &block.to_string()),
                    ));
                }
            }
        }
        Ok(())
    }

    /// Whether an action of class `access` may run. `None` is an action whose class nobody states: it must be
    /// listed by name.
    ///
    /// # Errors
    /// The action is not listed, or above the ceiling.
    pub fn judge_action(&self, action: &ActionName, access: Option<Access>) -> Result<(), Denial> {
        let listed = self.actions.as_ref().is_some_and(|actions| actions.contains(action));
        if self.actions.is_some() && !listed {
            let message = format!("{action} is not on the list of actions of this datasource");
            let remedy = allow("actions", self.actions.as_deref().unwrap_or_default(), action.as_str());
            return Err(Denial::new(Rule::Actions, action.as_str(), message, remedy));
        }
        match access {
            None if !listed => {
                let message = format!("the plugin's manifest does not know {action}, so what it does cannot be told");
                let remedy = allow("actions", self.actions.as_deref().unwrap_or_default(), action.as_str());
                Err(Denial::new(Rule::Actions, action.as_str(), message, remedy))
            }
            Some(access) => self.judge_access(action, access),
            None => Ok(()),
        }
    }

    /// Whether `access` is within the ceiling.
    ///
    /// # Errors
    /// It is above it.
    pub fn judge_access(&self, action: &ActionName, access: Access) -> Result<(), Denial> {
        if access <= self.access {
            return Ok(());
        }
        let message = format!("{action} needs access {access}, and this datasource has {}", self.access);
        Err(Denial::new(Rule::Access, action.as_str(), message, format!("access = \"{access}\"")))
    }

    /// Whether a table may be named.
    ///
    /// # Errors
    /// The table is not listed.
    pub fn judge_table(&self, table: &str) -> Result<(), Denial> {
        let Some(tables) = &self.tables else { return Ok(()) };
        if tables.iter().any(|pattern| pattern.matches(table)) {
            return Ok(());
        }
        let shown: String = table.chars().take(256).collect();
        let message = format!("table {shown:?} is not on the list of tables of this datasource");
        Err(Denial::new(Rule::Tables, shown.clone(), message, allow("tables", tables, &shown)))
    }

    /// Whether a key may be derived for a scope. `own` are the scopes that follow from the datasource itself, where
    /// the policy lists none.
    ///
    /// # Errors
    /// The scope is not allowed.
    pub fn judge_scope(&self, scope: &CredentialScope, own: &[CredentialScope]) -> Result<(), Denial> {
        let allowed = self.signing.as_deref().unwrap_or(own);
        if allowed.contains(scope) {
            return Ok(());
        }
        let message = format!("no signing key may be derived for {scope}");
        Err(Denial::new(Rule::Signing, scope.to_string(), message, allow("signing", allowed, &scope.to_string())))
    }
}

/// The line of policy that lists `known` and `more`.
fn allow<T: ToString>(key: &str, known: &[T], more: &str) -> String {
    let mut entries: Vec<String> = known.iter().map(ToString::to_string).collect();
    entries.push(more.to_string());
    let quoted: Vec<String> = entries.iter().map(|entry| format!("{entry:?}")).collect();
    format!("{key} = [{}]", quoted.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(text: &str) -> Policy {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn nothing_is_allowed_by_default() {
        let policy = Policy::default();
        assert_eq!(policy.judge_origin(&"https://example.com".parse().unwrap()).unwrap_err().rule, Rule::Egress);
        assert_eq!(policy.judge_scope(&"eu-west-1/dynamodb".parse().unwrap(), &[]).unwrap_err().rule, Rule::Signing);
        assert_eq!(policy.judge_action(&"PutItem".parse().unwrap(), Some(Access::Write)).unwrap_err().rule, Rule::Access);
    }

    #[test]
    fn an_origin_is_matched_by_scheme_host_and_port() {
        let policy = policy(r#"egress = ["https://dynamodb.eu-west-1.amazonaws.com"]"#);
        assert!(policy.judge_origin(&"https://dynamodb.eu-west-1.amazonaws.com:443".parse().unwrap()).is_ok());
        for other in [
            "http://dynamodb.eu-west-1.amazonaws.com",
            "https://dynamodb.eu-west-1.amazonaws.com:8443",
            "https://x.dynamodb.eu-west-1.amazonaws.com",
            "https://evildynamodb.eu-west-1.amazonaws.com",
            "https://dynamodb.eu-west-1.amazonaws.com.evil.example",
        ] {
            let denial = policy.judge_origin(&other.parse().unwrap()).unwrap_err();
            assert_eq!(denial.remedy, format!("egress = [\"https://dynamodb.eu-west-1.amazonaws.com\", \"{other}\"]"));
        }
    }

    #[test]
    fn the_remedy_is_policy_that_allows_what_was_refused() {
        let origin: Origin = "http://127.0.0.1:8000".parse().unwrap();
        let address = ["127.0.0.1".parse().unwrap()];
        let first = Policy::default().judge_origin(&origin).unwrap_err().remedy;
        let second = policy(&first).judge_addresses(&origin, &address).unwrap_err().remedy;
        let both = policy(&format!("{first}\n{second}"));
        assert!(both.judge_origin(&origin).is_ok() && both.judge_addresses(&origin, &address).is_ok());
        let action: ActionName = "PutItem".parse().unwrap();
        let remedy = both.judge_action(&action, Some(Access::Write)).unwrap_err().remedy;
        assert!(policy(&remedy).judge_action(&action, Some(Access::Write)).is_ok());
    }

    #[test]
    fn one_private_address_spoils_a_mixed_answer() {
        let policy = policy(r#"egress = ["https://example.com"]"#);
        let origin = &policy.egress[0];
        let mixed = ["8.8.8.8".parse().unwrap(), "10.0.0.1".parse().unwrap()];
        assert_eq!(policy.judge_addresses(origin, &mixed).unwrap_err().rule, Rule::Networks);
        assert!(policy.judge_addresses(origin, &mixed[..1]).is_ok());
    }

    #[test]
    fn metadata_addresses_are_refused_even_within_a_listed_network() {
        let policy = policy(r#"networks = ["169.254.0.0/16", "fd00::/8", "::/0", "0.0.0.0/0"]"#);
        let origin: Origin = "http://metadata.example".parse().unwrap();
        for address in ["169.254.169.254", "fd00:ec2::254", "::ffff:169.254.169.254"] {
            assert_eq!(policy.judge_addresses(&origin, &[address.parse().unwrap()]).unwrap_err().rule, Rule::Metadata);
        }
    }

    #[test]
    fn a_list_of_actions_narrows_the_ceiling_and_never_widens_it() {
        let policy = policy("access = \"read\"\nactions = [\"GetItem\", \"PutItem\", \"NewAction\"]");
        let judge = |name: &str, access| policy.judge_action(&name.parse().unwrap(), access).map_err(|denial| denial.rule);
        assert_eq!(judge("GetItem", Some(Access::Read)), Ok(()));
        assert_eq!(judge("Query", Some(Access::Read)), Err(Rule::Actions));
        assert_eq!(judge("PutItem", Some(Access::Write)), Err(Rule::Access));
        assert_eq!(judge("NewAction", None), Ok(()));
        assert_eq!(Policy::default().judge_action(&"NewAction".parse().unwrap(), None).unwrap_err().rule, Rule::Actions);
    }
}
