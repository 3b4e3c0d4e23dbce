//! An embedded DynamoDB-compatible server, on loopback.

use super::error::SetupError;
use dynoxide::Database;
use portcullis::{
    Access, Datasource, DatasourceConfig, Host, Origin, Plugin, Policy, Settings, StaticCredentials,
};
use std::path::Path;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A running embedded server.
pub struct Embedded {
    /// Its host and port.
    pub authority: String,
    stop: oneshot::Sender<()>,
    server: JoinHandle<Result<(), String>>,
}

/// The time for the server to write what it has, when it stops.
const STOP: Duration = Duration::from_secs(2);

impl Embedded {
    /// Starts a server whose data is kept in `file`, or in memory.
    ///
    /// # Errors
    /// Returns an error if the database cannot be opened, or if there is no free port on loopback.
    pub async fn start(file: Option<&Path>) -> Result<Self, SetupError> {
        let database = match file {
            None => Database::memory(),
            Some(file) => Database::new(&file.to_string_lossy()),
        };
        let name = file.map_or("in memory".to_string(), |file| file.display().to_string());
        let database = database.map_err(|error| {
            SetupError::environment(format!("the local database {name} cannot be opened: {error}"))
        })?;
        let failed = |error: std::io::Error| {
            SetupError::environment(format!("no port on loopback is free: {error}")).because(error)
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(failed)?;
        let authority = listener.local_addr().map_err(failed)?.to_string();
        let (stop, stopped) = oneshot::channel();
        let server = dynoxide::server::serve_with_shutdown(listener, database, async {
            // A dropped sender stops the server as well.
            let _ = stopped.await;
        });
        Ok(Self { authority, stop, server: tokio::spawn(server) })
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
        // It may have ended by itself; then there is nothing left to stop.
        let _ = self.stop.send(());
        let _ = tokio::time::timeout(STOP, self.server).await;
    }
}
