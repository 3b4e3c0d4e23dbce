//! A datasource on a running `portcullis serve`, used through its JSON API.

use crate::args::RemoteArgs;
use crate::environment::text_variable;
use crate::failure::Failure;
use crate::remote_tls::{HandshakeFailed, Seen, TlsConnector, peer, refused_later};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};
use portcullis::gate::Reason;
use portcullis::{TenantName, Tls};
use portcullis_files::{read_secret, read_trusted};
use serde_json::{Map, Value};
use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{ConnectProxyConnector, Connector as _, TcpConnector};

/// A datasource on a server.
pub(crate) struct Remote {
    agent: ureq::Agent,
    seen: Arc<Seen>,
    /// The server's URL, without a trailing slash.
    url: String,
    token: Option<String>,
    tenant: Option<TenantName>,
    datasource: String,
    /// Whether each request is described on standard error.
    verbose: bool,
}

/// The maximum size of a certificate file, in bytes. A list of all public authorities has a quarter
/// of a megabyte.
const MAX_CA_BYTES: u64 = 4 * 1024 * 1024;
/// The time limit for a connection, without TLS. It leaves time to try several addresses.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The maximum size of a response, in bytes. It only protects this process's memory: the server's
/// policy limits the responses of its datasources.
const MAX_RESPONSE_BYTES: u64 = 1024 * 1024 * 1024;

