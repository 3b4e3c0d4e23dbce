//! Family A: where a request may go. Attacks that need TLS are in `tls.rs`.

use super::support::{
    ScriptedResolver, assert_recorded, carry_out, denial, honest, refused, server, stopped, tried,
};
use portcullis::policy::WhenFull;
use portcullis::{DatasourceConfig, Error, Host, PluginError, Policy, Rule, Settings};
use portcullis_testkit::recorder::{self, Response};
use std::process::Command;
use std::sync::Arc;
use tests::attack::{Attack, Behaviour, HOST, RECORDS};
use tests::plugins;

pub(crate) async fn request_to_unlisted_origin_is_refused() {
    let (server, other) = (server().await, server().await);
    let attack = |more: &str| {
        Attack::new(Behaviour::send_elsewhere, &server.authority, more)
            .with_arguments(&other.authority)
    };
    let refusal = refused(attack(""), "GetItem", Rule::Egress).await;
    assert!(refusal.remedy.contains(&other.authority), "{}", refusal.remedy);
    assert_eq!(other.connections(), 0);
    // With the rule that the remedy names, the same request arrives: no other rule refused it.
    let allowed = plugins::policy(&other.authority, "signing = [\"us-east-1/dynamodb\"]");
    assert!(carry_out(attack("").with_policy(allowed), "GetItem").await.is_ok());
    assert_eq!(other.requests().len(), 1);
}

pub(crate) async fn host_port_and_scheme_must_all_match() {
    let server = server().await;
    let port = server.port();
    for elsewhere in [
        "127.0.0.1:1".to_string(),
        format!("127.0.0.2:{port}"),
        format!("localhost:{port}"),
        "127.0.0.1".to_string(),
    ] {
        let attack = Attack::new(Behaviour::send_elsewhere, &server.authority, "")
            .with_arguments(&elsewhere);
        refused(attack, "GetItem", Rule::Egress).await;
    }
    let attack = Attack::new(Behaviour::send_elsewhere, &server.authority, "")
        .with_arguments(&format!("{} https", server.authority));
    refused(attack, "GetItem", Rule::Egress).await;
    assert_eq!(server.connections(), 0);
}

pub(crate) async fn http_is_refused_if_only_https_is_allowed() {
    let server = server().await;
    let text =
        format!("egress = [\"https://{}\"]\nsigning = [\"us-east-1/dynamodb\"]", server.authority);
    let policy: Policy = toml::from_str(&text).unwrap();
    let attack = Attack::new(Behaviour::send_elsewhere, &server.authority, "")
        .with_arguments(&format!("{} http", server.authority))
        .with_policy(policy);
    refused(attack, "GetItem", Rule::Egress).await;
    assert_eq!(server.connections(), 0);
}

pub(crate) async fn names_similar_to_an_allowed_name_are_refused() {
    let policy: Policy =
        toml::from_str("egress = [\"http://example.com\"]\nsigning = [\"us-east-1/dynamodb\"]")
            .unwrap();
    for neighbour in [
        "a.example.com",
        "evilexample.com",
        "example.com.evil.test",
        "example.co",
        "example.com-evil.test",
        "xample.com",
    ] {
        let attack = Attack::new(Behaviour::send_elsewhere, "example.com", "")
            .with_arguments(neighbour)
            .with_policy(policy.clone());
        refused(attack, "GetItem", Rule::Egress).await;
    }
}

/// Sends a request to the authority `odd`. It must not reach a server: either the gate refuses it,
/// or it is not a valid authority.
async fn reaches_nothing(listed: &str, odd: &str) {
    let attack = Attack::new(Behaviour::odd_authority, listed, "").with_arguments(odd);
    let name = attack.name.clone();
    tried();
    match carry_out(attack, "GetItem").await {
        Err(Error::Denied(denial)) if denial.rule == Rule::Egress => {
            assert_recorded(&name, Rule::Egress);
        }
        Err(Error::Plugin(PluginError::Refused(code)))
            if code.contains("HttpRequestUriInvalid") => {}
        other => panic!("{odd}: {other:?}"),
    }
    stopped();
}

