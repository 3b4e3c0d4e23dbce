//! Why TLS with a server failed, and what to do about it.

use crate::certificate::shown;
use rustls::{AlertDescription, CertificateError, InvalidMessage};
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::time::{Duration, SystemTime};

/// Why TLS with a server failed.
///
/// ```
/// use portcullis_gate::{TlsAdvice, TlsProblem};
///
/// let error = rustls::Error::AlertReceived(rustls::AlertDescription::CertificateRequired);
/// let problem = TlsProblem::of(&error, false);
/// assert_eq!(
///     problem.explain("db.example:443", &TlsAdvice::DATASOURCE),
///     "db.example:443 requires a client certificate, and none is configured; set \
///      `tls.client-certificate` and `tls.client-key` in the datasource's policy"
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsProblem {
    /// The certificate's time is over. Both are seconds since the Unix epoch.
    Expired {
        /// Until when it was valid, if the verifier said so.
        until: Option<u64>,
        /// This machine's clock.
        now: u64,
    },
    /// The certificate's time has not begun. Both are seconds since the Unix epoch.
    NotYetValid {
        /// From when it is valid, if the verifier said so.
        from: Option<u64>,
        /// This machine's clock.
        now: u64,
    },
    /// The certificate is for other hosts.
    WrongName {
        /// The hosts that it is for.
        names: Vec<String>,
    },
    /// The certificate may be used for other purposes only.
    WrongUse {
        /// The purposes that it may be used for.
        uses: Vec<String>,
    },
    /// Nobody who is trusted has issued the certificate.
    UnknownAuthority {
        /// The issuer, as the certificate names it.
        issuer: Option<String>,
    },
    /// The certificate names a trusted authority, but that authority's key has not signed it.
    OtherKey {
        /// The issuer, as the certificate names it.
        issuer: Option<String>,
    },
    /// The server issued its certificate itself.
    SelfSigned,
    /// The certificate is that of an authority, which no server may present.
    IsAuthority {
        /// Whether the authority issued it itself.
        self_signed: bool,
    },
    /// The issuer has revoked the certificate.
    Revoked,
    /// The certificate cannot be used for another reason, in words.
    Unusable(String),
    /// What answered does not speak TLS.
    NotTls,
    /// The server closed the connection during the handshake.
    Closed,
    /// The server requires a certificate of the client, and there is none.
    NoClientCertificate,
    /// The server does not accept the client's certificate; the name of its alert.
    ClientCertificate(String),
    /// The server refused the handshake; the name of its alert.
    Alert(String),
    /// Client and server have no version or algorithm in common, in words.
    Incompatible(String),
    /// Another reason, in words.
    Other(String),
}

/// How whoever reads the message can change the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsAdvice {
    /// Where certificates of trusted authorities go.
    pub trust: &'static str,
    /// How to present a client certificate.
    pub identify: &'static str,
    /// Where the URL is written.
    pub url: &'static str,
}

impl TlsAdvice {
    /// The advice for a datasource of a policy.
    pub const DATASOURCE: Self = Self {
        trust: "a PEM file, and name it with `tls = { ca = \"FILE\" }` in the datasource's policy",
        identify: "set `tls.client-certificate` and `tls.client-key` in the datasource's policy",
        url: "the endpoint",
    };

    /// The advice for another program: where certificates of trusted authorities go, how to present
    /// a client certificate, and where the URL is written.
    #[must_use]
    pub const fn new(trust: &'static str, identify: &'static str, url: &'static str) -> Self {
        Self { trust, identify, url }
    }
}

/// The most names of a certificate that are shown: a certificate may have hundreds.
const MAX_NAMES: usize = 6;
/// The longest text of a peer that is shown, in characters: a DNS name has up to 253.
const MAX_TEXT: usize = 253;

impl TlsProblem {
    /// What an error of rustls means. `has_identity` says whether the client has a certificate.
    #[must_use]
    pub fn of(error: &rustls::Error, has_identity: bool) -> Self {
        use rustls::Error as E;
        match error {
            E::InvalidCertificate(error) => Self::of_certificate(error),
            E::NoCertificatesPresented => {
                Self::Unusable("the server presented no certificate".to_string())
            }
            E::InvalidMessage(message) => Self::of_message(*message),
            E::InappropriateMessage { .. } | E::PeerSentOversizedRecord => Self::NotTls,
            E::AlertReceived(alert) => Self::of_alert(*alert, has_identity),
            E::PeerIncompatible(reason) => Self::Incompatible(format!("{reason:?}")),
            other => Self::Other(shown(&other.to_string(), MAX_TEXT)),
        }
    }

    /// What the error of a handshake means.
    #[must_use]
    pub fn of_io(error: &io::Error, has_identity: bool) -> Self {
        if let Some(error) = rustls_error(error) {
            return Self::of(error, has_identity);
        }
        match error.kind() {
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe => Self::Closed,
            _ => Self::Other(error.kind().to_string()),
        }
    }

