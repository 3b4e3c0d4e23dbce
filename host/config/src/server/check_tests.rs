//! Which configurations of the server are refused, and why.

use super::*;

use std::time::Duration;

const TOKEN: &str = "sha256 = \"00000000000000000000000000000000000000000000000000000000000000ff\"";

fn check(server: &str) -> Result<(), ServerConfigError> {
    let server: ServerConfig = toml::from_str(server).unwrap();
    server.check(|name| name == "orders", |name| (name == "tenants").then_some(true))
}

#[test]
fn reachable_server_needs_consent_tokens_and_tls() {
    assert_eq!(check(""), Ok(()));
    let error = check("listen = \"0.0.0.0:8700\"").unwrap_err();
    assert_eq!(
        error.to_string(),
        "other machines can reach 0.0.0.0:8700, so [server] also needs: public = true (or \
         --public); a token, which `portcullis token NAME` makes; tls = { certificate = \
         \"server.pem\", key = \"server-key.pem\" }"
    );
    assert!(matches!(
        check("public = true\nlisten = \"0.0.0.0:8700\"").unwrap_err(),
        ServerConfigError::Unprotected { missing, .. } if missing.len() == 2
    ));
    assert!(
        matches!(
            check("wire = { \"10.0.0.1:8000\" = \"orders\" }").unwrap_err(),
            ServerConfigError::Unprotected { address, .. }
                if address.to_string() == "10.0.0.1:8000"
        ),
        "ports in wire are checked too"
    );
    let protected = format!(
        "listen = \"[::]:8700\"\npublic = true\n\
         tls = {{ certificate = \"a\", key = \"b\" }}\n\
         [tokens.a]\n{TOKEN}\ndatasources = [\"*\"]"
    );
    assert_eq!(check(&protected), Ok(()));
}

#[test]
fn unknown_datasources_are_refused() {
    assert_eq!(
        check("wire = { \"127.0.0.1:8000\" = \"order\" }"),
        Err(ServerConfigError::UnknownWireDatasource {
            address: "127.0.0.1:8000".parse().unwrap(),
            datasource: "order".to_string(),
        })
    );
    let error = check(&format!("[tokens.a]\n{TOKEN}\ndatasources = [\"order\"]")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "server.tokens.a names the datasource \"order\", which is not in this file"
    );
}

#[test]
fn zero_limits_are_refused() {
    for (line, key) in [
        ("header-timeout = \"0s\"", "header-timeout"),
        ("body-timeout = \"0s\"", "body-timeout"),
        ("connections = 0", "connections"),
        ("body-bytes = \"0\"", "body-bytes"),
        ("reload-timeout = \"0s\"", "reload-timeout"),
        ("idle-timeout = \"0s\"", "idle-timeout"),
    ] {
        assert_eq!(check(line), Err(ServerConfigError::Zero { key }), "{line}");
    }
    assert_eq!(check("drain-timeout = \"0s\""), Ok(()));
}

#[test]
fn times_longer_than_a_day_are_refused_with_the_bound() {
    for key in ["header-timeout", "body-timeout", "drain-timeout", "reload-timeout", "idle-timeout"]
    {
        assert_eq!(check(&format!("{key} = \"24h\"")), Ok(()), "{key}");
        for long in ["24h 1ns", "500000000000y"] {
            let error = check(&format!("{key} = \"{long}\"")).unwrap_err();
            assert_eq!(error.to_string(), format!("server.{key} is longer than 24h, the maximum"));
        }
    }
    assert_eq!(MAX_DEADLINE, Duration::from_hours(24), "the message names it");
}

#[test]
fn limits_that_are_too_large_are_refused_with_the_bound() {
    assert_eq!(check("connections = 65536\nbody-bytes = \"1 GiB\""), Ok(()));
    for (line, message) in [
        ("connections = 65537", "server.connections is larger than 65536, the maximum"),
        ("body-bytes = 1073741825", "server.body-bytes is larger than 1.0 GiB, the maximum"),
    ] {
        assert_eq!(check(line).unwrap_err().to_string(), message);
    }
}

