//! `portcullis token`: generates a token, and the policy lines that accept it.

use crate::args::Token;
use crate::commands::actions::unknown_action;
use crate::failure::Failure;
use crate::out::out;
use dynamodb_plugin::catalogue::operation;
use portcullis_server::random_hex;
use sha2::{Digest, Sha256};
use std::time::SystemTime;

pub(crate) fn run(arguments: &Token) -> Result<(), Failure> {
    let name = &arguments.name;
    if name.is_empty()
        || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    {
        return Err(Failure::usage(format!(
            "{name:?} is not a valid token name; expected letters, digits, - and _"
        )));
    }
    if arguments.datasource.iter().any(|name| name.is_empty() || name.contains(',')) {
        return Err(Failure::usage("--datasource takes one name; repeat it for further ones"));
    }
    if let Some(unknown) = arguments.actions.iter().find(|action| operation(action).is_none()) {
        return Err(unknown_action(unknown));
    }
    if let Some(expires) = arguments.expires.filter(|expires| expires.time() <= SystemTime::now()) {
        return Err(Failure::usage(format!("--expires {expires} has passed already")));
    }
    // Only characters that an access key id may have, because SDKs pass the token as one.
    let token = format!("pcl_{}", random_hex::<24>());
    // Only the policy lines go to standard output, so that a shell can append them to the policy:
    // `portcullis token app >> portcullis.toml`.
    eprintln!(
        "{token}\nThis is the token for {name:?}. It is not stored and cannot be shown again. Add \
         these lines to the policy file:"
    );
    let digest = hex::encode(Sha256::digest(&token));
    for line in policy_lines(arguments, &digest) {
        out!("{line}")?;
    }
    let may_use_none = [&arguments.datasource, &arguments.template, &arguments.manage];
    if may_use_none.iter().all(|names| names.is_empty()) {
        eprintln!(
            "The token may use no datasource. List some in `datasources`, or give --datasource \
             NAME; --datasource '*' gives all."
        );
    }
    Ok(())
}

/// The lines of the policy file that accept the token with this digest.
fn policy_lines(arguments: &Token, digest: &str) -> Vec<String> {
    let mut lines = vec![
        format!("[server.tokens.{}]", arguments.name),
        format!("sha256 = {}", quoted(digest)),
        format!("datasources = {}", list(&arguments.datasource)),
    ];
    if !arguments.template.is_empty() {
        lines.push(format!("templates = {}", list(&arguments.template)));
    }
    if let Some(tenant) = &arguments.tenant {
        lines.push(format!("tenant = {}", quoted(tenant.as_str())));
    }
    if arguments.any_tenant {
        lines.push("tenants = \"any\"".to_string());
    }
    if !arguments.manage.is_empty() {
        lines.push(format!("manage = {}", list(&arguments.manage)));
    }
    if !arguments.actions.is_empty() {
        lines.push(format!("actions = {}", list(&arguments.actions)));
    }
    if let Some(expires) = arguments.expires {
        lines.push(format!("expires = {expires}"));
    }
    if arguments.operator {
        lines.push("operator = true".to_string());
    }
    lines
}

fn list(texts: &[String]) -> String {
    let texts: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
    format!("[{}]", texts.join(", "))
}

/// A text as TOML. Its basic strings have the escapes of JSON, and do not allow DEL either.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_config::PolicyFile;

    #[test]
    fn policy_lines_are_valid_toml_whatever_the_arguments_contain() {
        let odd: String = ('\0'..='\u{a0}').chain(['\u{2028}', '\u{202e}', 'é', '😀']).collect();
        let arguments = Token {
            name: "app-1_x".to_string(),
            datasource: vec![odd.clone(), "*".to_string()],
            template: vec![odd.clone()],
            tenant: Some("acme".parse().unwrap()),
            any_tenant: false,
            manage: vec!["acme_*".to_string()],
            actions: vec!["GetItem".to_string(), "Query".to_string()],
            operator: true,
            expires: Some("9999-12-31T00:00:00+00:00".parse().unwrap()),
        };
        let text = policy_lines(&arguments, &"0f".repeat(32)).join("\n");
        let file = PolicyFile::parse(&text).unwrap_or_else(|error| panic!("{error}:\n{text}"));
        let token = &file.server.unwrap().tokens["app-1_x"];
        assert_eq!(token.templates, arguments.template);
        assert_eq!(token.datasources, [odd.into(), "*".into()]);
        assert_eq!(token.tenant.as_ref().unwrap().as_str(), "acme");
        assert!(token.allows_managing("acme_orders") && !token.allows_managing("other"));
        assert_eq!(token.actions.as_ref().unwrap().len(), 2);
        assert_eq!((token.operator, token.expires), (true, arguments.expires));
    }

    #[test]
    fn a_token_may_do_nothing_that_is_not_given() {
        let arguments = Token {
            name: "app".to_string(),
            datasource: Vec::new(),
            template: Vec::new(),
            tenant: None,
            any_tenant: false,
            manage: Vec::new(),
            actions: Vec::new(),
            operator: false,
            expires: None,
        };
        let lines = policy_lines(&arguments, "ff");
        assert_eq!(lines, ["[server.tokens.app]", "sha256 = \"ff\"", "datasources = []"]);
    }
}
