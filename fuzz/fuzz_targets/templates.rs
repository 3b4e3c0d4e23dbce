//! Templates and what tenants fill in: no text makes the parsers panic, and no settings lead to an
//! origin, a table or a signing scope that the template does not name. The first line of the input is
//! the tenant, the second one the settings, and the rest, if there is any, another template.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_config::PolicyFile;
use portcullis_policy::{Template, TenantName, TenantSettings};

/// The template of the documentation, with two placeholders.
const TEMPLATE: &str = r#"
settings = { region = ["eu-west-1", "us-*"], table = ["*"], tries = { min = 1, max = 5 } }
credentials = { from = "caller" }
egress = ["https://dynamodb.{region}.amazonaws.com"]
signing = ["{region}/dynamodb"]
tables = ["{tenant}_*", "shared_{table}"]
"#;

fuzz_target!(|text: &str| {
    let mut lines = text.splitn(3, '\n');
    let tenant = lines.next().and_then(|name| name.parse::<TenantName>().ok());
    let settings = lines.next().unwrap_or_default();
    if let Some(rest) = lines.next() {
        // It must not panic; what it allows is for its own author to say.
        let _ = PolicyFile::parse(&format!("[templates.t]\nplugin = \"dynamodb\"\n{rest}"));
    }
    let Ok(settings) = serde_json::from_str::<TenantSettings>(settings) else { return };
    let template: Template = toml::from_str(TEMPLATE).expect("it is a template");
    let Ok(filled) = template.fill(tenant.as_ref(), &settings) else { return };
    let tenant = tenant.expect("the template needs one");
    let label = |text: &str| {
        !text.is_empty()
            && text
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    for rule in &filled.policy.egress {
        let text = rule.to_string();
        let region = text
            .strip_prefix("https://dynamodb.")
            .and_then(|rest| rest.strip_suffix(".amazonaws.com"));
        let region = region.expect("the origin is in the template's domain");
        assert!(label(region), "{text}");
        assert!(region == "eu-west-1" || region.starts_with("us-"), "{text}");
    }
    for table in filled.policy.tables.iter().flatten() {
        let text = table.to_string();
        assert!(
            text == format!("{tenant}_*") || (text.starts_with("shared_") && !text.contains('*')),
            "{text}"
        );
    }
    for scope in filled.policy.signing.iter().flatten() {
        let text = scope.to_string();
        let region = text.strip_suffix("/dynamodb").expect("the service is fixed");
        assert!(label(region), "{text}");
    }
});
