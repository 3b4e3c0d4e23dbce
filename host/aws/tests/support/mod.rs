//! A datasource's service, and an AWS that answers requests for roles.

use bytes::Bytes;
use http::{Request, Response};
use portcullis_aws::credentials::{HttpFuture, provider};
use portcullis_aws::{
    AwsService, Credentials, CredentialsError, HttpSend, Processes, Service, SigningError,
};
use portcullis_policy::{CredentialSource, Manifest, Policy};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Answers every request as STS does when a role is assumed.
#[derive(Debug)]
struct Sts;

static SENT: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// The `authorization` headers that were sent.
pub(crate) fn sent() -> Vec<String> {
    SENT.lock().unwrap().clone()
}

impl HttpSend for Sts {
    fn send(&self, request: Request<Bytes>, _: Duration, _: Duration) -> HttpFuture<'_> {
        let header = request.headers().get("authorization");
        let header = header.map(|header| header.to_str().unwrap().to_string()).unwrap_or_default();
        SENT.lock().unwrap().push(header);
        let body = "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
            <AssumeRoleResult><Credentials><AccessKeyId>ASIAOFTHEROLE</AccessKeyId>\
            <SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>\
            <Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult>\
            </AssumeRoleResponse>";
        Box::pin(std::future::ready(Ok(Response::new(Bytes::from_static(body.as_bytes())))))
    }
}

fn http() -> Arc<dyn HttpSend> {
    Arc::new(Sts)
}

/// Writes a profile file of a policy, and returns the source that names it.
pub(crate) fn profile(folder: &Path, text: &str, name: &str) -> CredentialSource {
    let file = folder.join("profiles");
    std::fs::write(&file, text).unwrap();
    CredentialSource::Profile { name: name.to_string(), file: Some(file) }
}

/// Fetches credentials once.
pub(crate) async fn fetch(
    source: &CredentialSource,
    processes: Processes,
) -> Result<Credentials, CredentialsError> {
    provider(source, &http(), processes).provide_credentials().await
}

/// The service of a datasource with this source.
pub(crate) fn service(source: &CredentialSource, processes: Processes) -> Arc<AwsService> {
    let manifest = Manifest::parse(dynamodb_component::MANIFEST).unwrap();
    let policy: Policy = toml::from_str("signing = [\"us-east-1/dynamodb\"]").unwrap();
    let credentials = provider(source, &http(), processes);
    let service = AwsService::new(Arc::new(manifest), Arc::new(policy), Some(credentials));
    Arc::new(service.named("orders"))
}

/// Asks for a signing key of today. Returns its key id, or the text of the error.
pub(crate) async fn signing_key(service: &AwsService) -> Result<String, String> {
    let today = time::OffsetDateTime::now_utc().date();
    let date = format!("{}{:02}{:02}", today.year(), today.month() as u8, today.day());
    match service.signing_key(&date, "us-east-1", "dynamodb").await {
        Ok(key) => Ok(key.access_key_id),
        Err(SigningError::Credentials(error)) => Err(error.to_string()),
        Err(other) => panic!("{other}"),
    }
}

/// What was logged on this thread.
pub(crate) struct Logged {
    lines: Lines,
    _guard: tracing::subscriber::DefaultGuard,
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Logged {
    /// Keeps what is logged from now on.
    pub(crate) fn start() -> Self {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .with_max_level(tracing::Level::WARN)
            .finish();
        Self { lines, _guard: tracing::subscriber::set_default(subscriber) }
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.lines.0.lock().unwrap().clone()).unwrap()
    }
}
