//! What a caller is told when there is no connection, or when TLS fails: the host and the port, the
//! cause, and what to do. Nothing was sent in any of these cases, and the error says so.

use portcullis::{
    DatasourceConfig, Dial, Dialing, Error, Host, PluginError, Policy, Resolve, Settings, TcpDial,
    Tls, TransportError,
};
use portcullis_testkit::closed::ClosedPort;
use portcullis_testkit::recorder::{self, Recorder, Response};
use portcullis_testkit::scripted::{self, AfterBytes};
use portcullis_testkit::tls::{CertificateAuthority, self_signed};
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa};
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::OnceLock;
use std::time::Instant;
use tests::plugins;
use tokio_rustls::TlsAcceptor;

/// Connects over TCP, except to IPv6 addresses: those drop all packets.
struct WithoutIpv6;

impl Dial for WithoutIpv6 {
    fn dial(&self, address: SocketAddr) -> Dialing<'_> {
        if address.is_ipv6() { Box::pin(std::future::pending()) } else { TcpDial.dial(address) }
    }
}

/// The addresses of the names that these tests use.
struct Names;

impl Resolve for Names {
    fn resolve<'a>(
        &'a self,
        name: &'a str,
    ) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>> {
        let addresses = match name {
            "service.test" => vec!["127.0.0.1".parse().unwrap()],
            "both.test" => vec!["2001:db8::1".parse().unwrap(), "127.0.0.1".parse().unwrap()],
            "refusing.test" => vec!["127.0.0.1".parse().unwrap(), "127.0.0.2".parse().unwrap()],
            "empty.test" => Vec::new(),
            _ => return Box::pin(async { Err(io::ErrorKind::NotFound.into()) }),
        };
        Box::pin(async { Ok(addresses) })
    }
}

fn host() -> &'static Host {
    static HOST: OnceLock<Host> = OnceLock::new();
    HOST.get_or_init(|| Host::builder().resolver(Names).build().unwrap())
}

fn plugin() -> &'static portcullis::Plugin {
    static PLUGIN: OnceLock<portcullis::Plugin> = OnceLock::new();
    PLUGIN.get_or_init(|| plugins::load_dynamodb(host()))
}

/// A datasource of the service at this origin, which makes one attempt for each call.
fn config<'s>(origin: &str, settings: &'s str, tls: Tls, limits: &str) -> DatasourceConfig<'s> {
    let policy: Policy = toml::from_str(&format!(
        "egress = [\"{origin}\"]\n\
         networks = {{ \"{origin}\" = [\"127.0.0.0/8\", \"2001:db8::/32\"] }}\n\
         signing = [\"us-east-1/dynamodb\"]\n\
         access = \"admin\"\n{limits}"
    ))
    .unwrap();
    DatasourceConfig::new("datasource")
        .policy(policy)
        .settings(Settings::Trusted(settings))
        .tls(tls)
        .shared_credentials(plugins::credentials())
}

fn settings(origin: &str) -> String {
    format!("{{\"region\":\"us-east-1\",\"endpoint\":\"{origin}\",\"maxAttempts\":1}}")
}

/// Calls the service at this origin once.
async fn call(origin: &str, tls: Tls, limits: &str) -> Result<String, Error> {
    let datasource =
        host().connect(plugin(), config(origin, &settings(origin), tls, limits)).await?;
    datasource.execute("ListTables", "").await
}

/// Calls the service, which must fail before anything was sent, and returns the message.
async fn refused(origin: &str, tls: Tls, limits: &str) -> String {
    let error = transport(call(origin, tls, limits).await);
    assert!(!error.maybe_applied, "{error}");
    assert!(error.to_string().contains("nothing was done"), "{error}");
    let port = origin.rsplit(':').next().unwrap();
    assert!(error.message.contains(&format!(":{port}")), "no port: {error}");
    error.message
}

