//! What one datasource may do, and the decisions.

use crate::{
    Access, ActionName, Class, CredentialScope, Denial, EgressRule, Host, Limits, Origin, Rule,
    TablePattern, classify,
};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// What one datasource may do. The default allows nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Origins that requests may go to, with methods and paths.
    pub egress: Vec<EgressRule>,
    /// Per origin, the networks beside the public ones that it may resolve to.
    pub networks: BTreeMap<Origin, Vec<IpNet>>,
    /// The most that actions may do.
    pub access: Access,
    /// The only actions, where it is given.
    pub actions: Option<Vec<ActionName>>,
    /// The only tables, where it is given.
    pub tables: Option<Vec<TablePattern>>,
    /// Credential scopes that keys are derived for.
    pub signing: Option<Vec<CredentialScope>>,
    /// Rules that are only observed: what they would refuse is written down and let pass. For a migration.
    pub observe: Vec<Observed>,
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

/// A rule that a policy may observe rather than enforce. Origins, addresses, bindings, the access ceiling and signing
/// scopes are always enforced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Observed {
    /// The list of actions.
    Actions,
    /// The methods of egress rules.
    Methods,
    /// The paths of egress rules.
    Paths,
    /// The list of tables.
    Tables,
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
        if self.rules_of(origin).next().is_some() {
            return Ok(());
        }
        let message =
            format!("{origin} is not on the list of origins that this datasource may reach");
        Err(Denial::new(
            Rule::Egress,
            origin.to_string(),
            message,
            allow("egress", &self.egress, &origin.to_string()),
        ))
    }

    /// Whether a request to `origin`, which is listed, may use `method`. The first of two questions: [`Self::judge_path`]
    /// is the other.
    ///
    /// # Errors
    /// No rule of the origin has the method.
    pub fn judge_method(&self, origin: &Origin, method: &str) -> Result<(), Denial> {
        if self.rules_of(origin).any(|rule| rule.allows_method(method)) {
            return Ok(());
        }
        let message = format!("{method} to {origin} is not allowed");
        Err(Denial::new(
            Rule::Methods,
            format!("{method} {origin}"),
            message,
            self.instead(origin, |rule| rule.and_method(method)),
        ))
    }

    /// Whether a request to `origin`, which is listed, may ask for `path`, its query left out. Rules that have the
    /// method are asked; all of them where none has, and methods are only observed.
    ///
    /// # Errors
    /// No rule of the origin and the method has the path.
    pub fn judge_path(&self, origin: &Origin, method: &str, path: &str) -> Result<(), Denial> {
        let has_method = |rule: &&EgressRule| rule.allows_method(method);
        let none_has = !self.rules_of(origin).any(|rule| has_method(&rule));
        if self
            .rules_of(origin)
            .any(|rule| (none_has || has_method(&rule)) && rule.allows_path(path))
        {
            return Ok(());
        }
        let shown: String = path.chars().take(200).collect();
        let message = format!("{method} {shown:?} at {origin} is not allowed");
        Err(Denial::new(
            Rule::Paths,
            format!("{origin}{shown}"),
            message,
            self.instead(origin, |rule| rule.with_path(path)),
        ))
    }

    fn rules_of<'p>(&'p self, origin: &'p Origin) -> impl Iterator<Item = &'p EgressRule> {
        self.egress.iter().filter(move |rule| rule.origin() == origin)
    }

    /// The line of policy with one more rule, made of the first one of `origin`.
    fn instead(&self, origin: &Origin, change: impl Fn(&EgressRule) -> EgressRule) -> String {
        let more = self
            .rules_of(origin)
            .next()
            .map_or_else(|| origin.to_string(), |rule| change(rule).to_string());
        allow("egress", &self.egress, &more)
    }

    /// Whether a refusal is only to be written down.
    #[must_use]
    pub fn observes(&self, denial: &Denial) -> bool {
        let observed = match denial.rule {
            Rule::Actions => Observed::Actions,
            Rule::Methods => Observed::Methods,
            Rule::Paths => Observed::Paths,
            Rule::Tables => Observed::Tables,
            _ => return false,
        };
        !denial.is_firm() && self.observe.contains(&observed)
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
                    let message = format!(
                        "{origin} is at {address}, which hands out credentials of the machine"
                    );
                    let remedy = "nothing allows a plugin to reach a metadata service; take the origin off the list";
                    return Err(Denial::new(Rule::Metadata, origin.to_string(), message, remedy));
                }
                Class::Special(_)
                    if self.networks.get(origin).is_some_and(|networks| {
                        networks.iter().any(|block| block.contains(&address))
                    }) => {}
                Class::Special(kind) => {
                    let message = format!(
                        "{origin} is at {address}, which is not a public address but {kind}"
                    );
                    return Err(Denial::new(
                        Rule::Networks,
                        origin.to_string(),
                        message,
                        self.and_network(origin, address),
                    ));
                }
            }
        }
        Ok(())
    }

    /// The line of policy that lets `origin` be at `address` too.
    fn and_network(&self, origin: &Origin, address: IpAddr) -> String {
        let mut networks = self.networks.clone();
        networks.entry(origin.clone()).or_default().push(address.into());
        let entries = networks.iter().map(|(origin, blocks)| {
            let blocks: Vec<String> = blocks.iter().map(|block| format!("\"{block}\"")).collect();
            format!("\"{origin}\" = [{}]", blocks.join(", "))
        });
        format!("networks = {{ {} }}", entries.collect::<Vec<_>>().join(", "))
    }

    /// Whether an action of class `access` may run. `None` is an action whose class nobody states: it must be
    /// listed by name.
    ///
    /// # Errors
    /// The action is not listed, or above the ceiling.
    pub fn judge_action(&self, action: &ActionName, access: Option<Access>) -> Result<(), Denial> {
        let known: &[ActionName] = self.actions.as_deref().unwrap_or_default();
        let listed = known.contains(action);
        // The ceiling first: a list that is only observed must not hide it.
        match access {
            None if !listed => {
                let message = format!(
                    "the plugin's manifest does not know {action}, so what it does cannot be told"
                );
                let remedy = allow("actions", known, action.as_str());
                return Err(Denial::new(Rule::Actions, action.as_str(), message, remedy).firm());
            }
            Some(access) => self.judge_access(action, access)?,
            None => {}
        }
        if self.actions.is_none() || listed {
            return Ok(());
        }
        let message = format!("{action} is not on the list of actions of this datasource");
        Err(Denial::new(
            Rule::Actions,
            action.as_str(),
            message,
            allow("actions", known, action.as_str()),
        ))
    }

    /// Whether `access` is within the ceiling.
    ///
    /// # Errors
    /// It is above it.
    pub fn judge_access(&self, action: &ActionName, access: Access) -> Result<(), Denial> {
        if access <= self.access {
            return Ok(());
        }
        let message =
            format!("{action} needs access {access}, and this datasource has {}", self.access);
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
    pub fn judge_scope(
        &self,
        scope: &CredentialScope,
        own: &[CredentialScope],
    ) -> Result<(), Denial> {
        let allowed = self.signing.as_deref().unwrap_or(own);
        if allowed.contains(scope) {
            return Ok(());
        }
        let message = format!("no signing key may be derived for {scope}");
        Err(Denial::new(
            Rule::Signing,
            scope.to_string(),
            message,
            allow("signing", allowed, &scope.to_string()),
        ))
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
        assert_eq!(
            policy.judge_origin(&"https://example.com".parse().unwrap()).unwrap_err().rule,
            Rule::Egress
        );
        assert_eq!(
            policy.judge_scope(&"eu-west-1/dynamodb".parse().unwrap(), &[]).unwrap_err().rule,
            Rule::Signing
        );
        assert_eq!(
            policy.judge_action(&"PutItem".parse().unwrap(), Some(Access::Write)).unwrap_err().rule,
            Rule::Access
        );
    }

    #[test]
    fn an_origin_is_matched_by_scheme_host_and_port() {
        let policy = policy(r#"egress = ["https://dynamodb.eu-west-1.amazonaws.com"]"#);
        assert!(
            policy
                .judge_origin(&"https://dynamodb.eu-west-1.amazonaws.com:443".parse().unwrap())
                .is_ok()
        );
        for other in [
            "http://dynamodb.eu-west-1.amazonaws.com",
            "https://dynamodb.eu-west-1.amazonaws.com:8443",
            "https://x.dynamodb.eu-west-1.amazonaws.com",
            "https://evildynamodb.eu-west-1.amazonaws.com",
            "https://dynamodb.eu-west-1.amazonaws.com.evil.example",
        ] {
            let denial = policy.judge_origin(&other.parse().unwrap()).unwrap_err();
            assert_eq!(
                denial.remedy,
                format!("egress = [\"https://dynamodb.eu-west-1.amazonaws.com\", \"{other}\"]")
            );
        }
    }

    #[test]
    fn the_remedy_is_policy_that_allows_what_was_refused() {
        let origin: Origin = "http://127.0.0.1:8000".parse().unwrap();
        let address = ["127.0.0.1".parse().unwrap()];
        let first = Policy::default().judge_origin(&origin).unwrap_err().remedy;
        let second = policy(&first).judge_addresses(&origin, &address).unwrap_err().remedy;
        let both = policy(&format!("{first}\n{second}"));
        assert!(
            both.judge_origin(&origin).is_ok() && both.judge_addresses(&origin, &address).is_ok()
        );
        let action: ActionName = "PutItem".parse().unwrap();
        let remedy = both.judge_action(&action, Some(Access::Write)).unwrap_err().remedy;
        assert!(policy(&remedy).judge_action(&action, Some(Access::Write)).is_ok());
    }

    #[test]
    fn one_private_address_spoils_a_mixed_answer() {
        let policy = policy(r#"egress = ["https://example.com"]"#);
        let origin = &policy.egress[0];
        let mixed = ["8.8.8.8".parse().unwrap(), "10.0.0.1".parse().unwrap()];
        let origin = origin.origin();
        assert_eq!(policy.judge_addresses(origin, &mixed).unwrap_err().rule, Rule::Networks);
        assert!(policy.judge_addresses(origin, &mixed[..1]).is_ok());
    }

    #[test]
    fn metadata_addresses_are_refused_even_within_a_listed_network() {
        let policy = policy(
            r#"networks = { "http://metadata.example" = ["169.254.0.0/16", "fd00::/8", "::/0", "0.0.0.0/0"] }"#,
        );
        let origin: Origin = "http://metadata.example".parse().unwrap();
        for address in ["169.254.169.254", "fd00:ec2::254", "::ffff:169.254.169.254"] {
            assert_eq!(
                policy.judge_addresses(&origin, &[address.parse().unwrap()]).unwrap_err().rule,
                Rule::Metadata
            );
        }
    }

    #[test]
    fn a_network_is_open_to_the_origin_it_stands_with_and_to_no_other() {
        let policy = policy(
            "egress = [\"http://a\", \"http://b\"]\nnetworks = { \"http://a\" = [\"10.0.0.0/8\"] }",
        );
        let judge = |origin: &str, address: &str| {
            policy.judge_addresses(&origin.parse().unwrap(), &[address.parse().unwrap()])
        };
        assert!(judge("http://a", "10.1.2.3").is_ok());
        assert_eq!(
            judge("http://b", "10.1.2.3").unwrap_err().remedy,
            r#"networks = { "http://a" = ["10.0.0.0/8"], "http://b" = ["10.1.2.3/32"] }"#
        );
        assert!(
            judge("http://a", "192.168.0.1").is_err() && judge("http://a:81", "10.1.2.3").is_err()
        );
    }

    #[test]
    fn methods_and_paths_are_judged_and_the_remedy_allows_them() {
        let first = policy(r#"egress = ["GET https://a.example/v1/*", "POST https://a.example/"]"#);
        let origin: Origin = "https://a.example".parse().unwrap();
        assert!(
            first.judge_method(&origin, "POST").is_ok()
                && first.judge_path(&origin, "POST", "/").is_ok()
        );
        assert_eq!(first.judge_path(&origin, "POST", "/v1/x").unwrap_err().rule, Rule::Paths);
        let refused = first.judge_method(&origin, "DELETE").unwrap_err();
        assert_eq!(refused.rule, Rule::Methods);
        let second = policy(&refused.remedy);
        assert!(second.judge_method(&origin, "DELETE").is_ok());
        let refused = second.judge_path(&origin, "DELETE", "/v2").unwrap_err();
        let third = policy(&refused.remedy);
        assert!(third.judge_path(&origin, "GET", "/v2").is_ok(), "{}", refused.remedy);
    }

    #[test]
    fn only_lists_of_actions_methods_paths_and_tables_can_be_observed() {
        let observing = policy(
            "observe = [\"actions\", \"methods\", \"paths\", \"tables\"]\nactions = [\"GetItem\"]\ntables = []",
        );
        let query =
            observing.judge_action(&"Query".parse().unwrap(), Some(Access::Read)).unwrap_err();
        assert!(observing.observes(&query) && !Policy::default().observes(&query));
        assert!(observing.observes(&observing.judge_table("t").unwrap_err()));
        for firm in [
            observing.judge_action(&"PutItem".parse().unwrap(), Some(Access::Write)).unwrap_err(),
            observing.judge_action(&"NewAction".parse().unwrap(), None).unwrap_err(),
            observing.judge_origin(&"https://a.example".parse().unwrap()).unwrap_err(),
            observing.judge_scope(&"eu-west-1/dynamodb".parse().unwrap(), &[]).unwrap_err(),
        ] {
            assert!(!observing.observes(&firm), "{firm}");
        }
        for wrong in ["egress", "networks", "access", "binding", "signing"] {
            assert!(
                toml::from_str::<Policy>(&format!("observe = [\"{wrong}\"]")).is_err(),
                "{wrong}"
            );
        }
    }

    #[test]
    fn a_list_of_actions_narrows_the_ceiling_and_never_widens_it() {
        let policy =
            policy("access = \"read\"\nactions = [\"GetItem\", \"PutItem\", \"NewAction\"]");
        let judge = |name: &str, access| {
            policy.judge_action(&name.parse().unwrap(), access).map_err(|denial| denial.rule)
        };
        assert_eq!(judge("GetItem", Some(Access::Read)), Ok(()));
        assert_eq!(judge("Query", Some(Access::Read)), Err(Rule::Actions));
        assert_eq!(judge("PutItem", Some(Access::Write)), Err(Rule::Access));
        assert_eq!(judge("NewAction", None), Ok(()));
        assert_eq!(
            Policy::default().judge_action(&"NewAction".parse().unwrap(), None).unwrap_err().rule,
            Rule::Actions
        );
    }
}
