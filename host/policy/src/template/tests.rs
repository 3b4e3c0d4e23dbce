//! What templates accept, and that no settings lead out of them.

use super::*;
use proptest::prelude::*;

const TEMPLATE: &str = r#"
    settings = { region = ["eu-west-1", "us-*"], format = ["typed", "plain"], retries = { min = 1, max = 5 }, strict = "boolean" }
    fixed-settings = { verifyChecksums = true }
    credentials = { from = "caller" }
    egress = ["https://dynamodb.{region}.amazonaws.com", "POST https://{tenant}.db.example:8443/v1/*"]
    signing = ["{region}/dynamodb"]
    access = "write"
    tables = ["{tenant}_*", "shared"]
"#;

fn template(text: &str) -> Template {
    toml::from_str(text).unwrap()
}

fn refused(text: &str) -> String {
    toml::from_str::<Template>(text).unwrap_err().message().to_string()
}

fn settings(pairs: &[(&str, &str)]) -> TenantSettings {
    pairs.iter().map(|(name, value)| (*name, SettingValue::Text((*value).to_string()))).collect()
}

fn tenant(name: &str) -> TenantName {
    name.parse().unwrap()
}

#[test]
fn a_filled_template_is_an_ordinary_policy() {
    let mut given = settings(&[("region", "us-east-1"), ("format", "plain")]);
    given = given
        .iter()
        .map(|(name, value)| (name.to_string(), value.clone()))
        .chain([("retries".to_string(), SettingValue::Whole(3))])
        .collect();
    let filled = template(TEMPLATE).fill(Some(&tenant("acme")), &given).unwrap();
    let policy: Policy = toml::from_str(
        r#"
        egress = ["https://dynamodb.us-east-1.amazonaws.com", "POST https://acme.db.example:8443/v1/*"]
        signing = ["us-east-1/dynamodb"]
        access = "write"
        tables = ["acme_*", "shared"]
        "#,
    )
    .unwrap();
    assert_eq!(filled.policy, policy);
    let settings = toml::from_str(
        "region = 'us-east-1'\nformat = 'plain'\nretries = 3\nverifyChecksums = true",
    );
    assert_eq!(filled.settings, settings.unwrap());
    assert_eq!(filled.credentials, FilledCredentials::Caller);
}

#[test]
fn every_fault_is_named_with_what_was_expected() {
    let given = TenantSettings::from_iter([
        ("region", SettingValue::Text("eu-central-1".to_string())),
        ("retries", SettingValue::Whole(9)),
        ("strict", SettingValue::Other("null")),
        ("endpoint", SettingValue::Text("https://evil.example".to_string())),
        ("verifyChecksums", SettingValue::Boolean(false)),
        ("a/b", SettingValue::Boolean(false)),
    ]);
    let error = template(TEMPLATE).fill(Some(&tenant("acme")), &given).unwrap_err();
    let faults: Vec<(&str, &str)> = error
        .faults()
        .iter()
        .map(|fault| (fault.pointer.as_str(), fault.message.as_str()))
        .collect();
    let unknown = "unknown setting; this template has format, region, retries, strict";
    assert_eq!(
        faults,
        [
            ("/a~1b", unknown),
            ("/endpoint", unknown),
            ("/region", "expected \"eu-west-1\" or \"us-*\", found \"eu-central-1\""),
            ("/retries", "expected a whole number from 1 to 5, found 9"),
            ("/strict", "expected true or false, found null"),
            ("/verifyChecksums", "the operator has set it; leave it out"),
        ]
    );
    let error = template(TEMPLATE).fill(Some(&tenant("acme")), &settings(&[])).unwrap_err();
    assert_eq!(error.to_string(), "/region: it is missing; expected \"eu-west-1\" or \"us-*\"");
}

#[test]
fn a_tenant_is_needed_where_the_template_names_it() {
    let with = template(TEMPLATE);
    let given = settings(&[("region", "eu-west-1")]);
    assert!(with.needs_tenant() && with.is_required("region") && !with.is_required("format"));
    assert_eq!(with.fill(None, &given), Err(FillError::NoTenant));
    // Upper-case letters would be another spelling of the same host.
    for wrong in ["Acme", "a.b", "a_b", "-a", "xn--acme"] {
        let Ok(name) = wrong.parse() else { continue };
        let error = with.fill(Some(&name), &given).unwrap_err();
        assert!(matches!(error, FillError::Tenant(_)), "{wrong}: {error}");
    }
    let without = template("settings = { a = ['x'] }\negress = ['https://{a}.example']");
    assert!(!without.needs_tenant());
    assert!(without.fill(None, &settings(&[("a", "x")])).is_ok());
}

