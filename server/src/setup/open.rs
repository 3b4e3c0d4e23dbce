//! Hosts, plugins and datasources that a policy file describes.

use super::error::SetupError;
use super::files::{beside, read_settings, read_text};
use super::location::PolicyLocation;
use super::readers::read_others;
use portcullis::MAX_COMPONENT_BYTES;
use portcullis::policy::CredentialSource;
use portcullis::{
    BuildError, CompilerProcess, Datasource, DatasourceConfig, DryRun, Host, HostBuilder,
    JsonLines, LoadedTemplate, Plugin, StaticCredentials, Tls,
};
use portcullis_config::{
    DatasourceEntry, PluginSource, PolicyFile, SettingsSource, TemplateEntry, TlsConfig,
};
use portcullis_files::{read_secret, read_untrusted};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Builds a host that keeps compiled code in the user's cache folder, if that can be used.
///
/// # Errors
/// Returns an error if the host cannot be built.
pub fn open_host(builder: impl Fn() -> HostBuilder) -> Result<Host, SetupError> {
    let Some(folder) = cache_folder() else { return Ok(builder().build()?) };
    match builder().cache(folder).build() {
        Err(error @ BuildError::Cache(_)) => {
            tracing::warn!("compiled code is not kept: {error}");
            Ok(builder().build()?)
        }
        host => Ok(host?),
    }
}

/// A builder for a command that makes few calls: a host for many calls takes some 10 ms longer to
/// start.
#[must_use]
pub fn small_host() -> HostBuilder {
    Host::builder().concurrent_calls(16)
}

/// Compiles in a process of its own, if there is one.
#[must_use]
pub fn with_compiler(builder: HostBuilder, process: Option<CompilerProcess>) -> HostBuilder {
    match process {
        Some(process) => builder.compiler(process),
        None => builder,
    }
}

/// Sets the memory limit of a host, if there is one.
#[must_use]
pub fn with_memory(builder: HostBuilder, bytes: Option<u64>) -> HostBuilder {
    match bytes {
        Some(bytes) => builder.memory(bytes),
        None => builder,
    }
}

/// The user's cache folder (XDG Base Directory Specification), or the one that `PORTCULLIS_CACHE`
/// names.
fn cache_folder() -> Option<PathBuf> {
    let variable =
        |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let user = || variable("XDG_CACHE_HOME").or_else(|| Some(variable("HOME")?.join(".cache")));
    variable("PORTCULLIS_CACHE").or_else(|| Some(user()?.join("portcullis")))
}

/// Builds a host with the memory limit that the policy file sets, unless `memory` is another, and
/// that writes audit records where the file says. Also returns their file.
///
/// # Errors
/// Returns an error if the audit file cannot be opened or the host cannot be built.
pub fn open_audited_host(
    file: &PolicyFile,
    folder: Option<&Path>,
    memory: Option<u64>,
    builder: impl Fn() -> HostBuilder,
) -> Result<(Host, Option<Arc<JsonLines>>), SetupError> {
    let memory = memory.or_else(|| file.host.memory.map(|memory| memory.as_u64()));
    let builder = || with_memory(builder(), memory);
    let Some(sink) = open_audit(file, folder)? else { return Ok((open_host(builder)?, None)) };
    let when_full = file.audit.as_ref().map(|audit| audit.when_full).unwrap_or_default();
    let host = open_host(|| builder().audit(sink.clone(), when_full))?;
    Ok((host, Some(sink)))
}

/// Opens the audit file that the policy file names, if it names one.
///
/// # Errors
/// Returns an error if the file cannot be opened.
pub fn open_audit(
    file: &PolicyFile,
    folder: Option<&Path>,
) -> Result<Option<Arc<JsonLines>>, SetupError> {
    let Some(audit) = &file.audit else { return Ok(None) };
    let sink = JsonLines::open(&beside(folder, &audit.file)).map_err(|error| {
        SetupError::configuration(format!("the audit file {error}")).because(error)
    })?;
    Ok(Some(Arc::new(sink)))
}

