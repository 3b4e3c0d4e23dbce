//! What can be typed.
#![expect(
    clippy::doc_markdown,
    clippy::option_option,
    reason = "these docs are help texts, and clap writes an optional value so"
)]

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::net::SocketAddr;
use std::path::PathBuf;

/// Runs datasource plugins that are not trusted, in a sandbox that lets out only what a policy allows.
#[derive(Debug, Parser)]
#[command(name = "portcullis", version, about = ABOUT, after_help = EXIT_CODES, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const ABOUT: &str = "Runs datasource plugins that are not trusted, in a sandbox that lets out only what a policy allows.";

pub(crate) const EXIT_CODES: &str = "\
Exit codes:
   0  success                          7  denied by policy
   1  anything else                    8  the service answered with an error
   2  wrong usage                      9  the connection failed
   3  bad policy, settings or plugin  10  the deadline came
   4  unknown action                  11  another limit, or busy
   5  bad input                       12  the plugin crashed
   6  no credentials                 130  interrupted (143 when terminated)

Start with:  portcullis demo";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show what this does: a DynamoDB in this process, and a plugin in the sandbox that uses it.
    Demo,
    /// Run one action and print its answer as JSON.
    #[command(after_help = EXECUTE_EXAMPLES)]
    Execute(Execute),
    /// Check that a datasource is reached and accepts its identity.
    Test(Named),
    /// List the tables of a datasource with their keys and indexes.
    Structure(Structure),
    /// Serve the datasources of a policy: a JSON API for any language, and DynamoDB's own protocol for its SDKs and tools.
    #[command(after_help = SERVE_EXAMPLES)]
    Serve(Serve),
    /// Make a token for somebody who may use the server, and print the lines of policy for it.
    Token(Token),
    /// Write a commented policy file to start from.
    Init(Init),
    /// Read a policy file and show what each datasource may do; nothing is sent.
    Check(PolicyArgs),
    /// Print the least that AWS's IAM must grant for all that a datasource's policy allows.
    Iam(Iam),
    /// Show what a plugin imports and exports, its size, digest and actions.
    Inspect(Inspect),
    /// List the actions of DynamoDB, or show one with its members and an example.
    Actions(Actions),
    /// Write out the built-in component, for other hosts.
    Component(Component),
    /// Print what makes a shell complete these commands: portcullis completions bash > ~/.local/share/bash-completion/completions/portcullis
    Completions(Completions),
    /// Write the manual pages: portcullis man ~/.local/share/man/man1
    Man(Man),
}

const EXECUTE_EXAMPLES: &str = "\
Examples:
  portcullis execute --local ListTables
  portcullis execute --local data.db PutItem '{\"TableName\": \"users\", \"Item\": {\"id\": \"1\"}}'
  portcullis execute --datasource orders GetItem @key.json
  echo '{\"TableName\": \"orders\"}' | portcullis execute --datasource orders Scan -";

