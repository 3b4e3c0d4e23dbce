//! Credentials from an identity token in a file, which STS exchanges for those of a role.

use super::aws_types::{Client, SESSION_NAME, converted, failed};
use super::check::UNNAMED;
use super::error::CredentialsError;
use super::identity::{Credentials, HttpSend, ProvideCredentials, Providing};
use super::token_file::TokenFile;
use aws_config::Region;
use aws_config::provider_config::ProviderConfig;
use aws_config::web_identity_token::{StaticConfiguration, WebIdentityTokenCredentialsProvider};
use aws_credential_types::provider::ProvideCredentials as _;
use std::path::PathBuf;
use std::sync::Arc;

/// A role for an identity token.
#[derive(Debug)]
pub(super) struct WebIdentityCredentials {
    /// The role and the token's file. If absent, the variables that Amazon EKS sets.
    pub(super) role_and_file: Option<(String, PathBuf)>,
    pub(super) region: String,
    pub(super) http: Arc<dyn HttpSend>,
}

impl ProvideCredentials for WebIdentityCredentials {
    fn provide_credentials(&self) -> Providing<'_> {
        Box::pin(self.fetch())
    }
}

impl WebIdentityCredentials {
    async fn fetch(&self) -> Result<Credentials, CredentialsError> {
        let (role, session, token) = if let Some((role, path)) = &self.role_and_file {
            let file = TokenFile { path: path.clone(), place: None };
            (role.clone(), SESSION_NAME.to_string(), file)
        } else {
            const FILE: &str = "AWS_WEB_IDENTITY_TOKEN_FILE";
            let (path, role) = (required(FILE)?, required("AWS_ROLE_ARN")?);
            let session = variable("AWS_ROLE_SESSION_NAME");
            let file = TokenFile { path: PathBuf::from(path), place: Some(FILE.to_string()) };
            (role, session.unwrap_or_else(|| SESSION_NAME.to_string()), file)
        };
        token.check().await?;
        let config = ProviderConfig::without_region()
            .with_http_client(Client(self.http.clone()))
            .with_region(Some(Region::new(self.region.clone())));
        let provider = WebIdentityTokenCredentialsProvider::builder()
            .configure(&config)
            .static_configuration(StaticConfiguration {
                web_identity_token_file: token.path,
                role_arn: role,
                session_name: session,
            })
            .build();
        let found = provider
            .provide_credentials()
            .await
            .map_err(|error| failed("the web identity provides no credentials", &error))?;
        converted(&found).checked(&UNNAMED)
    }
}

/// A variable that is set and not empty.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn required(name: &str) -> Result<String, CredentialsError> {
    variable(name)
        .ok_or_else(|| CredentialsError::new(format!("the environment variable {name} is not set")))
}