pub(crate) async fn malformed_authority_never_reaches_a_server() {
    let server = server().await;
    let (authority, port) = (&server.authority, server.port());
    for odd in [
        format!("{authority}@evil.example"),
        format!("user@{authority}"),
        format!("user:secret@{authority}"),
        format!("127.0.0.1.:{port}"),
        format!("127.0.0.1%00:{port}"),
        format!("127.0.0.1%25lo:{port}"),
        format!("[::1%25lo]:{port}"),
        format!("[::ffff:127.0.0.1]:{port}"),
        format!("{authority}#evil.example"),
        format!("{authority}/evil"),
        format!("{authority}?evil"),
        format!("{authority}\\evil"),
        format!("_{authority}"),
        format!("{authority}_"),
        format!("{authority}:80"),
        "127.0.0.1:".to_string(),
        "127.0.0.1:0".to_string(),
        "127.0.0.1:65536".to_string(),
        format!("127.0.0.1:+{port}"),
        format!("127.0.0.1:{port}x"),
        ":80".to_string(),
        "@".to_string(),
    ] {
        reaches_nothing(authority, &odd).await;
    }
    assert_eq!(server.connections(), 0);
}

pub(crate) async fn unusual_ipv4_notations_never_reach_a_server() {
    let server = server().await;
    let port = server.port();
    for odd in [
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "127.1",
        "127.0.1",
        "127.0.0.01",
        "0127.0.0.1",
        "[::127.0.0.1]",
    ] {
        reaches_nothing(&server.authority, &format!("{odd}:{port}")).await;
    }
    assert_eq!(server.connections(), 0);
}

pub(crate) async fn host_names_ignore_case_and_other_spellings_are_refused() {
    let server = server().await;
    let listed = format!("localhost:{}", server.port());
    let policy = format!(
        "egress = [\"http://{listed}\"]\n\
         networks = {{ \"http://{listed}\" = [\"127.0.0.0/8\", \"::1/128\"] }}\n\
         signing = [\"us-east-1/dynamodb\"]"
    );
    let capitals = Attack::new(Behaviour::odd_authority, &listed, "")
        .with_arguments(&listed.to_uppercase())
        .with_policy(toml::from_str(&policy).unwrap());
    assert!(carry_out(capitals, "GetItem").await.is_ok(), "the case of a name does not matter");
    for odd in ["localhost.", "ⅼocalhost", "localhost\u{200b}", "xn--localhost-", "loc%61lhost"] {
        reaches_nothing(&listed, &format!("{odd}:{}", server.port())).await;
    }
    assert_eq!(server.requests().len(), 1);
}

pub(crate) async fn path_that_looks_like_a_host_is_refused() {
    let server = server().await;
    for odd in [
        "//evil.example/",
        "//evil.example",
        "///",
        "/\\evil.example",
        "/%2f%2fevil",
        "http://evil.example/",
        "*",
        "x",
    ] {
        let attack = Attack::new(Behaviour::odd_path, &server.authority, "").with_arguments(odd);
        tried();
        match carry_out(attack, "GetItem").await {
            Err(Error::Denied(denial)) => {
                assert!(matches!(denial.rule, Rule::Paths | Rule::Binding), "{odd}: {denial:?}");
            }
            Err(Error::Plugin(PluginError::Refused(code))) => {
                assert!(code.contains("HttpRequestUriInvalid"), "{odd}: {code}");
            }
            other => panic!("{odd}: {other:?}"),
        }
        stopped();
    }
    refused(
        Attack::new(Behaviour::odd_path, &server.authority, "").with_arguments("//evil.example/"),
        "GetItem",
        Rule::Paths,
    )
    .await;
    assert_eq!(server.connections(), 0);
}

pub(crate) async fn plugin_cannot_set_the_host_header() {
    let server = server().await;
    tried();
    let result =
        carry_out(Attack::new(Behaviour::host_header, &server.authority, ""), "GetItem").await;
    assert_eq!(result.unwrap(), "{\"accepted\": false}");
    honest(&server).await.execute("GetItem", "{}").await.unwrap();
    assert_eq!(server.requests()[0].header("host"), server.authority);
    stopped();
}

/// Calls a service whose name resolves to `addresses`. The policy lists the service; `networks` is
/// added to the policy as TOML.
async fn resolve_to(addresses: &[&str], networks: &str) -> Result<String, Error> {
    let host = Host::builder()
        .resolver(ScriptedResolver::new(&[addresses]))
        .audit(RECORDS.clone(), WhenFull::Refuse)
        .build()
        .unwrap();
    let plugin =
        host.load(dynamodb_component::COMPONENT, dynamodb_component::MANIFEST, None).unwrap();
    let policy: Policy =
        toml::from_str(&format!("egress = [\"http://service.example\"]\n{networks}")).unwrap();
    let settings = r#"{"region":"us-east-1","endpoint":"http://service.example","maxAttempts":1}"#;
    let connect = DatasourceConfig::new("datasource")
        .policy(policy)
        .settings(Settings::Trusted(settings))
        .shared_credentials(plugins::credentials());
    host.connect(&plugin, connect).await.unwrap().execute("ListTables", "").await
}

