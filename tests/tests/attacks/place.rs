//! A: where a request may go. What needs TLS and a resolver of its own stands in `tls`.

use super::support::{assert_recorded, carry_out, denial, honest, refused, server, stopped, tried};
use portcullis::{Connect, Error, Host, PluginError, Policy, Resolve, Rule};
use portcullis_testkit::recorder::{self, Answer};
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tests::attack::{Attack, Behaviour, HOST, RECORDS};
use tests::plugins;

pub(crate) async fn a_request_to_an_origin_off_the_list_is_refused() {
    let (server, other) = (server().await, server().await);
    let attack = |more: &str| {
        Attack::new(Behaviour::send_elsewhere, &server.authority, more).told(&other.authority)
    };
    let refusal = refused(attack(""), "GetItem", Rule::Egress).await;
    assert!(refusal.remedy.contains(&other.authority), "{}", refusal.remedy);
    assert_eq!(other.connections(), 0);
    // With the rule that the remedy names, the same request arrives: it was this rule that held it back.
    let allowed = plugins::policy(&other.authority, "signing = [\"us-east-1/dynamodb\"]");
    assert!(carry_out(attack("").policy(allowed), "GetItem").await.is_ok());
    assert_eq!(other.requests().len(), 1);
}

pub(crate) async fn host_port_and_scheme_of_an_origin_count() {
    let server = server().await;
    let port = server.port();
    for elsewhere in [
        "127.0.0.1:1".to_string(),
        format!("127.0.0.2:{port}"),
        format!("localhost:{port}"),
        "127.0.0.1".to_string(),
    ] {
        let attack = Attack::new(Behaviour::send_elsewhere, &server.authority, "").told(&elsewhere);
        refused(attack, "GetItem", Rule::Egress).await;
    }
    let attack = Attack::new(Behaviour::send_elsewhere, &server.authority, "")
        .told(&format!("{} https", server.authority));
    refused(attack, "GetItem", Rule::Egress).await;
    assert_eq!(server.connections(), 0);
}

pub(crate) async fn http_is_refused_where_https_is_allowed() {
    let server = server().await;
    let text =
        format!("egress = [\"https://{}\"]\nsigning = [\"us-east-1/dynamodb\"]", server.authority);
    let policy: Policy = toml::from_str(&text).unwrap();
    let attack = Attack::new(Behaviour::send_elsewhere, &server.authority, "")
        .told(&format!("{} http", server.authority))
        .policy(policy);
    refused(attack, "GetItem", Rule::Egress).await;
    assert_eq!(server.connections(), 0);
}

pub(crate) async fn neighbours_of_an_allowed_name_are_refused() {
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
            .told(neighbour)
            .policy(policy.clone());
        refused(attack, "GetItem", Rule::Egress).await;
    }
}

/// Sends to an authority, which must reach nothing: the gate refuses it, or it is no authority in the first place.
async fn reaches_nothing(listed: &str, odd: &str) {
    let attack = Attack::new(Behaviour::odd_authority, listed, "").told(odd);
    let name = attack.name.clone();
    tried();
    match carry_out(attack, "GetItem").await {
        Err(Error::Denied(denial)) if denial.rule == Rule::Egress => {
            assert_recorded(&name, Rule::Egress)
        }
        Err(Error::Plugin(PluginError::Refused(code)))
            if code.contains("HttpRequestUriInvalid") => {}
        other => panic!("{odd}: {other:?}"),
    }
    stopped();
}

