//! A DynamoDB within this process, on loopback.

use crate::failure::Failure;
use dynoxide::Database;
use portcullis::{Access, Connect, Datasource, Fixed, Host, Origin, Plugin, Policy};
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A running server.
pub(crate) struct Local {
    /// Host and port.
    pub(crate) authority: String,
    stop: oneshot::Sender<()>,
    server: JoinHandle<Result<(), String>>,
}

impl Local {
    /// Starts a server whose data is kept in `file`, or in memory.
    pub(crate) async fn start(file: Option<&Path>) -> Result<Self, Failure> {
        let database = match file {
            None => Database::memory(),
            Some(file) => Database::new(&file.to_string_lossy()),
        };
        let place = file.map_or("in memory".to_string(), |file| file.display().to_string());
        let database = database.map_err(|error| {
            Failure::other(format!("the local database {place} cannot be opened: {error}"))
        })?;
        let fail =
            |error: std::io::Error| Failure::other(format!("no port on loopback is free: {error}"));
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(fail)?;
        let authority = listener.local_addr().map_err(fail)?.to_string();
        let (stop, stopped) = oneshot::channel();
        let server =
            tokio::spawn(dynoxide::server::serve_with_shutdown(listener, database, async {
                // A dropped sender ends the server as well.
                let _ = stopped.await;
            }));
        Ok(Self { authority, stop, server })
    }

    /// What a datasource at this server may do: everything, and nothing elsewhere.
    pub(crate) fn policy(&self) -> Result<Policy, Failure> {
        let origin: Origin = format!("http://{}", self.authority)
            .parse()
            .map_err(|error| Failure::other(format!("{error}")))?;
        let network = "127.0.0.0/8".parse().map_err(|error| Failure::other(format!("{error}")))?;
        Ok(Policy {
            egress: vec![origin.clone().into()],
            networks: [(origin, vec![network])].into(),
            access: Access::Admin,
            ..Policy::default()
        })
    }

    /// A datasource of that name at this server.
    pub(crate) async fn connect(
        &self,
        name: &str,
        host: &Host,
        plugin: &Plugin,
    ) -> Result<Datasource, Failure> {
        let settings =
            format!("{{\"region\": \"us-east-1\", \"endpoint\": \"http://{}\"}}", self.authority);
        // The server checks no signature, but a request is signed all the same.
        let credentials = Some(Arc::new(Fixed::key("LOCAL", "LOCAL")) as _);
        let connect = Connect {
            name,
            settings: &settings,
            settings_are_trusted: true,
            policy: self.policy()?,
            credentials,
            ..Connect::default()
        };
        Ok(host.connect(plugin, connect).await?)
    }

    /// Ends the server, with everything written.
    pub(crate) async fn stop(self) {
        // It may have ended by itself; there is nothing to add to that here.
        let _ = self.stop.send(());
        let _ = tokio::time::timeout(std::time::Duration::from_secs(2), self.server).await;
    }
}