impl Remote {
    /// Connects to a server and selects the datasource with this name, or the only one.
    pub(crate) async fn open(
        url: &str,
        arguments: &RemoteArgs,
        datasource: Option<&str>,
        verbose: bool,
    ) -> Result<Self, Failure> {
        if !url.starts_with("http://") && !url.starts_with("https://") {
            return Err(Failure::usage(format!("{url:?} is not the URL of a server"))
                .with("expected a URL as in --server http://127.0.0.1:8700"));
        }
        let is_local = is_loopback(url);
        // The server never redirects, and the token must not be sent elsewhere.
        let mut config = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0);
        config = config.timeout_connect(Some(CONNECT_TIMEOUT));
        if is_local {
            config = config.proxy(None);
        }
        let mut tls = Tls::default();
        if let Some(file) = &arguments.ca {
            let unusable = |reason: &dyn std::fmt::Display| {
                Failure::configuration(format!("--ca {}: {reason}", file.display()))
            };
            let pem = read_trusted(file, MAX_CA_BYTES).map_err(|error| unusable(&error))?;
            tls = tls.with_ca(&pem).map_err(|error| unusable(&error))?;
        }
        let tls = tls
            .rustls_config()
            .map_err(|error| Failure::other(format!("TLS cannot be configured: {error}")))?;
        let token = match &arguments.token_file {
            Some(file) => {
                let bytes = read_secret(file)
                    .map_err(|error| Failure::configuration(format!("the token file {error}")))?;
                Some(String::from_utf8_lossy(&bytes).trim().to_string())
            }
            None => text_variable("PORTCULLIS_TOKEN"),
        };
        if token.is_some() && !is_local && url.starts_with("http://") {
            return Err(Failure::usage("the token would be sent over the network unencrypted")
                .with("use https: a server that other machines can reach has TLS"));
        }
        let url = url.trim_end_matches('/').to_string();
        let seen = Arc::new(Seen::default());
        let connector =
            ().chain(ConnectProxyConnector::default())
                .chain(TcpConnector::default())
                .chain(TlsConnector { config: Arc::new(tls), seen: seen.clone() });
        let agent = ureq::Agent::with_parts(config.build(), connector, DefaultResolver::default());
        let tenant = arguments.tenant.clone();
        let datasource_name = String::new();
        let mut remote =
            Self { agent, seen, url, token, tenant, datasource: datasource_name, verbose };
        remote.datasource = match datasource {
            Some(name) => name.to_string(),
            None => remote.only_datasource().await?,
        };
        Ok(remote)
    }

    /// Returns the name of the only datasource that the token may use.
    async fn only_datasource(&self) -> Result<String, Failure> {
        let text = self.send("/v1/datasources", None).await?;
        let list: Value = serde_json::from_str(&text).map_err(|error| {
            Failure::other(format!(
                "the response of {} is not from a Portcullis server: {error}",
                self.url
            ))
        })?;
        let names: Vec<&str> = list["datasources"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|datasource| datasource["name"].as_str())
            .collect();
        match *names.as_slice() {
            [only] => Ok(only.to_string()),
            [] => Err(Failure::usage("this token may not use any datasource of the server")),
            _ => Err(Failure::which_datasource(&names)),
        }
    }

    pub(crate) async fn execute(
        &self,
        action: &str,
        input: &str,
        options: &Map<String, Value>,
    ) -> Result<String, Failure> {
        let path = format!(
            "/v1/datasources/{}/actions/{}{}",
            escaped(&self.datasource),
            escaped(action),
            query(options)
        );
        self.send(&path, Some(input)).await
    }

    pub(crate) async fn test(&self) -> Result<String, Failure> {
        self.send(&format!("/v1/datasources/{}/test", escaped(&self.datasource)), None).await
    }

    pub(crate) async fn structure(&self, options: &Map<String, Value>) -> Result<String, Failure> {
        self.send(
            &format!("/v1/datasources/{}/structure{}", escaped(&self.datasource), query(options)),
            None,
        )
        .await
    }

    /// Sends a request and returns the body of the response. With a body it is a POST, otherwise a
    /// GET.
    async fn send(&self, path: &str, body: Option<&str>) -> Result<String, Failure> {
        let mut request = http::Request::builder().uri(format!("{}{path}", self.url));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if let Some(tenant) = &self.tenant {
            request = request.header("x-portcullis-tenant", tenant.as_str());
        }
        let (agent, url, is_call) = (self.agent.clone(), self.url.clone(), body.is_some());
        let request = match body {
            Some(body) => request
                .method("POST")
                .header("content-type", "application/json")
                .body(body.to_string()),
            None => request.body(String::new()),
        };
        let request = request
            .map_err(|error| Failure::usage(format!("this cannot be sent to a server: {error}")))?;
        let response = tokio::task::spawn_blocking(move || {
            let mut response = agent.run(request)?;
            let text =
                response.body_mut().with_config().limit(MAX_RESPONSE_BYTES).read_to_string()?;
            Ok::<_, ureq::Error>((response.status().is_success(), text))
        });
        let began = Instant::now();
        let response = response.await;
        if self.verbose {
            let (url, millis) = (&self.url, began.elapsed().as_millis());
            eprintln!("{url}{path}: {millis} ms; the server's log and audit say what it sent");
        }
        match response {
            Ok(Ok((true, text))) => Ok(text),
            Ok(Ok((false, text))) => Err(Failure::from_problem(&text)),
            Ok(Err(error)) => {
                let (reason, may_have_been_sent) = explain(&error, &url, &self.seen);
                let applied = if is_call && may_have_been_sent {
                    "the service may have carried out the request"
                } else {
                    "nothing was sent"
                };
                Err(Failure::connection(format!(
                    "no response from the server at {url}: {reason}; {applied}"
                )))
            }
            Err(error) => Err(Failure::other(format!("the request to the server failed: {error}"))),
        }
    }
}