    /// Whether the server's certificate is the problem.
    #[must_use]
    pub fn is_certificate(&self) -> bool {
        match self {
            Self::Expired { .. }
            | Self::NotYetValid { .. }
            | Self::WrongName { .. }
            | Self::WrongUse { .. }
            | Self::UnknownAuthority { .. }
            | Self::OtherKey { .. }
            | Self::SelfSigned
            | Self::IsAuthority { .. }
            | Self::Revoked
            | Self::Unusable(_) => true,
            Self::NotTls
            | Self::Closed
            | Self::NoClientCertificate
            | Self::ClientCertificate(_)
            | Self::Alert(_)
            | Self::Incompatible(_)
            | Self::Other(_) => false,
        }
    }

    fn of_certificate(error: &CertificateError) -> Self {
        use CertificateError as C;
        match error {
            C::ExpiredContext { time, not_after } => {
                Self::Expired { until: Some(not_after.as_secs()), now: time.as_secs() }
            }
            C::Expired => Self::Expired { until: None, now: now() },
            C::NotValidYetContext { time, not_before } => {
                Self::NotYetValid { from: Some(not_before.as_secs()), now: time.as_secs() }
            }
            C::NotValidYet => Self::NotYetValid { from: None, now: now() },
            C::NotValidForNameContext { presented, .. } => {
                Self::WrongName { names: presented.iter().filter_map(|name| host(name)).collect() }
            }
            C::NotValidForName => Self::WrongName { names: Vec::new() },
            C::InvalidPurposeContext { presented, .. } => {
                Self::WrongUse { uses: presented.iter().map(ToString::to_string).collect() }
            }
            C::InvalidPurpose => Self::WrongUse { uses: Vec::new() },
            C::UnknownIssuer => Self::UnknownAuthority { issuer: None },
            C::BadSignature => Self::OtherKey { issuer: None },
            C::Revoked => Self::Revoked,
            // The gate's own verifier knows more.
            C::Other(other) => match other.0.downcast_ref::<Self>() {
                Some(problem) => problem.clone(),
                None => Self::Unusable(shown(&other.to_string(), MAX_TEXT)),
            },
            other => Self::Unusable(shown(&other.to_string(), MAX_TEXT)),
        }
    }

    fn of_message(message: InvalidMessage) -> Self {
        match message {
            InvalidMessage::InvalidContentType
            | InvalidMessage::UnknownProtocolVersion
            | InvalidMessage::MessageTooLarge
            | InvalidMessage::InvalidEmptyPayload => Self::NotTls,
            other => Self::Other(format!("it sent a malformed message ({other:?})")),
        }
    }

    fn of_alert(alert: AlertDescription, has_identity: bool) -> Self {
        use AlertDescription as A;
        let name = format!("{alert:?}");
        match alert {
            A::CertificateRequired | A::NoCertificate | A::BadCertificate if !has_identity => {
                Self::NoClientCertificate
            }
            A::CertificateRequired
            | A::NoCertificate
            | A::BadCertificate
            | A::UnsupportedCertificate
            | A::CertificateRevoked
            | A::CertificateExpired
            | A::CertificateUnknown
            | A::UnknownCA
            | A::AccessDenied
            | A::DecryptError
                if has_identity =>
            {
                Self::ClientCertificate(name)
            }
            A::ProtocolVersion | A::InsufficientSecurity => Self::Incompatible(name),
            _ => Self::Alert(name),
        }
    }

