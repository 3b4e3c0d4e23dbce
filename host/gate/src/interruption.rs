//! Why a request got no complete response, in words for people. wasi:http's error codes, which
//! guests get, name neither the host nor the cause.

use crate::tls_problem::{TlsAdvice, TlsProblem};
use portcullis_policy::Origin;
use std::fmt;
use std::time::Duration;
use wasmtime_wasi_http::Error as Code;

/// Why a request got no complete response. It names the host and the port that the request was for,
/// and never an address that the host's name resolved to: callers may read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interruption {
    /// The host and the port.
    peer: String,
    cause: Cause,
    advice: TlsAdvice,
}

/// Why a request got no complete response.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// The name has no address, for the reason in the text.
    Unresolved(String),
    /// The name was not resolved in `limits.connect-timeout`.
    ResolveTimeout(Duration),
    /// No address accepted the connection.
    NotConnected {
        /// The reasons, without repetitions. The first is the most telling one.
        reasons: Vec<Reason>,
        /// The addresses that were tried.
        addresses: usize,
    },
    /// There was no connection in `limits.connect-timeout`.
    ConnectTimeout(Duration),
    /// TLS failed.
    Tls(TlsProblem),
    /// The TLS handshake did not end in `limits.tls-timeout`.
    TlsTimeout(Duration),
    /// A request in plain HTTP was answered in TLS.
    SpeaksTls,
    /// The response is not HTTP/1.1.
    NotHttp,
    /// The connection was closed before the response.
    Closed(Suspicion),
    /// There was no response in `limits.first-byte-timeout`.
    NoResponse(Duration),
    /// The connection was closed in the middle of the response.
    Incomplete,
    /// No more of the response came in `limits.read-timeout`.
    Stalled(Duration),
    /// The call's deadline passed.
    Deadline(Stage),
}

/// What may have made a server close a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Suspicion {
    /// Nothing is known.
    None,
    /// It expects TLS, and the request was sent in plain HTTP.
    Tls,
    /// It asked for a client certificate, and there is none.
    NoClientCertificate,
    /// It asked for a client certificate, and may not accept the one that it got.
    ClientCertificate,
}

/// Why an address did not accept a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Reason {
    /// Nothing listens on the port.
    Refused,
    /// The connection was reset while it was opened.
    Reset,
    /// The operating system gave up waiting for an answer.
    TimedOut,
    /// This machine does not permit the connection, as firewalls do.
    NotPermitted,
    /// No router knows a way to the host.
    NoRoute,
    /// This machine is connected to no network that leads there.
    NoNetwork,
    /// This machine has no address or port left for the connection.
    NoLocalAddress,
    /// Another error of the operating system.
    Other(std::io::ErrorKind),
}

/// What a request waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// For an address of the host, and for a connection.
    Connecting,
    /// For the end of the TLS handshake.
    Handshake,
    /// For the head of the response.
    Waiting,
    /// For the rest of the response.
    Reading,
}

impl Interruption {
    pub(crate) fn new(origin: &Origin, cause: Cause) -> Self {
        let peer = format!("{}:{}", origin.host(), origin.port());
        Self { peer, cause, advice: TlsAdvice::DATASOURCE }
    }

    /// For a request whose settings are elsewhere than those of a datasource.
    pub(crate) fn with_advice(mut self, advice: TlsAdvice) -> Self {
        self.advice = advice;
        self
    }

    /// The host and the port that the request was for.
    #[must_use]
    pub fn peer(&self) -> &str {
        &self.peer
    }

    /// The cause.
    #[must_use]
    pub fn cause(&self) -> &Cause {
        &self.cause
    }

    /// The code that wasi:http has for it.
    pub(crate) fn code(&self) -> Code {
        match &self.cause {
            Cause::Unresolved(text) => {
                Code::DnsError { rcode: Some(text.clone()), info_code: None }
            }
            Cause::ResolveTimeout(_) => Code::DnsTimeout,
            Cause::NotConnected { reasons, .. } => match reasons.first() {
                Some(Reason::Refused) => Code::ConnectionRefused,
                Some(Reason::TimedOut) => Code::ConnectionTimeout,
                _ => Code::DestinationUnavailable,
            },
            Cause::ConnectTimeout(_)
            | Cause::TlsTimeout(_)
            | Cause::Deadline(Stage::Connecting | Stage::Handshake) => Code::ConnectionTimeout,
            Cause::Tls(problem) if problem.is_certificate() => Code::TlsCertificateError,
            Cause::Tls(
                TlsProblem::NoClientCertificate
                | TlsProblem::ClientCertificate(_)
                | TlsProblem::Alert(_),
            ) => Code::TlsAlertReceived { alert_id: None, alert_message: None },
            Cause::Tls(_) => Code::TlsProtocolError,
            Cause::SpeaksTls | Cause::NotHttp => Code::HttpProtocolError,
            Cause::Closed(_) => Code::ConnectionTerminated,
            Cause::Incomplete => Code::HttpResponseIncomplete,
            Cause::NoResponse(_) | Cause::Stalled(_) | Cause::Deadline(_) => {
                Code::HttpResponseTimeout
            }
        }
    }
}

