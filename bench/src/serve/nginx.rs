//! nginx as a reverse proxy: one process, with connections to the upstream that are kept.
//!
//! It is optional: `make servers` installs it.

use crate::certificate::Certificate;
use crate::cores::Core;
use crate::process::{Process, bound};
use anyhow::{Result, bail};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// A running nginx.
pub struct Nginx {
    /// The process.
    pub process: Process,
    /// Its address for HTTP.
    pub http: SocketAddr,
    /// Its address for TLS.
    pub https: SocketAddr,
}

/// Returns its version, or `None` if it is not installed.
pub fn version() -> Option<String> {
    let output = Command::new(program()).arg("-v").output().ok()?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    Some(text.split_once("nginx/")?.1.split_whitespace().next()?.to_string())
}

/// Debian installs it in a folder that may not be in the `PATH`.
fn program() -> &'static str {
    const DEBIAN: &str = "/usr/sbin/nginx";
    if Path::new(DEBIAN).exists() { DEBIAN } else { "nginx" }
}

impl Nginx {
    /// Starts it on the last core, in front of the upstream with this port. The folder is its own.
    pub fn start(folder: &Path, upstream: u16, certificate: &Certificate) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        let (http, https) = (free_address()?, free_address()?);
        std::fs::write(folder.join("nginx.pem"), &certificate.certificate)?;
        std::fs::write(folder.join("nginx-key.pem"), &certificate.key)?;
        let path = folder.join("nginx.conf");
        std::fs::write(&path, configuration(folder, http, https, upstream))?;
        let mut command = bound(Some(Core::Last), program())?;
        // Until it has read its configuration, it would log to a file of the system.
        command.args(["-e", "stderr", "-p"]).arg(folder).arg("-c").arg(&path);
        let process = Process::start(command.stdin(Stdio::null()).stdout(Stdio::null()))?;
        for address in [http, https] {
            wait_for(address)?;
        }
        Ok(Self { process, http, https })
    }
}

/// One process, so that its CPU time is that of its worker, and so that it ends when it is killed.
fn configuration(folder: &Path, http: SocketAddr, https: SocketAddr, upstream: u16) -> String {
    let folder = folder.display();
    format!(
        r"
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr crit;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    client_body_temp_path {folder}/nginx-body;
    proxy_temp_path {folder}/nginx-proxy;
    fastcgi_temp_path {folder}/nginx-fastcgi;
    uwsgi_temp_path {folder}/nginx-uwsgi;
    scgi_temp_path {folder}/nginx-scgi;
    keepalive_requests 1000000000;
    upstream service {{
        server 127.0.0.1:{upstream};
        keepalive 512;
        keepalive_requests 1000000000;
    }}
    server {{
        listen {http};
        listen {https} ssl;
        ssl_certificate {folder}/nginx.pem;
        ssl_certificate_key {folder}/nginx-key.pem;
        ssl_protocols TLSv1.3;
        location / {{
            proxy_pass http://service;
            proxy_http_version 1.1;
            proxy_set_header Connection '';
        }}
    }}
}}
"
    )
}

/// Returns an address that is free now.
fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

fn wait_for(address: SocketAddr) -> Result<()> {
    for _ in 0..200 {
        if TcpStream::connect(address).is_ok() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(25));
    }
    bail!("nginx does not accept connections at {address}")
}
