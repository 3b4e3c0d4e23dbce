//! AWS's own sources of credentials, with `aws-config`: profiles, SSO, web identity, containers,
//! instances, roles. Their requests go through [`HttpSend`].

use super::Processes;
use super::check::UNNAMED;
use super::error::CredentialsError;
use super::identity::{Credentials, HttpSend, ProvideCredentials, Providing};
use super::profile::ProfileCredentials;
use super::web_identity::WebIdentityCredentials;
use crate::secret::Secret;
use aws_config::ecs::EcsCredentialsProvider;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::{BehaviorVersion, Region};
use aws_credential_types::provider::future::ProvideCredentials as ProvidingForAws;
use aws_credential_types::provider::{
    ProvideCredentials as ProvideForAws, SharedCredentialsProvider,
    error::CredentialsError as AwsError,
};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use portcullis_policy::CredentialSource;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OnceCell;

/// The session name if the policy names none.
pub(super) const SESSION_NAME: &str = "portcullis";
/// The region of STS if the policy names none: its endpoint serves every region.
const STS_REGION: &str = "us-east-1";

/// The provider of one of AWS's own sources. Nothing is read or sent before the first use.
pub(super) fn provider(
    source: &CredentialSource,
    http: &Arc<dyn HttpSend>,
    processes: Processes,
) -> Arc<dyn ProvideCredentials> {
    match source {
        CredentialSource::Profile { name, file } => Arc::new(ProfileCredentials {
            name: name.clone(),
            file: file.clone(),
            processes,
            http: http.clone(),
            region: STS_REGION,
        }),
        CredentialSource::WebIdentity { role, token_file, region } => {
            Arc::new(WebIdentityCredentials {
                role_and_file: role.clone().zip(token_file.clone()),
                region: region.clone().unwrap_or_else(|| STS_REGION.to_string()),
                http: http.clone(),
            })
        }
        CredentialSource::Container
        | CredentialSource::Instance
        | CredentialSource::Role { .. } => Arc::new(AwsCredentials {
            source: source.clone(),
            http: http.clone(),
            processes,
            provider: OnceCell::new(),
        }),
        own => super::sources::own(own),
    }
}

/// Credentials from a container, an instance, or a role.
struct AwsCredentials {
    source: CredentialSource,
    http: Arc<dyn HttpSend>,
    processes: Processes,
    provider: OnceCell<SharedCredentialsProvider>,
}

impl ProvideCredentials for AwsCredentials {
    fn provide_credentials(&self) -> Providing<'_> {
        Box::pin(async {
            let provider = self.provider.get_or_init(|| self.build()).await;
            let found = provider.provide_credentials().await.map_err(|error| {
                let message = match &self.source {
                    CredentialSource::Container => {
                        "the container's role provides no credentials (ECS and EKS name it in \
                         AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or …_FULL_URI)"
                    }
                    CredentialSource::Role { .. } => "the role cannot be assumed",
                    _ => "the instance's role provides no credentials",
                };
                failed(message, &error)
            })?;
            converted(&found).checked(&UNNAMED)
        })
    }
}

impl fmt::Debug for AwsCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsCredentials").field("source", &self.source).finish_non_exhaustive()
    }
}

impl AwsCredentials {
    async fn build(&self) -> SharedCredentialsProvider {
        let client = Client(self.http.clone());
        let config = ProviderConfig::without_region().with_http_client(client.clone());
        match &self.source {
            CredentialSource::Container => SharedCredentialsProvider::new(
                EcsCredentialsProvider::builder().configure(&config).build(),
            ),
            CredentialSource::Instance => SharedCredentialsProvider::new(
                ImdsCredentialsProvider::builder().configure(&config).build(),
            ),
            CredentialSource::Role { arn, external_id, session_name, region, source } => {
                let by = Ours(provider(source, &self.http, self.processes));
                let region = Region::new(region.clone().unwrap_or_else(|| STS_REGION.to_string()));
                let loading = aws_config::defaults(BehaviorVersion::latest())
                    .http_client(client)
                    .region(region.clone())
                    .no_credentials();
                let loaded = loading.load().await;
                let role = AssumeRoleProvider::builder(arn).configure(&loaded).region(region);
                let role = role.session_name(session_name.as_deref().unwrap_or(SESSION_NAME));
                let role = match external_id {
                    Some(id) => role.external_id(id),
                    None => role,
                };
                SharedCredentialsProvider::new(role.build_from_provider(by).await)
            }
            other => SharedCredentialsProvider::new(Ours(super::sources::own(other))),
        }
    }
}

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
