//! What `portcullis check` warns of: what is valid in a policy, and cannot work.

use portcullis::policy::{EgressRule, FilledTemplate, HostName};
use portcullis::{Origin, Policy, Rule, Template};
use portcullis_config::PolicyFile;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Returns the warnings for a policy file. Each names its datasource or template.
pub(super) fn of(file: &PolicyFile) -> Vec<String> {
    let mut warnings = Vec::new();
    for (name, entry) in &file.datasources {
        let refused = refused_origins(&entry.policy);
        warnings.extend(refused.iter().map(|warning| format!("datasource {name}: {warning}")));
    }
    for (name, entry) in &file.templates {
        let template = &entry.template;
        // It was filled in when the template was read, too.
        let filled = template.fill(Some(&Template::example_tenant()), &template.example());
        if let Ok(FilledTemplate { policy, .. }) = filled {
            let refused = refused_origins(&policy);
            warnings.extend(refused.iter().map(|warning| format!("template {name}: {warning}")));
        }
        let rules = template.rules();
        if rules.credentials.is_none() && !rules.signing.is_empty() {
            warnings.push(format!(
                "template {name}: it has signing and no credentials, so that no request is signed; \
                 for those of the caller, add credentials = {{ from = \"caller\" }}"
            ));
        }
    }
    warnings
}

/// The origins of a policy that it refuses because of their addresses, and why.
fn refused_origins(policy: &Policy) -> Vec<String> {
    let origins: BTreeSet<&Origin> = policy.egress.iter().map(EgressRule::origin).collect();
    origins.into_iter().filter_map(|origin| refused_origin(policy, origin)).collect()
}

fn refused_origin(policy: &Policy, origin: &Origin) -> Option<String> {
    let addresses: Vec<IpAddr> = match origin.host() {
        HostName::Address(address) => vec![*address],
        HostName::Name(name) if name == "localhost" => {
            vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]
        }
        // Only a server knows the addresses of other names.
        HostName::Name(_) => return None,
    };
    let check = |address: &IpAddr| policy.check_addresses(origin, &[*address]);
    if addresses.iter().any(|address| check(address).is_ok()) {
        return None;
    }
    let address = addresses.first()?;
    let denial = check(address).err()?;
    if !matches!(denial.rule, Rule::Networks) {
        return Some(format!("{}; {}", denial.message, denial.remedy));
    }
    // A call is refused if one of the addresses is.
    let networks = addresses
        .iter()
        .map(|address| format!("\"{address}/{}\"", if address.is_ipv4() { 32 } else { 128 }));
    let networks: Vec<String> = networks.collect();
    Some(format!(
        "{}, so that every call to it is refused; to allow it, add networks = {{ \"{origin}\" = \
         [{}] }}",
        denial.message,
        networks.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warnings(text: &str) -> Vec<String> {
        of(&PolicyFile::parse(text).unwrap_or_else(|error| panic!("{error}:\n{text}")))
    }

    #[test]
    fn what_cannot_work_is_named_with_its_remedy() {
        let template = "[templates.t]\nplugin = \"dynamodb\"\nsettings = { region = [\"us-*\"] }\n\
                        signing = [\"{region}/dynamodb\"]\n";
        let datasource = "[datasources.d]\nplugin = \"dynamodb\"\n";
        for (text, expected) in [
            (
                format!("{template}egress = [\"http://127.0.0.1:8000\"]"),
                &[
                    "template t: http://127.0.0.1:8000 is at an address that is not a public one: \
                     loopback, so that every call to it is refused; to allow it, add networks = { \
                     \"http://127.0.0.1:8000\" = [\"127.0.0.1/32\"] }",
                    "template t: it has signing and no credentials, so that no request is signed; \
                     for those of the caller, add credentials = { from = \"caller\" }",
                ][..],
            ),
            (
                format!(
                    "{datasource}egress = [\"GET http://[fd00::1]\", \"POST http://[fd00::1]\"]"
                ),
                &["datasource d: http://[fd00::1] is at an address that is not a public one: \
                     unique local (RFC 4193), so that every call to it is refused; to allow it, \
                     add networks = { \"http://[fd00::1]\" = [\"fd00::1/128\"] }"][..],
            ),
            (
                format!("{datasource}egress = [\"http://169.254.169.254\"]"),
                &["datasource d: http://169.254.169.254 is a metadata service that hands out the \
                     machine's credentials; no policy lets a plugin reach a metadata service; \
                     remove the origin from egress"][..],
            ),
        ] {
            assert_eq!(warnings(&text), expected, "{text}");
        }
        let localhost = warnings(&format!("{datasource}egress = [\"http://localhost:8000\"]"));
        assert!(localhost[0].contains("loopback"), "{localhost:?}");
    }

    #[test]
    fn what_can_work_gets_no_warning() {
        let works = "
[templates.t]
plugin = \"dynamodb\"
settings = { region = [\"us-*\"] }
signing = [\"{region}/dynamodb\"]
credentials = { from = \"caller\" }
egress = [\"https://dynamodb.{region}.amazonaws.com\", \"http://localhost:8000\"]
networks = { \"http://localhost:8000\" = [\"::1/128\"] }

[datasources.d]
plugin = \"dynamodb\"
egress = [\"http://127.0.0.1:8000\", \"https://8.8.8.8\", \"https://internal.example\"]
networks = { \"http://127.0.0.1:8000\" = [\"127.0.0.0/8\"] }
";
        let warnings = warnings(works);
        assert!(warnings.is_empty(), "{warnings:?}");
    }
}
