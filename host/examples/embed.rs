//! Embeds the DynamoDB plugin: loads it, connects a datasource, and runs an action.
//!
//! `AWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=… cargo run --example embed -- eu-west-1`

use portcullis::{DatasourceConfig, EnvCredentials, Host, Policy, Settings};
use std::error::Error;
use std::time::Duration;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let region = std::env::args().nth(1).unwrap_or_else(|| "eu-west-1".to_string());
    // One host serves a whole process. Loading compiles the plugin, so do it once, at the start.
    let host = Host::new()?;
    let plugin = host.load(
        dynamodb_component::COMPONENT,
        dynamodb_component::MANIFEST,
        Some(dynamodb_component::SHA256),
    )?;

    // What is not listed is denied. By default only actions that read are allowed.
    let policy = Policy {
        egress: vec![format!("https://dynamodb.{region}.amazonaws.com").parse()?],
        ..Policy::default()
    };
    let settings = format!(r#"{{"region": "{region}"}}"#);
    let config = DatasourceConfig::new("orders")
        .policy(policy)
        .settings(Settings::Trusted(&settings))
        .credentials(EnvCredentials::default());
    let orders = host.connect(&plugin, config).await?;

    match orders.within(Duration::from_secs(5)).execute("ListTables", "{}").await {
        Ok(tables) => println!("{tables}"),
        Err(error) => println!("{}: {error}", error.kind()),
    }
    Ok(())
}
