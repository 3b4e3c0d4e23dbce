//! The programs that run at the same time. Each waits for its turn.

use crate::cases::Case;
use crate::certificate::{Certificate, trusting};
use crate::clients::Transport;
use crate::process::Process;
use crate::serve::callers::Callers;
use crate::serve::connection::Connection;
use crate::serve::load::{Load, Target};
use crate::serve::nginx::{self, Nginx};
use crate::serve::policy;
use crate::serve::portcullis_serve::{self, Log};
use crate::serve::programs::Program;
use crate::serve::request;
use crate::upstream::Endpoints;
use anyhow::{Context, Result, ensure};
use rustls::ClientConfig;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// All programs that run, and what they need.
pub struct Stage {
    endpoints: Endpoints,
    certificate: Certificate,
    tls: Arc<ClientConfig>,
    servers: HashMap<(Log, Transport), (Process, SocketAddr)>,
    nginx: HashMap<Transport, Nginx>,
    callers: HashMap<Program, Callers>,
    targets: HashMap<(Program, Transport), Arc<Target>>,
    // Removed last.
    folder: TempDir,
}

impl Stage {
    /// Prepares programs that call this upstream.
    pub fn new(endpoints: &Endpoints) -> Result<Self> {
        let certificate = Certificate::new()?;
        let tls = Arc::new(trusting(&certificate.authority, &[&rustls::version::TLS13])?);
        Ok(Self {
            endpoints: endpoints.clone(),
            certificate,
            tls,
            servers: HashMap::new(),
            nginx: HashMap::new(),
            callers: HashMap::new(),
            targets: HashMap::new(),
            folder: tempfile::tempdir()?,
        })
    }

    /// Compiles the plugin, which no measured process does: the memory for it would be counted.
    pub fn compile(&self) -> Result<()> {
        let policy = policy::write(self.folder.path(), self.endpoints.http, None)?;
        portcullis_serve::start(&policy, Log::Off).map(drop)
    }

    /// Starts a program, unless it runs already or is not measured with this transport. Makes one
    /// call. Returns its anonymous memory then, in bytes, or `None` if it was not started.
    pub async fn start(&mut self, program: Program, transport: Transport) -> Result<Option<u64>> {
        if !program.is_measured(transport, 64) {
            return Ok(None);
        }
        if let Some(kind) = program.client() {
            let callers = Callers::start(kind, &self.endpoints, self.folder.path())?;
            let memory = callers.process.anonymous_memory()?;
            self.callers.insert(program, callers);
            return Ok(Some(memory));
        }
        let Some(address) = self.address(program, transport)? else { return Ok(None) };
        let request = match program {
            Program::ServeJson | Program::QuietJson => {
                request::json(address, Case::GetItem.action(), "", &Case::GetItem.input())
            }
            Program::ServeInline => request::inline(address, Case::GetItem),
            Program::ServeSaved => {
                let mut connection = Connection::open(address, None).await?;
                let status = connection.call(&request::save(address)).await?.status;
                ensure!(status == 201, "the datasource was not saved: {status}");
                request::saved(address, Case::GetItem)
            }
            _ => request::wire(address, Case::GetItem),
        };
        let tls = (transport == Transport::Tls).then(|| self.tls.clone());
        let target = Target::new(address, tls, request)
            .await
            .with_context(|| format!("the first call of {}", program.title()))?;
        self.targets.insert((program, transport), Arc::new(target));
        let process = self.process(program, transport).context("it was started")?;
        Ok(Some(process.anonymous_memory()?))
    }

    /// Returns the address of a server. Starts the server if it does not run yet. `None` if it is
    /// not installed.
    fn address(&mut self, program: Program, transport: Transport) -> Result<Option<SocketAddr>> {
        if program == Program::Nginx {
            if nginx::version().is_none() {
                return Ok(None);
            }
            let folder = if transport == Transport::Http { "nginx-http" } else { "nginx-tls" };
            let nginx = match self.nginx.entry(transport) {
                Entry::Occupied(started) => started.into_mut(),
                Entry::Vacant(absent) => {
                    // One for each transport, so that their memory is not mixed up.
                    let folder = self.folder.path().join(folder);
                    absent.insert(Nginx::start(&folder, self.endpoints.http, &self.certificate)?)
                }
            };
            return Ok(Some(match transport {
                Transport::Http => nginx.http,
                _ => nginx.https,
            }));
        }
        let key = (log(program), transport);
        if let Some((_, address)) = self.servers.get(&key) {
            return Ok(Some(*address));
        }
        let tls = (transport == Transport::Tls).then_some(&self.certificate);
        let policy = policy::write(self.folder.path(), self.endpoints.http, tls)?;
        let (process, address) = portcullis_serve::start(&policy, key.0)?;
        self.servers.insert(key, (process, address));
        Ok(Some(address))
    }

    /// Returns the process of a program, if it runs.
    pub fn process(&self, program: Program, transport: Transport) -> Option<&Process> {
        if let Some(callers) = self.callers.get(&program) {
            return Some(&callers.process);
        }
        match program {
            Program::Nginx => self.nginx.get(&transport).map(|nginx| &nginx.process),
            _ => self.servers.get(&(log(program), transport)).map(|(process, _)| process),
        }
    }

    /// Puts load on a program. Returns `None` if it does not run.
    pub async fn load(
        &mut self,
        program: Program,
        transport: Transport,
        connections: u32,
        calls: u32,
        time: Duration,
    ) -> Result<Option<Load>> {
        if let Some(callers) = self.callers.get_mut(&program) {
            return Ok(Some(callers.load(connections, calls, time)?));
        }
        let Some(target) = self.targets.get(&(program, transport)).cloned() else {
            return Ok(None);
        };
        let process = self.process(program, transport).context("it was started")?;
        Ok(Some(target.load(process, connections, calls, time).await?))
    }
}

fn log(program: Program) -> Log {
    match program {
        Program::QuietWire | Program::QuietJson => Log::Off,
        _ => Log::On,
    }
}