#[test]
fn rules_that_do_not_fit_together_are_refused() {
    for (text, reason) in [
        ("settings = { tenant = ['a'] }", "settings.tenant is not possible"),
        ("settings = { a = ['x'] }\nfixed-settings = { a = 'x' }", "keep it in one of them"),
        ("egress = ['https://{region}.example']", "egress has {region}, but settings"),
        (
            "settings = { n = { min = 1, max = 2 } }\negress = ['https://{n}.example']",
            "list of texts",
        ),
        (
            "settings = { a = ['x', 'Y'] }\negress = ['https://{a}.example']",
            "the allowed value \"Y\"",
        ),
        (
            "settings = { a = ['x.*'] }\negress = ['https://{a}.example']",
            "the allowed value \"x.*\"",
        ),
        ("settings = { a = ['x-*'] }\ntables = ['{a}-*']", "which ends {a}"),
        ("credentials = { from = 'caller' }", "signing is missing"),
        ("networks = { 'https://a.example' = ['10.0.0.0/8'] }", "but egress does not"),
        (
            "egress = ['https://a.example:443']\nnetworks = { 'https://b.example' = ['10.0.0.0/8'] }",
            "but egress does not",
        ),
        ("observe = ['tables']", "unknown field `observe`"),
        ("credentials = { from = 'caller', id = 'x' }", "only from = \"caller\""),
        ("credentials = { from = 'callers' }", "unknown variant `callers`"),
        (
            "signing = ['a/b']\ncredentials = { from = 'role', arn = 'arn:{tenant}', source = { from = 'env' } }",
            "credentials.arn has a brace",
        ),
        (
            "signing = ['a/b']\ncredentials = { from = 'env', prefix = '{tenant}' }",
            "credentials.prefix has a brace",
        ),
    ] {
        let message = refused(text);
        assert!(message.contains(reason), "{text}: {message}");
    }
}

#[test]
fn a_role_is_assumed_with_the_tenants_own_id() {
    let text = r#"
        signing = ["eu-west-1/dynamodb"]
        [credentials]
        from = "role"
        arn = "arn:aws:iam::123456789012:role/tenant"
        external-id = "portcullis:{tenant}"
        session-name = "{tenant}"
        source = { from = "env" }
    "#;
    let role = template(text);
    let filled = role.fill(Some(&tenant("acme")), &TenantSettings::default()).unwrap();
    let FilledCredentials::Source(CredentialSource::Role { external_id, session_name, .. }) =
        filled.credentials
    else {
        panic!("it is a role")
    };
    assert_eq!(
        (external_id.as_deref(), session_name.as_deref()),
        (Some("portcullis:acme"), Some("acme"))
    );
    let error = role.fill(Some(&tenant("a")), &TenantSettings::default()).unwrap_err();
    assert!(error.to_string().contains("2 to 64 letters"), "{error}");
    assert!(!error.to_string().contains("portcullis:"), "the external ID is not shown: {error}");
    let written = toml::Table::try_from(&role).unwrap();
    assert_eq!(Template::deserialize(written).unwrap(), role);
}

#[test]
fn the_same_origin_may_be_written_in_two_ways() {
    let text = "egress = ['https://a.example:443/v1/*']\nnetworks = { 'https://a.example' = ['10.0.0.0/8'] }";
    assert_eq!(template(text).rules().networks.len(), 1);
}

#[test]
fn a_secret_in_the_wrong_place_is_not_shown() {
    let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    let given = settings(&[("region", secret)]);
    let error = template(TEMPLATE).fill(Some(&tenant("acme")), &given).unwrap_err();
    assert!(!error.to_string().contains(&secret[..10]), "{error}");
}

#[test]
fn json_settings_are_parsed_once_with_all_their_faults() {
    let parsed: TenantSettings = toml::from_str("a = 'x'\nb = 1\nc = [1]\nd = { e = 1 }").unwrap();
    assert_eq!(parsed.get("a"), Some(&SettingValue::Text("x".to_string())));
    assert_eq!(parsed.get("c"), Some(&SettingValue::Other("a list")));
    assert_eq!(parsed.get("d"), Some(&SettingValue::Other("an object")));
    let twice = settings(&[("region", "eu-west-1"), ("region", "eu-west-1")]);
    assert_eq!(twice.get("region"), Some(&SettingValue::Other("two values")));
    let many = (0..1000).map(|number| (format!("n{number}"), SettingValue::Boolean(true)));
    let many: TenantSettings = many.collect();
    assert!(many.iter().count() < 100);
    assert!(!template(TEMPLATE).faults(&many).is_empty());
}