#[test]
fn health_needs_consent_to_be_reachable_but_neither_token_nor_tls() {
    assert_eq!(check("health = \"127.0.0.1:8701\""), Ok(()));
    assert_eq!(check("health = \"0.0.0.0:8701\"\npublic = true"), Ok(()));
    assert_eq!(
        check("health = \"0.0.0.0:8701\"").unwrap_err().to_string(),
        "other machines can reach 0.0.0.0:8701, so [server] also needs: public = true (or \
         --public)"
    );
}

#[test]
fn trusting_every_address_is_refused_with_the_reason() {
    assert_eq!(check("trusted-proxies = [\"10.0.0.0/8\", \"192.0.2.1\"]"), Ok(()));
    for network in ["0.0.0.0/0", "::/0"] {
        let error = check(&format!("trusted-proxies = [\"{network}\"]")).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "server.trusted-proxies contains {network}, which is every address: any client \
                 could then claim to have any other client's address; list only the addresses of \
                 your load balancers"
            )
        );
    }
}

#[test]
fn each_digest_belongs_to_one_token_and_to_no_empty_text() {
    let digest = |byte: u8| Digest([byte; 32]).to_string();
    let token = |name: &str, digests: &[String]| {
        format!("[tokens.{name}]\nsha256 = {digests:?}\ndatasources = [\"orders\"]\n")
    };
    let two = token("a", &[digest(1), digest(2)]);
    assert_eq!(check(&(two.clone() + &token("b", &[digest(3)]))), Ok(()));
    let error = check(&(two + &token("b", &[digest(2)]))).unwrap_err().to_string();
    assert!(error.starts_with("server.tokens.a and server.tokens.b have the same"), "{error}");
    assert!(!error.contains(&digest(2)), "{error}");
    let error = check(&token("a", &[digest(1), digest(1)])).unwrap_err();
    assert_eq!(error, ServerConfigError::DigestTwice { token: "a".to_string() });
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855".to_string();
    let error = check(&token("a", &[digest(1), empty])).unwrap_err();
    assert_eq!(error, ServerConfigError::EmptyToken { token: "a".to_string() });
}

#[test]
fn actions_of_a_token_must_be_known() {
    let known = BTreeSet::from(["GetItem", "Query"]);
    let check = |actions: &str| {
        let server: ServerConfig =
            toml::from_str(&format!("[tokens.a]\n{TOKEN}\ndatasources = []\nactions = {actions}"))
                .unwrap();
        server.check_actions(&known).map_err(|error| error.to_string())
    };
    assert_eq!(check("[\"Query\", \"GetItem\"]"), Ok(()));
    assert_eq!(check("[]"), Ok(()));
    assert_eq!(ServerConfig::default().check_actions(&BTreeSet::new()), Ok(()));
    let listed = |action: &str, hint: &str| {
        Err(format!(
            "server.tokens.a.actions lists {action:?}, which is not an action of any plugin in \
             this file{hint}"
        ))
    };
    assert_eq!(check("[\"Query\", \"GetItems\"]"), listed("GetItems", "; did you mean GetItem?"));
    assert_eq!(check("[\"DropDatabase\"]"), listed("DropDatabase", ""));
}

#[test]
fn a_token_for_a_template_that_needs_a_tenant_has_one() {
    let token = |keys: &str| check(&format!("[tokens.a]\n{TOKEN}\n{keys}"));
    assert_eq!(token("templates = [\"tenants\"]\ntenant = \"acme\""), Ok(()));
    assert_eq!(token("templates = [\"tenants\"]\ntenants = \"any\""), Ok(()));
    assert_eq!(token("templates = [\"*\"]"), Ok(()), "others may need none");
    for (keys, message) in [
        (
            "templates = [\"tenants\"]",
            "server.tokens.a names the template \"tenants\", which needs a tenant: tenant = \"NAME\" \
             for the token of one tenant, or tenants = \"any\" for a platform, which names its tenant \
             in the header x-portcullis-tenant",
        ),
        (
            "templates = [\"tenant\"]\ntenant = \"acme\"",
            "server.tokens.a names the template \"tenant\", which is not in this file",
        ),
        (
            "templates = []\ntenant = \"acme\"\ntenants = \"any\"",
            "server.tokens.a has tenant and tenants; give only one of them",
        ),
    ] {
        assert_eq!(token(keys).unwrap_err().to_string(), message);
    }
}