#[derive(Debug, Args)]
pub(crate) struct Execute {
    #[command(flatten)]
    pub(crate) target: Target,
    /// The action, as DynamoDB calls it: GetItem.
    #[arg(value_name = "ACTION")]
    pub(crate) action: Option<String>,
    /// The action's JSON: as text, @FILE to read it from a file, - to read it from standard input; nothing means {}.
    #[arg(value_name = "JSON | @FILE | -")]
    pub(crate) input: Option<String>,
    /// Fill a value into the place {{NAME}} of the JSON: NAME=TEXT, which is a text whatever stands in it, or NAME:=JSON.
    /// May be given more than once.
    #[arg(long, value_name = "NAME=TEXT | NAME:=JSON", value_parser = bind)]
    pub(crate) bind: Vec<(String, String)>,
    /// How attribute values are written: typed ({"S": "a"}) or plain ("a").
    #[arg(long, value_enum)]
    pub(crate) format: Option<Format>,
    /// Fetch all pages of a list, a query or a scan. As json and pretty they are one answer, and bounded, see --max-items;
    /// as ndjson each item is printed when it comes, however many there are.
    #[arg(long, value_enum)]
    pub(crate) pages: Option<Pages>,
    /// With --pages all: stop after the page that reaches so many items.
    #[arg(long, value_name = "COUNT", requires = "pages")]
    pub(crate) max_items: Option<u64>,
    /// Send again what a batch leaves undone.
    #[arg(long)]
    pub(crate) resubmit: bool,
    /// Leave it to the service to find mistakes in the input.
    #[arg(long)]
    pub(crate) no_strict: bool,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

const SERVE_EXAMPLES: &str = "\
Examples:
  portcullis serve --local
  portcullis serve --policy portcullis.toml --wire 127.0.0.1:8000=orders
  curl -H 'Content-Type: application/json' -d '{}' http://127.0.0.1:8700/v1/datasources/local/actions/ListTables
  aws dynamodb list-tables --endpoint-url http://127.0.0.1:8700/ddb/local/

SIGHUP, or POST /v1/reload, reads the policy again; SIGTERM ends the server when its calls have ended.
PORTCULLIS_LOG=debug says more in the log, which goes to standard error.";

#[derive(Debug, Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(crate) policy: PolicyArgs,
    /// Serve a DynamoDB within this process as the datasource `local`, and no policy file: in memory, or kept in FILE.
    #[arg(long, value_name = "FILE", num_args = 0..=1)]
    pub(crate) local: Option<Option<PathBuf>>,
    /// Where the JSON API listens; 127.0.0.1:8700 where the policy says nothing.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) listen: Option<SocketAddr>,
    /// Serve one datasource in DynamoDB's protocol on `/` of a port of its own. May be given more than once.
    #[arg(long, value_name = "ADDRESS:PORT=NAME", value_parser = wire)]
    pub(crate) wire: Vec<(SocketAddr, Option<String>)>,
    /// Allow addresses beyond this machine, for which tokens and TLS are needed as well.
    #[arg(long)]
    pub(crate) public: bool,
    /// How the log is written.
    #[arg(long, value_enum, default_value_t = Log::Text)]
    pub(crate) log: Log,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Log {
    /// Lines for people.
    Text,
    /// A JSON object in each line.
    Json,
}

fn wire(text: &str) -> Result<(SocketAddr, Option<String>), String> {
    let (address, name) = text
        .split_once('=')
        .map_or((text, None), |(address, name)| (address, Some(name.to_string())));
    let address = address
        .parse()
        .map_err(|_| format!("{address:?} is no address and port, as in 127.0.0.1:8000"))?;
    Ok((address, name))
}

#[derive(Debug, Args)]
pub(crate) struct Token {
    /// Who gets it; a name for logs.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// The datasources it may use; all where none is named. May be given more than once.
    #[arg(long, short, value_name = "NAME")]
    pub(crate) datasource: Vec<String>,
}

fn bind(text: &str) -> Result<(String, String), String> {
    let (name, value) =
        text.split_once('=').ok_or("expected NAME=TEXT or NAME:=JSON, as in id=42 or limit:=10")?;
    match name.strip_suffix(':') {
        Some(name) => Ok((name.to_string(), value.to_string())),
        None => Ok((name.to_string(), serde_json::Value::from(value).to_string())),
    }
}

#[derive(Debug, Args)]
pub(crate) struct Target {
    #[command(flatten)]
    pub(crate) policy: PolicyArgs,
    /// The datasource, by its name in the policy file. Not needed where there is only one.
    #[arg(long, short, value_name = "NAME", conflicts_with = "local")]
    pub(crate) datasource: Option<String>,
    /// Use a DynamoDB within this process, and no policy file: in memory, or kept in FILE. FILE is a path: it has a
    /// dot or a slash.
    #[arg(long, value_name = "FILE", num_args = 0..=1)]
    pub(crate) local: Option<Option<PathBuf>>,
    #[command(flatten)]
    pub(crate) remote: Remote,
}

#[derive(Debug, Args)]
pub(crate) struct Remote {
    /// Ask a running `portcullis serve`, and use no policy file here; PORTCULLIS_SERVER says the same. Its token is read
    /// from PORTCULLIS_TOKEN.
    #[arg(long, value_name = "URL", conflicts_with = "local")]
    pub(crate) server: Option<String>,
    /// A file with the server's token, readable by its owner alone; in place of PORTCULLIS_TOKEN.
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// The authority to trust for the server's certificate, in PEM, in place of Mozilla's list.
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct PolicyArgs {
    /// The policy file.
    #[arg(long, value_name = "FILE", env = "PORTCULLIS_POLICY", default_value = "portcullis.toml")]
    pub(crate) policy: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct OutputArgs {
    /// How answers are printed: json is one line, as the service sent it; pretty is indented; table, csv and ndjson print
    /// the items alone, table and csv in ordinary JSON where no --format is given. A terminal gets pretty.
    #[arg(long, short, value_enum)]
    pub(crate) output: Option<Output>,
}

/// A datasource that may also be named without `--datasource`.
#[derive(Debug, Args)]
pub(crate) struct Named {
    /// The datasource, as with --datasource.
    #[arg(value_name = "NAME", conflicts_with_all = ["datasource", "local"])]
    name: Option<String>,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
pub(crate) struct Structure {
    #[command(flatten)]
    pub(crate) at: Named,
    /// Only tables whose names begin so.
    #[arg(long, default_value = "")]
    pub(crate) prefix: String,
    /// The most tables.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) limit: u32,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// Where to write it.
    #[arg(default_value = "portcullis.toml")]
    pub(crate) file: PathBuf,
    /// Overwrite a file that is there.
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Iam {
    /// The datasource, by its name in the policy file. Not needed where there is only one.
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) policy: PolicyArgs,
    /// The number of the AWS account that the tables are in; any account where it is not given.
    #[arg(long, value_name = "NUMBER", default_value = "*")]
    pub(crate) account: String,
    /// Let requests come from this network only, as a CIDR block: that of the machine which runs Portcullis.
    #[arg(long, value_name = "CIDR")]
    pub(crate) source_ip: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// A component; the built-in DynamoDB plugin where none is given.
    pub(crate) file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Actions {
    /// One action.
    pub(crate) action: Option<String>,
    /// Print the JSON Schema of the action's input.
    #[arg(long, requires = "action")]
    pub(crate) schema: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell.
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub(crate) struct Man {
    /// The folder; it is made where there is none.
    pub(crate) folder: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Component {
    /// Where to write it; standard output where none is given.
    #[arg(long, short = 'o', value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Write its trusted manifest instead.
    #[arg(long)]
    pub(crate) manifest: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Typed,
    Plain,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Pages {
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

impl Named {
    /// The datasource that was asked for.
    pub(crate) fn target(self) -> Target {
        let datasource = self.name.or(self.target.datasource);
        Target { datasource, ..self.target }
    }
}

impl Execute {
    /// Whether items are printed while further ones come. It then ends by itself when it is interrupted.
    pub(crate) fn streams(&self) -> bool {
        self.pages == Some(Pages::All)
            && matches!(self.output.output, Some(Output::Ndjson | Output::Table | Output::Csv))
    }

    /// Sorts out `--local ACTION`, where the action was taken for the optional FILE: a file has a dot or a slash.
    pub(crate) fn untangle(mut self) -> Self {
        let Some(Some(file)) = &self.target.local else { return self };
        let text = file.to_string_lossy().into_owned();
        if !text.contains(['.', '/', '\\']) {
            self.target.local = Some(None);
            let action = self.action.replace(text);
            if let Some(input) = action {
                self.input = Some(input);
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn execute(words: &str) -> (Option<Option<PathBuf>>, Option<String>, Option<String>) {
        let cli =
            Cli::try_parse_from(["portcullis", "execute"].into_iter().chain(words.split(' ')))
                .unwrap();
        let Command::Execute(execute) = cli.command else { panic!("execute") };
        let execute = execute.untangle();
        (execute.target.local, execute.action, execute.input)
    }

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn local_takes_a_file_or_none() {
        let some = |text: &str| Some(text.to_string());
        assert_eq!(execute("--local ListTables"), (Some(None), some("ListTables"), None));
        assert_eq!(execute("--local Scan {}"), (Some(None), some("Scan"), some("{}")));
        assert_eq!(
            execute("--local data.db Scan {}"),
            (Some(Some("data.db".into())), some("Scan"), some("{}"))
        );
        assert_eq!(execute("Scan - --local"), (Some(None), some("Scan"), some("-")));
        assert_eq!(execute("-d orders Scan @x.json"), (None, some("Scan"), some("@x.json")));
    }
}
