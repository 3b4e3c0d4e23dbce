//! The policy of one datasource, and its checks.

use crate::address::{Class, classify};
use crate::denial::{Denial, Rule};
use crate::egress::EgressRule;
use crate::limits::Limits;
use crate::names::{Access, ActionName, TablePattern};
use crate::origin::{HostName, Origin};
use crate::scope::CredentialScope;
use crate::table::TableName;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// What one datasource may do. The default allows no request.
///
/// Each `check_*` method answers one question and returns a [`Denial`] if the policy does not allow
/// what was asked. The host asks in this order: action, origin, method, path, and, when the name is
/// resolved, addresses.
///
/// The struct is exhaustive, so that `Policy { access: Access::Write, ..Policy::default() }` works.
/// A later version may add fields: do not list them all.
///
/// ```
/// use portcullis_policy::{Access, Origin, Policy, Rule};
///
/// let origin: Origin = "https://dynamodb.eu-west-1.amazonaws.com".parse()?;
/// let policy = Policy { egress: vec![origin.clone().into()], ..Policy::default() };
/// assert!(policy.check_origin(&origin).is_ok());
///
/// // The default access class is `read`.
/// let denial = policy.check_action(&"PutItem".parse()?, Some(Access::Write)).unwrap_err();
/// assert_eq!((denial.rule, &*denial.remedy), (Rule::Access, r#"access = "write""#));
///
/// // A public name must not resolve to a private address.
/// let denial = policy.check_addresses(&origin, &["10.0.0.1".parse()?]).unwrap_err();
/// assert_eq!(denial.rule, Rule::Networks);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Origins that requests may go to, optionally with methods and a path. An empty list denies
    /// all requests.
    pub egress: Vec<EgressRule>,
    /// For each origin, the special networks that it may resolve to in addition to public
    /// addresses.
    pub networks: BTreeMap<Origin, Vec<IpNet>>,
    /// The highest access class of actions allowed.
    pub access: Access,
    /// The actions allowed. `None` allows all that `access` allows.
    pub actions: Option<Vec<ActionName>>,
    /// The tables that requests may name. `None` allows all.
    pub tables: Option<Vec<TablePattern>>,
    /// Credential scopes for which signing keys may be derived. `None` allows the scopes that
    /// follow from the datasource's trusted settings.
    pub signing: Option<Vec<CredentialScope>>,
    /// Rules in report-only mode: requests that they would deny are allowed and recorded in the
    /// audit. Useful for migrations. The key in policy files is `observe`.
    #[serde(rename = "observe")]
    pub report_only: Vec<ReportOnly>,
    /// Whether an instance serves several calls. `None` means [`Isolation::Reuse`] for plugins that
    /// are built in or pinned by digest, and [`Isolation::Fresh`] for others.
    pub isolation: Option<Isolation>,
    /// Limits on each call.
    pub limits: Limits,
}

/// Whether an instance of a plugin serves several calls. It never serves two datasources.
///
/// The enum is exhaustive on purpose: an instance serves one call or several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Isolation {
    /// An instance serves several calls. This isolates datasources from each other, but not the
    /// users of one datasource.
    Reuse,
    /// Each call gets its own instance.
    Fresh,
}

/// A rule that a policy may put into report-only mode: requests that the rule would deny are
/// allowed and recorded in the audit.
///
/// Origins, addresses, the access class, signing scopes, and the binding of a request to its call
/// are always enforced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ReportOnly {
    /// The `actions` list.
    Actions,
    /// The methods of egress rules.
    Methods,
    /// The paths of egress rules.
    Paths,
    /// The `tables` list.
    Tables,
}

impl Policy {
    /// Checks that `egress` lists `origin`.
    ///
    /// # Errors
    /// Returns a denial if the origin is not listed, or if its host is the address of a metadata
    /// service.
    pub fn check_origin(&self, origin: &Origin) -> Result<(), Denial> {
        if let HostName::Address(address) = origin.host()
            && classify(*address) == Class::Metadata
        {
            return self.check_addresses(origin, &[*address]);
        }
        if self.rules_for(origin).next().is_some() {
            return Ok(());
        }
        let message =
            format!("{origin} is not on the list of origins that this datasource may reach");
        Err(Denial::new(
            Rule::Egress,
            origin.to_string(),
            message,
            allow("egress", &self.egress, &origin.to_string()),
        )
        .fix(self.setting_that_differs(origin)))
    }

    /// Says which part of `origin` differs, if `egress` lists one that is the same but for it: a
    /// region, most of the time.
    fn setting_that_differs(&self, origin: &Origin) -> Option<String> {
        self.egress.iter().find_map(|rule| {
            let listed = rule.origin();
            let (theirs, ours) = differing_label(origin, listed)?;
            Some(format!(
                "if the policy is right, change {theirs:?} to {ours:?} in the settings: egress lists \
                 {listed}"
            ))
        })
    }