pub(crate) async fn an_authority_in_an_odd_spelling_reaches_nothing() {
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

pub(crate) async fn addresses_in_odd_spellings_reach_nothing() {
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

pub(crate) async fn a_name_in_capitals_is_the_same_and_other_spellings_are_refused() {
    let server = server().await;
    let listed = format!("localhost:{}", server.port());
    let policy = format!(
        "egress = [\"http://{listed}\"]\nnetworks = {{ \"http://{listed}\" = [\"127.0.0.0/8\", \"::1/128\"] }}\nsigning = [\"us-east-1/dynamodb\"]"
    );
    let shouted = Attack::new(Behaviour::odd_authority, &listed, "")
        .told(&listed.to_uppercase())
        .policy(toml::from_str(&policy).unwrap());
    assert!(carry_out(shouted, "GetItem").await.is_ok(), "a name is the same in any case");
    for odd in ["localhost.", "ⅼocalhost", "localhost\u{200b}", "xn--localhost-", "loc%61lhost"] {
        reaches_nothing(&listed, &format!("{odd}:{}", server.port())).await;
    }
    assert_eq!(server.requests().len(), 1);
}

pub(crate) async fn a_path_that_could_be_a_host_is_refused() {
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
        let attack = Attack::new(Behaviour::odd_path, &server.authority, "").told(odd);
        tried();
        match carry_out(attack, "GetItem").await {
            Err(Error::Denied(denial)) => {
                assert!(matches!(denial.rule, Rule::Paths | Rule::Binding), "{odd}: {denial:?}")
            }
            Err(Error::Plugin(PluginError::Refused(code))) => {
                assert!(code.contains("HttpRequestUriInvalid"), "{odd}: {code}")
            }
            other => panic!("{odd}: {other:?}"),
        }
        stopped();
    }
    refused(
        Attack::new(Behaviour::odd_path, &server.authority, "").told("//evil.example/"),
        "GetItem",
        Rule::Paths,
    )
    .await;
    assert_eq!(server.connections(), 0);
}

pub(crate) async fn a_guest_cannot_write_the_host_header() {
    let server = server().await;
    tried();
    let answer =
        carry_out(Attack::new(Behaviour::host_header, &server.authority, ""), "GetItem").await;
    assert_eq!(answer.unwrap(), "{\"accepted\": false}");
    honest(&server).await.execute("GetItem", "{}").await.unwrap();
    assert_eq!(server.requests()[0].header("host"), server.authority);
    stopped();
}

/// Answers names as a script says, and counts how often it was asked.
pub(crate) struct Scripted {
    answers: Vec<Vec<IpAddr>>,
    pub(crate) asked: Arc<AtomicUsize>,
}

impl Scripted {
    /// The answers to one question after the other; the last one stands for all that follow.
    pub(crate) fn new(answers: &[&[&str]]) -> Self {
        let parse = |answer: &&[&str]| answer.iter().map(|text| text.parse().unwrap()).collect();
        Self { answers: answers.iter().map(parse).collect(), asked: Arc::default() }
    }
}

impl Resolve for Scripted {
    fn resolve<'a>(
        &'a self,
        _: &'a str,
    ) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>> {
        let turn = self.asked.fetch_add(1, Ordering::SeqCst);
        Box::pin(std::future::ready(Ok(self.answers[turn.min(self.answers.len() - 1)].clone())))
    }
}

/// Asks for a name that resolves to `addresses`, under a policy that lists it, with more of the policy's own TOML.
async fn resolve_to(addresses: &[&str], networks: &str) -> Result<String, Error> {
    let host = Host::builder()
        .resolver(Scripted::new(&[addresses]))
        .audit(RECORDS.clone(), false)
        .build()
        .unwrap();
    let plugin =
        host.load(dynamodb_component::COMPONENT, dynamodb_component::MANIFEST, None).unwrap();
    let policy: Policy =
        toml::from_str(&format!("egress = [\"http://service.example\"]\n{networks}")).unwrap();
    let settings = r#"{"region":"us-east-1","endpoint":"http://service.example","maxAttempts":1}"#;
    let credentials = Some(plugins::credentials());
    let connect =
        Connect { settings, settings_are_trusted: true, policy, credentials, ..Connect::default() };
    host.connect(&plugin, connect).await.unwrap().execute("ListTables", "").await
}

