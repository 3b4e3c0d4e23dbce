//! The arguments of `portcullis iam`.

use super::target::PolicyArgs;
use clap::Args;

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
