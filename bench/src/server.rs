//! The service that all paths call: fixed answers, on loopback, in a process of its own, so that its processor time and
//! its memory are nobody's.

use crate::cases::{Case, page};
use anyhow::{Context, Result};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use std::collections::HashMap;
use std::convert::Infallible;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// Where the server listens.
#[derive(Clone, Debug)]
pub struct Places {
    /// HTTP.
    pub http: u16,
    /// HTTP over TLS.
    pub https: u16,
    /// The same, and each connection is closed behind its answer.
    pub closing: u16,
    /// HTTP, and each answer comes after [`SLOW`].
    pub slow: u16,
    /// The authority that vouches for `localhost`, in PEM.
    pub ca: String,
}

/// What the server says behind all that it has to say.
const END: &str = "listening";

/// How long the slow place takes.
pub const SLOW: Duration = Duration::from_millis(400);

/// A running server; it ends with this value.
pub struct Server {
    child: Child,
    /// Where it listens.
    pub places: Places,
}

impl Server {
    /// Starts this program a second time, as the server.
    pub fn start() -> Result<Self> {
        let program = std::env::current_exe()?;
        let mut child = Command::new(program)
            .arg("serve")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut told = BufReader::new(child.stdout.take().context("its output is a pipe")?);
        let mut ports = String::new();
        told.read_line(&mut ports)?;
        let ports: Vec<u16> = ports
            .split_whitespace()
            .map(str::parse)
            .collect::<Result<_, _>>()
            .context("the server did not start")?;
        let ca: Vec<String> = told
            .lines()
            .take_while(|line| line.as_ref().is_ok_and(|line| line != END))
            .collect::<Result<_, _>>()?;
        let ca = ca.join("\n");
        let places =
            Places { http: ports[0], https: ports[1], closing: ports[2], slow: ports[3], ca };
        Ok(Self { child, places })
    }
}

/// Binds this process, the server, to the last core: where it runs would otherwise be chance. Nothing changes on a
/// machine with one core.
fn keep_to_one_core() -> Result<()> {
    let cores = std::thread::available_parallelism()?.get();
    if cores < 2 {
        return Ok(());
    }
    let mut last = CpuSet::new();
    last.set(cores - 1)?;
    sched_setaffinity(Pid::from_raw(0), &last).context("the server cannot be bound to a core")
}

impl Drop for Server {
    fn drop(&mut self) {
        // It ends by itself when its input is closed; this is for one that hangs.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Serves until the standard input is closed.
pub fn serve() -> Result<()> {
    keep_to_one_core()?;
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(answer_all())
}

async fn answer_all() -> Result<()> {
    let answers = Arc::new(answers());
    let (acceptor, ca) = tls()?;
    let mut ports = Vec::new();
    for (tls, closing, slow) in
        [(false, false, false), (true, false, false), (true, true, false), (false, false, true)]
    {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        ports.push(listener.local_addr()?.port().to_string());
        let (answers, acceptor) = (answers.clone(), tls.then(|| acceptor.clone()));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (answers, acceptor) = (answers.clone(), acceptor.clone());
                tokio::spawn(async move {
                    // What becomes of a connection is for the client to notice.
                    let _ = stream.set_nodelay(true);
                    match acceptor {
                        None => answer(stream, answers, closing, slow).await,
                        Some(acceptor) => {
                            if let Ok(stream) = acceptor.accept(stream).await {
                                answer(stream, answers, closing, slow).await;
                            }
                        }
                    }
                });
            }
        });
    }
    let mut out = std::io::stdout();
    writeln!(out, "{}\n{ca}{END}", ports.join(" "))?;
    out.flush()?;
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
    Ok(())
}

struct Answer {
    body: Bytes,
    crc32: HeaderValue,
}

/// By action; and for `Scan` by the size that its input asks for.
fn answers() -> HashMap<String, Answer> {
    let mut answers: HashMap<String, Answer> = HashMap::new();
    for case in Case::ALL {
        answers.insert(format!("DynamoDB_20120810.{}", case.action()), Answer::new(case.answer()));
    }
    for size in crate::growth::SIZES {
        answers.insert(format!("size-{size}"), Answer::new(page(size)));
    }
    answers
}

impl Answer {
    fn new(body: Bytes) -> Self {
        let crc32 = HeaderValue::from(crc32fast::hash(&body));
        Self { body, crc32 }
    }
}

async fn answer(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    answers: Arc<HashMap<String, Answer>>,
    closing: bool,
    slow: bool,
) {
    let service = service_fn(|request: Request<Incoming>| {
        let answers = &answers;
        async move {
            let key = target(request.headers());
            // Read to its end, as a service does.
            let asked = request
                .into_body()
                .collect()
                .await
                .map(http_body_util::Collected::to_bytes)
                .unwrap_or_default();
            let key = if key.ends_with(".Scan") { size_of(&asked) } else { key };
            if slow {
                tokio::time::sleep(SLOW).await;
            }
            let mut response = match answers.get(&key) {
                Some(answer) => {
                    let mut response = Response::new(Full::new(answer.body.clone()));
                    response.headers_mut().insert("x-amz-crc32", answer.crc32.clone());
                    response
                }
                None => Response::builder()
                    .status(400)
                    .body(Full::new(Bytes::from_static(b"{}")))
                    .expect("a valid answer"),
            };
            let headers = response.headers_mut();
            headers.insert("content-type", HeaderValue::from_static("application/x-amz-json-1.0"));
            headers.insert(
                "x-amzn-requestid",
                HeaderValue::from_static("0000000000000000000000000000000000000000000000000000"),
            );
            if closing {
                headers.insert("connection", HeaderValue::from_static("close"));
            }
            Ok::<_, Infallible>(response)
        }
    });
    let _ = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

fn target(headers: &HeaderMap) -> String {
    headers
        .get("x-amz-target")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .to_string()
}

/// `Scan` is answered with a page of as many bytes as its `Limit` says.
fn size_of(body: &[u8]) -> String {
    let asked: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    format!("size-{}", asked["Limit"])
}

/// An authority, and a certificate of it for `localhost`.
fn tls() -> Result<(TlsAcceptor, String)> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
    let key = KeyPair::generate()?;
    let certificate =
        CertificateParams::new(vec!["localhost".to_string()])?.signed_by(&key, &issuer)?;
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config =
        ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)?;
    Ok((TlsAcceptor::from(Arc::new(config)), issuer.pem()))
}
