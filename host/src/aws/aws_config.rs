//! AWS's own ways to credentials, by `aws-config`: profiles, SSO, web identity, containers, instances, roles. Its requests
//! leave through the gate, under the operator's rules.

use super::Secret;
use super::provider::{Credentials, CredentialsError, ProvideCredentials, checked};
use crate::net::operator::OperatorGate;
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

/// Credentials from one of AWS's own sources. Nothing is read or asked before the first fetch.
pub(crate) struct AwsProvider {
    source: CredentialSource,
    gate: OperatorGate,
    made: OnceCell<SharedCredentialsProvider>,
}

/// The session's name where a policy gives none.
const SESSION_NAME: &str = "portcullis";
/// The region of STS where a policy gives none: its endpoint serves all.
const STS_REGION: &str = "us-east-1";

impl AwsProvider {
    pub(crate) fn new(source: &CredentialSource, gate: &OperatorGate) -> Self {
        Self { source: source.clone(), gate: gate.clone(), made: OnceCell::new() }
    }
}

impl ProvideCredentials for AwsProvider {
    fn fetch(
        &self,
    ) -> Pin<Box<dyn Future<Output = Result<Credentials, CredentialsError>> + Send + '_>> {
        Box::pin(async {
            let provider = self.made.get_or_init(|| make(&self.source, &self.gate)).await;
            let found = provider.provide_credentials().await.map_err(|error| {
                let where_from = match &self.source {
                    CredentialSource::Container => " (ECS and EKS name it in AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or …_FULL_URI)",
                    _ => "",
                };
                CredentialsError(format!("{}{where_from}: {}", self.source, causes(&error)))
            })?;
            checked(Credentials {
                access_key_id: found.access_key_id().to_string(),
                secret_access_key: Secret::new(found.secret_access_key()),
                session_token: found.session_token().map(Secret::new),
                expires: found.expiry(),
            })
        })
    }
}

impl fmt::Debug for AwsProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsProvider").field("source", &self.source).finish_non_exhaustive()
    }
}

/// The provider of a source. Roles are assumed by another source, hence the box.
fn make<'s>(
    source: &'s CredentialSource,
    gate: &'s OperatorGate,
) -> Pin<Box<dyn Future<Output = SharedCredentialsProvider> + Send + 's>> {
    Box::pin(async move {
        let region = |region: &Option<String>| {
            Region::new(region.clone().unwrap_or_else(|| STS_REGION.to_string()))
        };
        let client = Client(gate.clone());
        let config = ProviderConfig::without_region().with_http_client(client.clone());
        match source {
            CredentialSource::Env { .. } | CredentialSource::File { .. } => {
                SharedCredentialsProvider::new(Ours(super::provider::own(source)))
            }
            CredentialSource::Profile { name, file } => {
                let files = match file {
                    Some(file) => EnvConfigFiles::builder()
                        // Both forms: `[profile dev]` as in ~/.aws/config, and `[dev]` as in ~/.aws/credentials.
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
                let by = make(source, gate).await;
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
        }
    })
}

/// One of our own providers, as AWS's crates want it.
#[derive(Debug)]
struct Ours(Arc<dyn ProvideCredentials>);

impl ProvideForAws for Ours {
    fn provide_credentials<'a>(&'a self) -> Providing<'a>
    where
        Self: 'a,
    {
        Providing::new(async {
            let found = self.0.fetch().await.map_err(AwsError::provider_error)?;
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

/// AWS's HTTP client, over the gate.
#[derive(Clone, Debug)]
struct Client(OperatorGate);

#[derive(Debug)]
struct Connector {
    gate: OperatorGate,
    connect: Duration,
    read: Duration,
}

/// Time to connect and to answer where AWS's crate asks for none.
const TIMEOUT: Duration = Duration::from_secs(5);

impl HttpClient for Client {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let connect = settings.connect_timeout().unwrap_or(TIMEOUT);
        let read = settings.read_timeout().unwrap_or(TIMEOUT);
        SharedHttpConnector::new(Connector { gate: self.0.clone(), connect, read })
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (gate, connect, read) = (self.gate.clone(), self.connect, self.read);
        HttpConnectorFuture::new(async move {
            let request =
                request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
            let (parts, body) = request.into_parts();
            let body = Bytes::copy_from_slice(body.bytes().unwrap_or_default());
            let sent = gate.send(http::Request::from_parts(parts, body), connect, read).await;
            let answer = sent.map_err(|message| ConnectorError::io(message.into()))?;
            answer.map(SdkBody::from).try_into().map_err(
                |error: aws_smithy_runtime_api::http::HttpError| {
                    ConnectorError::other(error.into(), None)
                },
            )
        })
    }
}

/// What an error says of itself and of what it came from. What it holds beside that may be an answer with secrets.
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
