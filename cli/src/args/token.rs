//! The arguments of `portcullis token`.

use anyhow::anyhow;
use clap::Args;
use portcullis::TenantName;
use portcullis_config::{Expiry, NamePattern};

#[derive(Debug, Args)]
pub(crate) struct Token {
    /// The name of the user or program that gets the token. It appears in logs.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// A datasource that the token may use; '*' gives all. Can be repeated. Without this option,
    /// the token may use none until its line in the policy lists some.
    #[arg(long, short, value_name = "NAME", value_parser = parse_datasource)]
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
    /// The names of the datasources that the token may save, use and delete; 'acme_*' stands for all
    /// that begin so. Can be repeated.
    #[arg(long, value_name = "NAME", value_parser = parse_manage)]
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

/// Checks the name of a datasource of the policy, or the beginning of names.
fn parse_datasource(text: &str) -> anyhow::Result<String> {
    if text.strip_suffix('*').unwrap_or(text).contains('*') {
        return Err(anyhow!("a * is possible only at the end, for all names that begin so"));
    }
    Ok(text.to_string())
}

/// Checks the name of a saved datasource, or the beginning of names.
fn parse_manage(text: &str) -> anyhow::Result<String> {
    if !NamePattern::from(text).can_be_saved() {
        return Err(anyhow!(
            "that is the name of no datasource; expected up to 64 lower-case letters, digits and \
             . _ -, and * at the end for all that begin so, as in 'acme_*'"
        ));
    }
    Ok(text.to_string())
}

pub(super) const TOKEN_EXAMPLES: &str = "\
Examples:
  portcullis token app --datasource orders --actions GetItem,Query
  portcullis token admin --datasource '*' --operator --expires 2026-12-31T00:00:00Z
  portcullis token platform --template tenant-dynamodb --any-tenant --manage '*'

The token goes to standard error, and the lines for the policy to standard output.";
