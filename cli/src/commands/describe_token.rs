//! What `portcullis check` shows of a token.

use super::describe_template::describe_quota;
use portcullis_config::{NamePattern, Token};
use std::borrow::Borrow;
use std::time::SystemTime;

/// Describes what a token allows at the time `now`, as keys and values. What has no row is not
/// allowed.
pub(super) fn describe(token: &Token, now: SystemTime) -> Vec<(&'static str, String)> {
    let mut rows = vec![("may use", may_use(token))];
    if !token.templates.is_empty() {
        rows.push(("may fill in", templates(&token.templates)));
    }
    if !token.manage.is_empty() {
        let names = named(&token.manage, "datasources of any name");
        rows.push(("may save", format!("{names}; it may also use, read and delete these")));
    }
    if let Some(tenant) = tenant(token) {
        rows.push(("tenant", tenant));
    }
    rows.push(("actions", actions(token)));
    if token.operator {
        let rights =
            "yes: it may reload the policy, read metrics, and disable and enable datasources";
        rows.push(("operator", rights.to_string()));
    }
    if !token.calls.is_unlimited() {
        rows.push(("calls", format!("at most {}", describe_quota(token.calls))));
    }
    rows.push(("expires", expires(token, now)));
    if token.sha256.iter().count() > 1 {
        rows.push(("sha256", "two digests: the old and the new token are accepted".to_string()));
    }
    rows
}

fn may_use(token: &Token) -> String {
    match (token.datasources.as_slice(), token.manage.as_slice()) {
        ([], []) => "no datasource".to_string(),
        ([], _) => "no datasource other than those that it may save".to_string(),
        (patterns, _) => named(patterns, "all datasources"),
    }
}

/// The datasources that patterns stand for: `all` if that is every name.
fn named(patterns: &[NamePattern], all: &str) -> String {
    if patterns.iter().any(|pattern| pattern.prefix() == Some("")) {
        return all.to_string();
    }
    let names: Vec<&str> = patterns
        .iter()
        .filter(|pattern| pattern.prefix().is_none())
        .map(NamePattern::as_str)
        .collect();
    let prefixes: Vec<&str> = patterns.iter().filter_map(NamePattern::prefix).collect();
    let exact = listed("datasource", &names);
    let begins = format!("all datasources whose names begin with {}", prefixes.join(" or "));
    match (names.is_empty(), prefixes.is_empty()) {
        (_, true) => exact,
        (true, false) => begins,
        (false, false) => format!("{exact}, and {begins}"),
    }
}

fn templates(names: &[String]) -> String {
    if names.iter().any(|name| name == "*") {
        return "all templates".to_string();
    }
    listed("template", names)
}

/// Names of one kind, as in `the templates a, b`.
fn listed<T: Borrow<str>>(kind: &str, names: &[T]) -> String {
    let plural = if names.len() == 1 { "" } else { "s" };
    format!("the {kind}{plural} {}", names.join(", "))
}

/// For which tenants it may speak. None if it has to do with no tenant.
fn tenant(token: &Token) -> Option<String> {
    match (&token.tenant, token.tenants) {
        (Some(tenant), _) => Some(format!("{tenant}, and no other")),
        (None, Some(_)) => {
            Some("any: each request names its tenant in the header x-portcullis-tenant".to_string())
        }
        (None, None) if token.templates.is_empty() && token.manage.is_empty() => None,
        (None, None) => {
            let reach =
                "none: only templates that need no tenant, and datasources saved without one";
            Some(reach.to_string())
        }
    }
}

fn actions(token: &Token) -> String {
    match token.actions.as_deref() {
        None => "all that the datasource allows".to_string(),
        Some([]) => "none".to_string(),
        Some(actions) => {
            let names: Vec<String> = actions.iter().map(ToString::to_string).collect();
            format!("only {}", names.join(", "))
        }
    }
}

fn expires(token: &Token, now: SystemTime) -> String {
    match token.expires {
        None => "never".to_string(),
        Some(expires) if token.is_expired(now) => {
            format!("EXPIRED on {expires}: the server refuses the token")
        }
        Some(expires) => format!("on {expires}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_config::PolicyFile;

    /// The rows of a token with these keys, each as `key: value`.
    fn rows(keys: &str) -> Vec<String> {
        let text = format!("[server.tokens.app]\nsha256 = \"{}\"\n{keys}\n", "0f".repeat(32));
        let file = PolicyFile::parse(&text).unwrap_or_else(|error| panic!("{error}:\n{text}"));
        let token = &file.server.unwrap().tokens["app"];
        let rows = describe(token, SystemTime::UNIX_EPOCH);
        rows.into_iter().map(|(key, value)| format!("{key}: {value}")).collect()
    }

    #[test]
    fn each_row_says_one_thing_that_the_token_allows() {
        for (keys, row) in [
            ("datasources = [\"a\", \"b\"]", "may use: the datasources a, b"),
            ("datasources = [\"a\", \"*\"]", "may use: all datasources"),
            (
                "datasources = [\"a\", \"b-*\", \"c-*\"]",
                "may use: the datasource a, and all datasources whose names begin with b- or c-",
            ),
            ("templates = [\"*\"]", "may fill in: all templates"),
            ("templates = [\"s\", \"t\"]", "may fill in: the templates s, t"),
            (
                "templates = [\"*\"]",
                "tenant: none: only templates that need no tenant, and datasources saved without one",
            ),
            ("datasources = [\"a\"]\ntenant = \"acme\"", "tenant: acme, and no other"),
            (
                "datasources = [\"a\"]\ntenants = \"any\"",
                "tenant: any: each request names its tenant in the header x-portcullis-tenant",
            ),
            (
                "manage = [\"a\"]",
                "may save: the datasource a; it may also use, read and delete these",
            ),
            ("actions = []", "actions: none"),
            (
                "operator = true",
                "operator: yes: it may reload the policy, read metrics, and disable and enable \
                 datasources",
            ),
        ] {
            let rows = rows(keys);
            assert!(rows.iter().any(|found| found == row), "{keys}: {rows:#?}");
        }
    }

    #[test]
    fn what_a_token_does_not_allow_has_no_row() {
        let rows = rows("");
        let expected =
            ["may use: no datasource", "actions: all that the datasource allows", "expires: never"];
        assert_eq!(rows, expected);
    }
}