fn transport(result: Result<String, Error>) -> TransportError {
    match result {
        Err(Error::Plugin(PluginError::Transport(error) | PluginError::Timeout(error))) => error,
        other => panic!("expected a transport error, got {other:?}"),
    }
}

async fn serve(tls: Option<TlsAcceptor>) -> Recorder {
    recorder::start_at("127.0.0.1", Response::ok("{}"), tls).await
}

fn trusting(authority: &CertificateAuthority) -> Tls {
    Tls::default().with_ca(authority.pem().as_bytes()).unwrap()
}

fn params(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    CertificateParams::new(names).unwrap()
}

fn says(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "{part:?} is missing: {message}");
    }
}

#[tokio::test]
async fn each_certificate_that_is_not_accepted_has_a_reason_of_its_own() {
    let authority = CertificateAuthority::new();
    let expired = || {
        let mut params = params(&["service.test"]);
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2021, 2, 3);
        params
    };
    let future = || {
        let mut params = params(&["service.test"]);
        params.not_before = rcgen::date_time_ymd(3000, 5, 6);
        params.not_after = rcgen::date_time_ymd(3001, 1, 1);
        params
    };
    let for_clients = || {
        let mut params = params(&["service.test"]);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params
    };
    let many: Vec<String> = (0..20).map(|number| format!("host-{number}.test")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for (host, params, parts) in [
        (
            "service.test",
            expired(),
            &["certificate of service.test:", "expired on 2021-02-03T"][..],
        ),
        ("service.test", future(), &["not valid yet, only from 3000-05-06T", "clock"]),
        (
            "service.test",
            params(&["other.test", "*.example.test"]),
            &["is for other.test, *.example.test, and not for service.test"],
        ),
        ("service.test", params(&many), &["host-5.test and 14 more, and not for service.test"]),
        ("service.test", params(&[]), &["names no host", "not for service.test"]),
        (
            "127.0.0.1",
            params(&["service.test"]),
            &["is for service.test, and not for the address 127.0.0.1", "subjectAltName"],
        ),
        (
            "127.0.0.1",
            params(&["127.0.0.9"]),
            &["is for 127.0.0.9, and not for the address 127.0.0.1"],
        ),
        (
            "service.test",
            for_clients(),
            &["not for servers", "client authentication", "install one with server"],
        ),
    ] {
        let server = serve(Some(authority.acceptor_with(&params))).await;
        let origin = format!("https://{host}:{}", server.port());
        says(&refused(&origin, trusting(&authority), "").await, parts);
        assert!(server.requests().is_empty());
    }
}

#[tokio::test]
async fn certificates_of_unknown_authorities_are_told_from_self_signed_ones() {
    let (authority, stranger) =
        (CertificateAuthority::new(), CertificateAuthority::named("Corp Proxy CA"));
    let server = serve(Some(stranger.acceptor("service.test", false))).await;
    let origin = format!("https://service.test:{}", server.port());
    for tls in [trusting(&authority), Tls::default()] {
        let message = refused(&origin, tls, "").await;
        says(&message, &["unknown authority, \"Corp Proxy CA\"", "tls = { ca = \"FILE\" }"]);
    }
    // An authority with the name of a trusted one and another key.
    let namesake = CertificateAuthority::named("Corp Proxy CA");
    let message = refused(&origin, trusting(&namesake), "").await;
    says(&message, &["unknown authority of the same name", "\"Corp Proxy CA\""]);

    let (acceptor, pem) = self_signed(&params(&["service.test"]));
    let server = serve(Some(acceptor)).await;
    let origin = format!("https://service.test:{}", server.port());
    for tls in [trusting(&authority), Tls::default()] {
        let message = refused(&origin, tls, "").await;
        says(&message, &["is self-signed", "put the certificate itself into a PEM file"]);
    }
    let trusted = Tls::default().with_ca(pem.as_bytes()).unwrap();
    assert_eq!(call(&origin, trusted, "").await.unwrap(), "{}", "the remedy works");

    // As `openssl req -x509` makes them.
    let mut own = params(&["service.test"]);
    own.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    own.distinguished_name.push(DnType::CommonName, "service.test");
    let (acceptor, pem) = self_signed(&own);
    let server = serve(Some(acceptor)).await;
    let origin = format!("https://service.test:{}", server.port());
    for tls in [trusting(&authority), Tls::default().with_ca(pem.as_bytes()).unwrap()] {
        let message = refused(&origin, tls, "").await;
        says(&message, &["self-signed and an authority's", "CA:TRUE", "CA:FALSE"]);
    }
}

