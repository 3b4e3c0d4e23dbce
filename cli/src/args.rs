//! The arguments of the command line. The doc comments of fields and variants are the help texts.
//!
//! A help text is one paragraph: with a second one, clap changes the layout of the whole page.
#![expect(
    clippy::doc_markdown,
    clippy::option_option,
    reason = "doc comments are help texts, and clap represents an optional value this way"
)]

use crate::environment::variable;
use anyhow::{Context as _, anyhow};
use bytesize::ByteSize;
use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use portcullis::TenantName;
use portcullis_config::{Expiry, MIN_MEMORY};
use portcullis_server::setup::PolicyLocation;
use std::net::SocketAddr;
use std::path::PathBuf;

/// The command line.
#[derive(Debug, Parser)]
#[command(
    name = "portcullis",
    version,
    about = ABOUT,
    after_help = EXIT_CODES,
    arg_required_else_help = true
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const ABOUT: &str = "Runs untrusted datasource plugins in a sandbox. \
    A policy decides which requests may leave it.";

/// The exit codes, as `portcullis --help` lists them. `failure.rs` defines them.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
   0  success                          7  denied by the policy
   1  any other error                  8  the service returned an error
   2  wrong usage                      9  the connection failed
   3  bad policy, settings or plugin  10  timed out
   4  unknown action                  11  limit reached, or busy
   5  invalid input                   12  the plugin crashed
   6  no usable credentials          130  interrupted (143: terminated)

Start with:  portcullis demo";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a plugin in the sandbox against an embedded DynamoDB-compatible server.
    Demo(Demo),
    /// Run one action and print its result as JSON.
    #[command(after_help = EXECUTE_EXAMPLES)]
    Execute(Execute),
    /// Check that a datasource can be reached and accepts the credentials.
    Test(NamedTarget),
    /// List the tables of a datasource with their keys and indexes.
    Structure(Structure),
    /// Serve the datasources of a policy: a JSON API for any language, and DynamoDB's own protocol
    /// for AWS SDKs and tools.
    #[command(after_help = SERVE_EXAMPLES)]
    Serve(Serve),
    /// Generate a token for a user of the server, and print the policy lines that accept it.
    #[command(after_help = TOKEN_EXAMPLES)]
    Token(Token),
    /// Create the store of a server that saves datasources at run time, and its key.
    #[command(after_help = STORE_EXAMPLES)]
    Store(StoreArgs),
    /// Write a commented policy file to start from.
    Init(Init),
    /// Check a policy file and show what each datasource may do (no network access).
    Check(PolicyArgs),
    /// Print the minimal AWS IAM policy for a datasource.
    Iam(Iam),
    /// Show a plugin's size, digest, imports, exports, settings, options and actions.
    Inspect(Inspect),
    /// List the actions of DynamoDB, or show an action's input fields and an example.
    Actions(Actions),
    /// Export the built-in component, for other hosts.
    Component(Component),
    /// Generate a shell completion script.
    #[command(after_help = COMPLETIONS_EXAMPLE)]
    Completions(Completions),
    /// Generate the manual pages.
    #[command(after_help = MAN_EXAMPLE)]
    Man(Man),
}

const STORE_EXAMPLES: &str = "\
Examples:
  portcullis store key -o store.key
  portcullis store create store.db

