//! Our types as AWS's crates expect them, and theirs as ours.

use super::error::CredentialsError;
use super::identity::{Credentials, HttpSend, ProvideCredentials};
use crate::secret::Secret;
use aws_credential_types::provider::future::ProvideCredentials as ProvidingForAws;
use aws_credential_types::provider::{
    ProvideCredentials as ProvideForAws, error::CredentialsError as AwsError,
};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;

/// The session name if the policy names none.
pub(super) const SESSION_NAME: &str = "portcullis";

/// What AWS's crates found, as our type.
pub(super) fn converted(found: &aws_credential_types::Credentials) -> Credentials {
    Credentials {
        access_key_id: found.access_key_id().to_string(),
        secret_access_key: Secret::new(found.secret_access_key()),
        session_token: found.session_token().map(Secret::new),
        expires: found.expiry(),
    }
}

/// An error of AWS's crates. They may name files and addresses, which are for the operator. If the
/// cause is an error of our own, it is returned as it is.
pub(super) fn failed(message: &str, error: &(dyn std::error::Error + 'static)) -> CredentialsError {
    Ours::error_in(error).unwrap_or_else(|| {
        CredentialsError::new(message).with_detail(format!("{message}: {}", causes(error)))
    })
}

/// A source of our own, as AWS's crates expect it.
#[derive(Debug)]
pub(super) struct Ours(pub(super) Arc<dyn ProvideCredentials>);

impl Ours {
    /// The error of a source of our own that caused an error of AWS's crates.
    pub(super) fn error_in(error: &(dyn std::error::Error + 'static)) -> Option<CredentialsError> {
        let mut causes = std::iter::successors(Some(error), |error| error.source());
        causes.find_map(|error| error.downcast_ref::<CredentialsError>()).cloned()
    }
}

impl ProvideForAws for Ours {
    fn provide_credentials<'a>(&'a self) -> ProvidingForAws<'a>
    where
        Self: 'a,
    {
        ProvidingForAws::new(async {
            let found = self.0.provide_credentials().await.map_err(AwsError::provider_error)?;
            let token = found.session_token.as_ref().map(|token| token.expose().to_string());
            Ok(aws_credential_types::Credentials::new(
                found.access_key_id,
                found.secret_access_key.expose(),
                token,
                found.expires,
                "portcullis",
            ))
        })
    }
}

/// The HTTP client of AWS's crates, over [`HttpSend`].
#[derive(Clone, Debug)]
pub(super) struct Client(pub(super) Arc<dyn HttpSend>);

#[derive(Debug)]
struct Connector {
    http: Arc<dyn HttpSend>,
    connect: Duration,
    read: Duration,
}

/// The time to connect and the time for a response if AWS's crate sets none: a metadata service is
/// one hop away.
const TIMEOUT: Duration = Duration::from_secs(5);

impl HttpClient for Client {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let connect = settings.connect_timeout().unwrap_or(TIMEOUT);
        let read = settings.read_timeout().unwrap_or(TIMEOUT);
        SharedHttpConnector::new(Connector { http: self.0.clone(), connect, read })
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (http, connect, read) = (self.http.clone(), self.connect, self.read);
        HttpConnectorFuture::new(async move {
            let request =
                request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
            let (parts, body) = request.into_parts();
            let body = Bytes::copy_from_slice(body.bytes().unwrap_or_default());
            let sent = http.send(http::Request::from_parts(parts, body), connect, read).await;
            let response = sent.map_err(ConnectorError::io)?;
            response.map(SdkBody::from).try_into().map_err(
                |error: aws_smithy_runtime_api::http::HttpError| {
                    ConnectorError::other(error.into(), None)
                },
            )
        })
    }
}

/// The texts of an error and its causes. Its other fields are left out: they may hold a response
/// with secrets.
pub(super) fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let more = inner.to_string();
        if !text.ends_with(&more) {
            text = format!("{text}: {more}");
        }
        source = inner.source();
    }
    text
}