    /// Checks that a request to `origin`, which is listed, may use `method`. Call
    /// [`Self::check_path`] next: the two together check a request.
    ///
    /// # Errors
    /// Returns a denial if no rule for the origin allows the method.
    pub fn check_method(&self, origin: &Origin, method: &str) -> Result<(), Denial> {
        if self.rules_for(origin).any(|rule| rule.allows_method(method)) {
            return Ok(());
        }
        let message = format!("no egress rule allows {method} requests to {origin}");
        Err(Denial::new(
            Rule::Methods,
            format!("{method} {origin}"),
            message,
            self.with_changed_rule(origin, |rule| rule.and_method(method)),
        ))
    }

    /// Checks that a request to `origin`, which is listed, may use `path`, which does not include
    /// the query. Only rules that allow `method` apply. If no rule does (methods are in report-only
    /// mode), all rules for the origin apply.
    ///
    /// # Errors
    /// Returns a denial if no rule for the origin and the method allows the path.
    pub fn check_path(&self, origin: &Origin, method: &str, path: &str) -> Result<(), Denial> {
        let no_rule_has_method = !self.rules_for(origin).any(|rule| rule.allows_method(method));
        if self.rules_for(origin).any(|rule| {
            (no_rule_has_method || rule.allows_method(method)) && rule.allows_path(path)
        }) {
            return Ok(());
        }
        let shown: String = path.chars().take(200).collect();
        let message =
            format!("no egress rule allows {method} requests to the path {shown:?} of {origin}");
        Err(Denial::new(
            Rule::Paths,
            format!("{origin}{shown}"),
            message,
            self.with_changed_rule(origin, |rule| rule.with_path(path)),
        ))
    }

    fn rules_for<'p>(&'p self, origin: &'p Origin) -> impl Iterator<Item = &'p EgressRule> {
        self.egress.iter().filter(move |rule| rule.origin() == origin)
    }

    /// Returns the `egress` line with one more rule: the first rule for `origin`, changed.
    fn with_changed_rule(
        &self,
        origin: &Origin,
        change: impl Fn(&EgressRule) -> EgressRule,
    ) -> String {
        let more = self
            .rules_for(origin)
            .next()
            .map_or_else(|| origin.to_string(), |rule| change(rule).to_string());
        allow("egress", &self.egress, &more)
    }

    /// Returns whether a denial is only recorded, because its rule is in report-only mode.
    #[must_use]
    pub fn is_report_only(&self, denial: &Denial) -> bool {
        let rule = match denial.rule {
            Rule::Actions => ReportOnly::Actions,
            Rule::Methods => ReportOnly::Methods,
            Rule::Paths => ReportOnly::Paths,
            Rule::Tables => ReportOnly::Tables,
            _ => return false,
        };
        !denial.is_always_enforced() && self.report_only.contains(&rule)
    }

    /// Returns the result of a check, but lets a denial pass if its rule is in report-only mode.
    /// `report` is called with that denial.
    ///
    /// # Errors
    /// Returns the denial if its rule is enforced.
    pub fn enforce(
        &self,
        checked: Result<(), Denial>,
        report: impl FnOnce(&Denial),
    ) -> Result<(), Denial> {
        match checked {
            Err(denial) if self.is_report_only(&denial) => {
                report(&denial);
                Ok(())
            }
            checked => checked,
        }
    }

    /// Checks that `origin`, which resolved to `addresses`, may be dialled. All addresses must be
    /// allowed, because a resolver could otherwise mix private addresses with public ones.
    ///
    /// # Errors
    /// Returns a denial if one of the addresses is not allowed.
    pub fn check_addresses(&self, origin: &Origin, addresses: &[IpAddr]) -> Result<(), Denial> {
        for &address in addresses {
            match classify(address) {
                Class::Public => {}
                Class::Metadata => {
                    let message = format!(
                        "{origin} is a metadata service that hands out the machine's credentials"
                    );
                    let remedy = "no policy lets a plugin reach a metadata service; remove the \
                                  origin from egress";
                    return Err(Denial::new(Rule::Metadata, origin.to_string(), message, remedy));
                }
                Class::Special(_)
                    if self.networks.get(origin).is_some_and(|networks| {
                        networks.iter().any(|block| block.contains(&address))
                    }) => {}
                Class::Special(kind) => {
                    let message =
                        format!("{origin} is at an address that is not a public one: {kind}");
                    return Err(Denial::new(
                        Rule::Networks,
                        origin.to_string(),
                        message,
                        self.with_network(origin, address),
                    ));
                }
            }
        }
        Ok(())
    }

    /// Returns the `networks` line that also allows `origin` to be at `address`.
    fn with_network(&self, origin: &Origin, address: IpAddr) -> String {
        let mut networks = self.networks.clone();
        networks.entry(origin.clone()).or_default().push(address.into());
        let entries = networks.iter().map(|(origin, blocks)| {
            let blocks: Vec<String> = blocks.iter().map(|block| format!("\"{block}\"")).collect();
            format!("\"{origin}\" = [{}]", blocks.join(", "))
        });
        format!("networks = {{ {} }}", entries.collect::<Vec<_>>().join(", "))
    }