/// The slow reference: whether `text` is in the language of `pattern`, and with which values. It
/// tries every length of every placeholder.
fn decodings(pattern: &str, text: &str) -> Vec<BTreeMap<String, String>> {
    if let Some(rest) = pattern.strip_prefix('{') {
        let (name, rest) = rest.split_once('}').unwrap();
        return (0..=text.len())
            .filter(|end| text.is_char_boundary(*end))
            .flat_map(|end| {
                let (value, after) = text.split_at(end);
                decodings(rest, after).into_iter().filter_map(move |mut values| {
                    let known = values.insert(name.to_string(), value.to_string());
                    known.is_none_or(|known| known == value).then_some(values)
                })
            })
            .collect();
    }
    match (pattern.chars().next(), text.chars().next()) {
        (None, None) => vec![BTreeMap::new()],
        (Some(expected), Some(found)) if expected == found => {
            decodings(&pattern[expected.len_utf8()..], &text[found.len_utf8()..])
        }
        _ => Vec::new(),
    }
}

/// The slow reference: whether a text may stand for a region.
fn is_region(text: &str) -> bool {
    let label = text.split('.').count() == 1
        && text.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '-'))
        && !text.ends_with('-');
    text == "eu-west-1" || (text.starts_with("us-") && text.len() > 3 && text.len() <= 63 && label)
}

/// The slow reference: whether a text may stand for a tenant of the template above.
fn is_tenant(text: &str) -> bool {
    let label = text.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '-'));
    let edge = text.starts_with('-') || text.ends_with('-');
    !text.is_empty() && text.len() <= 63 && label && !edge && !text.starts_with("xn--")
}

fn nasty() -> impl Strategy<Value = String> {
    prop_oneof![
        "(eu-west-1|us-)[-a-zA-Z0-9.*@:%/\\\\#?_{} \u{430}\u{ff0e}\u{0}\n]{0,8}",
        "us-[a-z0-9-]{0,66}",
        "[-a-z0-9.@:/]{0,6}(eu-west-1)?",
        "[a-z0-9-]{0,5}",
        ".{0,6}",
    ]
}

proptest! {
    #[test]
    fn no_settings_yield_what_the_template_does_not_describe(
        region in nasty(),
        name in nasty(),
        other in nasty(),
    ) {
        let template = template(TEMPLATE);
        let given = settings(&[("region", &region)]);
        let fill = |name: &str| {
            name.parse().ok().and_then(|name| template.fill(Some(&name), &given).ok())
        };
        let filled = fill(&name);
        // The reference decides on the values alone, and so does the template.
        prop_assert_eq!(filled.is_some(), is_region(&region) && is_tenant(&name));
        let Some(filled) = filled else { return Ok(()) };
        let FilledTemplate { policy, settings, .. } = filled;
        let rules = template.rules();
        for (pattern, rule) in rules.egress.iter().zip(&policy.egress) {
            let found = decodings(&pattern.to_string(), &rule.to_string());
            prop_assert_eq!(found.len(), 1, "{} is {}", rule, pattern);
            for (key, value) in &found[0] {
                prop_assert_eq!(value, if key == "tenant" { &name } else { &region });
            }
            let origin = rule.origin().to_string();
            prop_assert!(rule.to_string().contains(&origin));
        }
        let scopes = policy.signing.clone().unwrap();
        prop_assert_eq!(scopes[0].to_string(), format!("{region}/dynamodb"));
        let tables = policy.tables.clone().unwrap();
        prop_assert_eq!(tables[0].to_string(), format!("{name}_*"));
        prop_assert_eq!(settings["region"].as_str(), Some(region.as_str()));
        // No table belongs to two tenants.
        if let Some(others) = fill(&other).filter(|_| other != name) {
            let theirs = others.policy.tables.unwrap()[0].to_string();
            let (mine, theirs) = (format!("{name}_"), theirs.trim_end_matches('*').to_string());
            prop_assert!(!mine.starts_with(&theirs) && !theirs.starts_with(&mine));
        }
    }

    #[test]
    fn parsing_patterns_never_panics(text in ".{0,40}") {
        let _ = text.parse::<Pattern<EgressRule>>();
        let _ = text.parse::<Pattern<TablePattern>>();
        let _ = text.parse::<Pattern<CredentialScope>>();
        let _ = text.parse::<Pattern<ExternalId>>();
        let _ = text.parse::<Choice>();
    }

    #[test]
    fn a_written_pattern_parses_to_an_equal_one(
        text in "(https://)?[a-z.]{0,6}(\\{[a-z]{0,3}\\})?[a-z./_-]{0,6}(\\{[a-z]{1,3}\\})?[a-z*/]{0,4}",
    ) {
        if let Ok(pattern) = text.parse::<Pattern<EgressRule>>() {
            prop_assert_eq!(pattern.to_string().parse::<Pattern<EgressRule>>().unwrap(), pattern);
        }
        if let Ok(pattern) = text.parse::<Pattern<TablePattern>>() {
            prop_assert_eq!(pattern.to_string().parse::<Pattern<TablePattern>>().unwrap(), pattern);
        }
    }
}
