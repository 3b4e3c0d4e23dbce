//! A over TLS: an authority made for the test, and a resolver that says what the test wants.

use super::place::Scripted;
use super::support::{denial, stopped, tried};
use portcullis::{Host, Policy, Rule, Tls};
use portcullis_testkit::recorder::{self, Answer, Recorder};
use portcullis_testkit::tls::Authority;
use std::sync::atomic::Ordering;
use tests::attack::{Attack, Behaviour, RECORDS};
use tests::plugins::{HOSTILE, HOSTILE_MANIFEST};

/// A name that only the test's resolver knows.
const NAME: &str = "service.test";

async fn server(authority: &Authority, name: &str, asks: bool) -> Recorder {
    recorder::start_at("127.0.0.2", Answer::ok("{}"), Some(authority.acceptor(name, asks))).await
}

/// A policy that lets the server's name be at one address of this machine.
fn policy(server: &Recorder) -> Policy {
    let origin = format!("https://{NAME}:{}", server.port());
    let text = format!(
        "egress = [\"{origin}\"]\nnetworks = {{ \"{origin}\" = [\"127.0.0.2/32\"] }}\nsigning = [\"us-east-1/dynamodb\"]\naccess = \"admin\""
    );
    toml::from_str(&text).unwrap()
}

fn attack(server: &Recorder, tls: Tls) -> Attack {
    let elsewhere = format!("{NAME}:{} https", server.port());
    Attack::new(Behaviour::send_elsewhere, "x", "").told(&elsewhere).policy(policy(server)).tls(tls)
}

fn trusting(authority: &Authority) -> Tls {
    Tls::default().with_ca(authority.pem().as_bytes()).unwrap()
}

fn host(answers: &[&[&str]]) -> (Host, std::sync::Arc<std::sync::atomic::AtomicUsize>) {
    let resolver = Scripted::new(answers);
    let asked = resolver.asked.clone();
    (Host::builder().resolver(resolver).audit(RECORDS.clone(), false).build().unwrap(), asked)
}

pub(crate) async fn after_rebinding_the_judged_address_is_the_one_that_was_dialled() {
    let authority = Authority::new();
    let server = server(&authority, NAME, false).await;
    // The name is good when it is judged, and another one the next time somebody asks.
    let (host, asked) =
        host(&[&["127.0.0.2"], &["127.0.0.1"], &["127.0.0.2", "127.0.0.1"], &["169.254.169.254"]]);
    let plugin = host.load(HOSTILE, HOSTILE_MANIFEST, None).unwrap();
    let call = async || {
        let datasource =
            attack(&server, trusting(&authority)).connect_on(&host, &plugin).await.unwrap();
        datasource.execute("GetItem", "{}").await
    };
    assert_eq!(call().await.unwrap(), "{\"status\": 200}");
    assert_eq!(
        (asked.load(Ordering::SeqCst), server.requests().len()),
        (1, 1),
        "one question for one connection"
    );
    assert_eq!(denial(call().await).rule, Rule::Networks, "another address");
    assert_eq!(denial(call().await).rule, Rule::Networks, "a mixed answer");
    assert_eq!(denial(call().await).rule, Rule::Metadata, "a metadata address");
    assert_eq!((asked.load(Ordering::SeqCst), server.connections()), (4, 1));
}

pub(crate) async fn tls_trusts_its_own_authority_and_presents_its_own_certificate() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let (host, _) = host(&[&["127.0.0.2"]]);
    let plugin = host.load(HOSTILE, HOSTILE_MANIFEST, None).unwrap();
    let call = async |server: &Recorder, tls: Tls| {
        let datasource = attack(server, tls).connect_on(&host, &plugin).await.unwrap();
        datasource.execute("GetItem", "{}").await
    };
    let plain = server(&authority, NAME, false).await;
    assert!(call(&plain, trusting(&authority)).await.is_ok());
    let other_name = server(&authority, "other.test", false).await;
    for (server, tls) in [
        (&plain, Tls::default()),
        (&plain, trusting(&stranger)),
        (&other_name, trusting(&authority)),
    ] {
        tried();
        let error = call(server, tls).await.unwrap_err().to_string();
        assert!(error.contains("TlsCertificateError"), "{error}");
        stopped();
    }
    let asking = server(&authority, NAME, true).await;
    tried();
    assert!(call(&asking, trusting(&authority)).await.is_err(), "the server asks who calls");
    stopped();
    let own = authority.identity("client.test");
    let identified =
        trusting(&authority).with_identity(own.certificate.as_bytes(), own.key.as_bytes()).unwrap();
    assert!(call(&asking, identified).await.is_ok());
    let mixed = stranger.identity("client.test");
    assert!(
        Tls::default().with_identity(own.certificate.as_bytes(), mixed.key.as_bytes()).is_err(),
        "they do not belong together"
    );
    assert!(
        Tls::default().with_ca(b"nothing").is_err()
            && Tls::default().with_identity(b"", b"").is_err()
    );
}
