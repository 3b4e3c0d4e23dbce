//! What a command uses: a datasource of a policy, options that replace a policy, or a server.

use crate::environment::variable;
use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueEnum};
use portcullis::TenantName;
use portcullis_server::setup::PolicyLocation;
use std::path::PathBuf;

// A datasource that can be named with `--datasource` or without.
#[derive(Debug, Args)]
pub(crate) struct NamedTarget {
    /// The name of the datasource; same as --datasource.
    #[arg(value_name = "NAME", conflicts_with_all = ["datasource", "local"])]
    name: Option<String>,
    #[command(flatten)]
    target: Target,
}

impl NamedTarget {
    /// Returns the target, with the name as its datasource.
    pub(crate) fn into_target(self) -> Target {
        let datasource = self.name.or(self.target.datasource);
        Target { datasource, ..self.target }
    }
}

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

impl Target {
    /// Whether an option says what to use. It then counts more than PORTCULLIS_SERVER does.
    pub(crate) fn names_what_to_use(&self) -> bool {
        self.local.is_some() || self.policy.file.is_some() || self.implied.is_given()
    }
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

impl ImpliedArgs {
    /// Whether options replace a policy file.
    pub(crate) fn is_given(&self) -> bool {
        self.region.is_some() || self.endpoint.is_some() || self.profile.is_some()
    }
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
    #[arg(long, value_name = "FILE", conflicts_with = "local")]
    pub(crate) token_file: Option<PathBuf>,
    /// The tenant for whom a platform's token speaks.
    #[arg(long, value_name = "TENANT", conflicts_with = "local")]
    pub(crate) tenant: Option<TenantName>,
    /// Trust the certificate authority in this PEM file for the server, instead of Mozilla's list.
    #[arg(long, value_name = "FILE", conflicts_with = "local")]
    pub(crate) ca: Option<PathBuf>,
}

impl RemoteArgs {
    /// The first option that means nothing without a server, if one is given.
    pub(crate) fn option_for_server(&self) -> Option<&'static str> {
        let options = [
            ("--tenant", self.tenant.is_some()),
            ("--token-file", self.token_file.is_some()),
            ("--ca", self.ca.is_some()),
        ];
        options.into_iter().find_map(|(option, is_given)| is_given.then_some(option))
    }
}

#[derive(Debug, Args)]
pub(crate) struct PolicyArgs {
    /// The policy file. The default is the environment variable PORTCULLIS_POLICY, or
    /// portcullis.toml in the current folder. A policy that is not named runs no processes.
    #[arg(long = "policy", value_name = "FILE")]
    file: Option<PathBuf>,
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

/// The policy file that is used if none is named.
const FOUND_POLICY: &str = "portcullis.toml";