The policy file then has:
  [server.store]
  file = \"store.db\"
  key = { from = \"file\", path = \"store.key\" }";

#[derive(Debug, Args)]
pub(crate) struct StoreArgs {
    #[command(subcommand)]
    pub(crate) what: StoreCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// Generate a key that secrets are sealed with. Without -o, print it.
    Key {
        /// The file to write, which only its owner can read. It must not exist.
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Create an empty store, which only its owner can read.
    Create {
        /// The file. It must not exist.
        file: PathBuf,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Open the console in a browser instead, with some tables to look at.
    #[arg(long)]
    pub(crate) open: bool,
}

const EXECUTE_EXAMPLES: &str = "\
Examples:
  portcullis execute --local ListTables
  portcullis execute --region eu-west-1 ListTables
  portcullis execute --local data.db PutItem '{\"TableName\": \"users\", \"Item\": {\"id\": \"1\"}}'
  portcullis execute --datasource orders GetItem @key.json
  echo '{\"TableName\": \"orders\"}' | portcullis execute --datasource orders Scan -";

#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
#[derive(Debug, Args)]
pub(crate) struct Execute {
    #[command(flatten)]
    pub(crate) target: Target,
    /// The action, by its DynamoDB name, such as GetItem, and its input as JSON: the text itself,
    /// @FILE to read a file, or - to read standard input. Without it, the input is {}. The name of
    /// the datasource may come first; same as --datasource.
    #[arg(value_name = "[NAME] ACTION [JSON | @FILE | -]", num_args = 0..=3)]
    pub(crate) words: Vec<String>,
    /// Replace the placeholder {{NAME}} in the input with a value: NAME=TEXT binds a string,
    /// whatever it contains, and NAME:=JSON binds a JSON value. Can be repeated.
    #[arg(long, value_name = "NAME=TEXT | NAME:=JSON", value_parser = parse_bind)]
    pub(crate) bind: Vec<(String, String)>,
    /// The format of attribute values: typed ({"S": "a"}) or plain ("a").
    #[arg(long, value_enum)]
    pub(crate) format: Option<Format>,
    /// Fetch all pages of a list, query, scan or statement. With --output json or pretty, they form
    /// one result of limited size (see --max-items). With ndjson, each page is printed as it
    /// arrives, and the number of items is not limited.
    #[arg(long, value_enum)]
    pub(crate) pages: Option<PageMode>,
    /// Print only these columns, in this order. Needs --output table, csv or ndjson. Without it,
    /// the columns are the table's keys and all other attributes, sorted.
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', value_parser = NonEmptyStringValueParser::new())]
    pub(crate) columns: Vec<String>,
    /// With --pages all: stop after the page that reaches this number of items.
    #[arg(long, value_name = "COUNT", requires = "pages", value_parser = parse_count)]
    pub(crate) max_items: Option<u64>,
    /// Send the unprocessed items of a batch again.
    #[arg(long)]
    pub(crate) resubmit: bool,
    /// Send {{NAME}} within a text as it is. Without this option, a text with a placeholder is
    /// refused unless --bind is given: it was probably meant to be replaced.
    #[arg(long)]
    pub(crate) literal: bool,
    /// Skip client-side validation.
    #[arg(long)]
    pub(crate) no_strict: bool,
    /// Show the request that would leave, and whether the policy allows it. Sends nothing.
    #[arg(long, conflicts_with_all = ["local", "server"])]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

const SERVE_EXAMPLES: &str = "\
Examples:
  portcullis serve --local
  portcullis serve --policy portcullis.toml --wire 127.0.0.1:8000=orders
  curl -H 'Content-Type: application/json' -d '{}' \\
    http://127.0.0.1:8700/v1/datasources/local/actions/ListTables
  AWS_ACCESS_KEY_ID=any AWS_SECRET_ACCESS_KEY=any aws dynamodb list-tables \\
    --region us-east-1 --endpoint-url http://127.0.0.1:8700/ddb/local/

SIGHUP, or POST /v1/reload, reloads the policy. SIGTERM stops the server once its running calls
have ended.
The log goes to standard error. PORTCULLIS_LOG=debug makes it more detailed.";

#[derive(Debug, Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(crate) policy: PolicyArgs,
    /// Serve an embedded DynamoDB-compatible server as the datasource `local`, without a policy
    /// file. Its data is in memory, or in FILE.
    #[arg(long, value_name = "FILE", num_args = 0..=1, conflicts_with = "file")]
    pub(crate) local: Option<Option<PathBuf>>,
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

#[derive(Debug, Args)]
pub(crate) struct Token {
    /// The name of the user or program that gets the token. It appears in logs.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// A datasource that the token may use; '*' gives all. Can be repeated. Without this option,
    /// the token may use none until its line in the policy lists some.
    #[arg(long, short, value_name = "NAME")]
    pub(crate) datasource: Vec<String>,
    /// A template that the token may fill in; '*' gives all. Can be repeated.
    #[arg(long, value_name = "NAME")]
    pub(crate) template: Vec<String>,
    /// The tenant whose token this is.
    #[arg(long, value_name = "TENANT", conflicts_with = "any_tenant")]
    pub(crate) tenant: Option<TenantName>,
    /// Let the token speak for any tenant, which it names in the header x-portcullis-tenant.
    #[arg(long)]
    pub(crate) any_tenant: bool,
    /// The names of the datasources that the token may save, use and delete; 'acme-*' stands for all
    /// that begin so. Can be repeated.
    #[arg(long, value_name = "NAME")]
    pub(crate) manage: Vec<String>,
    /// The actions of DynamoDB that the token may use, separated by commas; without this option,
    /// all that the policy of a datasource allows.
    #[arg(long, value_name = "ACTION,…", value_delimiter = ',')]
    pub(crate) actions: Vec<String>,
    /// Let the token reload the policy, read the metrics, and disable and enable datasources.
    #[arg(long)]
    pub(crate) operator: bool,
    /// Refuse the token from this time on, as in 2026-12-31T00:00:00Z. Without this option, it does
    /// not expire.
    #[arg(long, value_name = "TIME")]
    pub(crate) expires: Option<Expiry>,
}

const TOKEN_EXAMPLES: &str = "\
Examples:
  portcullis token app --datasource orders --actions GetItem,Query
  portcullis token admin --datasource '*' --operator --expires 2026-12-31T00:00:00Z
  portcullis token platform --template tenant-dynamodb --any-tenant --manage '*'

The token goes to standard error, and the lines for the policy to standard output.";

#[derive(Debug, Args)]
pub(crate) struct Target {
    #[command(flatten)]
    pub(crate) policy: PolicyArgs,
    /// The name of the datasource in the policy file. Optional if there is only one.
    #[arg(long, short, value_name = "NAME", conflicts_with = "local")]
    pub(crate) datasource: Option<String>,
    /// Use an embedded DynamoDB-compatible server and no policy file. Its data is in memory, or in
    /// FILE. FILE must contain a dot or a slash, to tell it from an action.
    #[arg(long, value_name = "FILE", num_args = 0..=1, conflicts_with = "file")]
    pub(crate) local: Option<Option<PathBuf>>,
    #[command(flatten)]
    pub(crate) implied: ImpliedArgs,
    #[command(flatten)]
    pub(crate) remote: RemoteArgs,
    /// Say on standard error how many requests were sent, where to, and how long the call took.
    #[arg(long, short)]
    pub(crate) verbose: bool,
}

/// Options that replace a policy file.
#[derive(Debug, Default, Args)]
pub(crate) struct ImpliedArgs {
    /// Use DynamoDB in this region and no policy file. Only its endpoint can be reached. The
    /// credentials are those of AWS's environment.
    #[arg(long, value_name = "REGION", conflicts_with_all = ["datasource", "local", "server", "file"], value_parser = NonEmptyStringValueParser::new())]
    pub(crate) region: Option<String>,
    /// Use the server at this URL, such as http://localhost:8000, and no policy file.
    #[arg(long, value_name = "URL", conflicts_with_all = ["datasource", "local", "server", "file"], value_parser = NonEmptyStringValueParser::new())]
    pub(crate) endpoint: Option<String>,
    /// Use the credentials of this AWS profile, with --region or AWS_REGION and no policy file.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["datasource", "local", "server", "file"], value_parser = NonEmptyStringValueParser::new())]
    pub(crate) profile: Option<String>,
    /// With --region, --endpoint or --profile: the highest class of actions that is allowed. The
    /// default is read.
    #[arg(long, value_enum)]
    pub(crate) access: Option<Access>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Access {
    Read,
    Write,
    Admin,
}

impl Access {
    /// Its name in a policy file.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct RemoteArgs {
    /// Use a running `portcullis serve` and no policy file. The default is the environment variable
    /// PORTCULLIS_SERVER. The token is read from PORTCULLIS_TOKEN.
    #[arg(long, value_name = "URL", conflicts_with = "local")]
    pub(crate) server: Option<String>,
    /// Read the server's token from this file, which only its owner can read, instead of
    /// PORTCULLIS_TOKEN.
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// The tenant for whom a platform's token speaks.
    #[arg(long, value_name = "TENANT", conflicts_with = "local")]
    pub(crate) tenant: Option<TenantName>,
    /// Trust the certificate authority in this PEM file for the server, instead of Mozilla's list.
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct PolicyArgs {
    /// The policy file. The default is the environment variable PORTCULLIS_POLICY, or
    /// portcullis.toml in the current folder. A policy that is not named runs no processes.
    #[arg(long = "policy", value_name = "FILE")]
    file: Option<PathBuf>,
}

/// The policy file that is used if none is named.
const FOUND_POLICY: &str = "portcullis.toml";

impl Target {
    /// Whether an option says what to use. It then counts more than PORTCULLIS_SERVER does.
    pub(crate) fn names_what_to_use(&self) -> bool {
        self.local.is_some() || self.policy.file.is_some() || self.implied.is_given()
    }
}

impl ImpliedArgs {
    /// Whether options replace a policy file.
    pub(crate) fn is_given(&self) -> bool {
        self.region.is_some() || self.endpoint.is_some() || self.profile.is_some()
    }
}

impl PolicyArgs {
    /// The policy file that the arguments or the environment name, or the one in the current
    /// folder.
    pub(crate) fn location(&self) -> PolicyLocation {
        let from_environment = || variable("PORTCULLIS_POLICY").map(PathBuf::from);
        match self.file.clone().or_else(from_environment) {
            Some(named) => PolicyLocation::named(named),
            None => PolicyLocation::found(FOUND_POLICY),
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct OutputArgs {
    /// The output format: json prints one line, as the service sent it; pretty prints indented
    /// JSON; table, csv and ndjson print only the items. Without --format, table and csv use plain
    /// values. The default is pretty on a terminal and json elsewhere.
    #[arg(long, short, value_enum)]
    pub(crate) output: Option<Output>,
}

// A datasource that can be named with `--datasource` or without.
#[derive(Debug, Args)]
pub(crate) struct NamedTarget {
    /// The name of the datasource; same as --datasource.
    #[arg(value_name = "NAME", conflicts_with_all = ["datasource", "local"])]
    name: Option<String>,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
pub(crate) struct Structure {
    #[command(flatten)]
    pub(crate) target: NamedTarget,
    /// List only tables whose names start with this prefix.
    #[arg(long, default_value = "")]
    pub(crate) prefix: String,
    /// The maximum number of tables.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) limit: u32,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// The file to write.
    #[arg(default_value = "portcullis.toml")]
    pub(crate) file: PathBuf,
    /// Overwrite an existing file.
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Iam {
    /// The name of the datasource in the policy file. Optional if there is only one.
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) policy: PolicyArgs,
    /// The number of the AWS account that owns the tables. The default allows any account.
    #[arg(long, value_name = "NUMBER", default_value = "*")]
    pub(crate) account: String,
    /// Allow requests only from this network, a CIDR block: that of the machine that runs
    /// Portcullis.
    #[arg(long, value_name = "CIDR")]
    pub(crate) source_ip: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// A component file. The default is the built-in DynamoDB plugin.
    pub(crate) file: Option<PathBuf>,
    /// Print the plugin's own description as JSON. Its fields `settings` and `options` are JSON
    /// Schemas.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Actions {
    /// The action to show.
    pub(crate) action: Option<String>,
    /// Print the JSON Schema of the action's input.
    #[arg(long, requires = "action")]
    pub(crate) schema: bool,
}

const COMPLETIONS_EXAMPLE: &str = "\
Example:
  portcullis completions bash > ~/.local/share/bash-completion/completions/portcullis";

#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell.
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

const MAN_EXAMPLE: &str = "\
Example:
  portcullis man ~/.local/share/man/man1";

#[derive(Debug, Args)]
pub(crate) struct Man {
    /// The folder to write to. It is created if it does not exist.
    pub(crate) folder: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Component {
    /// The file to write. The default is standard output.
    #[arg(long, short = 'o', value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Write the component's trusted manifest instead.
    #[arg(long, conflicts_with = "form")]
    pub(crate) manifest: bool,
    /// The plugin alone, for hosts that supply its imports; a library, for programs with an engine
    /// for WASI 0.2; or an HTTP service, for engines that serve components.
    #[arg(long, value_enum, default_value = "plugin")]
    pub(crate) form: Form,
}

/// A form of the built-in plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    Plugin,
    Library,
    Service,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Typed,
    Plain,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PageMode {
    One,
    All,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    Json,
    Pretty,
    Table,
    Ndjson,
    Csv,
}

impl Output {
    /// Whether it prints rows: items, and not the whole response.
    pub(crate) fn has_rows(self) -> bool {
        matches!(self, Self::Table | Self::Csv | Self::Ndjson)
    }

    /// Whether rows are printed with the same columns.
    pub(crate) fn has_columns(self) -> bool {
        matches!(self, Self::Table | Self::Csv)
    }
}

impl NamedTarget {
    /// Returns the target, with the name as its datasource.
    pub(crate) fn into_target(self) -> Target {
        let datasource = self.name.or(self.target.datasource);
        Target { datasource, ..self.target }
    }
}

impl Execute {
    /// Whether this command fetches one page after the other and prints their items. It then
    /// handles signals itself.
    pub(crate) fn streams_pages(&self) -> bool {
        self.pages == Some(PageMode::All) && self.output.output.is_some_and(Output::has_rows)
    }
}

/// Parses `NAME=TEXT` or `NAME:=JSON` into the name and the value as JSON.
fn parse_bind(text: &str) -> anyhow::Result<(String, String)> {
    let (name, value) = text
        .split_once('=')
        .context("expected NAME=TEXT or NAME:=JSON, as in id=42 or limit:=10")?;
    match name.strip_suffix(':') {
        Some(name) => Ok((name.to_string(), value.to_string())),
        None => Ok((name.to_string(), serde_json::Value::from(value).to_string())),
    }
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

/// Parses `ADDRESS:PORT=NAME`. The name is optional.
fn parse_wire(text: &str) -> anyhow::Result<(SocketAddr, Option<String>)> {
    let (address, name) = text
        .split_once('=')
        .map_or((text, None), |(address, name)| (address, Some(name.to_string())));
    Ok((parse_address(address)?, name))
}

/// Parses a number of items.
fn parse_count(text: &str) -> anyhow::Result<u64> {
    text.parse().map_err(|_| anyhow!("expected a whole number, as in 1000"))
}

/// Parses an address and a port.
fn parse_address(text: &str) -> anyhow::Result<SocketAddr> {
    text.parse().map_err(|_| {
        anyhow!("expected an IP address and a port, as in 127.0.0.1:8700 (this machine)")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn arguments_are_consistent() {
        Cli::command().debug_assert();
    }
}
