//! The time limits of the gate, measured against services that are slow at one point: each fires
//! not before its time, and soon after it.

use portcullis::policy::{Limits, Policy};
use portcullis_gate::{
    Cause, Dial, Dialing, Egress, Gate, Interruption, RequestBody, RequestHead, Resolve, Stage,
    Stream, Tls,
};
use portcullis_policy::Scheme;
use std::future::{Future, pending};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

/// The limit under test.
const LIMIT: Duration = Duration::from_secs(1);
/// By when it must have fired: a tenth of a second for the machine, and two for other tests.
const LATEST: Duration = Duration::from_millis(1300);
/// The sizes of request bodies: none, a small one, and one that fills every buffer on the way.
const SIZES: [usize; 3] = [0, 300, 12_000_000];

/// What the service does with a connection.
#[derive(Clone, Copy)]
enum Script {
    /// Never accepts it.
    NeverAccepts,
    /// Accepts it, and reads nothing.
    NeverReads,
    /// Reads all there is, and sends nothing.
    NeverResponds,
    /// Reads all there is, waits, and sends the beginning of a response.
    RespondsInPart(Duration),
    /// Reads slowly, for two seconds, and responds at the end.
    ReadsSlowly,
    /// Sends a response in pieces, with less than the limit between them.
    Drips,
}

/// A service in this process. Its name resolves at once, unless `resolves` is false.
struct Service {
    script: Script,
    resolves: bool,
}

impl Resolve for Service {
    fn resolve<'a>(
        &'a self,
        _: &'a str,
    ) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>> {
        Box::pin(async {
            if !self.resolves {
                pending::<()>().await;
            }
            Ok(vec![IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2])])
        })
    }
}

impl Dial for Service {
    fn dial(&self, _: SocketAddr) -> Dialing<'_> {
        Box::pin(async {
            if matches!(self.script, Script::NeverAccepts) {
                pending::<()>().await;
            }
            let (client, server) = tokio::io::duplex(64 * 1024);
            tokio::spawn(play(self.script, server));
            Ok(Box::new(client) as Box<dyn Stream>)
        })
    }
}

const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n";

async fn play(script: Script, mut server: DuplexStream) {
    let mut buffer = vec![0; 64 * 1024];
    match script {
        Script::NeverAccepts | Script::NeverReads => pending().await,
        Script::NeverResponds => while server.read(&mut buffer).await.is_ok_and(|read| read > 0) {},
        Script::RespondsInPart(wait) => {
            read_request(&mut server).await;
            tokio::time::sleep(wait).await;
            server.write_all(HEAD).await.unwrap();
            pending::<()>().await;
        }
        Script::ReadsSlowly => {
            let until = Instant::now() + 2 * LIMIT;
            while Instant::now() < until {
                let _ = server.read(&mut buffer[..16 * 1024]).await;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            let responding = async {
                server.write_all(HEAD).await.unwrap();
                server.write_all(b"done").await.unwrap();
            };
            responding.await;
            while server.read(&mut buffer).await.is_ok_and(|read| read > 0) {}
        }
        Script::Drips => {
            read_request(&mut server).await;
            server.write_all(HEAD).await.unwrap();
            for byte in b"done" {
                tokio::time::sleep(LIMIT * 2 / 3).await;
                server.write_all(&[*byte]).await.unwrap();
            }
        }
    }
}

/// Reads a request with its body, whose length its head states.
async fn read_request(server: &mut DuplexStream) {
    let mut request = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = server.read(&mut buffer).await.unwrap();
        request.extend_from_slice(&buffer[..read]);
        let Some(end) = request.windows(4).position(|window| window == b"\r\n\r\n") else {
            continue;
        };
        let head = String::from_utf8_lossy(&request[..end]).to_lowercase();
        let length = head.split("content-length: ").nth(1).map_or("0", |rest| rest);
        let length: usize = length.split("\r\n").next().unwrap().parse().unwrap();
        if request.len() >= end + 4 + length {
            return;
        }
    }
}

/// What became of a request: how long it took, the body of its response, and why it was
/// interrupted.
struct Sent {
    took: Duration,
    body: Option<Vec<u8>>,
    interruption: Option<Interruption>,
}

async fn send(scheme: &str, service: Service, limits: Limits, bytes: usize) -> Sent {
    let service = Arc::new(service);
    let origin = format!("{scheme}://service.test");
    let policy = Policy {
        egress: vec![origin.parse().unwrap()],
        networks: [(origin.parse().unwrap(), vec!["192.0.2.0/24".parse().unwrap()])].into(),
        limits,
        ..Policy::default()
    };
    let egress = Egress::builder(policy).resolver(service.clone()).dial(service);
    let egress = egress.tls(Tls::default()).build().unwrap();
    // The deadline counts from the creation of the gate.
    let began = Instant::now();
    let gate = Gate::new(&egress, |denial| panic!("{denial}"));
    let scheme = if scheme == "http" { Scheme::Http } else { Scheme::Https };
    let headers = http::HeaderMap::from_iter(
        (bytes > 0).then(|| (http::header::CONTENT_LENGTH, bytes.to_string().parse().unwrap())),
    );
    let method = if bytes > 0 { http::Method::POST } else { http::Method::GET };
    let path = "/".parse().unwrap();
    let head = RequestHead::new(method, scheme, "service.test".to_string(), path, headers).unwrap();
    let sent = gate.send(head, RequestBody::Whole(Some(vec![b'x'; bytes].into()))).await;
    let body = match sent {
        Ok(response) => {
            let body = http_body_util::BodyExt::collect(response.into_body()).await;
            body.ok().map(|body| body.to_bytes().to_vec())
        }
        Err(_) => None,
    };
    let took = began.elapsed();
    Sent { took, body, interruption: gate.progress().unwrap().interruption() }
}