    /// Checks that an action of class `access` may run. `None` means that the manifest does not
    /// state the action's class: such an action must be listed by name.
    ///
    /// # Errors
    /// Returns a denial if the action is not listed, or needs a higher access class.
    pub fn check_action(&self, action: &ActionName, access: Option<Access>) -> Result<(), Denial> {
        let known: &[ActionName] = self.actions.as_deref().unwrap_or_default();
        let listed = known.contains(action);
        // The access class is checked first: it is enforced even if the list is in report-only
        // mode.
        match access {
            None if !listed => {
                let message = format!(
                    "the plugin's manifest does not list {action}, so its access class is unknown"
                );
                let remedy = allow("actions", known, action.as_str());
                return Err(
                    Denial::new(Rule::Actions, action.as_str(), message, remedy).always_enforced()
                );
            }
            Some(access) => self.check_access(action, access)?,
            None => {}
        }
        if self.actions.is_none() || listed {
            return Ok(());
        }
        let message = format!("{action} is not in the actions list of this datasource");
        Err(Denial::new(
            Rule::Actions,
            action.as_str(),
            message,
            allow("actions", known, action.as_str()),
        ))
    }

    /// Checks that `action`, which needs the class `access`, is within the policy's access class.
    ///
    /// # Errors
    /// Returns a denial if the action needs a higher access class.
    pub fn check_access(&self, action: &ActionName, access: Access) -> Result<(), Denial> {
        if access <= self.access {
            return Ok(());
        }
        let message =
            format!("{action} needs {access} access, but this datasource has {}", self.access);
        Err(Denial::new(Rule::Access, action.as_str(), message, format!("access = \"{access}\"")))
    }

    /// Checks that a request may name `table`.
    ///
    /// # Errors
    /// Returns a denial if the table is not listed.
    pub fn check_table(&self, table: TableName<'_>) -> Result<(), Denial> {
        let Some(tables) = &self.tables else { return Ok(()) };
        if tables.iter().any(|pattern| pattern.matches(table)) {
            return Ok(());
        }
        let table = table.as_str();
        let shown: String = table.chars().take(200).collect();
        let message = format!("table {shown:?} is not in the tables list of this datasource");
        Err(Denial::new(Rule::Tables, shown, message, allow("tables", tables, table)))
    }

    /// The scopes that signing keys may be derived for. `own` are those that follow from the
    /// datasource's trusted settings. They apply if the policy has no `signing` list.
    #[must_use]
    pub fn allowed_scopes<'p>(&'p self, own: &'p [CredentialScope]) -> &'p [CredentialScope] {
        self.signing.as_deref().unwrap_or(own)
    }

    /// Checks that a signing key may be derived for `scope`: that it is one of the
    /// [allowed](Self::allowed_scopes).
    ///
    /// # Errors
    /// Returns a denial if the scope is not allowed.
    pub fn check_scope(
        &self,
        scope: &CredentialScope,
        own: &[CredentialScope],
    ) -> Result<(), Denial> {
        let allowed = self.allowed_scopes(own);
        if allowed.contains(scope) {
            return Ok(());
        }
        let message = format!("this datasource may not derive a signing key for {scope}");
        let other = allowed.iter().find(|known| known.service() == scope.service());
        let fix = other.map(|known| {
            format!(
                "if the policy is right, change the region {:?} to {:?} in the settings",
                scope.region(),
                known.region()
            )
        });
        Err(Denial::new(
            Rule::Signing,
            scope.to_string(),
            message,
            allow("signing", allowed, &scope.to_string()),
        )
        .fix(fix))
    }
}

/// The only label in which the host names of two origins differ, of the first and of the second.
/// Scheme and port are the same.
fn differing_label<'o>(a: &'o Origin, b: &'o Origin) -> Option<(&'o str, &'o str)> {
    let (HostName::Name(a_host), HostName::Name(b_host)) = (a.host(), b.host()) else {
        return None;
    };
    if (a.scheme(), a.port()) != (b.scheme(), b.port()) {
        return None;
    }
    let (a, b) = (a_host.split('.'), b_host.split('.'));
    if a.clone().count() != b.clone().count() {
        return None;
    }
    let mut differing = a.zip(b).filter(|(a, b)| a != b);
    let only = differing.next().filter(|_| differing.next().is_none())?;
    // Other labels are not in the settings as they are.
    let is_region =
        |label: &str| label.contains('-') && label.ends_with(|c: char| c.is_ascii_digit());
    (is_region(only.0) && is_region(only.1)).then_some(only)
}

/// Returns the line of policy that lists `known` and `more`.
fn allow<T: ToString>(key: &str, known: &[T], more: &str) -> String {
    let mut entries: Vec<String> = known.iter().map(ToString::to_string).collect();
    entries.push(more.to_string());
    let quoted: Vec<String> = entries.iter().map(|entry| format!("{entry:?}")).collect();
    format!("{key} = [{}]", quoted.join(", "))
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;
