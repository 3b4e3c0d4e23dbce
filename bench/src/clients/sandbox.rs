//! The plugin in its sandbox, through the host library, with its gate, limits, audit and checksums as they are by default.

use super::{ACCESS_KEY_ID, REGION, SECRET};
use crate::cases::Case;
use anyhow::{Result, ensure};
use portcullis::{
    Connect, Credentials, Datasource, Fixed, Host, Isolation, Limits, Plugin, Policy, Secret, Tls,
};
use std::sync::Arc;

/// How the caller's JSON is written.
#[derive(serde::Serialize, serde::Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Bytes through.
    Relay,
    /// DynamoDB JSON.
    Typed,
    /// Ordinary JSON.
    Plain,
}

/// A datasource and its inputs.
pub struct Sandbox {
    /// The datasource.
    pub datasource: Datasource,
    format: Format,
    inputs: Vec<(Case, String)>,
}

/// The host of all paths.
pub fn host() -> Result<Host> {
    Ok(Host::builder().build()?)
}

/// The plugin, pinned.
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

    /// Makes one call.
    pub async fn run(&self, action: &str, input: &str) -> Result<()> {
        if self.format == Format::Relay {
            let answer = self.datasource.relay(action, input.as_bytes()).await?;
            ensure!(answer.status == 200 && !answer.body.is_empty(), "{}", answer.status);
        } else {
            let answer = self.datasource.execute(action, input).await?;
            ensure!(!answer.is_empty(), "an empty answer");
        }
        Ok(())
    }
}

/// The settings of a datasource.
pub fn settings(endpoint: &str, format: Format) -> String {
    let format = if format == Format::Plain { "plain" } else { "typed" };
    format!("{{\"region\": \"{REGION}\", \"endpoint\": \"{endpoint}\", \"format\": \"{format}\"}}")
}

/// A datasource with a policy that allows what is called.
pub fn connect<'a>(
    settings: &'a str,
    endpoint: &str,
    ca: Option<&str>,
    isolation: Isolation,
) -> Result<Connect<'a>> {
    let policy = Policy {
        egress: vec![endpoint.parse()?],
        networks: [(endpoint.parse()?, vec!["127.0.0.0/8".parse()?, "::1/128".parse()?])].into(),
        access: portcullis::Access::Write,
        isolation: Some(isolation),
        // As many as the most callers of a comparison; the default is 64.
        limits: Limits::default().with_concurrent_calls(512),
        ..Policy::default()
    };
    let credentials = Credentials {
        access_key_id: ACCESS_KEY_ID.to_string(),
        secret_access_key: Secret::new(SECRET),
        session_token: None,
        expires: None,
    };
    Ok(Connect {
        name: "bench",
        settings,
        settings_are_trusted: true,
        policy,
        credentials: Some(Arc::new(Fixed::new(credentials))),
        tls: ca.map_or(Ok(Tls::default()), |ca| Tls::default().with_ca(ca.as_bytes()))?,
    })
}