    /// Says what is wrong with TLS to `peer`, a host with its port, and what to do.
    #[must_use]
    pub fn explain(&self, peer: &str, advice: &TlsAdvice) -> String {
        let TlsAdvice { trust, identify, url } = advice;
        let (host, _) = peer.rsplit_once(':').unwrap_or((peer, ""));
        match self {
            Self::Expired { until, now } => {
                let day = until.map_or_else(String::new, |until| format!(" on {}", date(until)));
                format!(
                    "the certificate of {peer} expired{day}; renew it on the server, unless this \
                     machine's clock is wrong ({})",
                    date(*now)
                )
            }
            Self::NotYetValid { from, now } => {
                let day = from.map_or("later".to_string(), |from| format!("from {}", date(from)));
                format!(
                    "the certificate of {peer} is not valid yet, only {day}; check this machine's \
                     clock ({}) and the certificate",
                    date(*now)
                )
            }
            Self::WrongName { names } => wrong_name(peer, host, names, url),
            Self::WrongUse { uses } => {
                let uses = if uses.is_empty() { "others".to_string() } else { list(uses) };
                format!(
                    "the certificate of {peer} is not for servers: its extended key usage is \
                     {uses}; install one with server authentication"
                )
            }
            Self::UnknownAuthority { issuer } => format!(
                "the certificate of {peer} comes from an unknown authority{}; if you trust the \
                 authority, put its certificate into {trust}; otherwise look for a proxy in \
                 between, or for intermediate certificates that the server does not send",
                quoted(issuer.as_deref())
            ),
            Self::OtherKey { issuer } => format!(
                "the certificate of {peer} names a trusted authority{}, but that authority's key \
                 did not sign it, so it comes from an unknown authority of the same name; if you \
                 trust that one, put its certificate into {trust}",
                quoted(issuer.as_deref())
            ),
            Self::SelfSigned => format!(
                "the certificate of {peer} is self-signed; if you trust it, put the certificate \
                 itself into {trust}"
            ),
            Self::IsAuthority { self_signed } => format!(
                "the certificate of {peer} is {}an authority's (basicConstraints CA:TRUE), which \
                 is not accepted from a server; issue a server certificate with CA:FALSE, and put \
                 its authority into {trust}",
                if *self_signed { "self-signed and " } else { "" }
            ),
            Self::Revoked => {
                format!("the certificate of {peer} has been revoked; install another on the server")
            }
            Self::Unusable(reason) => {
                format!("the certificate of {peer} cannot be used: {reason}")
            }
            Self::NotTls => format!(
                "{peer} does not speak TLS; if this is a port for plain HTTP, write http:// in \
                 {url}, otherwise correct the port"
            ),
            Self::Closed => format!(
                "{peer} closed the connection during the TLS handshake; if this is a port for \
                 plain HTTP, write http:// in {url}, otherwise look into the server's log"
            ),
            Self::NoClientCertificate => {
                format!("{peer} requires a client certificate, and none is configured; {identify}")
            }
            Self::ClientCertificate(alert) => format!(
                "{peer} does not accept the client certificate ({alert}); {identify} as its \
                 operator says"
            ),
            Self::Alert(alert) => format!(
                "{peer} refused the TLS handshake ({alert}): it may not serve the name {host}, \
                 require a client certificate, or not share a version or cipher; its log says \
                 which"
            ),
            Self::Incompatible(reason) => format!(
                "{peer} and this program have no version or cipher of TLS in common ({reason}); \
                 enable TLS 1.2 or 1.3 on the server"
            ),
            Self::Other(reason) => format!("the TLS handshake with {peer} failed: {reason}"),
        }
    }
}

impl fmt::Display for TlsProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.explain("the server", &TlsAdvice::DATASOURCE))
    }
}

impl std::error::Error for TlsProblem {}

/// Whether an error is the alert of a server that refuses a client's certificate, or requires one
/// (RFC 8446, section 6.2).
#[must_use]
pub fn refuses_certificate(error: &rustls::Error) -> bool {
    use rustls::AlertDescription as Alert;
    matches!(
        error,
        rustls::Error::AlertReceived(
            Alert::AccessDenied
                | Alert::BadCertificate
                | Alert::CertificateExpired
                | Alert::CertificateRequired
                | Alert::CertificateRevoked
                | Alert::CertificateUnknown
                | Alert::DecryptError
                | Alert::HandshakeFailure
                | Alert::NoCertificate
                | Alert::UnknownCA
                | Alert::UnsupportedCertificate
        )
    )
}

/// The error of rustls inside an I/O error.
pub(crate) fn rustls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

fn wrong_name(peer: &str, host: &str, names: &[String], url: &str) -> String {
    let purpose = if names.is_empty() {
        "names no host (it has no subjectAltName)".to_string()
    } else {
        format!("is for {}", list(names))
    };
    let address: Result<IpAddr, _> = host.trim_matches(['[', ']']).parse();
    match address {
        Ok(address) => format!(
            "the certificate of {peer} {purpose}, and not for the address {address}; write one of \
             its names in {url}, or install a certificate with this address (an IP entry of \
             subjectAltName)"
        ),
        Err(_) => format!(
            "the certificate of {peer} {purpose}, and not for {host}; write one of its names in \
             {url}, or install a certificate for this name"
        ),
    }
}

/// The host in an entry of subjectAltName, which webpki writes as `DnsName("a.test")` or
/// `IpAddress(127.0.0.1)`.
fn host(entry: &str) -> Option<String> {
    let name = entry.strip_prefix("DnsName(\"").and_then(|rest| rest.strip_suffix("\")"));
    let host = name.or_else(|| entry.strip_prefix("IpAddress(")?.strip_suffix(')'))?;
    Some(shown(host, MAX_TEXT))
}

fn list(all: &[String]) -> String {
    let shown = all.iter().take(MAX_NAMES).map(String::as_str).collect::<Vec<_>>().join(", ");
    match all.len().saturating_sub(MAX_NAMES) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

fn quoted(issuer: Option<&str>) -> String {
    issuer.map_or_else(String::new, |issuer| format!(", {issuer:?}"))
}

/// A time in the form of RFC 3339, in UTC.
fn date(seconds: u64) -> String {
    // The format has years of four digits.
    const LAST: u64 = 253_402_300_799;
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.min(LAST));
    humantime::format_rfc3339_seconds(time).to_string()
}

fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}
