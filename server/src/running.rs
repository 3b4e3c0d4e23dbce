//! A server from its options to its end.

use crate::deployment::{Changes, Deployment};
use crate::listen::{self, Listeners, ServeError};
use crate::overrides::Overrides;
use crate::server::Server;
use crate::setup::{self, Embedded, SetupError};
use portcullis::{CompilerProcess, Host};
use std::path::PathBuf;
use std::sync::Arc;

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
    Policy(PathBuf),
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

/// A server whose datasources are connected and whose sockets are open.
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
    /// The datasource that it serves in DynamoDB's protocol; none for the JSON API.
    pub datasource: Option<String>,
}

/// Connects the datasources and opens the sockets of a server.
///
/// # Errors
/// Returns an error if the policy file cannot be used, if a datasource cannot be connected, or if
/// an address cannot be listened on.
pub async fn open(options: Options) -> Result<RunningServer, SetupError> {
    let Options { served, overrides, compiler } = options;
    let builder = || setup::with_compiler(Host::builder(), compiler.clone());
    let (server, embedded) = match served {
        Served::Embedded(file) => {
            let host = setup::open_host(|| setup::with_memory(builder(), overrides.memory))?;
            let embedded = Embedded::start(file.as_deref()).await?;
            let deployment = Deployment::embedded(&host, &embedded, &overrides).await?;
            (Server::new(host, None, overrides, deployment, None)?, Some(embedded))
        }
        Served::Policy(path) => {
            let file = setup::read_policy(&path)?;
            let folder = path.parent();
            let (host, audit) = setup::open_audited_host(&file, folder, overrides.memory, builder)?;
            let deployment = Deployment::connect(&host, &path, file, &overrides, None).await?;
            (Server::new(host, Some(path), overrides, deployment, audit)?, None)
        }
    };
    let server = Arc::new(server);
    let listeners = listen::open(&server.config()).await?;
    Ok(RunningServer { server, listeners, embedded })
}

impl RunningServer {
    /// The endpoints, with the ports that the system chose for 0.
    #[must_use]
    pub fn endpoints(&self) -> Vec<Endpoint> {
        let scheme = if self.server.config().tls.is_some() { "https" } else { "http" };
        let endpoint = |(address, datasource): (_, Option<&str>)| Endpoint {
            url: format!("{scheme}://{address}"),
            datasource: datasource.map(ToString::to_string),
        };
        self.listeners.addresses().map(endpoint).collect()
    }

    /// The names of the datasources.
    #[must_use]
    pub fn datasources(&self) -> Vec<String> {
        self.server.current().datasources.keys().cloned().collect()
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
        let ended = listen::serve(&self.server, self.listeners, stopped).await;
        if let Some(embedded) = self.embedded {
            embedded.stop().await;
        }
        ended
    }
}

/// Reloads the policy file of a running server.
#[derive(Clone)]
pub struct Reloader(Arc<Server>);

impl Reloader {
    /// Reads the policy file again: all of it, or nothing. Running calls end under the policy that
    /// they began with. The result is also logged.
    ///
    /// # Errors
    /// Returns an error if the policy file cannot be used. The previous policy then stays in force.
    pub async fn reload(&self) -> Result<Changes, SetupError> {
        self.0.reload().await
    }
}
