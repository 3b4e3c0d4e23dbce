//! A server that writes down what it is sent, and gives one answer to all.

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// One request as it came.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Recorded {
    /// A header's text; empty where there is none.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// What the server answers.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Headers beside those of HTTP itself.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// An answer of success.
    #[must_use]
    pub fn ok(body: impl Into<Bytes>) -> Self {
        Self { status: 200, headers: Vec::new(), body: body.into() }
    }
}

/// A running server; it ends when this is dropped.
#[derive(Debug)]
pub struct Recorder {
    /// Host and port.
    pub authority: String,
    log: Arc<Mutex<Vec<Recorded>>>,
    connections: Arc<Mutex<u32>>,
    task: JoinHandle<()>,
}

/// Starts a server that answers every request with `answer`.
///
/// # Panics
/// The server does not start.
pub async fn start(answer: Answer) -> Recorder {
    start_at("127.0.0.1", answer, None).await
}

/// The same at another address of this machine, and with TLS.
///
/// # Panics
/// The server does not start.
pub async fn start_at(address: &str, answer: Answer, tls: Option<TlsAcceptor>) -> Recorder {
    start_with(address, move |_| answer.clone(), tls).await
}

/// The same with an answer for each request.
///
/// # Panics
/// The server does not start.
pub async fn start_with(
    address: &str,
    answer: impl Fn(&Recorded) -> Answer + Send + Sync + 'static,
    tls: Option<TlsAcceptor>,
) -> Recorder {
    let answer: Arc<dyn Fn(&Recorded) -> Answer + Send + Sync> = Arc::new(answer);
    let listener = TcpListener::bind((address, 0)).await.expect("a port on loopback is free");
    let authority = listener.local_addr().expect("a bound socket has an address").to_string();
    let (log, connections) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(0)));
    let (seen, opened) = (log.clone(), connections.clone());
    let task = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            *opened.lock().expect("no test panics with the lock") += 1;
            let (seen, answer) = (seen.clone(), answer.clone());
            let service = service_fn(move |request| record(seen.clone(), answer.clone(), request));
            let http = hyper::server::conn::http1::Builder::new();
            match tls.clone() {
                None => drop(tokio::spawn(http.serve_connection(TokioIo::new(stream), service))),
                Some(tls) => drop(tokio::spawn(async move {
                    // A handshake that fails is for the client to notice.
                    if let Ok(stream) = tls.accept(stream).await {
                        let _ = http.serve_connection(TokioIo::new(stream), service).await;
                    }
                })),
            }
        }
    });
    Recorder { authority, log, connections, task }
}

async fn record(
    log: Arc<Mutex<Vec<Recorded>>>,
    answer: Arc<dyn Fn(&Recorded) -> Answer + Send + Sync>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let path = parts.uri.to_string();
    let recorded =
        Recorded { method: parts.method.to_string(), path, headers: parts.headers, body };
    let answer = answer(&recorded);
    log.lock().expect("no test panics with the lock").push(recorded);
    let mut response = Response::builder().status(answer.status);
    for (name, value) in &answer.headers {
        response = response.header(*name, value);
    }
    Ok(response.body(Full::new(answer.body)).expect("the test's answer is HTTP"))
}

impl Recorder {
    /// The requests so far.
    ///
    /// # Panics
    /// Never, but in a test that failed before.
    #[must_use]
    pub fn requests(&self) -> Vec<Recorded> {
        self.log.lock().expect("no test panics with the lock").clone()
    }

    /// Forgets the requests so far.
    ///
    /// # Panics
    /// Never, but in a test that failed before.
    pub fn forget(&self) {
        self.log.lock().expect("no test panics with the lock").clear();
    }

    /// The port.
    ///
    /// # Panics
    /// Never: the authority was made of an address with a port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.authority
            .rsplit(':')
            .next()
            .and_then(|port| port.parse().ok())
            .expect("the authority has a port")
    }

    /// How many connections were opened.
    ///
    /// # Panics
    /// Never, but in a test that failed before.
    #[must_use]
    pub fn connections(&self) -> u32 {
        *self.connections.lock().expect("no test panics with the lock")
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.task.abort();
    }
}