#[tokio::test]
async fn missing_client_certificate_is_named_in_each_version_of_tls() {
    let (authority, stranger) = (CertificateAuthority::new(), CertificateAuthority::new());
    for acceptor in
        [authority.acceptor("service.test", true), authority.acceptor_of_tls12("service.test")]
    {
        let server = serve(Some(acceptor)).await;
        let origin = format!("https://service.test:{}", server.port());
        // Several times, since a server in TLS 1.3 may close before its alert is read.
        for _ in 0..5 {
            let error = transport(call(&origin, trusting(&authority), "").await);
            let parts = [
                "service.test:",
                "client certificate",
                "none is configured",
                "tls.client-certificate",
            ];
            says(&error.message, &parts);
        }
        let wrong = stranger.identity("client.test");
        let tls = trusting(&authority)
            .with_identity(wrong.certificate.as_bytes(), wrong.key.as_bytes())
            .unwrap();
        let error = transport(call(&origin, tls, "").await);
        says(&error.message, &["client certificate", "not accept"]);
        let own = authority.identity("client.test");
        let tls = trusting(&authority)
            .with_identity(own.certificate.as_bytes(), own.key.as_bytes())
            .unwrap();
        assert_eq!(call(&origin, tls, "").await.unwrap(), "{}", "the remedy works");
        assert_eq!(server.requests().len(), 1);
    }
}

#[tokio::test]
async fn https_to_a_port_without_tls_says_so() {
    let greeting = &b"SSH-2.0-OpenSSH_9.6\r\n"[..];
    let http = &b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n"[..];
    for (bytes, after) in
        [(http, AfterBytes::Close), (http, AfterBytes::Hang), (greeting, AfterBytes::Hang)]
    {
        let server = scripted::start(bytes, after).await;
        let message = refused(&format!("https://{}", server.authority), Tls::default(), "").await;
        says(&message, &["does not speak TLS", "write http:// in the endpoint"]);
    }
    let closing = scripted::start(b"", AfterBytes::Close).await;
    let message = refused(&format!("https://{}", closing.authority), Tls::default(), "").await;
    says(&message, &["closed the connection during the TLS handshake", "write http://"]);
    // A real server.
    let server = serve(None).await;
    let message = refused(&format!("https://{}", server.authority), Tls::default(), "").await;
    says(&message, &["write http:// in the endpoint"]);
}

#[tokio::test]
async fn http_to_a_port_with_tls_says_so() {
    let authority = CertificateAuthority::new();
    let server = serve(Some(authority.acceptor("service.test", false))).await;
    let origin = format!("http://service.test:{}", server.port());
    for _ in 0..5 {
        let error = transport(call(&origin, Tls::default(), "").await);
        says(&error.message, &[&format!("service.test:{}", server.port()), "https://"]);
    }
    for alert in [&b"\x15\x03\x01\x00\x02\x02\x46"[..], b"\x15\x03\x03\x00\x02\x02\x0a"] {
        let server = scripted::start(alert, AfterBytes::Close).await;
        let error =
            transport(call(&format!("http://{}", server.authority), Tls::default(), "").await);
        says(&error.message, &[&server.authority, "speaks TLS", "write https:// in the endpoint"]);
    }
    let page = b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/html\r\ncontent-length: 78\r\n\r\n\
                 <html><title>400 The plain HTTP request was sent to HTTPS port</title></html>\r\n";
    let server = scripted::start(page, AfterBytes::Close).await;
    let result = call(&format!("http://{}", server.authority), Tls::default(), "").await;
    let Err(Error::Plugin(PluginError::Service(error))) = result else {
        panic!("expected the page of the server, got {result:?}")
    };
    says(error.hint.as_deref().unwrap(), &["expects TLS", "https://"]);
}

