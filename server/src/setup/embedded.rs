//! An embedded DynamoDB-compatible server, without a port: the host's connections to it are streams in
//! memory.

use super::error::SetupError;
use portcullis::{
    Access, Datasource, DatasourceConfig, Dial, Dialing, Host, Origin, Plugin, Policy, Settings,
    StaticCredentials, Stream,
};
use portcullis_embedded::EmbeddedDatabase;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

/// An open embedded server.
pub struct Embedded {
    /// Its host and port, by which the policy names it. Nothing listens there.
    pub authority: String,
    database: EmbeddedDatabase,
}

/// The time for the server to write what it has, when it stops.
const STOP: Duration = Duration::from_secs(2);
/// The address that stands for the server: the port that DynamoDB Local has.
const ADDRESS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8000);
/// The bytes of a stream that wait to be read.
const STREAM_BYTES: usize = 64 * 1024;

impl Embedded {
    /// Opens a server whose data is kept in `file`, or in memory. `create` says whether a file that
    /// does not exist is created.
    ///
    /// # Errors
    /// Returns an error if the file cannot be opened, or is not a database.
    pub async fn open(file: Option<&Path>, create: bool) -> Result<Self, SetupError> {
        let file = file.map(Path::to_path_buf);
        let open = move || EmbeddedDatabase::open(file.as_deref(), create);
        let opened = tokio::task::spawn_blocking(open).await;
        let opened = opened.map_err(|error| SetupError::environment(error.to_string()))?;
        let database =
            opened.map_err(|error| SetupError::environment(error.to_string()).because(error))?;
        Ok(Self { authority: ADDRESS.to_string(), database })
    }

    /// Connects a host to the server, and to nothing else.
    #[must_use]
    pub fn dial(&self) -> impl Dial + use<> {
        InMemory(self.database.clone())
    }

    /// A policy that allows everything at this server, and nothing elsewhere.
    ///
    /// # Errors
    /// Returns an error if the server's address is not an origin.
    pub fn policy(&self) -> Result<Policy, SetupError> {
        let origin: Origin = format!("http://{}", self.authority).parse().map_err(|error| {
            SetupError::environment(format!("the embedded server has no origin: {error}"))
                .because(error)
        })?;
        let loopback = "127.0.0.0/8".parse().map_err(|error| {
            SetupError::environment(format!("loopback is not a network: {error}"))
        })?;
        Ok(Policy {
            egress: vec![origin.clone().into()],
            networks: [(origin, vec![loopback])].into(),
            access: Access::Admin,
            ..Policy::default()
        })
    }

    /// Connects a datasource with this name to the server.
    ///
    /// # Errors
    /// Returns an error if the plugin fails when it starts.
    pub async fn connect(
        &self,
        name: &str,
        host: &Host,
        plugin: &Plugin,
    ) -> Result<Datasource, SetupError> {
        let settings =
            format!("{{\"region\": \"us-east-1\", \"endpoint\": \"http://{}\"}}", self.authority);
        // The server checks no signature, but a request is signed all the same.
        let config = DatasourceConfig::new(name)
            .policy(self.policy()?)
            .settings(Settings::Trusted(&settings))
            .credentials(StaticCredentials::from_key("LOCAL", "LOCAL"));
        Ok(host.connect(plugin, config).await?)
    }

    /// Stops the server, after it has written everything.
    pub async fn stop(self) {
        // What is not written by then is lost, as when the process is killed.
        let _ = tokio::time::timeout(STOP, self.database.stop()).await;
    }
}

/// Connects to the server alone.
struct InMemory(EmbeddedDatabase);

impl Dial for InMemory {
    fn dial(&self, address: SocketAddr) -> Dialing<'_> {
        Box::pin(async move {
            if address != ADDRESS {
                return Err(io::ErrorKind::ConnectionRefused.into());
            }
            let (client, server) = tokio::io::duplex(STREAM_BYTES);
            tokio::spawn(self.0.serve(server));
            Ok(Box::new(client) as Box<dyn Stream>)
        })
    }
}
