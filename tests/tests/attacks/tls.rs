//! Family A over TLS, with a certificate authority and a resolver that belong to the test.

use super::support::{ScriptedResolver, denial, stopped, tried};
use portcullis::policy::WhenFull;
use portcullis::{Host, Policy, Rule, Tls};
use portcullis_testkit::recorder::{self, Recorder, Response};
use portcullis_testkit::tls::CertificateAuthority;
use std::sync::atomic::Ordering;
use tests::attack::{Attack, Behaviour, RECORDS};
use tests::plugins::{HOSTILE, HOSTILE_MANIFEST};

/// A host name that only the test's resolver knows.
const NAME: &str = "service.test";

async fn server(
    authority: &CertificateAuthority,
    name: &str,
    require_client_certificate: bool,
) -> Recorder {
    let acceptor = authority.acceptor(name, require_client_certificate);
    recorder::start_at("127.0.0.2", Response::ok("{}"), Some(acceptor)).await
}

/// A policy that lets the name of the server resolve to one loopback address.
fn policy(server: &Recorder) -> Policy {
    let origin = format!("https://{NAME}:{}", server.port());
    let text = format!(
        "egress = [\"{origin}\"]\n\
         networks = {{ \"{origin}\" = [\"127.0.0.2/32\"] }}\n\
         signing = [\"us-east-1/dynamodb\"]\n\
         access = \"admin\""
    );
    toml::from_str(&text).unwrap()
}

fn attack(server: &Recorder, tls: Tls) -> Attack {
    let elsewhere = format!("{NAME}:{} https", server.port());
    Attack::new(Behaviour::send_elsewhere, "x", "")
        .with_arguments(&elsewhere)
        .with_policy(policy(server))
        .with_tls(tls)
}

fn trusting(authority: &CertificateAuthority) -> Tls {
    Tls::default().with_ca(authority.pem().as_bytes()).unwrap()
}

fn host(answers: &[&[&str]]) -> (Host, std::sync::Arc<std::sync::atomic::AtomicUsize>) {
    let resolver = ScriptedResolver::new(answers);
    let questions = resolver.questions.clone();
    (
        Host::builder()
            .resolver(resolver)
            .audit(RECORDS.clone(), WhenFull::Refuse)
            .build()
            .unwrap(),
        questions,
    )
}

pub(crate) async fn after_dns_rebinding_only_the_checked_address_is_dialled() {
    let authority = CertificateAuthority::new();
    let server = server(&authority, NAME, false).await;
    // The first answer is allowed. Every later one contains an address that is not.
    let (host, questions) =
        host(&[&["127.0.0.2"], &["127.0.0.1"], &["127.0.0.2", "127.0.0.1"], &["169.254.169.254"]]);
    let plugin = host.load(HOSTILE, HOSTILE_MANIFEST, None).unwrap();
    let call = async || {
        let datasource =
            attack(&server, trusting(&authority)).connect_on(&host, &plugin).await.unwrap();
        datasource.execute("GetItem", "{}").await
    };
    assert_eq!(call().await.unwrap(), "{\"status\": 200}");
    assert_eq!(
        (questions.load(Ordering::SeqCst), server.requests().len()),
        (1, 1),
        "one DNS question for one connection"
    );
    assert_eq!(denial(call().await).rule, Rule::Networks, "another address");
    assert_eq!(denial(call().await).rule, Rule::Networks, "an allowed and a forbidden address");
    assert_eq!(denial(call().await).rule, Rule::Metadata, "a metadata address");
    assert_eq!((questions.load(Ordering::SeqCst), server.connections()), (4, 1));
}

pub(crate) async fn tls_uses_only_the_configured_authority_and_client_certificate() {
    let (authority, stranger) = (CertificateAuthority::new(), CertificateAuthority::new());
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
    let mutual = server(&authority, NAME, true).await;
    tried();
    assert!(
        call(&mutual, trusting(&authority)).await.is_err(),
        "the server requires a client certificate"
    );
    stopped();
    let own = authority.identity("client.test");
    let identified =
        trusting(&authority).with_identity(own.certificate.as_bytes(), own.key.as_bytes()).unwrap();
    assert!(call(&mutual, identified).await.is_ok());
    let mixed = stranger.identity("client.test");
    assert!(
        Tls::default().with_identity(own.certificate.as_bytes(), mixed.key.as_bytes()).is_err(),
        "the certificate and the key do not belong together"
    );
    assert!(
        Tls::default().with_ca(b"nothing").is_err()
            && Tls::default().with_identity(b"", b"").is_err()
    );
}
