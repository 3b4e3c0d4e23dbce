//! Credentials from a profile. The files are read for each fetch, so that a change is noticed.

use super::aws_types::{Client, Ours, causes, converted};
use super::check::{Places, UNNAMED};
use super::error::CredentialsError;
use super::identity::{Credentials, HttpSend, ProvideCredentials, Providing};
use super::process::CredentialProcess;
use super::processes::Processes;
use super::profile_chain::{PROCESS, ProfileChain};
use super::profile_files::ProfileFiles;
use super::sources::EnvCredentials;
use aws_config::Region;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::provider::ProvideCredentials as _;
use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
use std::path::PathBuf;
use std::sync::Arc;

/// A profile of AWS's configuration files.
#[derive(Debug)]
pub(super) struct ProfileCredentials {
    pub(super) name: String,
    /// The file of the policy. If absent, the user's own files.
    pub(super) file: Option<PathBuf>,
    /// Whether a process may run that `file` names.
    pub(super) processes: Processes,
    pub(super) http: Arc<dyn HttpSend>,
    /// The region of STS if the profile names none.
    pub(super) region: &'static str,
}

impl ProvideCredentials for ProfileCredentials {
    fn provide_credentials(&self) -> Providing<'_> {
        Box::pin(self.fetch())
    }
}

impl ProfileCredentials {
    async fn fetch(&self) -> Result<Credentials, CredentialsError> {
        let (name, file) = (self.name.clone(), self.file.clone());
        // The files are the user's own if the policy names none, and so are their processes.
        let processes = if file.is_some() { self.processes } else { Processes::Allowed };
        let following = tokio::task::spawn_blocking(move || {
            ProfileChain::follow(&ProfileFiles::read(file.as_deref())?, &name, processes)
        });
        let chain = following
            .await
            .unwrap_or_else(|_| Err(CredentialsError::new("reading the profiles failed")))?;
        if let Some(token) = &chain.token {
            token.check().await?;
        }
        let region = chain.region.unwrap_or_else(|| self.region.to_string());
        let config = ProviderConfig::without_region()
            .with_http_client(Client(self.http.clone()))
            .with_region(Some(Region::new(region)));
        let files = EnvConfigFiles::builder()
            .with_contents(EnvConfigFileKind::Config, chain.text.as_str())
            .build();
        let mut profile = ProfileFileCredentialsProvider::builder()
            .configure(&config)
            .profile_name(chain.name)
            .profile_files(files)
            .with_custom_provider("Environment", Ours(Arc::new(EnvCredentials::default())));
        if let Some(process) = chain.process {
            profile = profile.with_custom_provider(PROCESS, Ours(Arc::new(process)));
        }
        let found = profile
            .build()
            .provide_credentials()
            .await
            .map_err(|error| self.error(&error, chain.sso.as_deref()))?;
        let field = |part: &str| format!("the {part} that the profile {} provides", self.name);
        let (id, secret, token) =
            (field("access key id"), field("secret access key"), field("session token"));
        converted(&found).checked(&Places { id: &id, secret: &secret, token: &token, ..UNNAMED })
    }

    fn error(
        &self,
        error: &(dyn std::error::Error + 'static),
        sso: Option<&str>,
    ) -> CredentialsError {
        if let Some(ours) = Ours::error_in(error) {
            return ours;
        }
        let why = causes(error);
        let message = match sso {
            // The service was asked, and there was no response: another login would not help.
            Some(_) if why.contains("dispatch failure") => {
                format!("the service that provides the profile {} does not respond", self.name)
            }
            Some(profile) => format!(
                "the SSO login of the profile {profile} is missing, has expired, or does not permit \
                 its role; run: aws sso login --profile {}",
                quoted(profile)
            ),
            None => format!("the profile {} provides no credentials", self.name),
        };
        let detail = format!("{message}: {why}");
        CredentialsError::new(message).with_detail(detail)
    }
}

impl ProvideCredentials for CredentialProcess {
    fn provide_credentials(&self) -> Providing<'_> {
        Box::pin(self.run())
    }
}

/// A name as one word for the shell.
fn quoted(name: &str) -> String {
    let plain = |char: char| char.is_ascii_alphanumeric() || "_-/.%@:+".contains(char);
    if name.chars().all(plain) {
        return name.to_string();
    }
    format!("'{}'", name.replace('\'', "'\\''"))
}
