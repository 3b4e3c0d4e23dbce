//! The plugin in its sandbox, called through the host library. The gate, the limits, the audit
//! counters and the checksums have their defaults.

use crate::cases::Case;
use crate::constants::{ACCESS_KEY_ID, REGION, SECRET};
use anyhow::{Result, ensure};
use portcullis::{
    Credentials, Datasource, DatasourceConfig, Host, Isolation, Limits, Plugin, Policy, Secret,
    Settings, StaticCredentials, Tls,
};
use std::path::Path;
use std::sync::Arc;

/// The format of inputs and responses.
#[derive(serde::Serialize, serde::Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Raw bytes: the plugin does not read them.
    Relay,
    /// DynamoDB JSON.
    Typed,
    /// Ordinary JSON.
    Plain,
}

impl Format {
    /// Returns the name for tables and plots.
    pub fn title(self) -> &'static str {
        match self {
            Self::Relay => "relay",
            Self::Typed => "typed",
            Self::Plain => "plain",
        }
    }
}

/// A datasource, and an input for each case.
pub struct Sandbox {
    /// The datasource.
    pub datasource: Datasource,
    format: Format,
    inputs: Vec<(Case, String)>,
}

/// Creates the host that all clients share. A folder keeps compiled code for the next process.
pub fn host(cache: Option<&Path>) -> Result<Host> {
    let builder = Host::builder();
    Ok(match cache {
        Some(folder) => builder.cache(folder).build()?,
        None => builder.build()?,
    })
}

/// Loads the DynamoDB plugin, pinned by its digest.
pub fn plugin(host: &Host) -> Result<Plugin> {
    Ok(host.load(
        dynamodb_component::COMPONENT,
        dynamodb_component::MANIFEST,
        Some(dynamodb_component::SHA256),
    )?)
}

impl Sandbox {
    /// Connects a datasource.
    pub async fn connect(
        host: &Host,
        plugin: &Plugin,
        endpoint: &str,
        ca: &str,
        format: Format,
        isolation: Isolation,
    ) -> Result<Self> {
        let settings = settings(endpoint, format);
        let datasource =
            host.connect(plugin, connect(&settings, endpoint, Some(ca), isolation)?).await?;
        let inputs = Case::ALL.into_iter().map(|case| {
            (case, if format == Format::Plain { case.plain_input() } else { case.input() })
        });
        Ok(Self { datasource, format, inputs: inputs.collect() })
    }

    pub(super) async fn call(&self, case: Case) -> Result<()> {
        let (_, input) = self
            .inputs
            .iter()
            .find(|(known, _)| *known == case)
            .expect("there is an input for each case");
        self.run(case.action(), input).await
    }

    /// Calls an action with this input.
    pub async fn run(&self, action: &str, input: &str) -> Result<()> {
        if self.format == Format::Relay {
            let response = self.datasource.relay(action, input.as_bytes()).await?;
            ensure!(response.status == 200 && !response.body.is_empty(), "{}", response.status);
        } else {
            let output = self.datasource.execute(action, input).await?;
            ensure!(!output.is_empty(), "the response is empty");
        }
        Ok(())
    }
}

/// Returns the settings of a datasource.
pub fn settings(endpoint: &str, format: Format) -> String {
    let format = if format == Format::Plain { "plain" } else { "typed" };
    format!("{{\"region\": \"{REGION}\", \"endpoint\": \"{endpoint}\", \"format\": \"{format}\"}}")
}

/// Returns the configuration of a datasource whose policy allows the calls of the comparison.
pub fn connect<'a>(
    settings: &'a str,
    endpoint: &str,
    ca: Option<&str>,
    isolation: Isolation,
) -> Result<DatasourceConfig<'a>> {
    let policy = Policy {
        egress: vec![endpoint.parse()?],
        networks: [(endpoint.parse()?, vec!["127.0.0.0/8".parse()?, "::1/128".parse()?])].into(),
        access: portcullis::Access::Write,
        isolation: Some(isolation),
        // The default is 64, but up to 512 callers are compared.
        limits: Limits::default().with_concurrent_calls(512),
        ..Policy::default()
    };
    let credentials = Credentials {
        access_key_id: ACCESS_KEY_ID.to_string(),
        secret_access_key: Secret::new(SECRET),
        session_token: None,
        expires: None,
    };
    Ok(DatasourceConfig::new("bench")
        .policy(policy)
        .settings(Settings::Trusted(settings))
        .shared_credentials(Arc::new(StaticCredentials::new(credentials)))
        .tls(ca.map_or(Ok(Tls::default()), |ca| Tls::default().with_ca(ca.as_bytes()))?))
}
