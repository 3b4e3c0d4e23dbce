//! A server from its options to its end.

use crate::deployment::{Changes, Deployment};
use crate::edge::{self, Listeners, ServeError, Serves};
use crate::memory::Accounts;
use crate::overrides::Overrides;
use crate::server::Server;
use crate::setup::{self, Embedded, PolicyLocation, SetupError};
use portcullis::{CompilerProcess, Host};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// The options of a server.
///
/// ```
/// use portcullis_server::{Options, Served};
///
/// let mut options = Options::new(Served::Embedded(None));
/// options.overrides.listen = Some("127.0.0.1:0".parse()?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// What is served.
    pub served: Served,
    /// Options that override the server's part of the policy file.
    pub overrides: Overrides,
    /// The process that compiles plugins. Without one, a thread of this process does.
    pub compiler: Option<CompilerProcess>,
}

/// What a server serves.
///
/// The enum is exhaustive on purpose: an operator chooses one or the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Served {
    /// The datasources of a policy file.
    Policy(PolicyLocation),
    /// An embedded DynamoDB-compatible server, as the datasource `local`. Its data is in memory, or
    /// in the file.
    Embedded(Option<PathBuf>),
}

impl Options {
    /// Options without overrides.
    #[must_use]
    pub fn new(served: Served) -> Self {
        Self { served, overrides: Overrides::default(), compiler: None }
    }
}

/// A server whose sockets are open.
pub struct RunningServer {
    server: Arc<Server>,
    listeners: Listeners,
    embedded: Option<Embedded>,
}

/// One endpoint of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Endpoint {
    /// Scheme, address and port.
    pub url: String,
    /// What it serves.
    pub role: EndpointRole,
}

/// What an endpoint serves.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EndpointRole {
    /// The JSON API.
    Api,
    /// The datasource of this name, in DynamoDB's protocol.
    Datasource(String),
    /// Health checks.
    Health,
}

/// Reads the policy file and opens the sockets of a server. Each datasource is connected when it is
/// used first.
///
/// # Errors
/// Returns an error if the policy file cannot be used, or if an address cannot be listened on.
pub async fn open(options: Options) -> Result<RunningServer, SetupError> {
    let Options { served, overrides, compiler } = options;
    let builder = || setup::with_compiler(Host::builder(), compiler.clone());
    let (server, embedded) = match served {
        Served::Embedded(file) => {
            let embedded = Embedded::open(file.as_deref(), true).await?;
            let builder = || setup::with_memory(builder(), overrides.memory);
            let host = setup::open_host(|| builder().dial(embedded.dial()))?;
            let accounts = Accounts::new(host.memory().clone());
            let deployment = Deployment::embedded(&host, &embedded, &overrides, &accounts).await?;
            (Server::new(host, None, overrides, deployment, accounts, None)?, Some(embedded))
        }
        Served::Policy(policy) => {
            let file = setup::read_policy(policy.path())?;
            let folder = policy.folder();
            let (host, audit) = setup::open_audited_host(&file, folder, overrides.memory, builder)?;
            let accounts = Accounts::new(host.memory().clone());
            let deployment =
                Deployment::new(&host, &policy, file, &overrides, &accounts, None).await?;
            (Server::new(host, Some(policy), overrides, deployment, accounts, audit)?, None)
        }
    };
    let server = Arc::new(server);
    let listeners = edge::open(&server.current().server).await?;
    Ok(RunningServer { server, listeners, embedded })
}

impl RunningServer {
    /// The endpoints, with the ports that the system chose for 0.
    #[must_use]
    pub fn endpoints(&self) -> Vec<Endpoint> {
        let is_encrypted = self.server.current().server.tls.is_some();
        let endpoint = |(address, serves): (_, &Serves)| {
            let is_encrypted = is_encrypted && *serves != Serves::Health;
            let scheme = if is_encrypted { "https" } else { "http" };
            let role = match serves {
                Serves::Api => EndpointRole::Api,
                Serves::Wire(name) => EndpointRole::Datasource(name.clone()),
                Serves::Health => EndpointRole::Health,
            };
            Endpoint { url: format!("{scheme}://{address}"), role }
        };
        self.listeners.addresses().map(endpoint).collect()
    }

    /// The names of the datasources.
    #[must_use]
    pub fn datasources(&self) -> Vec<String> {
        self.server.current().datasources.keys().cloned().collect()
    }

    /// Runs an action of a datasource before any client does, as the operator of the server.
    ///
    /// # Errors
    /// Returns an error if there is no such datasource, if it cannot be connected, or if the action
    /// fails.
    pub async fn execute(
        &self,
        datasource: &str,
        action: &str,
        input: &str,
    ) -> Result<String, SetupError> {
        let current = self.server.current();
        let known = current.datasources.get(datasource);
        let served = known
            .ok_or_else(|| SetupError::usage(format!("there is no datasource {datasource:?}")))?;
        let connected = served.datasource(&self.server.host, None).await.map_err(|_| {
            SetupError::environment(format!("the datasource {datasource:?} cannot be connected"))
        })?;
        Ok(connected.execute(action, input).await?)
    }

    /// The number of tokens.
    #[must_use]
    pub fn token_count(&self) -> usize {
        self.server.current().tokens.len()
    }

    /// A handle that reloads the policy file while the server runs.
    #[must_use]
    pub fn reloader(&self) -> Reloader {
        Reloader(self.server.clone())
    }

    /// Serves until `stopped` is ready, and then until all calls have ended or
    /// `server.drain-timeout` is over.
    ///
    /// # Errors
    /// Returns an error if calls were still running then.
    pub async fn serve(self, stopped: impl Future<Output = ()>) -> Result<(), ServeError> {
        self.server.verify();
        // Ends with this function.
        let mut background = JoinSet::new();
        background.spawn(every(RECORD, self.server.clone(), Server::record_left_out));
        background.spawn(every(RELEASE, self.server.clone(), Server::release_idle));
        background.spawn(every(RELEASE, self.server.clone(), Server::check_store));
        let ended = edge::serve(&self.server, self.listeners, stopped).await;
        self.server.record_last_left_out();
        if let Some(embedded) = self.embedded {
            embedded.stop().await;
        }
        ended
    }
}

/// How often the number of refusals without a record is written.
const RECORD: Duration = Duration::from_secs(1);
/// How often idle datasources are looked for.
const RELEASE: Duration = Duration::from_secs(5);

/// Does something again and again.
async fn every(period: Duration, server: Arc<Server>, what: impl Fn(&Server)) {
    let mut ticks = tokio::time::interval(period);
    loop {
        ticks.tick().await;
        what(&server);
    }
}

/// Reloads the policy file of a running server.
#[derive(Clone)]
pub struct Reloader(Arc<Server>);

impl Reloader {
    /// Reads the policy file again: what the operator wrote is in force as a whole or not at all.
    /// Running calls end under the policy that they began with. The result is also logged.
    ///
    /// # Errors
    /// Returns an error if the policy file cannot be used. The previous policy then stays in force.
    pub async fn reload(&self) -> Result<Changes, SetupError> {
        self.0.reload(None).await
    }
}
