//! Loading and connecting the DynamoDB plugin and the echo plugin.

use portcullis::{DatasourceConfig, Settings};
use portcullis_testkit::recorder::{self, Response};
use tests::plugins::{self, ECHO, ECHO_MANIFEST, host};

#[test]
fn dynamodb_component_imports_exactly_the_interfaces_of_its_world() {
    let mut imports = plugins::dynamodb().imports().to_vec();
    imports.sort();
    assert_eq!(
        imports,
        [
            "portcullis:datasource/aws-signing@0.1.0",
            "portcullis:datasource/call@0.1.0",
            "portcullis:datasource/http-messages@0.1.0",
            "portcullis:datasource/types@0.1.0",
            "wasi:clocks/monotonic-clock@0.2.12",
            "wasi:http/outgoing-handler@0.2.12",
            "wasi:http/types@0.2.12",
            "wasi:io/poll@0.2.12",
            "wasi:random/random@0.2.12",
        ]
    );
    assert!(plugins::dynamodb().size() < 400_000, "{} bytes", plugins::dynamodb().size());
}

#[tokio::test]
async fn another_plugin_runs_on_the_same_host() {
    let server = recorder::start(Response::ok("hello")).await;
    let plugin = host().load(ECHO, ECHO_MANIFEST, None).unwrap();
    let settings = format!("{{\"authority\": \"{}\"}}", server.authority);
    let connect = DatasourceConfig::new("datasource")
        .policy(plugins::policy(&server.authority, ""))
        .settings(Settings::Untrusted(&settings));
    let datasource = host().connect(&plugin, connect).await.unwrap();
    assert_eq!(datasource.execute("Echo", "[1]").await.unwrap(), r#"{"status": 200, "echo": [1]}"#);
    assert_eq!(server.requests()[0].path, "/Echo");
}

#[tokio::test]
async fn plugin_describes_its_actions_and_settings() {
    let described: serde_json::Value =
        serde_json::from_str(&host().describe(plugins::dynamodb()).await.unwrap()).unwrap();
    assert_eq!(described["actions"].as_array().unwrap().len(), 62);
    assert_eq!(described["settings"]["required"], serde_json::json!(["region"]));
}

#[tokio::test]
async fn connecting_needs_no_network_and_no_credentials() {
    let connect = DatasourceConfig::new("datasource")
        .settings(Settings::Trusted(r#"{"region": "eu-west-1"}"#));
    assert!(host().connect(plugins::dynamodb(), connect).await.is_ok());
}