pub(crate) async fn a_name_at_an_address_of_this_network_is_refused() {
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

pub(crate) async fn metadata_addresses_are_refused_in_every_disguise_and_despite_a_carve_out() {
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
    let attack =
        Attack::new(Behaviour::send_elsewhere, "x", "").told("169.254.169.254").policy(listed);
    refused(attack, "GetItem", Rule::Metadata).await;
}

pub(crate) async fn a_mixed_answer_of_the_resolver_is_refused_whole() {
    for answer in [["8.8.8.8", "10.0.0.1"], ["10.0.0.1", "8.8.8.8"], ["2600:1f18::1", "::1"]] {
        assert_eq!(denial(resolve_to(&answer, "").await).rule, Rule::Networks, "{answer:?}");
    }
    assert_eq!(denial(resolve_to(&["8.8.8.8", "169.254.169.254"], "").await).rule, Rule::Metadata);
}

pub(crate) async fn redirects_are_not_followed() {
    let elsewhere = server().await;
    for status in [301, 302, 303, 307, 308] {
        let redirect = Answer {
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

/// Names the server that the child of the next test calls.
const CHILD: &str = "PORTCULLIS_TEST_SERVER";

pub(crate) async fn proxies_of_the_environment_are_ignored() {
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
        .args(["--exact", "A13_proxies_of_the_environment_are_ignored"])
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

pub(crate) async fn settings_cannot_smuggle_a_host() {
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
        let connect = Connect {
            settings,
            settings_are_trusted: true,
            policy,
            credentials: Some(plugins::credentials()),
            ..Connect::default()
        };
        tried();
        let refusal = match plugins::host().connect(plugins::dynamodb(), connect).await {
            Err(error) => error,
            Ok(datasource) => datasource.execute("ListTables", "").await.unwrap_err(),
        };
        let told = matches!(&refusal, Error::Plugin(PluginError::InvalidSettings(faults)) if !faults.is_empty())
            || refusal.is_denied();
        assert!(told, "{settings}: {refusal:?}");
        stopped();
    }
}

pub(crate) async fn a_connection_is_never_used_for_another_datasource_origin_or_identity() {
    let server = server().await;
    // An answer that is read to its end leaves its connection for the next request.
    let reading = async || {
        Attack::new(Behaviour::read_answer, &server.authority, "").connect().await.unwrap()
    };
    let (one, other) = (reading().await, reading().await);
    for datasource in [&one, &other, &one, &other] {
        datasource.execute("GetItem", "{}").await.unwrap();
    }
    assert_eq!(server.connections(), 2, "a connection for each datasource");
    // Two names of one address are two origins, for one and the same datasource too.
    let port = server.port();
    let policy = format!(
        "egress = [\"http://127.0.0.1:{port}\", \"http://localhost:{port}\"]\nsigning = [\"us-east-1/dynamodb\"]\naccess = \"admin\"\n\
         networks = {{ \"http://127.0.0.1:{port}\" = [\"127.0.0.0/8\"], \"http://localhost:{port}\" = [\"127.0.0.0/8\", \"::1/128\"] }}"
    );
    let before = server.connections();
    let attack = Attack::new(Behaviour::read_answer, &format!("127.0.0.1:{port}"), "")
        .told(&format!("localhost:{port}"));
    let both = attack.policy(toml::from_str(&policy).unwrap()).connect().await.unwrap();
    for _ in 0..2 {
        both.execute("GetItem", "{}").await.unwrap();
    }
    assert_eq!(server.connections() - before, 2);
    // A change of identity: the connections of the one before are closed.
    let changing = Arc::new(super::secrets::Changing::default());
    let connect = Connect {
        settings: &format!("read_answer {}", server.authority),
        policy: plugins::policy(
            &server.authority,
            "signing = [\"us-east-1/dynamodb\"]\nisolation = \"reuse\"",
        ),
        credentials: Some(changing.clone()),
        ..Connect::default()
    };
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