/// Loads the built-in plugin.
///
/// # Errors
/// Returns an error if the component cannot be compiled.
pub fn built_in(host: &Host) -> Result<Plugin, SetupError> {
    Ok(host.load(
        dynamodb_component::COMPONENT,
        dynamodb_component::MANIFEST,
        Some(dynamodb_component::SHA256),
    )?)
}

/// Loads the plugin of a datasource. It blocks while the component compiles.
///
/// # Errors
/// Returns an error if there is no such plugin, or if it cannot be loaded.
pub fn load(
    host: &Host,
    source: &PluginSource,
    folder: Option<&Path>,
) -> Result<Plugin, SetupError> {
    PluginFiles::read(source, folder)?.load(host)
}

/// A plugin before it is loaded.
pub(crate) enum PluginFiles {
    BuiltIn,
    Read { component: Vec<u8>, manifest: String, sha256: Option<String> },
}

impl PluginFiles {
    /// Reads the files of a plugin.
    pub(crate) fn read(source: &PluginSource, folder: Option<&Path>) -> Result<Self, SetupError> {
        match source {
            PluginSource::BuiltIn(name) if name == "dynamodb" => Ok(Self::BuiltIn),
            PluginSource::BuiltIn(name) => Err(SetupError::configuration(format!(
                "there is no built-in plugin {name:?}; there is \"dynamodb\""
            ))),
            PluginSource::File { file, sha256, manifest } => {
                let manifest = read_text("manifest", &beside(folder, manifest))?;
                let component = read_untrusted(&beside(folder, file), MAX_COMPONENT_BYTES as u64)
                    .map_err(|error| {
                    SetupError::configuration(format!("the plugin {error}")).because(error)
                })?;
                Ok(Self::Read { component, manifest, sha256: sha256.clone() })
            }
            other => Err(SetupError::configuration(format!(
                "this version cannot load a plugin from {other:?}"
            ))),
        }
    }

    /// What distinguishes it from other versions of the same files.
    pub(crate) fn parts(&self) -> [&[u8]; 2] {
        match self {
            Self::BuiltIn => [&[], &[]],
            Self::Read { component, manifest, .. } => [component, manifest.as_bytes()],
        }
    }

    /// Compiles it.
    pub(crate) fn load(&self, host: &Host) -> Result<Plugin, SetupError> {
        match self {
            Self::BuiltIn => built_in(host),
            Self::Read { component, manifest, sha256 } => {
                Ok(host.load(component.as_slice(), manifest, sha256.as_deref())?)
            }
        }
    }
}

/// Connects a datasource of the policy file `policy`.
///
/// # Errors
/// Returns an error if a file cannot be used, or if the plugin does not accept the settings.
pub async fn connect(
    host: &Host,
    plugin: &Plugin,
    name: &str,
    entry: &DatasourceEntry,
    policy: &PolicyLocation,
) -> Result<Datasource, SetupError> {
    let folder = policy.folder();
    let mut files = Files::read(entry, folder).await?;
    let mut config = files.config(name, entry);
    if let Some(source) = &entry.credentials {
        let source = relative_to(source, folder);
        config = config.shared_credentials(host.provider(&source, policy.processes()));
    }
    Ok(host.connect(plugin, config).await?)
}

/// Connects a datasource that sends nothing and fetches no credentials: its requests are signed with
/// [`PLACEHOLDER_ID`], checked, and given to `dry_run`.
///
/// # Errors
/// Returns an error if a file cannot be used, or if the plugin does not accept the settings.
pub async fn connect_dry(
    host: &Host,
    plugin: &Plugin,
    name: &str,
    entry: &DatasourceEntry,
    policy: &PolicyLocation,
    dry_run: Arc<dyn DryRun>,
) -> Result<Datasource, SetupError> {
    let mut files = Files::read(entry, policy.folder()).await?;
    let mut config = files.config(name, entry).dry_run(dry_run);
    if entry.credentials.is_some() {
        config = config.credentials(StaticCredentials::from_key(PLACEHOLDER_ID, "placeholder"));
    }
    Ok(host.connect(plugin, config).await?)
}

