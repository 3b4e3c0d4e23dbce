use super::*;

fn policy(text: &str) -> Policy {
    toml::from_str(text).unwrap()
}

#[test]
fn default_policy_allows_nothing() {
    let policy = Policy::default();
    assert_eq!(
        policy.check_origin(&"https://example.com".parse().unwrap()).unwrap_err().rule,
        Rule::Egress
    );
    assert_eq!(
        policy.check_scope(&"eu-west-1/dynamodb".parse().unwrap(), &[]).unwrap_err().rule,
        Rule::Signing
    );
    assert_eq!(
        policy.check_action(&"PutItem".parse().unwrap(), Some(Access::Write)).unwrap_err().rule,
        Rule::Access
    );
}

#[test]
fn origin_is_matched_by_scheme_host_and_port() {
    let policy = policy(r#"egress = ["https://dynamodb.eu-west-1.amazonaws.com"]"#);
    assert!(
        policy
            .check_origin(&"https://dynamodb.eu-west-1.amazonaws.com:443".parse().unwrap())
            .is_ok()
    );
    for other in [
        "http://dynamodb.eu-west-1.amazonaws.com",
        "https://dynamodb.eu-west-1.amazonaws.com:8443",
        "https://x.dynamodb.eu-west-1.amazonaws.com",
        "https://evildynamodb.eu-west-1.amazonaws.com",
        "https://dynamodb.eu-west-1.amazonaws.com.evil.example",
    ] {
        let denial = policy.check_origin(&other.parse().unwrap()).unwrap_err();
        assert_eq!(
            denial.remedy,
            format!("egress = [\"https://dynamodb.eu-west-1.amazonaws.com\", \"{other}\"]")
        );
    }
}

#[test]
fn remedy_is_a_policy_that_allows_what_was_denied() {
    let origin: Origin = "http://127.0.0.1:8000".parse().unwrap();
    let address = ["127.0.0.1".parse().unwrap()];
    let first = Policy::default().check_origin(&origin).unwrap_err().remedy;
    let second = policy(&first).check_addresses(&origin, &address).unwrap_err().remedy;
    let both = policy(&format!("{first}\n{second}"));
    assert!(both.check_origin(&origin).is_ok() && both.check_addresses(&origin, &address).is_ok());
    let action: ActionName = "PutItem".parse().unwrap();
    let remedy = both.check_action(&action, Some(Access::Write)).unwrap_err().remedy;
    assert!(policy(&remedy).check_action(&action, Some(Access::Write)).is_ok());
}

#[test]
fn one_private_address_among_public_ones_is_denied() {
    let policy = policy(r#"egress = ["https://example.com"]"#);
    let origin = &policy.egress[0];
    let mixed = ["8.8.8.8".parse().unwrap(), "10.0.0.1".parse().unwrap()];
    let origin = origin.origin();
    assert_eq!(policy.check_addresses(origin, &mixed).unwrap_err().rule, Rule::Networks);
    assert!(policy.check_addresses(origin, &mixed[..1]).is_ok());
}

#[test]
fn metadata_address_is_denied_even_in_a_listed_network() {
    let policy = policy(
        r#"[networks]
        "http://metadata.example" = ["169.254.0.0/16", "fd00::/8", "::/0", "0.0.0.0/0"]"#,
    );
    let origin: Origin = "http://metadata.example".parse().unwrap();
    for address in ["169.254.169.254", "fd00:ec2::254", "::ffff:169.254.169.254"] {
        assert_eq!(
            policy.check_addresses(&origin, &[address.parse().unwrap()]).unwrap_err().rule,
            Rule::Metadata
        );
    }
}

#[test]
fn network_is_allowed_only_for_its_origin() {
    let policy = policy(
        "egress = [\"http://a\", \"http://b\"]\nnetworks = { \"http://a\" = [\"10.0.0.0/8\"] }",
    );
    let check = |origin: &str, address: &str| {
        policy.check_addresses(&origin.parse().unwrap(), &[address.parse().unwrap()])
    };
    assert!(check("http://a", "10.1.2.3").is_ok());
    assert_eq!(
        check("http://b", "10.1.2.3").unwrap_err().remedy,
        r#"networks = { "http://a" = ["10.0.0.0/8"], "http://b" = ["10.1.2.3/32"] }"#
    );
    assert!(check("http://a", "192.168.0.1").is_err() && check("http://a:81", "10.1.2.3").is_err());
}

#[test]
fn remedy_allows_the_denied_method_or_path() {
    let first = policy(r#"egress = ["GET https://a.example/v1/*", "POST https://a.example/"]"#);
    let origin: Origin = "https://a.example".parse().unwrap();
    assert!(
        first.check_method(&origin, "POST").is_ok()
            && first.check_path(&origin, "POST", "/").is_ok()
    );
    assert_eq!(first.check_path(&origin, "POST", "/v1/x").unwrap_err().rule, Rule::Paths);
    let refused = first.check_method(&origin, "DELETE").unwrap_err();
    assert_eq!(refused.rule, Rule::Methods);
    let second = policy(&refused.remedy);
    assert!(second.check_method(&origin, "DELETE").is_ok());
    let refused = second.check_path(&origin, "DELETE", "/v2").unwrap_err();
    let third = policy(&refused.remedy);
    assert!(third.check_path(&origin, "GET", "/v2").is_ok(), "{}", refused.remedy);
}

#[test]
fn only_actions_methods_paths_and_tables_can_be_report_only() {
    let report_only = policy(
        "observe = ['actions', 'methods', 'paths', 'tables']\n\
         actions = ['GetItem']\ntables = []",
    );
    let query =
        report_only.check_action(&"Query".parse().unwrap(), Some(Access::Read)).unwrap_err();
    assert!(report_only.is_report_only(&query) && !Policy::default().is_report_only(&query));
    let table = TableName::parse("t").unwrap();
    assert!(report_only.is_report_only(&report_only.check_table(table).unwrap_err()));
    for enforced in [
        report_only.check_action(&"PutItem".parse().unwrap(), Some(Access::Write)).unwrap_err(),
        report_only.check_action(&"NewAction".parse().unwrap(), None).unwrap_err(),
        report_only.check_origin(&"https://a.example".parse().unwrap()).unwrap_err(),
        report_only.check_scope(&"eu-west-1/dynamodb".parse().unwrap(), &[]).unwrap_err(),
    ] {
        assert!(!report_only.is_report_only(&enforced), "{enforced}");
    }
    for wrong in ["egress", "networks", "access", "binding", "signing"] {
        assert!(toml::from_str::<Policy>(&format!("observe = [\"{wrong}\"]")).is_err(), "{wrong}");
    }
}

#[test]
fn actions_list_cannot_exceed_the_access_class() {
    let policy = policy("access = \"read\"\nactions = [\"GetItem\", \"PutItem\", \"NewAction\"]");
    let check = |name: &str, access| {
        policy.check_action(&name.parse().unwrap(), access).map_err(|denial| denial.rule)
    };
    assert_eq!(check("GetItem", Some(Access::Read)), Ok(()));
    assert_eq!(check("Query", Some(Access::Read)), Err(Rule::Actions));
    assert_eq!(check("PutItem", Some(Access::Write)), Err(Rule::Access));
    assert_eq!(check("NewAction", None), Ok(()));
    assert_eq!(
        Policy::default().check_action(&"NewAction".parse().unwrap(), None).unwrap_err().rule,
        Rule::Actions
    );
}
