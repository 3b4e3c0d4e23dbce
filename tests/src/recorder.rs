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
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port on loopback is free");
    let authority = listener.local_addr().expect("a bound socket has an address").to_string();
    let (log, connections) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(0)));
    let (seen, opened) = (log.clone(), connections.clone());
    let task = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            *opened.lock().expect("no test panics with the lock") += 1;
            let (seen, answer) = (seen.clone(), answer.clone());
            let service = service_fn(move |request| record(seen.clone(), answer.clone(), request));
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    Recorder { authority, log, connections, task }
}

async fn record(log: Arc<Mutex<Vec<Recorded>>>, answer: Answer, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let path = parts.uri.to_string();
    log.lock().expect("no test panics with the lock").push(Recorded {
        method: parts.method.to_string(),
        path,
        headers: parts.headers,
        body,
    });
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
