//! Options of the command line that override the server's part of the policy file.

use crate::setup::SetupError;
use portcullis_config::ServerConfig;
use std::net::SocketAddr;

/// Options that override the server's part of the policy file.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Overrides {
    /// The address of the JSON API.
    pub listen: Option<SocketAddr>,
    /// Ports that speak DynamoDB's protocol on `/`, each with its datasource. The name may be left
    /// out if there is only one datasource.
    pub wire: Vec<(SocketAddr, Option<String>)>,
    /// Allows addresses beyond this machine.
    pub public: bool,
    /// The memory limit of the host, in bytes.
    pub memory: Option<u64>,
}

impl Overrides {
    /// Applies the overrides. `names` are the datasources.
    pub(crate) fn apply<'n>(
        &self,
        mut server: ServerConfig,
        mut names: impl Iterator<Item = &'n String>,
    ) -> Result<ServerConfig, SetupError> {
        server.listen = self.listen.unwrap_or(server.listen);
        server.public |= self.public;
        let only = names.next().filter(|_| names.next().is_none());
        for (address, name) in &self.wire {
            let Some(name) = name.as_ref().or(only) else {
                return Err(SetupError::usage(format!("which datasource is served on {address}?"))
                    .remedy("name it: --wire ADDRESS=NAME"));
            };
            server.wire.insert(*address, name.clone());
        }
        Ok(server)
    }
}