/// Limits that are all long, so that only the one under test fires.
fn long() -> Limits {
    let long = Duration::from_secs(20);
    Limits::default()
        .with_deadline(long)
        .with_connect_timeout(long)
        .with_tls_timeout(long)
        .with_first_byte_timeout(long)
        .with_read_timeout(long)
}

/// Sends requests of all sizes, and checks that each is interrupted in time and for this cause.
async fn fires(scheme: &str, script: Script, limits: Limits, cause: Cause) {
    let sizes = SIZES.map(|bytes| {
        let service = Service { script, resolves: true };
        send(scheme, service, limits.clone(), bytes)
    });
    for (bytes, sent) in SIZES.into_iter().zip(join(sizes).await) {
        check(&sent, &cause, bytes);
    }
}

fn check(sent: &Sent, cause: &Cause, bytes: usize) {
    let took = sent.took;
    assert!((LIMIT..=LATEST).contains(&took), "{cause:?} with {bytes} bytes took {took:?}");
    let found = sent.interruption.as_ref().map(Interruption::cause);
    assert_eq!(found, Some(cause), "{bytes} bytes");
}

/// Runs futures at the same time.
async fn join<F: Future<Output = Sent> + Send, const N: usize>(all: [F; N]) -> Vec<Sent> {
    let mut all = Vec::from(all.map(Box::pin));
    let mut done: Vec<Option<Sent>> = all.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, done) in all.iter_mut().zip(&mut done) {
            if done.is_none()
                && let std::task::Poll::Ready(sent) = future.as_mut().poll(context)
            {
                *done = Some(sent);
            }
        }
        if done.iter().all(Option::is_some) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    done.into_iter().flatten().collect()
}

#[tokio::test]
async fn first_byte_timeout_fires_once_after_the_last_byte_of_the_request() {
    let limits = long().with_first_byte_timeout(LIMIT);
    fires("http", Script::NeverResponds, limits.clone(), Cause::NoResponse(LIMIT)).await;
    fires("http", Script::NeverReads, limits, Cause::NoResponse(LIMIT)).await;
}

#[tokio::test]
async fn first_byte_timeout_does_not_fire_while_the_request_is_being_read() {
    let service = Service { script: Script::ReadsSlowly, resolves: true };
    let limits = long().with_first_byte_timeout(LIMIT);
    let sent = send("http", service, limits, 12_000_000).await;
    assert_eq!(sent.body.as_deref(), Some(&b"done"[..]), "{:?}", sent.interruption);
    assert!(sent.took >= 2 * LIMIT, "{:?}", sent.took);
}

#[tokio::test]
async fn connect_timeout_is_for_resolving_and_connecting_together() {
    let limits = long().with_connect_timeout(LIMIT);
    fires("http", Script::NeverAccepts, limits.clone(), Cause::ConnectTimeout(LIMIT)).await;
    let service = Service { script: Script::NeverAccepts, resolves: false };
    let sent = send("https", service, limits, 0).await;
    check(&sent, &Cause::ResolveTimeout(LIMIT), 0);
}

#[tokio::test]
async fn tls_timeout_is_for_the_handshake() {
    let limits = long().with_tls_timeout(LIMIT);
    for script in [Script::NeverReads, Script::NeverResponds] {
        fires("https", script, limits.clone(), Cause::TlsTimeout(LIMIT)).await;
    }
}

#[tokio::test]
async fn read_timeout_is_for_each_wait_for_more_of_the_response() {
    let script = Script::RespondsInPart(Duration::ZERO);
    let limits = long().with_read_timeout(LIMIT);
    fires("http", script, limits.clone(), Cause::Stalled(LIMIT)).await;
    let service = Service { script: Script::Drips, resolves: true };
    let sent = send("http", service, limits, 300).await;
    assert_eq!(sent.body.as_deref(), Some(&b"done"[..]), "{:?}", sent.interruption);
    assert!(sent.took >= 2 * LIMIT, "{:?}", sent.took);
}

#[tokio::test]
async fn deadline_fires_in_time_whatever_the_request_waits_for() {
    let limits = long().with_deadline(LIMIT);
    for (scheme, script, stage) in [
        ("http", Script::NeverAccepts, Stage::Connecting),
        ("https", Script::NeverReads, Stage::Handshake),
        ("http", Script::NeverReads, Stage::Waiting),
        ("http", Script::NeverResponds, Stage::Waiting),
        ("http", Script::RespondsInPart(LIMIT / 2), Stage::Reading),
    ] {
        fires(scheme, script, limits.clone(), Cause::Deadline(stage)).await;
    }
}

#[tokio::test]
async fn first_byte_timeout_of_a_datasource_fires_in_time() {
    use portcullis_testkit::scripted::{self, AfterBytes};
    let server = scripted::start(b"", AfterBytes::Hang).await;
    let limits = "limits = { first-byte-timeout = \"1s\" }";
    let datasource =
        tests::plugins::connect(&server.authority, limits, ",\"maxAttempts\":1").await.unwrap();
    for (action, input) in [
        ("ListTables", String::new()),
        ("PutItem", format!(r#"{{"TableName":"t","Item":{{"a":"{}"}}}}"#, "x".repeat(300_000))),
    ] {
        let began = Instant::now();
        let error = datasource.execute(action, &input).await.unwrap_err();
        let took = began.elapsed();
        assert!((LIMIT..=LATEST).contains(&took), "{action} took {took:?}");
        assert!(error.to_string().contains("no response within 1s"), "{error}");
    }
}