pub(crate) async fn name_that_resolves_to_a_non_public_address_is_refused() {
    for address in [
        "127.0.0.1",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.1.1",
        "100.64.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "0.0.0.0",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fc00::1",
        "fd12::1",
        "ff02::1",
        "fec0::1",
        "::ffff:127.0.0.1",
        "::127.0.0.1",
        "64:ff9b::10.0.0.1",
        "2002:7f00:1::1",
        "2001:db8::1",
        "192.0.2.1",
        "198.18.0.1",
    ] {
        let refusal = denial(resolve_to(&[address], "").await);
        assert_eq!(refusal.rule, Rule::Networks, "{address}");
        assert!(
            refusal.remedy.starts_with("networks = { \"http://service.example\" = ["),
            "{}",
            refusal.remedy
        );
    }
}

pub(crate) async fn metadata_addresses_are_refused_in_every_form_even_if_listed() {
    let open = r#"networks = { "http://service.example" = ["0.0.0.0/0", "::/0"] }"#;
    for address in [
        "169.254.169.254",
        "fd00:ec2::254",
        "169.254.170.2",
        "169.254.170.23",
        "100.100.100.200",
        "168.63.129.16",
        "::ffff:169.254.169.254",
        "::169.254.169.254",
        "64:ff9b::169.254.169.254",
        "2002:a9fe:a9fe::1",
        "2001:0:4136:e378:8000:63bf:5601:5601",
        "fd00:ec2::23",
    ] {
        let refusal = denial(resolve_to(&[address], open).await);
        assert_eq!(refusal.rule, Rule::Metadata, "{address}");
        assert!(!refusal.is_remedied_by_policy(), "{}", refusal.remedy);
    }
    let listed: Policy =
        toml::from_str("egress = [\"http://169.254.169.254\"]\nsigning = [\"us-east-1/dynamodb\"]")
            .unwrap();
    let attack = Attack::new(Behaviour::send_elsewhere, "x", "")
        .with_arguments("169.254.169.254")
        .with_policy(listed);
    refused(attack, "GetItem", Rule::Metadata).await;
}

pub(crate) async fn dns_response_with_one_forbidden_address_is_refused() {
    for addresses in [["8.8.8.8", "10.0.0.1"], ["10.0.0.1", "8.8.8.8"], ["2600:1f18::1", "::1"]] {
        assert_eq!(denial(resolve_to(&addresses, "").await).rule, Rule::Networks, "{addresses:?}");
    }
    assert_eq!(denial(resolve_to(&["8.8.8.8", "169.254.169.254"], "").await).rule, Rule::Metadata);
}

pub(crate) async fn redirects_are_not_followed() {
    let elsewhere = server().await;
    for status in [301, 302, 303, 307, 308] {
        let redirect = Response {
            status,
            headers: vec![("location", format!("http://{}/", elsewhere.authority))],
            body: "".into(),
        };
        let server = recorder::start(redirect).await;
        tried();
        assert_eq!(
            honest(&server).await.execute("GetItem", "{}").await.unwrap(),
            format!("{{\"status\": {status}}}")
        );
        stopped();
    }
    assert_eq!(elsewhere.connections(), 0);
}

/// The environment variable that tells the child process of the next test which server to call.
const CHILD: &str = "PORTCULLIS_TEST_SERVER";

pub(crate) async fn proxy_environment_variables_are_ignored() {
    if let Ok(authority) = std::env::var(CHILD) {
        Attack::new(Behaviour::honest, &authority, "")
            .connect()
            .await
            .unwrap()
            .execute("GetItem", "{}")
            .await
            .unwrap();
        return;
    }
    let (server, proxy) = (server().await, server().await);
    let mut child = Command::new(std::env::current_exe().unwrap());
    child
        .args(["--exact", "A13_proxy_environment_variables_are_ignored"])
        .env(CHILD, &server.authority);
    for variable in
        ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]
    {
        child.env(variable, format!("http://{}", proxy.authority));
    }
    child.env("no_proxy", "").env("NO_PROXY", "");
    tried();
    let output = tokio::task::spawn_blocking(move || child.output().unwrap()).await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!((server.requests().len(), proxy.connections()), (1, 0));
    stopped();
}

