//! Templates with their plugins, and the datasources that tenants make of them.

use crate::config::{DatasourceConfig, Settings};
use crate::datasource::Datasource;
use crate::error::{ConfigError, Error};
use crate::host::Host;
use crate::plugin::Plugin;
use crate::runtime::permits::ConcurrencyLimit;
use portcullis_audit::{CallCounters, Counters};
use portcullis_aws::{
    Credentials, CredentialsError, Processes, ProvideCredentials, SharedCredentials,
    StaticCredentials,
};
use portcullis_cache::Shared;
use portcullis_gate::{TenantShare, Tls};
use portcullis_policy::{
    CredentialSource, FillError, FilledCredentials, FilledTemplate, Template, TenantName,
    TenantSettings,
};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A template with its plugin, which tenants fill in. Cheap to clone.
///
/// ```no_run
/// use portcullis::policy::{SettingValue, Template, TenantSettings};
/// use portcullis::{Credentials, Host, LoadedTemplate, Secret, Tenant};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let host = Host::new()?;
/// let plugin = host.load(dynamodb_component::COMPONENT, dynamodb_component::MANIFEST, None)?;
/// let template: Template = toml::from_str(r#"
///     settings = { region = ["eu-west-1", "us-*"] }
///     credentials = { from = "caller" }
///     egress = ["https://dynamodb.{region}.amazonaws.com"]
///     signing = ["{region}/dynamodb"]
/// "#)?;
/// let template = LoadedTemplate::new("tenant-dynamodb", &plugin, template);
///
/// let region = SettingValue::Text("us-east-1".to_string());
/// let tenant = Tenant {
///     name: Some("acme".parse()?),
///     settings: TenantSettings::from_iter([("region", region)]),
///     credentials: Some(Credentials::from_caller("AKIDEXAMPLE", Secret::new("…"), None)?),
///     ..Tenant::default()
/// };
/// let datasource = host.connect_template(&template, &tenant).await?;
/// let tables = datasource.execute("ListTables", "{}").await?;
/// # drop(tables);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct LoadedTemplate(Arc<Inner>);

struct Inner {
    /// Differs from that of every other template of this process.
    id: u64,
    name: String,
    plugin: Plugin,
    template: Template,
    tls: Option<Tls>,
    provider: Option<Box<Provider>>,
    counters: Arc<CallCounters>,
    /// The concurrency limit of each owner, over all of its datasources.
    limits: Shared<ConcurrencyLimit>,
    /// What the datasources of one owner share at the gate.
    shares: Shared<TenantShare>,
    /// The credentials of the operator's sources, each fetched once for all datasources.
    sources: Shared<SharedCredentials>,
}

/// Returns the provider of a credentials source.
type Provider = dyn Fn(&CredentialSource) -> Arc<dyn ProvideCredentials> + Send + Sync;

/// What a tenant fills in.
#[derive(Clone, Debug, Default)]
pub struct Tenant {
    /// The tenant's name, from the platform's own knowledge of who is asking. Never from settings.
    pub name: Option<TenantName>,
    /// The tenant's settings.
    pub settings: TenantSettings,
    /// The tenant's credentials, if the template takes those.
    pub credentials: Option<Credentials>,
    /// Who holds the datasource if no tenant has a name: the name of a token, for example. What one
    /// holds does not displace what others hold. No name of a tenant contains a colon, so write
    /// `token:NAME`.
    pub holder: String,
    /// The name of the datasource in audit records; `None`: that of the template.
    pub datasource: Option<String>,
}

impl Tenant {
    /// Who holds the datasource: the tenant by its name, or else the holder.
    #[must_use]
    pub fn owner(&self) -> &str {
        self.name.as_ref().map_or(&self.holder, TenantName::as_str)
    }
}

/// Why a tenant's datasource cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TenantError {
    /// The template cannot be filled in.
    #[error(transparent)]
    Fill(#[from] FillError),
    /// The template takes the caller's credentials, and there are none.
    #[error(
        "credentials are missing: accessKeyId and secretAccessKey, and sessionToken if there is one"
    )]
    NoCredentials,
    /// The template has its own credentials, and the caller sent some.
    #[error("this template does not take credentials; leave them out")]
    UnexpectedCredentials,
    /// The credentials cannot be used.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// The host does not connect the datasource.
    #[error(transparent)]
    Host(#[from] Error),
}

