//! AWS's own sources of credentials, with `aws-config`: profiles, SSO, web identity, containers,
//! instances, roles. Their requests go through [`HttpSend`].

use super::aws_types::{Client, Ours, SESSION_NAME, converted, failed};
use super::check::UNNAMED;
use super::identity::{HttpSend, ProvideCredentials, Providing};
use super::processes::Processes;
use super::profile::ProfileCredentials;
use super::web_identity::WebIdentityCredentials;
use aws_config::ecs::EcsCredentialsProvider;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::{BehaviorVersion, Region};
use aws_credential_types::provider::{
    ProvideCredentials as ProvideForAws, SharedCredentialsProvider,
};
use portcullis_policy::CredentialSource;
use std::fmt;
use std::sync::Arc;
use tokio::sync::OnceCell;

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
