//! The datasource that a command uses: in this process, or on a server.

use crate::args::Target;
use crate::compiler::small_host;
use crate::environment::text_variable;
use crate::failure::Failure;
use crate::implied;
use crate::remote::Remote;
use crate::verbose::Verbose;
use portcullis::policy::TableName;
use portcullis::{Access, ActionName, Datasource, DryRun, Host, Limits, Policy};
use portcullis_config::{DatasourceEntry, PolicyFile, WhenFull};
use portcullis_server::setup::{
    Embedded, PolicyLocation, built_in, connect, connect_dry, load, open_audit, open_audited_host,
    open_host, read_policy, with_memory,
};
use serde_json::{Map, Value};
use std::sync::Arc;

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
            || text_variable("PORTCULLIS_SERVER").filter(|_| !target.names_what_to_use());
        if let Some(url) = target.remote.server.clone().or_else(from_environment) {
            let remote =
                Remote::open(&url, &target.remote, target.datasource.as_deref(), target.verbose)
                    .await?;
            return Ok(Self::Remote(remote));
        }
        if let Some(option) = target.remote.option_for_server() {
            return Err(Failure::usage(format!("{option} is for a server, and none is used"))
                .with(format!("add --server URL, or leave out {option}")));
        }
        if let Some(file) = &target.local {
            let embedded = Embedded::open(file.as_deref(), may_create).await?;
            let host = open_host(|| {
                let host = small_host().dial(embedded.dial());
                let sink = || (Arc::new(Verbose(None)), WhenFull::default());
                match target.verbose.then(sink) {
                    Some((sink, when_full)) => host.audit(sink, when_full),
                    None => host,
                }
            })?;
            let datasource = embedded.connect("local", &host, &built_in(&host)?).await?;
            return Ok(Self::Local {
                datasource,
                policy: Box::new(embedded.policy()?),
                embedded: Some(embedded),
            });
        }
        let chosen = Chosen::new(target)?;
        chosen.connect(target, &chosen.host(target.verbose)?, None).await
    }

    /// Connects the datasource that the arguments name, with requests that are not sent but given
    /// to `dry_run`. Nothing is recorded.
    pub(crate) async fn open_dry(
        target: &Target,
        dry_run: Arc<dyn DryRun>,
    ) -> Result<Self, Failure> {
        if text_variable("PORTCULLIS_SERVER").is_some() && !target.names_what_to_use() {
            return Err(Failure::usage(
                "--dry-run shows requests of this process, not of a server",
            )
            .with("name a policy with --policy, or unset PORTCULLIS_SERVER"));
        }
        if let Some(option) = target.remote.option_for_server() {
            return Err(Failure::usage(format!(
                "{option} is for a server, and --dry-run shows requests of this process"
            ))
            .with(format!("leave out {option}")));
        }
        Chosen::new(target)?.connect(target, &open_host(small_host)?, Some(dry_run)).await
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

/// A policy that was read, or that the arguments imply.
struct Chosen {
    file: PolicyFile,
    location: PolicyLocation,
}

impl Chosen {
    fn new(target: &Target) -> Result<Self, Failure> {
        if let Some((text, file)) = implied::policy(&target.implied)? {
            if target.verbose {
                eprintln!(
                    "policy, implied by the options:\n  {}",
                    text.trim().replace('\n', "\n  ")
                );
            }
            // It names no files.
            return Ok(Self { file, location: PolicyLocation::named("") });
        }
        let location = target.policy.location();
        let file = read_policy(location.path()).map_err(|error| {
            let failure = Failure::from(error);
            if location.path().exists() {
                return failure;
            }
            failure.with("to do without one, use --local or --region REGION")
        })?;
        Ok(Self { file, location })
    }

    /// Connects the datasource that the arguments name. With `dry_run`, it sends nothing.
    async fn connect(
        &self,
        target: &Target,
        host: &Host,
        dry_run: Option<Arc<dyn DryRun>>,
    ) -> Result<Opened, Failure> {
        let (name, entry) = find_datasource(&self.file, target.datasource.as_deref())?;
        let policy = &self.location;
        let connected = async {
            let plugin = load(host, &entry.plugin, policy.folder())?;
            match dry_run {
                Some(dry_run) => connect_dry(host, &plugin, name, entry, policy, dry_run).await,
                None => connect(host, &plugin, name, entry, policy).await,
            }
        };
        let datasource = connected
            .await
            .map_err(|error| Failure::from(error).with(format!("datasource: {name}")))?;
        let policy = Box::new(entry.policy.clone());
        Ok(Opened::Local { datasource, policy, embedded: None })
    }

    /// A host that writes the audit file of the policy, and with `verbose` says what happens.
    fn host(&self, verbose: bool) -> Result<Host, Failure> {
        let folder = self.location.folder();
        if !verbose {
            return Ok(open_audited_host(&self.file, folder, None, small_host)?.0);
        }
        let file = open_audit(&self.file, folder)?;
        let when_full = self.file.audit.as_ref().map(|audit| audit.when_full).unwrap_or_default();
        let memory = self.file.host.memory.map(|memory| memory.as_u64());
        let sink = Arc::new(Verbose(file));
        let builder = || with_memory(small_host(), memory).audit(sink.clone(), when_full);
        Ok(open_host(builder)?)
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
