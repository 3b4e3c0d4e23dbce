//! The arguments of the command line. The doc comments of fields and variants are the help texts.
//!
//! A help text is one paragraph: with a second one, clap changes the layout of the whole page.
//!
//! Each command has a file. `target` and `output` are what several commands have.
#![expect(
    clippy::doc_markdown,
    clippy::option_option,
    reason = "doc comments are help texts, and clap represents an optional value this way"
)]

mod actions;
mod completions;
mod component;
mod demo;
mod execute;
mod iam;
mod init;
mod inspect;
mod man;
mod output;
mod serve;
mod store;
mod structure;
mod target;
mod token;

pub(crate) use actions::Actions;
pub(crate) use completions::Completions;
pub(crate) use component::{Component, Form};
pub(crate) use execute::{Execute, Format, PageMode};
pub(crate) use iam::Iam;
pub(crate) use init::Init;
pub(crate) use inspect::Inspect;
pub(crate) use man::Man;
pub(crate) use output::Output;
pub(crate) use serve::{Log, Serve};
pub(crate) use store::StoreCommand;
pub(crate) use structure::Structure;
pub(crate) use target::{Access, ImpliedArgs, PolicyArgs, RemoteArgs, Target};
pub(crate) use token::Token;

use clap::{Parser, Subcommand};
use completions::COMPLETIONS_EXAMPLE;
use demo::Demo;
use execute::EXECUTE_EXAMPLES;
use man::MAN_EXAMPLE;
use serve::SERVE_EXAMPLES;
use store::{STORE_EXAMPLES, StoreArgs};
use target::NamedTarget;
use token::TOKEN_EXAMPLES;

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
    /// Create the store of a server that saves datasources at run time, and its key; rotate the key.
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

const ABOUT: &str = "Runs untrusted datasource plugins in a sandbox. \
    A policy decides which requests may leave it.";

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn arguments_are_consistent() {
        Cli::command().debug_assert();
    }
}