/// Why there is no response, and whether the request may have been sent.
fn explain(error: &ureq::Error, url: &str, seen: &Seen) -> (String, bool) {
    let uri: http::Uri = url.parse().unwrap_or_default();
    let peer = peer(&uri);
    let in_plain = uri.scheme_str() == Some("http");
    let cannot_connect = |reason: &dyn fmt::Display| format!("cannot connect to {peer}: {reason}");
    match error {
        ureq::Error::HostNotFound => {
            let host = uri.host().unwrap_or_default();
            let reason = format!("the name {host} is not known; check its spelling, and the DNS");
            (cannot_connect(&reason), false)
        }
        ureq::Error::ConnectionFailed => (cannot_connect(&"no connection"), false),
        ureq::Error::Timeout(ureq::Timeout::Connect | ureq::Timeout::Resolve) => {
            (cannot_connect(&format!("no connection within {CONNECT_TIMEOUT:?}")), false)
        }
        ureq::Error::Other(other) if other.is::<HandshakeFailed>() => (other.to_string(), false),
        ureq::Error::ConnectProxyFailed(_) | ureq::Error::InvalidProxyUrl => {
            (format!("{error}; the proxy comes from the environment"), false)
        }
        ureq::Error::BadUri(_) => (error.to_string(), false),
        ureq::Error::Io(io) => explain_io(io, &peer, in_plain, seen),
        ureq::Error::Protocol(_) if in_plain => (
            format!(
                "{peer} does not respond in HTTP/1.1 ({error}); if this port speaks TLS, write \
                 https:// in --server"
            ),
            true,
        ),
        _ => (error.to_string(), true),
    }
}

fn explain_io(error: &io::Error, peer: &str, in_plain: bool, seen: &Seen) -> (String, bool) {
    if seen.certificate_request.load(Ordering::Acquire)
        && let Some(refused) = refused_later(error, peer)
    {
        return (refused, false);
    }
    let reason = Reason::of(error);
    let is_resolving = error.to_string().contains("failed to lookup address");
    if reason == Reason::Refused || is_resolving || !seen.connection.load(Ordering::Acquire) {
        let reason = if is_resolving { error.to_string() } else { reason.to_string() };
        return (format!("cannot connect to {peer}: {reason}"), false);
    }
    let is_lost = matches!(
        reason,
        Reason::Reset | Reason::Other(io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe)
    );
    if !is_lost {
        return (format!("{peer}: {error}"), true);
    }
    let suspicion = if in_plain {
        "; if this port speaks TLS, write https:// in --server"
    } else if seen.certificate_request.load(Ordering::Acquire) {
        "; it asked for a client certificate, which it probably requires, and this program has none"
    } else {
        ""
    };
    (format!("{peer} closed the connection before the response{suspicion}"), true)
}

/// Whether the host of a URL is this machine.
fn is_loopback(url: &str) -> bool {
    let host = url
        .parse::<http::Uri>()
        .ok()
        .and_then(|uri| uri.host().map(|host| host.trim_matches(['[', ']']).to_string()));
    host.is_some_and(|host| {
        host.eq_ignore_ascii_case("localhost")
            || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    })
}

/// Returns the options as the query of a URL.
fn query(options: &Map<String, Value>) -> String {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_string);
    let pairs: Vec<String> = options
        .iter()
        .map(|(name, value)| format!("{}={}", escaped(name), escaped(&text(value))))
        .collect();
    if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) }
}

/// Percent-encodes a text as one segment of a URL (RFC 3986, section 2.1).
fn escaped(text: &str) -> PercentEncode<'_> {
    utf8_percent_encode(text, SEGMENT)
}

/// The characters to encode: all except the unreserved ones of RFC 3986, section 2.3.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn is_loopback_recognises_this_machine() {
        for url in ["http://localhost:8700", "http://127.0.0.1", "https://[::1]:1/x"] {
            assert!(is_loopback(url), "{url}");
        }
        for url in [
            "http://localhost.example",
            "http://10.0.0.1:8700",
            "http://localhost@evil.example",
            "http://",
        ] {
            assert!(!is_loopback(url), "{url}");
        }
    }

    #[test]
    fn names_are_encoded_as_one_segment() {
        assert_eq!(escaped("../a b?c#é").to_string(), "..%2Fa%20b%3Fc%23%C3%A9");
        let options = json!({"format": "plain", "maxItems": 5, "strict": false, "prefix": "a&b=c"});
        assert_eq!(
            query(options.as_object().unwrap()),
            "?format=plain&maxItems=5&prefix=a%26b%3Dc&strict=false"
        );
    }
}
