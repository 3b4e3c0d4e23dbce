//! AWS's own sources of credentials, with `aws-config`: profiles, SSO, web identity, containers,
//! instances, roles. Their requests go through [`HttpSend`].

use super::identity::{Credentials, CredentialsError, HttpSend, ProvideCredentials};
use crate::secret::Secret;
use aws_config::ecs::EcsCredentialsProvider;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::meta::region::ProvideRegion;
use aws_config::profile::{ProfileFileCredentialsProvider, ProfileFileRegionProvider};
use aws_config::provider_config::ProviderConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::web_identity_token::{StaticConfiguration, WebIdentityTokenCredentialsProvider};
use aws_config::{BehaviorVersion, Region};
use aws_credential_types::provider::future::ProvideCredentials as Providing;
use aws_credential_types::provider::{
    ProvideCredentials as ProvideForAws, SharedCredentialsProvider,
    error::CredentialsError as AwsError,
};
use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
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
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OnceCell;

/// Credentials from one of AWS's own sources. Nothing is read or sent before the first use.
pub(super) struct AwsCredentials {
    source: CredentialSource,
    http: Arc<dyn HttpSend>,
    provider: OnceCell<SharedCredentialsProvider>,
}

/// The session name if the policy names none.
const SESSION_NAME: &str = "portcullis";
/// The region of STS if the policy names none: its endpoint serves every region.
const STS_REGION: &str = "us-east-1";

impl AwsCredentials {
    pub(super) fn new(source: &CredentialSource, http: &Arc<dyn HttpSend>) -> Self {
        Self { source: source.clone(), http: http.clone(), provider: OnceCell::new() }
    }
}

impl ProvideCredentials for AwsCredentials {
    fn provide_credentials(
        &self,
    ) -> Pin<Box<dyn Future<Output = Result<Credentials, CredentialsError>> + Send + '_>> {
        Box::pin(async {
            let provider = self.provider.get_or_init(|| build(&self.source, &self.http)).await;
            let found = provider.provide_credentials().await.map_err(|error| {
                let where_from = match &self.source {
                    CredentialSource::Container => {
                        " (ECS and EKS name it in AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or \
                         …_FULL_URI)"
                    }
                    _ => "",
                };
                let message = format!("{}{where_from}: {}", self.source, causes(&error));
                CredentialsError::new(message)
            })?;
            let credentials = Credentials {
                access_key_id: found.access_key_id().to_string(),
                secret_access_key: Secret::new(found.secret_access_key()),
                session_token: found.session_token().map(Secret::new),
                expires: found.expiry(),
            };
            credentials.checked()
        })
    }
}

impl fmt::Debug for AwsCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsCredentials").field("source", &self.source).finish_non_exhaustive()
    }
}

/// Builds the provider of a source. A role is assumed with another source, hence the box.
fn build<'s>(
    source: &'s CredentialSource,
    http: &'s Arc<dyn HttpSend>,
) -> Pin<Box<dyn Future<Output = SharedCredentialsProvider> + Send + 's>> {
    Box::pin(async move {
        let region = |region: &Option<String>| {
            Region::new(region.clone().unwrap_or_else(|| STS_REGION.to_string()))
        };
        let client = Client(http.clone());
        let config = ProviderConfig::without_region().with_http_client(client.clone());
        match source {
            CredentialSource::Profile { name, file } => {
                let files = match file {
                    Some(file) => EnvConfigFiles::builder()
                        // Both forms: `[profile dev]` as in ~/.aws/config, and `[dev]` as in
                        // ~/.aws/credentials.
                        .with_file(EnvConfigFileKind::Config, file)
                        .with_file(EnvConfigFileKind::Credentials, file)
                        .build(),
                    None => EnvConfigFiles::default(),
                };
                // A profile with a role is exchanged at STS, in the profile's own region.
                let own = ProfileFileRegionProvider::builder()
                    .configure(&config)
                    .profile_name(name)
                    .profile_files(files.clone());
                let at = own.build().region().await.unwrap_or_else(|| region(&None));
                let config = config.with_region(Some(at));
                let profiles = ProfileFileCredentialsProvider::builder()
                    .configure(&config)
                    .profile_name(name)
                    .profile_files(files);
                SharedCredentialsProvider::new(profiles.build())
            }
            CredentialSource::WebIdentity { role, token_file, region: at } => {
                let builder = WebIdentityTokenCredentialsProvider::builder()
                    .configure(&config.with_region(Some(region(at))));
                let builder = match (role, token_file) {
                    (Some(role), Some(file)) => builder.static_configuration(StaticConfiguration {
                        web_identity_token_file: file.clone(),
                        role_arn: role.clone(),
                        session_name: SESSION_NAME.to_string(),
                    }),
                    _ => builder,
                };
                SharedCredentialsProvider::new(builder.build())
            }
            CredentialSource::Container => SharedCredentialsProvider::new(
                EcsCredentialsProvider::builder().configure(&config).build(),
            ),
            CredentialSource::Instance => SharedCredentialsProvider::new(
                ImdsCredentialsProvider::builder().configure(&config).build(),
            ),
            CredentialSource::Role { arn, external_id, session_name, region: at, source } => {
                let by = build(source, http).await;
                let loading = aws_config::defaults(BehaviorVersion::latest())
                    .http_client(client)
                    .region(region(at))
                    .no_credentials();
                let loaded = loading.load().await;
                let role = AssumeRoleProvider::builder(arn).configure(&loaded).region(region(at));
                let role = role.session_name(session_name.as_deref().unwrap_or(SESSION_NAME));
                let role = match external_id {
                    Some(id) => role.external_id(id),
                    None => role,
                };
                SharedCredentialsProvider::new(role.build_from_provider(by).await)
            }
            // The environment and a file, which need no request.
            own => SharedCredentialsProvider::new(Ours(super::sources::own(own))),
        }
    })
}

/// A source of our own, as AWS's crates expect it.
#[derive(Debug)]
struct Ours(Arc<dyn ProvideCredentials>);

impl ProvideForAws for Ours {
    fn provide_credentials<'a>(&'a self) -> Providing<'a>
    where
        Self: 'a,
    {
        Providing::new(async {
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
struct Client(Arc<dyn HttpSend>);

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
fn causes(error: &dyn std::error::Error) -> String {
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