impl fmt::Display for Interruption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { peer, cause, advice } = self;
        let url = advice.url;
        match cause {
            Cause::Unresolved(text) => write!(f, "cannot connect to {peer}: {text}"),
            Cause::ResolveTimeout(limit) => write!(
                f,
                "cannot connect to {peer}: its name was not resolved within {limit:?} \
                 (limits.connect-timeout); check the DNS servers of this machine"
            ),
            Cause::NotConnected { reasons, addresses } => {
                write!(f, "cannot connect to {peer}: ")?;
                for (index, reason) in reasons.iter().enumerate() {
                    write!(f, "{}{reason}", if index > 0 { ", " } else { "" })?;
                }
                if *addresses > 1 {
                    write!(f, " ({addresses} addresses were tried)")?;
                }
                Ok(())
            }
            Cause::ConnectTimeout(limit) => write!(
                f,
                "cannot connect to {peer}: timed out, no connection within {limit:?} \
                 (limits.connect-timeout); look for a firewall on the way, and check host and port"
            ),
            Cause::Tls(problem) => f.write_str(&problem.explain(peer, advice)),
            Cause::TlsTimeout(limit) => write!(
                f,
                "{peer} accepted the connection, but the TLS handshake did not end within \
                 {limit:?} (limits.tls-timeout); check that this port speaks TLS, a port for plain \
                 HTTP needs http:// in {url}"
            ),
            Cause::SpeaksTls => write!(
                f,
                "{peer} speaks TLS, but the request was sent in plain HTTP; write https:// in {url}"
            ),
            Cause::NotHttp => {
                write!(f, "{peer} sent something that is not an HTTP/1.1 response; check the port")
            }
            Cause::Closed(suspicion) => {
                write!(f, "{peer} closed the connection before the response")?;
                match suspicion {
                    Suspicion::None => Ok(()),
                    Suspicion::Tls => {
                        write!(f, "; if this port speaks TLS, write https:// in {url}")
                    }
                    Suspicion::NoClientCertificate => write!(
                        f,
                        "; it asked for a client certificate, which it probably requires, and none \
                         is configured; {}",
                        advice.identify
                    ),
                    Suspicion::ClientCertificate => f.write_str(
                        "; it asked for a client certificate, and probably does not accept the \
                         configured one",
                    ),
                }
            }
            Cause::NoResponse(limit) => write!(
                f,
                "{peer} did not respond in time: no response within {limit:?} \
                 (limits.first-byte-timeout)"
            ),
            Cause::Incomplete => {
                write!(f, "{peer} closed the connection in the middle of the response")
            }
            Cause::Stalled(limit) => write!(
                f,
                "{peer} stopped in the middle of the response: nothing came for {limit:?} \
                 (limits.read-timeout)"
            ),
            Cause::Deadline(stage) => {
                f.write_str("the deadline of the call passed ")?;
                match stage {
                    Stage::Connecting => write!(f, "while connecting to {peer}"),
                    Stage::Handshake => write!(f, "during the TLS handshake with {peer}"),
                    Stage::Waiting => write!(f, "before {peer} responded"),
                    Stage::Reading => write!(f, "in the middle of the response of {peer}"),
                }
            }
        }
    }
}

impl std::error::Error for Interruption {}

impl Reason {
    /// What an error of the operating system means.
    #[must_use]
    pub fn of(error: &std::io::Error) -> Self {
        use std::io::ErrorKind as K;
        match error.kind() {
            K::ConnectionRefused => Self::Refused,
            K::ConnectionReset | K::ConnectionAborted => Self::Reset,
            K::TimedOut => Self::TimedOut,
            K::PermissionDenied => Self::NotPermitted,
            K::HostUnreachable => Self::NoRoute,
            K::NetworkUnreachable | K::NetworkDown => Self::NoNetwork,
            K::AddrNotAvailable | K::AddrInUse => Self::NoLocalAddress,
            other => Self::Other(other),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refused => "connection refused (nothing listens on this port)",
            Self::Reset => "connection reset",
            Self::TimedOut => "timed out (no answer; a firewall may drop the packets)",
            Self::NotPermitted => "this machine does not permit the connection (a firewall?)",
            Self::NoRoute => "no route to the host",
            Self::NoNetwork => "the network is unreachable",
            Self::NoLocalAddress => "this machine has no address or port left for it",
            Self::Other(kind) => return write!(f, "{kind}"),
        })
    }
}