pub(crate) async fn settings_cannot_inject_a_host() {
    for settings in [
        r#"{"region": "us-east-1.evil.example/#"}"#,
        r#"{"region": "x@evil.example"}"#,
        r#"{"region": "us-east-1\nx"}"#,
        r#"{"region": "us-east-1\r\nhost: evil.example"}"#,
        r#"{"region": "evil.example:80"}"#,
        r#"{"region": "../evil"}"#,
        r#"{"region": "us-east-1", "endpoint": "https://allowed@evil.example"}"#,
        r#"{"region": "us-east-1", "endpoint": "https://evil.example/#.amazonaws.com"}"#,
        r#"{"region": "us-east-1", "endpoint": "file:///etc/passwd"}"#,
        r#"{"region": "us-east-1", "endpoint": "https://a b"}"#,
    ] {
        let policy: Policy =
            toml::from_str("egress = [\"https://dynamodb.us-east-1.amazonaws.com\"]").unwrap();
        let connect = DatasourceConfig::new("datasource")
            .policy(policy)
            .settings(Settings::Trusted(settings))
            .shared_credentials(plugins::credentials());
        tried();
        let refusal = match plugins::host().connect(plugins::dynamodb(), connect).await {
            Err(error) => error,
            Ok(datasource) => datasource.execute("ListTables", "").await.unwrap_err(),
        };
        let is_reported = refusal.is_denied()
            || matches!(
                &refusal,
                Error::Plugin(PluginError::InvalidSettings(problems)) if !problems.is_empty()
            );
        assert!(is_reported, "{settings}: {refusal:?}");
        stopped();
    }
}

pub(crate) async fn connections_are_not_shared_across_datasources_origins_or_identities() {
    let server = server().await;
    // A connection is reusable once its response has been read to the end.
    let reading = async || {
        Attack::new(Behaviour::read_response, &server.authority, "").connect().await.unwrap()
    };
    let (one, other) = (reading().await, reading().await);
    for datasource in [&one, &other, &one, &other] {
        datasource.execute("GetItem", "{}").await.unwrap();
    }
    assert_eq!(server.connections(), 2, "each datasource has its own connection");
    // Two names for one address are two origins, even within one datasource.
    let port = server.port();
    let policy = format!(
        "egress = [\"http://127.0.0.1:{port}\", \"http://localhost:{port}\"]\n\
         signing = [\"us-east-1/dynamodb\"]\n\
         access = \"admin\"\n\
         networks = {{ \"http://127.0.0.1:{port}\" = [\"127.0.0.0/8\"], \
         \"http://localhost:{port}\" = [\"127.0.0.0/8\", \"::1/128\"] }}"
    );
    let before = server.connections();
    let attack = Attack::new(Behaviour::read_response, &format!("127.0.0.1:{port}"), "")
        .with_arguments(&format!("localhost:{port}"));
    let both = attack.with_policy(toml::from_str(&policy).unwrap()).connect().await.unwrap();
    for _ in 0..2 {
        both.execute("GetItem", "{}").await.unwrap();
    }
    assert_eq!(server.connections() - before, 2);
    // When the identity changes, the connections of the old one are not used again.
    let changing = Arc::new(super::secrets::ChangingCredentials::default());
    let settings = format!("read_response {}", server.authority);
    let connect = DatasourceConfig::new("datasource")
        .policy(plugins::policy(
            &server.authority,
            "signing = [\"us-east-1/dynamodb\"]\nisolation = \"reuse\"",
        ))
        .settings(Settings::Untrusted(&settings))
        .shared_credentials(changing.clone());
    let datasource = HOST.connect(tests::attack::plugin(), connect).await.unwrap();
    let before = server.connections();
    datasource.execute("GetItem", "{}").await.unwrap();
    datasource.execute("GetItem", "{}").await.unwrap();
    assert_eq!(server.connections() - before, 1);
    changing.change().await;
    datasource.execute("GetItem", "{}").await.unwrap();
    assert_eq!(server.connections() - before, 2);
    let last = server.requests().pop().unwrap();
    assert!(
        last.header("authorization").contains("AKIDTHESECOND"),
        "{}",
        last.header("authorization")
    );
}
