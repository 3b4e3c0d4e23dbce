//! What `portcullis check` shows of a template.

use portcullis::Template;
use portcullis::policy::{FilledTemplate, TemplateCredentials, TemplateRules};
use portcullis_config::{CallQuota, TemplateEntry};
use std::fmt::Display;

/// Describes a template, as keys and values, with an example filled in.
pub(super) fn describe(entry: &TemplateEntry) -> Vec<(&'static str, String)> {
    let rules = entry.template.rules();
    let credentials = match &rules.credentials {
        None => "none".to_string(),
        Some(TemplateCredentials::Caller) => "those of the caller".to_string(),
        Some(TemplateCredentials::Source(source)) => source.to_string(),
        Some(TemplateCredentials::Role(role)) => role.to_string(),
    };
    let tenant = if entry.template.needs_tenant() { "needed: {tenant}" } else { "not needed" };
    let mut rows = vec![("tenant", tenant.to_string()), ("credentials", credentials)];
    for (name, allowed) in &rules.settings {
        let need = if entry.template.is_required(name) { "" } else { " (optional)" };
        rows.push(("setting", format!("{name}{need}: {allowed}")));
    }
    for (name, value) in &rules.fixed_settings {
        let value = serde_json::to_string(value).unwrap_or_default();
        rows.push(("setting", format!("{name} is {value}")));
    }
    rows.extend([
        ("may reach", list(&rules.egress, "nothing")),
        ("networks", networks(rules)),
        ("access", rules.access.to_string()),
        (
            "actions",
            rules.actions.as_ref().map_or_else(
                || format!("all with access {} or lower", rules.access),
                |actions| list(actions, "none"),
            ),
        ),
        ("tables", rules.tables.as_ref().map_or("all".to_string(), |all| list(all, "none"))),
        ("signs for", list(&rules.signing, "nothing")),
    ]);
    let limits = &rules.limits;
    rows.push((
        "limits",
        format!(
            "per call: {}, {} of memory, {} requests; {} concurrent calls of a tenant",
            humantime::format_duration(limits.deadline),
            limits.memory,
            limits.requests,
            limits.concurrent_calls
        ),
    ));
    for (key, quota) in [("calls", entry.calls), ("  a tenant", entry.tenant_calls)] {
        if !quota.is_unlimited() {
            rows.push((key, describe_quota(quota)));
        }
    }
    if let Some(ca) = entry.tls.as_ref().and_then(|tls| tls.ca.as_ref()) {
        rows.push(("tls", format!("trusts only {}", ca.display())));
    }
    rows.extend(example(&entry.template));
    rows
}

/// A quota in words.
pub(super) fn describe_quota(quota: CallQuota) -> String {
    let rate = quota.per_second.map(|calls| format!("{calls} per second"));
    let concurrent = quota.concurrent.map(|calls| format!("{calls} at the same time"));
    list(&rate.into_iter().chain(concurrent).collect::<Vec<_>>(), "any number")
}

fn networks(rules: &TemplateRules) -> String {
    let each = rules
        .networks
        .iter()
        .map(|(origin, blocks)| format!("{origin} at {}", list(blocks, "no address")));
    list(&each.collect::<Vec<_>>(), "public addresses only")
}

/// An example, filled in.
fn example(template: &Template) -> Vec<(&'static str, String)> {
    let settings = template.example();
    let tenant = Template::example_tenant();
    // It was filled in when the template was read, too.
    let Ok(FilledTemplate { policy, .. }) = template.fill(Some(&tenant), &settings) else {
        return Vec::new();
    };
    let mut given: Vec<String> =
        settings.iter().map(|(name, value)| format!("{name} = {value}")).collect();
    if template.needs_tenant() {
        given.insert(0, format!("tenant {tenant}"));
    }
    let mut rows = vec![
        ("for example", list(&given, "no settings")),
        ("  may reach", list(&policy.egress, "nothing")),
    ];
    if let Some(tables) = &policy.tables {
        rows.push(("  tables", list(tables, "none")));
    }
    rows.push(("  signs for", list(policy.signing.as_deref().unwrap_or_default(), "nothing")));
    rows
}

fn list<T: Display>(items: &[T], none: &str) -> String {
    if items.is_empty() {
        return none.to_string();
    }
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
