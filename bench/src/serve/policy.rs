//! The policy file of `portcullis serve`.

use crate::certificate::Certificate;
use crate::constants::REGION;
use anyhow::Result;
use portcullis_store::{SqliteStore, StoreKeys};
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The name of the datasource.
pub const DATASOURCE: &str = "orders";
/// The token of the clients. It opens nothing else.
pub const TOKEN: &str = "pcl_Zm9yLXRoZS1iZW5jaG1hcmstb25seS1vcGVucy1ub3RoaW5n";

/// The name of the template that tenants fill in.
pub const TEMPLATE: &str = "tenant";
/// The name of a datasource that a tenant saves.
pub const SAVED: &str = "saved";

/// Writes a policy file for one datasource at the upstream with this port, and for those of a tenant,
/// with a token as in a deployment. With a certificate, the server uses TLS.
pub fn write(folder: &Path, upstream: u16, tls: Option<&Certificate>) -> Result<PathBuf> {
    let origin = format!("http://localhost:{upstream}");
    let mut digest = String::new();
    for byte in Sha256::digest(TOKEN) {
        write!(digest, "{byte:02x}")?;
    }
    let tls = match tls {
        None => String::new(),
        Some(certificate) => {
            std::fs::write(folder.join("server.pem"), &certificate.certificate)?;
            private(&folder.join("server-key.pem"))?.write_all(certificate.key.as_bytes())?;
            "tls = { certificate = \"server.pem\", key = \"server-key.pem\" }".to_string()
        }
    };
    let policy = format!(
        r#"
[datasources.{DATASOURCE}]
plugin = "dynamodb"
settings = {{ region = "{REGION}", endpoint = "{origin}" }}
credentials = {{ from = "env" }}
egress = ["{origin}"]
networks = {{ "{origin}" = ["127.0.0.0/8", "::1/128"] }}
access = "write"
# The default is 64, but up to 512 connections are compared.
limits = {{ concurrent-calls = 512 }}

[templates.{TEMPLATE}]
plugin = "dynamodb"
settings = {{ region = ["{REGION}", "us-*"] }}
fixed-settings = {{ endpoint = "{origin}" }}
credentials = {{ from = "caller" }}
egress = ["{origin}"]
networks = {{ "{origin}" = ["127.0.0.0/8", "::1/128"] }}
signing = ["{{region}}/dynamodb"]
access = "write"
limits = {{ concurrent-calls = 512 }}

[server]
listen = "127.0.0.1:0"
{tls}

[server.store]
file = "store.db"
key = {{ from = "file", path = "store.key" }}

[server.tokens.app]
sha256 = "{digest}"
datasources = ["{DATASOURCE}"]
templates = ["{TEMPLATE}"]
tenant = "acme"
manage = ["{SAVED}"]
"#
    );
    let store = folder.join("store.db");
    if !store.exists() {
        SqliteStore::create(&store)?;
        private(&folder.join("store.key"))?.write_all(StoreKeys::generate().text().as_bytes())?;
    }
    let path = folder.join(if tls.is_empty() { "portcullis.toml" } else { "tls.toml" });
    std::fs::write(&path, policy)?;
    Ok(path)
}

/// Creates a file that only its owner may read, as the server demands of keys.
fn private(path: &Path) -> Result<std::fs::File> {
    Ok(std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?)
}