impl LoadedTemplate {
    /// A template for datasources of a plugin. Their audit records have the template's name as the
    /// name of the datasource.
    #[must_use]
    pub fn new(name: &str, plugin: &Plugin, template: Template) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(Arc::new(Inner {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            name: name.to_string(),
            plugin: plugin.clone(),
            template,
            tls: None,
            provider: None,
            counters: Arc::default(),
            limits: Shared::default(),
            shares: Shared::default(),
            sources: Shared::default(),
        }))
    }

    /// Sets whom TLS trusts, and which certificate it presents.
    ///
    /// # Panics
    /// Panics if the template was cloned before.
    #[must_use]
    pub fn tls(self, tls: Tls) -> Self {
        self.changed(|inner| inner.tls = Some(tls))
    }

    /// Sets how the credentials sources of the template are opened. Default:
    /// [`Host::provider`], without processes.
    ///
    /// # Panics
    /// Panics if the template was cloned before.
    #[must_use]
    pub fn provider(
        self,
        provider: impl Fn(&CredentialSource) -> Arc<dyn ProvideCredentials> + Send + Sync + 'static,
    ) -> Self {
        self.changed(|inner| inner.provider = Some(Box::new(provider)))
    }

    fn changed(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        change(Arc::get_mut(&mut self.0).expect("a template is changed before it is used"));
        self
    }

    /// What distinguishes it from every other template of this process.
    pub(super) fn id(&self) -> u64 {
        self.0.id
    }

    /// The template's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// What tenants may fill in.
    #[must_use]
    pub fn template(&self) -> &Template {
        &self.0.template
    }

    /// The plugin of its datasources.
    #[must_use]
    pub fn plugin(&self) -> &Plugin {
        &self.0.plugin
    }

    /// What the datasources of all tenants have done.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.0.counters.read()
    }
}

impl Host {
    /// Connects a tenant's datasource: the template is filled in, and the plugin checks the
    /// settings. Nothing is sent, and no credentials are fetched.
    ///
    /// A platform that gets the settings with each call keeps its datasources in a
    /// [`DatasourceCache`](crate::DatasourceCache).
    ///
    /// # Errors
    /// Returns an error if the template cannot be filled in, if the credentials are missing or are
    /// not expected, or if the plugin does not accept the settings.
    pub async fn connect_template(
        &self,
        template: &LoadedTemplate,
        tenant: &Tenant,
    ) -> Result<Datasource, TenantError> {
        let datasource = self.configure_template(template, tenant)?;
        datasource.warm_up().await?;
        Ok(datasource)
    }

    /// A tenant's datasource, which is connected on first use: the plugin has not seen the settings
    /// yet.
    ///
    /// # Errors
    /// Returns an error if the template cannot be filled in, or if the credentials are missing or
    /// are not expected.
    pub fn configure_template(
        &self,
        template: &LoadedTemplate,
        tenant: &Tenant,
    ) -> Result<Datasource, TenantError> {
        let inner = &*template.0;
        let filled = inner.template.fill(tenant.name.as_ref(), &tenant.settings)?;
        let FilledTemplate { policy, settings, credentials, .. } = filled;
        let settings = serde_json::to_string(&settings)
            .map_err(|error| Error::Config(ConfigError::Settings(Arc::new(error))))?;
        let mut config = DatasourceConfig::new(tenant.datasource.as_ref().unwrap_or(&inner.name))
            .policy(policy)
            .settings(Settings::Untrusted(&settings))
            .counters(inner.counters.clone())
            .share(inner.shares.get(tenant.owner(), TenantShare::default));
        if let Some(name) = &tenant.name {
            config = config.tenant(name.clone());
        }
        if let Some(tls) = &inner.tls {
            config = config.tls(tls.clone());
        }
        config = match (credentials, &tenant.credentials) {
            (FilledCredentials::Caller, Some(credentials)) => {
                config.credentials(StaticCredentials::new(credentials.clone()))
            }
            (FilledCredentials::Caller, None) => return Err(TenantError::NoCredentials),
            (_, Some(_)) => return Err(TenantError::UnexpectedCredentials),
            (FilledCredentials::Source(source), None) => {
                // A source contains no secret.
                let shared = inner.sources.get(&format!("{source:?}"), || {
                    SharedCredentials::new(match &inner.provider {
                        Some(provider) => provider(&source),
                        None => self.provider(&source, Processes::Refused),
                    })
                });
                config.shared_credentials(shared)
            }
            (FilledCredentials::None, None) => config,
        };
        let limit = inner.limits.get(tenant.owner(), || {
            ConcurrencyLimit::new(&inner.template.rules().limits, self.inner.runtime.limit.clone())
        });
        Ok(self.configure_within(&inner.plugin, config, limit)?)
    }
}

impl fmt::Debug for LoadedTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoadedTemplate").field("name", &self.0.name).finish_non_exhaustive()
    }
}