/// Loads a template of the policy file `policy`.
///
/// # Errors
/// Returns an error if a TLS file cannot be used.
pub async fn load_template(
    host: &Host,
    plugin: &Plugin,
    name: &str,
    entry: &TemplateEntry,
    policy: &PolicyLocation,
) -> Result<LoadedTemplate, SetupError> {
    let folder = policy.folder().map(Path::to_path_buf);
    let (opener, processes) = (host.clone(), policy.processes());
    let own_folder = folder.clone();
    let mut template =
        LoadedTemplate::new(name, plugin, entry.template.clone()).provider(move |source| {
            opener.provider(&relative_to(source, own_folder.as_deref()), processes)
        });
    if let Some(tls) = entry.tls.clone() {
        let read = read_others(READ, move || read_tls(&tls, folder.as_deref()));
        let tls = read.await.unwrap_or_else(|| {
            Err(SetupError::environment("the files of the template cannot be read in time"))
        });
        template = template.tls(tls?);
    }
    Ok(template)
}

/// The access key id of requests that are not sent.
pub const PLACEHOLDER_ID: &str = "PLACEHOLDER";

/// What the files of a datasource contain.
struct Files {
    settings: String,
    tls: Option<Tls>,
}

/// How long the files of a datasource may take: they may be on a disk that does not respond.
const READ: Duration = Duration::from_secs(10);

impl Files {
    /// The configuration of a datasource, without credentials.
    fn config<'c>(&'c mut self, name: &'c str, entry: &DatasourceEntry) -> DatasourceConfig<'c> {
        let tls = self.tls.take();
        let settings = match &entry.settings {
            SettingsSource::Inline(_) => portcullis::Settings::Trusted(&self.settings),
            SettingsSource::File(_) => portcullis::Settings::Untrusted(&self.settings),
        };
        let config = DatasourceConfig::new(name).policy(entry.policy.clone()).settings(settings);
        match tls {
            Some(tls) => config.tls(tls),
            None => config,
        }
    }

    /// Reads the files on a thread of its own.
    async fn read(entry: &DatasourceEntry, folder: Option<&Path>) -> Result<Self, SetupError> {
        let (settings, tls) = (entry.settings.clone(), entry.tls.clone());
        let folder = folder.map(Path::to_path_buf);
        let read = read_others(READ, move || {
            let folder = folder.as_deref();
            let settings = match settings {
                SettingsSource::Inline(table) => {
                    serde_json::to_string(&table).map_err(|error| {
                        SetupError::configuration(format!("settings: {error}")).because(error)
                    })?
                }
                SettingsSource::File(path) => read_settings(&beside(folder, &path))?,
            };
            let tls = tls.map(|tls| read_tls(&tls, folder)).transpose()?;
            Ok(Self { settings, tls })
        });
        read.await.unwrap_or_else(|| {
            Err(SetupError::environment("the files of the datasource cannot be read in time"))
        })
    }
}

/// The source of credentials with its paths relative to the policy file.
fn relative_to(source: &CredentialSource, folder: Option<&Path>) -> CredentialSource {
    let mut relative = source.clone();
    match &mut relative {
        CredentialSource::File { path } => *path = beside(folder, path),
        CredentialSource::Profile { file: Some(file), .. }
        | CredentialSource::WebIdentity { token_file: Some(file), .. } => {
            *file = beside(folder, file);
        }
        CredentialSource::Role { source, .. } => **source = relative_to(source, folder),
        _ => {}
    }
    relative
}

fn read_tls(config: &TlsConfig, folder: Option<&Path>) -> Result<Tls, SetupError> {
    let mut tls = Tls::default();
    if let Some(ca) = &config.ca {
        tls = tls.with_ca(read_text("certificate", &beside(folder, ca))?.as_bytes())?;
    }
    if let (Some(certificate), Some(key)) = (&config.client_certificate, &config.client_key) {
        let key = read_secret(&beside(folder, key)).map_err(|error| {
            SetupError::configuration(format!("the private key {error}")).because(error)
        })?;
        let certificate = read_text("certificate", &beside(folder, certificate))?;
        tls = tls.with_identity(certificate.as_bytes(), &key)?;
    }
    Ok(tls)
}
