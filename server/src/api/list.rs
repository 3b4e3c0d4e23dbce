//! The list of datasources: those of the policy, and those that callers have saved.

use super::handlers::{admit, json_response};
use super::input::{Pairs, fields, wrong_field};
use super::problem::Problem;
use crate::auth::Caller;
use crate::deployment::{Condition, Served};
use crate::server::Server;
use crate::stored::{OpenStore, StoreFailure};
use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use portcullis::{TenantName, TenantSettings};
use portcullis_store::{Entry, Listed, Saved, Whose};
use serde_json::{Value, json};
use std::ops::Bound;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

/// The most datasources in one response, and as many without `limit`. 1,000: some 200 KB.
const MOST: usize = 1000;
/// How many times as many saved datasources are looked at, for a token that may use few of them.
const LOOKED_AT: usize = 10;
/// The fewest that are read at a time. 100: as fast as one.
const FEWEST: usize = 100;

/// Lists the datasources that the caller may use, in the order of their names. An operator sees why
/// some cannot be used.
pub(super) async fn datasources(
    State(server): State<Arc<Server>>,
    Extension(caller): Extension<Caller>,
    query: Pairs,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let page = Page::from_query(query)?;
    let after = page.after.as_deref();
    let from = after.map_or(Bound::Unbounded, Bound::Excluded);
    let policy = caller.deployment.datasources.range::<str, _>((from, Bound::Unbounded));
    let mut list: Vec<(String, Value)> = policy
        .filter(|(name, _)| caller.may_use(name))
        .take(page.limit + 1)
        .map(|(name, served)| (name.clone(), of_policy(name, served, &caller)))
        .collect();
    let tenant = caller.tenant(&headers)?;
    let _admitted = admit(&server, &caller)?;
    let name = Some(caller.name()).filter(|name| !name.is_empty());
    let mut document = json!({"operator": caller.is_operator(), "caller": name, "tenant": tenant});
    let mut next = None;
    if let Some(store) = server.stored.store() {
        match saved(store, &caller, tenant, after, page.limit).await {
            Ok((saved, more)) => {
                document["store"] = match store.failing() {
                    Some(failure) => state_of_store("failing", &failure, &caller),
                    None => json!({"state": "ready"}),
                };
                next = more;
                list.extend(saved.iter().map(|(entry, readable)| {
                    let described = match entry {
                        Entry::Readable(saved) => describe(&server, &caller, saved, *readable),
                        Entry::Damaged { name, reason } => damaged(name, reason),
                    };
                    (entry.name().to_string(), described)
                }));
            }
            Err(failure) => {
                document["store"] = state_of_store("unavailable", &failure, &caller);
            }
        }
    }
    // A saved datasource that one of the policy hides comes after it.
    list.sort_by(|(one, _), (other, _)| one.cmp(other));
    if let Some(end) = &next {
        // What comes later is on a later page.
        list.retain(|(name, _)| name <= end);
    }
    if let Some((last, _)) = list.get(page.limit - 1).cloned()
        && list.len() > page.limit
    {
        // Two of one name stay together.
        list.retain(|(name, _)| *name <= last);
        next = Some(last);
    }
    if let Some(next) = next {
        document["next"] = next.into();
    }
    document["datasources"] = list.into_iter().map(|(_, described)| described).collect();
    Ok(json_response(document.to_string()))
}

/// What is wrong with the store. Only an operator gets the reason.
fn state_of_store(state: &str, failure: &StoreFailure, caller: &Caller) -> Value {
    if caller.is_operator() {
        return json!({"state": state, "reason": failure.to_string()});
    }
    json!({"state": state})
}

/// Which part of the list a request asks for.
struct Page {
    after: Option<String>,
    limit: usize,
}

impl Page {
    fn from_query(query: Pairs) -> Result<Self, Problem> {
        let [after, limit] = fields(query, ["after", "limit"])?;
        let number = |text: String| text.parse().ok().filter(|number| (1..=MOST).contains(number));
        let limit = match limit {
            None => MOST,
            Some(text) => number(text).ok_or_else(|| wrong_field("limit", "expected 1 to 1000"))?,
        };
        Ok(Self { after, limit })
    }
}

/// One more than `limit` saved datasources that the caller may use, each with whether its credentials
/// can be opened; and after which name more may follow if there are fewer.
async fn saved(
    store: &OpenStore,
    caller: &Caller,
    tenant: Option<TenantName>,
    after: Option<&str>,
    limit: usize,
) -> Result<(Vec<(Entry, bool)>, Option<String>), StoreFailure> {
    let is_for_all = caller.is_operator() && tenant.is_none();
    // A token may use few of those of its tenant.
    let most = (limit + 1).clamp(FEWEST, MOST);
    let mut found = Vec::new();
    let mut seen = after.map(str::to_string);
    for _ in 0..LOOKED_AT {
        let (tenant, from) = (tenant.clone(), seen.clone());
        let page = store.run(move |opened| {
            let whose = if is_for_all { Whose::All } else { Whose::Tenant(tenant.as_ref()) };
            let page = opened.store.list(whose, from.as_deref(), most)?;
            let readable = |entry: &Entry| match entry {
                Entry::Readable(saved) => saved.key.is_none_or(|key| opened.keys.has(key)),
                Entry::Damaged { .. } => false,
            };
            Ok(page.into_iter().map(|entry| (readable(&entry), entry)).collect::<Vec<_>>())
        });
        let page = page.await?;
        let is_last = page.len() < most;
        seen = page.last().map(|(_, entry)| entry.name().to_string());
        let usable = |name: &str| caller.may_use(name) || caller.may_manage(name);
        let page = page.into_iter().filter(|(_, entry)| usable(entry.name()));
        found.extend(page.map(|(readable, entry)| (entry, readable)));
        if is_last || found.len() > limit {
            found.truncate(limit + 1);
            return Ok((found, None));
        }
    }
    Ok((found, seen))
}

