//! Credentials from the platform's own vault, and audit records in its own log.
//!
//! `cargo run --example custom`

use portcullis::policy::WhenFull;
use portcullis::{
    AuditSink, Credentials, CredentialsError, DatasourceConfig, Host, Policy, ProvideCredentials,
    Record, Secret, Settings,
};
use std::error::Error;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// A vault that issues credentials for an hour.
#[derive(Debug)]
struct Vault;

impl ProvideCredentials for Vault {
    fn provide_credentials(
        &self,
    ) -> Pin<Box<dyn Future<Output = Result<Credentials, CredentialsError>> + Send + '_>> {
        Box::pin(async {
            // Ask the vault here. The host calls this again five minutes before they expire.
            Ok(Credentials {
                access_key_id: "ASIAEXAMPLE".to_string(),
                secret_access_key: Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
                session_token: Some(Secret::new("IQoJb3JpZ2luX2VjEXAMPLETOKEN")),
                expires: Some(SystemTime::now() + Duration::from_hours(1)),
            })
        })
    }
}

/// The platform's log.
struct Log;

impl AuditSink for Log {
    fn write(&self, record: &Record<'_>) -> io::Result<()> {
        let outcome = record.outcome.map(|outcome| outcome.to_string()).unwrap_or_default();
        let rule = record.rule.unwrap_or_default();
        let datasource = record.datasource.unwrap_or_default();
        println!("audit: {} {datasource} {outcome} {rule}", record.sequence);
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // `Refuse`: no call runs that cannot be recorded.
    let host = Host::builder().audit(Arc::new(Log), WhenFull::Refuse).build()?;
    let plugin = host.load(dynamodb_component::COMPONENT, dynamodb_component::MANIFEST, None)?;
    let config = DatasourceConfig::new("orders")
        // This policy allows nothing, so the call is denied and recorded.
        .policy(Policy::default())
        .settings(Settings::Untrusted(r#"{"region": "eu-west-1"}"#))
        .credentials(Vault);
    let orders = host.connect(&plugin, config).await?;
    match orders.execute("ListTables", "{}").await {
        Ok(tables) => println!("{tables}"),
        Err(error) => println!("{}: {error}", error.kind()),
    }
    Ok(())
}
