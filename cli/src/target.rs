//! From what was typed to a connected datasource.

use crate::args::Target;
use crate::failure::Failure;
use crate::local::Local;
use portcullis::policy::{CredentialSource, DatasourceConfig, PluginSource, PolicyFile, Settings};
use portcullis::{Connect, Datasource, Host, Plugin, provider};
use std::path::Path;

/// A connected datasource, and the server in this process that it may use.
pub(crate) struct Opened {
    pub(crate) datasource: Datasource,
    local: Option<Local>,
}

impl Opened {
    /// Connects the datasource that was asked for.
    pub(crate) async fn open(target: &Target) -> Result<Self, Failure> {
        let host = Host::new()?;
        if let Some(file) = &target.local {
            let local = Local::start(file.as_deref()).await?;
            let datasource = local.connect(&host, &built_in(&host)?).await?;
            return Ok(Self { datasource, local: Some(local) });
        }
        let file = read_policy(&target.policy.policy)?;
        let (name, config) = pick(&file, target.datasource.as_deref())?;
        let (_, datasource) =
            connect(&host, config, target.policy.policy.parent()).await.map_err(|failure| failure.with(format!("datasource: {name}")))?;
        Ok(Self { datasource, local: None })
    }

    /// Ends what was started for it.
    pub(crate) async fn close(self) {
        drop(self.datasource);
        if let Some(local) = self.local {
            local.stop().await;
        }
    }
}

/// The built-in plugin.
pub(crate) fn built_in(host: &Host) -> Result<Plugin, Failure> {
    Ok(host.load(dynamodb_component::COMPONENT, dynamodb_component::MANIFEST, Some(dynamodb_component::SHA256))?)
}

/// Reads a policy file.
pub(crate) fn read_policy(path: &Path) -> Result<PolicyFile, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Failure::configuration(format!("the policy file {} cannot be read: {error}", path.display()))
            .with("`portcullis init` writes one to start from; `--local` needs none")
    })?;
    PolicyFile::parse(&text).map_err(|error| Failure::configuration(format!("{}: {error}", path.display())))
}

fn pick<'f>(file: &'f PolicyFile, name: Option<&str>) -> Result<(&'f str, &'f DatasourceConfig), Failure> {
    let names = || file.datasources.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
    let mut all = file.datasources.iter().map(|(name, config)| (name.as_str(), config));
    match name {
        Some(name) => all.find(|(known, _)| *known == name).ok_or_else(|| {
            Failure::configuration(format!("the policy file has no datasource {name:?}")).with(format!("it has: {}", names()))
        }),
        None => match (all.next(), all.next()) {
            (Some(only), None) => Ok(only),
            (None, _) => Err(Failure::configuration("the policy file has no datasource")),
            _ => Err(Failure::usage("which datasource?").with(format!("name one with --datasource: {}", names()))),
        },
    }
}

/// Loads the plugin of a datasource and connects it.
pub(crate) async fn connect(host: &Host, config: &DatasourceConfig, folder: Option<&Path>) -> Result<(Plugin, Datasource), Failure> {
    // Paths in a policy are relative to the file that names them.
    let place = |path: &Path| folder.map_or_else(|| path.to_path_buf(), |folder| folder.join(path));
    let plugin = match &config.plugin {
        PluginSource::BuiltIn(name) if name == "dynamodb" => built_in(host)?,
        PluginSource::BuiltIn(name) => {
            return Err(Failure::configuration(format!("there is no built-in plugin {name:?}; there is \"dynamodb\"")));
        }
        PluginSource::File { file, sha256, manifest } => {
            let manifest = place(manifest);
            let text = std::fs::read_to_string(&manifest)
                .map_err(|error| Failure::configuration(format!("the manifest {} cannot be read: {error}", manifest.display())))?;
            host.load(place(file).as_path(), &text, sha256.as_deref())?
        }
    };
    let (settings, trusted) = match &config.settings {
        Settings::Inline(table) => {
            (serde_json::to_string(table).map_err(|error| Failure::configuration(format!("settings: {error}")))?, true)
        }
        Settings::File(path) => {
            let path = place(path);
            let text = std::fs::read_to_string(&path);
            (text.map_err(|error| Failure::configuration(format!("the settings {} cannot be read: {error}", path.display())))?, false)
        }
    };
    let credentials = config.credentials.as_ref().map(|source| match source {
        CredentialSource::File { path } => provider(&CredentialSource::File { path: place(path) }),
        CredentialSource::Env { .. } => provider(source),
    });
    let connect = Connect { settings: &settings, settings_are_trusted: trusted, policy: config.policy.clone(), credentials };
    let datasource = host.connect(&plugin, connect).await?;
    Ok((plugin, datasource))
}
