//! From what was typed to a connected datasource.

use crate::args::Target;
use crate::failure::Failure;
use crate::local::Local;
use crate::remote::Remote;
use portcullis::policy::CredentialSource;
use portcullis::{
    Connect, Datasource, Host, HostBuilder, JsonLines, LoadError, Plugin, Tls, read_private,
};
use portcullis_config::{
    DatasourceConfig, PluginSource, PolicyFile, Settings, TlsConfig, WhenFull,
};
use serde_json::{Map, Value};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A connected datasource.
pub(crate) enum Opened {
    /// In this process, with the server in this process that it may use.
    Here { datasource: Datasource, local: Option<Local> },
    /// Behind a server.
    There(Remote),
}

impl Opened {
    /// Connects the datasource that was asked for.
    pub(crate) async fn open(target: &Target) -> Result<Self, Failure> {
        let usual = || {
            std::env::var("PORTCULLIS_SERVER")
                .ok()
                .filter(|url| !url.is_empty() && target.local.is_none())
        };
        if let Some(url) = target.remote.server.clone().or_else(usual) {
            return Ok(Self::There(
                Remote::open(&url, &target.remote, target.datasource.as_deref()).await?,
            ));
        }
        if let Some(file) = &target.local {
            let host = host(small)?;
            let local = Local::start(file.as_deref()).await?;
            let datasource = local.connect("local", &host, &built_in(&host)?).await?;
            return Ok(Self::Here { datasource, local: Some(local) });
        }
        let file = read_policy(&target.policy.policy)?;
        let (name, config) = pick(&file, target.datasource.as_deref())?;
        let folder = target.policy.policy.parent();
        let (host, _) = audited_host(&file, folder, small)?;
        let named = |failure: Failure| failure.with(format!("datasource: {name}"));
        let plugin = load(&host, config, folder).map_err(named)?;
        let datasource = connect(&host, &plugin, name, config, folder).await.map_err(named)?;
        Ok(Self::Here { datasource, local: None })
    }

    /// Runs an action; no options means the datasource's own.
    pub(crate) async fn execute(
        &self,
        action: &str,
        input: &str,
        options: &Map<String, Value>,
    ) -> Result<String, Failure> {
        match self {
            Self::There(remote) => remote.execute(action, input, options).await,
            Self::Here { datasource, .. } if options.is_empty() => {
                Ok(datasource.execute(action, input).await?)
            }
            Self::Here { datasource, .. } => Ok(datasource
                .execute_with(action, input, &Value::Object(options.clone()).to_string())
                .await?),
        }
    }

    pub(crate) async fn test(&self) -> Result<String, Failure> {
        match self {
            Self::There(remote) => remote.test().await,
            Self::Here { datasource, .. } => Ok(datasource.test().await?),
        }
    }

    pub(crate) async fn structure(&self, options: &Map<String, Value>) -> Result<String, Failure> {
        match self {
            Self::There(remote) => remote.structure(options).await,
            Self::Here { datasource, .. } => {
                Ok(datasource.structure(&Value::Object(options.clone()).to_string()).await?)
            }
        }
    }

    /// Ends what was started for it.
    pub(crate) async fn close(self) {
        if let Self::Here { datasource, local: Some(local) } = self {
            drop(datasource);
            local.stop().await;
        }
    }
}

/// A host that keeps compiled code in the user's cache folder, if that can be used.
pub(crate) fn host(builder: impl Fn() -> HostBuilder) -> Result<Host, Failure> {
    let Some(folder) = cache_folder() else { return Ok(builder().build()?) };
    match builder().cache(folder).build() {
        Err(LoadError::Cache { folder, reason }) => {
            tracing::warn!("compiled code is not kept: {folder}: {reason}");
            Ok(builder().build()?)
        }
        host => Ok(host?),
    }
}

/// For a command that makes a call or a few: a host for many calls takes some 10 ms longer to start.
pub(crate) fn small() -> HostBuilder {
    Host::builder().concurrent_calls(16)
}

/// The user's cache folder (XDG Base Directory Specification), or the one that `PORTCULLIS_CACHE` names.
fn cache_folder() -> Option<PathBuf> {
    let variable =
        |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let user = || variable("XDG_CACHE_HOME").or_else(|| Some(variable("HOME")?.join(".cache")));
    variable("PORTCULLIS_CACHE").or_else(|| Some(user()?.join("portcullis")))
}

/// A host that writes its audit records where the policy file says, and that place.
pub(crate) fn audited_host(
    file: &PolicyFile,
    folder: Option<&Path>,
    builder: impl Fn() -> HostBuilder,
) -> Result<(Host, Option<Arc<JsonLines>>), Failure> {
    let Some(audit) = &file.audit else { return Ok((host(builder)?, None)) };
    let path = beside(folder, &audit.file);
    let sink = JsonLines::open(&path).map_err(|error| {
        Failure::configuration(format!(
            "the audit file {} cannot be opened: {error}",
            path.display()
        ))
    })?;
    let sink = Arc::new(sink);
    let host = host(|| builder().audit(sink.clone(), audit.when_full == WhenFull::Pass))?;
    Ok((host, Some(sink)))
}

/// The built-in plugin.
pub(crate) fn built_in(host: &Host) -> Result<Plugin, Failure> {
    Ok(host.load(
        dynamodb_component::COMPONENT,
        dynamodb_component::MANIFEST,
        Some(dynamodb_component::SHA256),
    )?)
}

