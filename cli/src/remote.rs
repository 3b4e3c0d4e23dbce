//! A datasource behind `portcullis serve`.

use crate::args::Remote as Address;
use crate::failure::Failure;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};
use portcullis_files::{read_limited, read_private};
use serde_json::{Map, Value};
use std::time::Duration;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

/// A datasource at a server.
pub(crate) struct Remote {
    agent: ureq::Agent,
    /// Of the server, without a slash at its end.
    url: String,
    token: Option<String>,
    datasource: String,
}

/// The most bytes of a certificate file: a list of all public authorities has a quarter of a megabyte.
const MAX_CA_BYTES: u64 = 4 * 1024 * 1024;
/// The most bytes of a response: all pages of a scan.
const MAX_RESPONSE_BYTES: u64 = 1024 * 1024 * 1024;

impl Remote {
    /// Finds the datasource: the one that was named, or the only one.
    pub(crate) async fn open(
        url: &str,
        address: &Address,
        datasource: Option<&str>,
    ) -> Result<Self, Failure> {
        if !url.starts_with("http://") && !url.starts_with("https://") {
            return Err(Failure::usage(format!("{url:?} is no URL of a server"))
                .with("as in --server http://127.0.0.1:8700"));
        }
        let is_near = is_loopback(url);
        // A server answers itself, or not at all.
        let mut config = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0);
        config = config.timeout_connect(Some(Duration::from_secs(10)));
        if is_near {
            config = config.proxy(None);
        }
        if let Some(file) = &address.ca {
            let wrong = |reason: &dyn std::fmt::Display| {
                Failure::configuration(format!("--ca {}: {reason}", file.display()))
            };
            let pem = read_limited(file, MAX_CA_BYTES).map_err(|error| wrong(&error))?;
            let certificate = Certificate::from_pem(&pem).map_err(|error| wrong(&error))?;
            config = config.tls_config(
                TlsConfig::builder().root_certs(RootCerts::new_with_certs(&[certificate])).build(),
            );
        }
        let token = match &address.token_file {
            Some(file) => {
                let bytes = read_private(file)
                    .map_err(|error| Failure::configuration(format!("the token {error}")))?;
                Some(String::from_utf8_lossy(&bytes).trim().to_string())
            }
            None => std::env::var("PORTCULLIS_TOKEN").ok().filter(|token| !token.is_empty()),
        };
        if token.is_some() && !is_near && url.starts_with("http://") {
            return Err(Failure::usage("the token would cross the network for all to read")
                .with("use https: beyond its own machine, a server has TLS"));
        }
        let url = url.trim_end_matches('/').to_string();
        let mut remote =
            Self { agent: config.build().into(), url, token, datasource: String::new() };
        remote.datasource = match datasource {
            Some(name) => name.to_string(),
            None => remote.only().await?,
        };
        Ok(remote)
    }

    async fn only(&self) -> Result<String, Failure> {
        let list: Value =
            serde_json::from_str(&self.ask("/v1/datasources", None).await?).map_err(|error| {
                Failure::other(format!(
                    "{} does not answer as a server of Portcullis does: {error}",
                    self.url
                ))
            })?;
        let names: Vec<&str> = list["datasources"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|one| one["name"].as_str())
            .collect();
        match *names.as_slice() {
            [only] => Ok(only.to_string()),
            [] => Err(Failure::usage("the server has no datasource for this token")),
            _ => Err(Failure::usage("which datasource?")
                .with(format!("name one with --datasource: {}", names.join(", ")))),
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
        self.ask(&path, Some(input)).await
    }

    pub(crate) async fn test(&self) -> Result<String, Failure> {
        self.ask(&format!("/v1/datasources/{}/test", escaped(&self.datasource)), None).await
    }

    pub(crate) async fn structure(&self, options: &Map<String, Value>) -> Result<String, Failure> {
        self.ask(
            &format!("/v1/datasources/{}/structure{}", escaped(&self.datasource), query(options)),
            None,
        )
        .await
    }

    /// One request: a POST where there is a body.
    async fn ask(&self, path: &str, body: Option<&str>) -> Result<String, Failure> {
        let mut request = http::Request::builder().uri(format!("{}{path}", self.url));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let (agent, url, is_call) = (self.agent.clone(), self.url.clone(), body.is_some());
        let request = match body {
            Some(body) => request
                .method("POST")
                .header("content-type", "application/json")
                .body(body.to_string()),
            None => request.body(String::new()),
        };
        let request = request.map_err(|error| {
            Failure::usage(format!("this cannot be asked of a server: {error}"))
        })?;
        let asked = tokio::task::spawn_blocking(move || {
            let mut response = agent.run(request)?;
            let text =
                response.body_mut().with_config().limit(MAX_RESPONSE_BYTES).read_to_string()?;
            Ok::<_, ureq::Error>((response.status().is_success(), text))
        });
        match asked.await {
            Ok(Ok((true, text))) => Ok(text),
            Ok(Ok((false, text))) => Err(Failure::from_problem(&text)),
            Ok(Err(error)) => {
                let sent = !matches!(
                    error,
                    ureq::Error::ConnectionFailed
                        | ureq::Error::HostNotFound
                        | ureq::Error::BadUri(_)
                ) && !matches!(&error, ureq::Error::Io(error) if error.kind() == std::io::ErrorKind::ConnectionRefused);
                let applied = if sent && is_call {
                    "the service may have done what was asked"
                } else {
                    "nothing was sent"
                };
                Err(Failure::connection(format!(
                    "the server at {url} does not answer: {error}; {applied}"
                )))
            }
            Err(error) => Err(Failure::other(format!("asking the server failed: {error}"))),
        }
    }
}

/// Whether a URL names this machine.
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

/// The options as a query.
fn query(options: &Map<String, Value>) -> String {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_string);
    let pairs: Vec<String> = options
        .iter()
        .map(|(name, value)| format!("{}={}", escaped(name), escaped(&text(value))))
        .collect();
    if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) }
}

/// A text as one segment of a URL (RFC 3986, section 2.1).
fn escaped(text: &str) -> PercentEncode<'_> {
    utf8_percent_encode(text, SEGMENT)
}

/// Everything except the unreserved characters of RFC 3986, section 2.3.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn urls_of_this_machine_are_recognised() {
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
    fn a_name_stays_within_its_segment_of_the_url() {
        assert_eq!(escaped("../a b?c#é").to_string(), "..%2Fa%20b%3Fc%23%C3%A9");
        let options = json!({"format": "plain", "maxItems": 5, "strict": false, "prefix": "a&b=c"});
        assert_eq!(
            query(options.as_object().unwrap()),
            "?format=plain&maxItems=5&prefix=a%26b%3Dc&strict=false"
        );
    }
}