#[tokio::test]
async fn stalled_handshake_is_not_a_missing_connection() {
    let server = scripted::start(b"", AfterBytes::Hang).await;
    let limits = "limits = { tls-timeout = \"300ms\" }";
    let message = refused(&format!("https://{}", server.authority), Tls::default(), limits).await;
    says(
        &message,
        &[
            "accepted the connection",
            "TLS handshake did not end within 300ms",
            "limits.tls-timeout",
        ],
    );
}

#[tokio::test]
async fn connection_errors_name_host_port_and_reason_but_no_address() {
    let closed = ClosedPort::reserve();
    let port = closed.port;
    let connect = async |host: &str| {
        let origin = format!("http://{host}:{port}");
        let message = refused(&origin, Tls::default(), "").await;
        says(&message, &[&format!("cannot connect to {host}:{port}: ")]);
        message
    };
    says(&connect("service.test").await, &["connection refused"]);
    let both = connect("refusing.test").await;
    says(&both, &["connection refused", "2 addresses were tried"]);
    assert!(!both.contains("127.0.0."), "a resolved address: {both}");
    says(&connect("typo.test").await, &["the name typo.test is not known", "spelling"]);
    says(&connect("empty.test").await, &["the name empty.test has no address"]);
    says(&connect("127.0.0.1").await, &["connection refused"]);
    let message = connect("[2001:db8::1]").await;
    // It depends on the networks of this machine.
    let reasons = ["no route to the host", "the network is unreachable", "timed out"];
    assert!(reasons.iter().any(|reason| message.contains(reason)), "{message}");
}

#[tokio::test]
async fn name_with_an_ipv6_address_that_drops_packets_is_reached_at_once() {
    let host = Host::builder().resolver(Names).dial(WithoutIpv6).build().unwrap();
    let plugin = plugins::load_dynamodb(&host);
    let server = serve(None).await;
    let origin = format!("http://both.test:{}", server.port());
    let datasource = host
        .connect(&plugin, config(&origin, &settings(&origin), Tls::default(), ""))
        .await
        .unwrap();
    let began = Instant::now();
    assert_eq!(datasource.execute("ListTables", "").await.unwrap(), "{}");
    let took = began.elapsed();
    assert!((250..500).contains(&took.as_millis()), "{took:?}");
}

#[tokio::test]
async fn service_that_does_not_respond_is_named_with_the_limit() {
    let silent = scripted::start(b"", AfterBytes::Hang).await;
    let half = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{";
    let (stalling, closing) = (
        scripted::start(half, AfterBytes::Hang).await,
        scripted::start(half, AfterBytes::Close).await,
    );
    for (server, limits, part) in [
        (
            &silent,
            "first-byte-timeout = \"200ms\"",
            "no response within 200ms (limits.first-byte-timeout)",
        ),
        (&silent, "deadline = \"200ms\"", "the deadline of the call passed before"),
        (&stalling, "read-timeout = \"200ms\"", "nothing came for 200ms (limits.read-timeout)"),
        (&stalling, "deadline = \"200ms\"", "passed in the middle of the response of"),
        (&closing, "", "closed the connection in the middle of the response"),
    ] {
        let limits = format!("limits = {{ {limits} }}");
        let origin = format!("http://{}", server.authority);
        let error = transport(call(&origin, Tls::default(), &limits).await);
        says(&error.message, &[&server.authority, part]);
        assert!(error.maybe_applied, "{error}");
    }
}