/// Reads a policy file.
pub(crate) fn read_policy(path: &Path) -> Result<PolicyFile, Failure> {
    let read = |path: &Path| {
        // It may be a pipe, from another program; it is not endless.
        let mut text = String::new();
        std::fs::File::open(path)?.take(MAX_TEXT_BYTES + 1).read_to_string(&mut text)?;
        if text.len() as u64 > MAX_TEXT_BYTES {
            return Err(std::io::Error::other(format!("it is larger than {MAX_TEXT_BYTES} bytes")));
        }
        Ok(text)
    };
    let text = read(path).map_err(|error| {
        let failure = Failure::configuration(format!(
            "the policy file {} cannot be read: {error}",
            path.display()
        ));
        if error.kind() == std::io::ErrorKind::NotFound {
            return failure
                .with("`portcullis init` writes one to start from; `--local` needs none");
        }
        failure
    })?;
    PolicyFile::parse(&text)
        .map_err(|error| Failure::configuration(format!("{}: {error}", path.display())))
}

/// The datasource that was named, or the only one.
pub(crate) fn pick<'f>(
    file: &'f PolicyFile,
    name: Option<&str>,
) -> Result<(&'f str, &'f DatasourceConfig), Failure> {
    let names = || file.datasources.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
    let mut all = file.datasources.iter().map(|(name, config)| (name.as_str(), config));
    match name {
        Some(name) => all.find(|(known, _)| *known == name).ok_or_else(|| {
            Failure::configuration(format!("the policy file has no datasource {name:?}"))
                .with(format!("it has: {}", names()))
        }),
        None => match (all.next(), all.next()) {
            (Some(only), None) => Ok(only),
            (None, _) => Err(Failure::configuration("the policy file has no datasource")),
            _ => Err(Failure::usage("which datasource?")
                .with(format!("name one with --datasource: {}", names()))),
        },
    }
}

/// Loads the plugin of a datasource.
pub(crate) fn load(
    host: &Host,
    config: &DatasourceConfig,
    folder: Option<&Path>,
) -> Result<Plugin, Failure> {
    match &config.plugin {
        PluginSource::BuiltIn(name) if name == "dynamodb" => built_in(host),
        PluginSource::BuiltIn(name) => Err(Failure::configuration(format!(
            "there is no built-in plugin {name:?}; there is \"dynamodb\""
        ))),
        PluginSource::File { file, sha256, manifest } => {
            let text = read_text("manifest", &beside(folder, manifest))?;
            Ok(host.load(beside(folder, file).as_path(), &text, sha256.as_deref())?)
        }
    }
}

/// Connects a datasource.
pub(crate) async fn connect(
    host: &Host,
    plugin: &Plugin,
    name: &str,
    config: &DatasourceConfig,
    folder: Option<&Path>,
) -> Result<Datasource, Failure> {
    let (settings, trusted) = match &config.settings {
        Settings::Inline(table) => (
            serde_json::to_string(table)
                .map_err(|error| Failure::configuration(format!("settings: {error}")))?,
            true,
        ),
        Settings::File(path) => (read_text("settings", &beside(folder, path))?, false),
    };
    let credentials =
        config.credentials.as_ref().map(|source| host.provider(&placed(source, folder)));
    let tls = config.tls.as_ref().map(|tls| read_tls(tls, folder)).transpose()?.unwrap_or_default();
    let policy = config.policy.clone();
    let connect = Connect {
        name,
        settings: &settings,
        settings_are_trusted: trusted,
        policy,
        credentials,
        tls,
    };
    Ok(host.connect(plugin, connect).await?)
}

/// The same source with its paths relative to the policy file.
fn placed(source: &CredentialSource, folder: Option<&Path>) -> CredentialSource {
    let mut placed = source.clone();
    match &mut placed {
        CredentialSource::File { path } => *path = beside(folder, path),
        CredentialSource::Profile { file: Some(file), .. }
        | CredentialSource::WebIdentity { token_file: Some(file), .. } => {
            *file = beside(folder, file);
        }
        CredentialSource::Role { source, .. } => **source = self::placed(source, folder),
        _ => {}
    }
    placed
}

fn read_tls(config: &TlsConfig, folder: Option<&Path>) -> Result<Tls, Failure> {
    let mut tls = Tls::default();
    if let Some(ca) = &config.ca {
        tls = tls.with_ca(read_text("certificate", &beside(folder, ca))?.as_bytes())?;
    }
    if let (Some(certificate), Some(key)) = (&config.client_certificate, &config.client_key) {
        let key = read_private(&beside(folder, key))
            .map_err(|message| Failure::configuration(format!("the private key {message}")))?;
        tls = tls.with_identity(
            read_text("certificate", &beside(folder, certificate))?.as_bytes(),
            &key,
        )?;
    }
    Ok(tls)
}

/// Paths in a policy are relative to the file that names them.
pub(crate) fn beside(folder: Option<&Path>, path: &Path) -> PathBuf {
    folder.map_or_else(|| path.to_path_buf(), |folder| folder.join(path))
}

fn read_text(what: &str, path: &Path) -> Result<String, Failure> {
    let fail = |error: &dyn std::fmt::Display| {
        Failure::configuration(format!("the {what} {} cannot be read: {error}", path.display()))
    };
    let metadata = std::fs::metadata(path).map_err(|error| fail(&error))?;
    // A pipe would be waited for, and a huge file would fill the memory.
    if !metadata.is_file() {
        return Err(fail(&"it is not a regular file"));
    }
    if metadata.len() > MAX_TEXT_BYTES {
        return Err(fail(&format_args!("it is larger than {MAX_TEXT_BYTES} bytes")));
    }
    std::fs::read_to_string(path).map_err(|error| fail(&error))
}

/// The most that settings, a manifest or certificates have: a list of all public authorities has a quarter of a megabyte.
const MAX_TEXT_BYTES: u64 = 4 * 1024 * 1024;