/// A datasource of the policy, as a caller sees it.
pub(super) fn of_policy(name: &str, source: &Served, caller: &Caller) -> Value {
    let policy = source.policy();
    let condition = source.condition();
    let mut listed = json!({
        "name": name,
        "origin": "policy",
        "plugin": source.plugin_name(),
        "access": policy.access.to_string(),
        "actions": policy.actions,
        "state": condition.as_str(),
    });
    if source.is_embedded() {
        listed["embedded"] = true.into();
    }
    if condition == Condition::Unavailable
        && caller.is_operator()
        && let Some(error) = source.failure()
    {
        listed["reason"] = error.to_string().into();
    }
    listed
}

/// A saved datasource, as a list shows it.
fn describe(server: &Server, caller: &Caller, saved: &Listed, readable: bool) -> Value {
    let name = saved.name.as_str();
    let deployment = &caller.deployment;
    let template = deployment.templates.get(&saved.template);
    let rules = template.map(|template| template.entry().template.rules());
    let mut described = json!({
        "name": name,
        "origin": "store",
        "plugin": template.and_then(|template| template.plugin_name()),
        "template": saved.template,
        "tenant": saved.tenant,
        "access": rules.map(|rules| rules.access.to_string()),
        "actions": rules.and_then(|rules| rules.actions.as_ref()),
        "state": Condition::Idle.as_str(),
        "created": time(saved.created),
        "changed": time(saved.changed),
    });
    if deployment.datasources.contains_key(name) {
        let reason = "the policy has a datasource of this name, and names in the policy win";
        unavailable(&mut described, reason);
    } else if template.is_none() {
        let reason =
            format!("its template {:?} is not in the policy file any more", saved.template);
        unavailable(&mut described, &reason);
    } else if !readable {
        let reason = match saved.key.filter(|_| caller.is_operator()) {
            Some(key) => format!(
                "its credentials are sealed with the key {key}, which server.store.key does not have, \
                 or were changed"
            ),
            None => UNREADABLE.to_string(),
        };
        unavailable(&mut described, &reason);
    } else if server.stored.is_disabled(&saved.name) {
        described["state"] = Condition::Disabled.as_str().into();
    } else if server.stored.is_connected(&saved.name, deployment) {
        described["state"] = Condition::Connected.as_str().into();
    }
    described
}

/// A saved datasource that cannot be read.
fn damaged(name: &str, reason: &str) -> Value {
    let mut described = json!({"name": name, "origin": "store", "plugin": null, "access": null});
    unavailable(&mut described, &format!("{reason}; restore the store from a backup"));
    described
}

const UNREADABLE: &str = "its credentials are sealed with a key that the server does not have, or \
                          were changed; save it again with credentials";

fn unavailable(described: &mut Value, reason: &str) {
    described["state"] = Condition::Unavailable.as_str().into();
    described["reason"] = reason.into();
}

/// A saved datasource with its settings. Of credentials it says only since when there are some.
pub(super) fn complete(server: &Server, caller: &Caller, saved: &Saved, readable: bool) -> Value {
    let mut described = describe(server, caller, &saved.listed(), readable);
    let settings: Result<TenantSettings, _> = serde_json::from_str(&saved.settings);
    let template = caller.deployment.templates.get(&saved.template);
    if let (Some(template), Ok(settings)) = (template, settings)
        && described.get("reason").is_none()
        && let Err(error) = template.entry().template.fill(saved.tenant.as_ref(), &settings)
    {
        unavailable(&mut described, &format!("it does not fit its template any more: {error}"));
    }
    described["settings"] = serde_json::from_str(&saved.settings).unwrap_or_default();
    described["credentials"] = match (&saved.sealed, saved.secret_since) {
        (Some(_), Some(since)) => json!({"since": time(since)}),
        (Some(_), None) => json!({}),
        (None, _) => Value::Null,
    };
    described
}

/// Seconds since the Unix epoch as RFC 3339, until the year 9999.
fn time(seconds: u64) -> String {
    const YEAR_9999: u64 = 253_402_300_799;
    let time = UNIX_EPOCH + Duration::from_secs(seconds.min(YEAR_9999));
    humantime::format_rfc3339_seconds(time).to_string()
}
