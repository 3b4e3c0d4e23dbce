//! A web service that runs actions for its users: each request is a call with its own deadline.
//!
//! `cargo run --example axum`, then `curl -d '{}' http://127.0.0.1:8080/actions/ListTables`

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::post;
use portcullis::{Datasource, DatasourceConfig, EnvCredentials, ErrorKind, Host, Policy, Settings};
use std::error::Error;
use std::time::Duration;

async fn run(
    State(orders): State<Datasource>,
    Path(action): Path<String>,
    input: String,
) -> Result<String, (StatusCode, String)> {
    // Dropping this future, because the client has gone, ends the call.
    let result = orders.within(Duration::from_secs(10)).execute(&action, &input).await;
    result.map_err(|error| {
        let status = match error.kind() {
            ErrorKind::InvalidInput | ErrorKind::UnknownAction => StatusCode::BAD_REQUEST,
            ErrorKind::Denied => StatusCode::FORBIDDEN,
            ErrorKind::Busy => StatusCode::TOO_MANY_REQUESTS,
            _ => StatusCode::BAD_GATEWAY,
        };
        (status, error.to_string())
    })
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let host = Host::new()?;
    let plugin = host.load(dynamodb_component::COMPONENT, dynamodb_component::MANIFEST, None)?;
    let policy = Policy {
        egress: vec!["https://dynamodb.eu-west-1.amazonaws.com".parse()?],
        ..Policy::default()
    };
    let config = DatasourceConfig::new("orders")
        .policy(policy)
        .settings(Settings::Trusted(r#"{"region": "eu-west-1"}"#))
        .credentials(EnvCredentials::default());
    let orders = host.connect(&plugin, config).await?;
    let app = Router::new().route("/actions/{action}", post(run)).with_state(orders);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
    axum::serve(listener, app).await?;
    Ok(())
}
