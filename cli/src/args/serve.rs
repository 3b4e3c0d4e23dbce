//! The arguments of `portcullis serve`.

use super::target::PolicyArgs;
use anyhow::anyhow;
use bytesize::ByteSize;
use clap::{Args, ValueEnum};
use portcullis_config::MIN_MEMORY;
use std::net::SocketAddr;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(crate) policy: PolicyArgs,
    /// Serve an embedded DynamoDB-compatible server as the datasource `local`, without a policy
    /// file. Its data is in memory and begins with the demo's tables, or is in FILE.
    #[arg(long, value_name = "FILE", num_args = 0..=1, conflicts_with = "file")]
    pub(crate) local: Option<Option<PathBuf>>,
    /// Begin without the demo's tables.
    #[arg(long, requires = "local")]
    pub(crate) empty: bool,
    /// The address of the JSON API. The default is the one in the policy, or 127.0.0.1:8700.
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = parse_address)]
    pub(crate) listen: Option<SocketAddr>,
    /// Serve one datasource in DynamoDB's protocol on `/` of a separate port. Can be repeated.
    #[arg(long, value_name = "ADDRESS:PORT=NAME", value_parser = parse_wire)]
    pub(crate) wire: Vec<(SocketAddr, Option<String>)>,
    /// Allow addresses that other machines can reach. Tokens and TLS are then required as well.
    #[arg(long)]
    pub(crate) public: bool,
    /// Limit the memory of all calls together, such as 512MiB. The default is host.memory in the
    /// policy, or half of the memory that this process may use.
    #[arg(long, value_name = "SIZE", value_parser = parse_memory)]
    pub(crate) memory: Option<u64>,
    /// The format of the log.
    #[arg(long, value_enum, default_value_t = Log::Text)]
    pub(crate) log: Log,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Log {
    /// Lines for people.
    Text,
    /// One JSON object per line.
    Json,
}

/// Parses `ADDRESS:PORT=NAME`. The name is optional.
fn parse_wire(text: &str) -> anyhow::Result<(SocketAddr, Option<String>)> {
    let (address, name) = text
        .split_once('=')
        .map_or((text, None), |(address, name)| (address, Some(name.to_string())));
    Ok((parse_address(address)?, name))
}

/// Parses an address and a port.
fn parse_address(text: &str) -> anyhow::Result<SocketAddr> {
    text.parse().map_err(|_| {
        anyhow!("expected an IP address and a port, as in 127.0.0.1:8700 (this machine)")
    })
}

/// Parses a memory limit, such as `512MiB`.
fn parse_memory(text: &str) -> anyhow::Result<u64> {
    let memory: ByteSize =
        text.parse().map_err(|_| anyhow!("{text:?} is not a size, as in 512MiB or 2GiB"))?;
    if memory < MIN_MEMORY {
        return Err(anyhow!("that is {memory}, but calls need at least {MIN_MEMORY}"));
    }
    Ok(memory.as_u64())
}

pub(super) const SERVE_EXAMPLES: &str = "\
Examples:
  portcullis serve --local
  portcullis serve --local --empty
  portcullis serve --policy portcullis.toml --wire 127.0.0.1:8000=orders
  curl -H 'Content-Type: application/json' -d '{}' \\
    http://127.0.0.1:8700/v1/datasources/local/actions/ListTables
  AWS_ACCESS_KEY_ID=any AWS_SECRET_ACCESS_KEY=any aws dynamodb list-tables \\
    --region us-east-1 --endpoint-url http://127.0.0.1:8700/ddb/local/

SIGHUP, or POST /v1/reload, reloads the policy. SIGTERM stops the server once its running calls
have ended.
The log goes to standard error. PORTCULLIS_LOG=debug makes it more detailed.";
