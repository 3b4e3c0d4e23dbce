//! The datasource that a command uses: in this process, or on a server.

use crate::args::Target;
use crate::compiler::small_host;
use crate::environment::text_variable;
use crate::failure::Failure;
use crate::remote::Remote;
use portcullis::policy::TableName;
use portcullis::{Access, ActionName, Datasource, Limits, Policy};
use portcullis_config::{DatasourceEntry, PolicyFile};
use portcullis_server::setup::{
    Embedded, built_in, connect, load, open_audited_host, open_host, read_policy,
};
use serde_json::{Map, Value};

/// A connected datasource.
pub(crate) enum Opened {
    /// In this process. `embedded` is the DynamoDB-compatible server of `--local`.
    Local { datasource: Datasource, policy: Box<Policy>, embedded: Option<Embedded> },
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
                policy: Box::new(embedded.policy()?),
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
        let policy = Box::new(entry.policy.clone());
        Ok(Self::Local { datasource, policy, embedded: None })
    }

    /// The most bytes that an input may have. Of a datasource on a server it is not known; the
    /// server checks it too, and the default only protects this process's memory.
    pub(crate) fn request_bytes(&self) -> usize {
        let limits = match self {
            Self::Local { policy, .. } => &policy.limits,
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

    /// Describes a table, if the policy is known here and allows it, and if the service does.
    pub(crate) async fn describe_table(&self, table: &str) -> Option<String> {
        let Self::Local { datasource, policy, .. } = self else { return None };
        let action: ActionName = "DescribeTable".parse().ok()?;
        policy.check_action(&action, Some(Access::Read)).ok()?;
        policy.check_table(TableName::parse(table).ok()?).ok()?;
        let input = serde_json::json!({ "TableName": table }).to_string();
        datasource.execute(action.as_str(), &input).await.ok()
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
