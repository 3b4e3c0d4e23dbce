//! The datasource that a command uses: in this process, or on a server.

use crate::args::Target;
use crate::compiler::small_host;
use crate::environment::text_variable;
use crate::failure::Failure;
use crate::remote::Remote;
use portcullis::{Datasource, Limits};
use portcullis_config::{DatasourceEntry, PolicyFile};
use portcullis_server::setup::{
    Embedded, built_in, connect, load, open_audited_host, open_host, read_policy,
};
use serde_json::{Map, Value};

/// A connected datasource.
pub(crate) enum Opened {
    /// In this process. `embedded` is the DynamoDB-compatible server of `--local`, and `limits` are
    /// those of the datasource.
    Local { datasource: Datasource, limits: Limits, embedded: Option<Embedded> },
    /// On a running `portcullis serve`.
    Remote(Remote),
}

impl Opened {
    /// Connects the datasource that the arguments name. `may_create` says whether the file of
    /// `--local` is created if it does not exist.
    pub(crate) async fn open(target: &Target, may_create: bool) -> Result<Self, Failure> {
        let from_environment =
            || text_variable("PORTCULLIS_SERVER").filter(|_| target.local.is_none());
        if let Some(url) = target.remote.server.clone().or_else(from_environment) {
            let remote = Remote::open(&url, &target.remote, target.datasource.as_deref()).await?;
            return Ok(Self::Remote(remote));
        }
        if let Some(file) = &target.local {
            let embedded = Embedded::open(file.as_deref(), may_create).await?;
            let host = open_host(|| small_host().dial(embedded.dial()))?;
            let datasource = embedded.connect("local", &host, &built_in(&host)?).await?;
            return Ok(Self::Local {
                datasource,
                limits: Limits::default(),
                embedded: Some(embedded),
            });
        }
        let policy = target.policy.location();
        let file = read_policy(policy.path())?;
        let (name, entry) = find_datasource(&file, target.datasource.as_deref())?;
        let folder = policy.folder();
        let (host, _) = open_audited_host(&file, folder, None, small_host)?;
        let named = |failure: Failure| failure.with(format!("datasource: {name}"));
        let plugin = load(&host, &entry.plugin, folder).map_err(Failure::from).map_err(named)?;
        let connected = connect(&host, &plugin, name, entry, &policy).await;
        let datasource = connected.map_err(Failure::from).map_err(named)?;
        let limits = entry.policy.limits.clone();
        Ok(Self::Local { datasource, limits, embedded: None })
    }

    /// The most bytes that an input may have. Of a datasource on a server it is not known; the
    /// server checks it too, and the default only protects this process's memory.
    pub(crate) fn request_bytes(&self) -> usize {
        let limits = match self {
            Self::Local { limits, .. } => limits,
            Self::Remote(_) => &Limits::default(),
        };
        limits.request_bytes.as_u64() as usize
    }

    /// Runs an action. Options that are not given are those of the datasource.
    pub(crate) async fn execute(
        &self,
        action: &str,
        input: &str,
        options: &Map<String, Value>,
    ) -> Result<String, Failure> {
        match self {
            Self::Remote(remote) => remote.execute(action, input, options).await,
            Self::Local { datasource, .. } if options.is_empty() => {
                Ok(datasource.execute(action, input).await?)
            }
            Self::Local { datasource, .. } => {
                let options = Value::Object(options.clone()).to_string();
                Ok(datasource.execute_with(action, input, &options).await?)
            }
        }
    }

    /// Checks connectivity and credentials.
    pub(crate) async fn test(&self) -> Result<String, Failure> {
        match self {
            Self::Remote(remote) => remote.test().await,
            Self::Local { datasource, .. } => Ok(datasource.test().await?),
        }
    }

    /// Lists the tables with their keys and indexes.
    pub(crate) async fn structure(&self, options: &Map<String, Value>) -> Result<String, Failure> {
        match self {
            Self::Remote(remote) => remote.structure(options).await,
            Self::Local { datasource, .. } => {
                Ok(datasource.structure(&Value::Object(options.clone()).to_string()).await?)
            }
        }
    }

    /// Stops the embedded server, if there is one.
    pub(crate) async fn close(self) {
        if let Self::Local { datasource, embedded: Some(embedded), .. } = self {
            drop(datasource);
            embedded.stop().await;
        }
    }
}

/// Returns the datasource with this name, or the only one.
pub(crate) fn find_datasource<'f>(
    file: &'f PolicyFile,
    name: Option<&str>,
) -> Result<(&'f str, &'f DatasourceEntry), Failure> {
    let names = || file.datasources.keys().map(String::as_str).collect::<Vec<_>>();
    let mut all = file.datasources.iter().map(|(name, entry)| (name.as_str(), entry));
    match name {
        Some(name) => all.find(|(known, _)| *known == name).ok_or_else(|| {
            Failure::configuration(format!("the policy file has no datasource {name:?}"))
                .with(format!("it has: {}", names().join(", ")))
        }),
        None => match (all.next(), all.next()) {
            (Some(only), None) => Ok(only),
            (None, _) => Err(Failure::configuration("the policy file has no datasource")),
            _ => Err(Failure::which_datasource(&names())),
        },
    }
}
