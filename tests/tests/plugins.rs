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
            "portcullis:datasource/aws-signing@0.1.1",
            "portcullis:datasource/call@0.1.1",
            "portcullis:datasource/http-messages@0.1.1",
            "portcullis:datasource/types@0.1.1",
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

/// The plugin as it was released with version 0.1.0 of the contract.
static FIRST: &[u8] = include_bytes!("../fixtures/dynamodb-0.1.0.wasm");

#[tokio::test]
async fn plugin_for_the_first_version_of_the_contract_still_runs() {
    let body = format!("{{\"Item\":{{\"id\":{{\"S\":\"{}\"}}}}}}", "a".repeat(100_000));
    let checksum = crc32fast::hash(body.as_bytes()).to_string();
    let headers = vec![("x-amz-crc32", checksum)];
    let response = Response { status: 200, headers, body: body.clone().into() };
    let server = recorder::start(response).await;
    let first = host().load(FIRST, dynamodb_component::MANIFEST, None).unwrap();
    assert!(first.imports().iter().any(|name| name.ends_with("http-messages@0.1.0")));
    let settings =
        format!("{{\"region\":\"us-east-1\",\"endpoint\":\"http://{}\"}}", server.authority);
    for plugin in [&first, plugins::dynamodb()] {
        let connect = DatasourceConfig::new("datasource")
            .policy(plugins::policy(&server.authority, ""))
            .settings(Settings::Trusted(&settings))
            .shared_credentials(plugins::credentials());
        let datasource = host().connect(plugin, connect).await.unwrap();
        let input =
            format!("{{\"TableName\":\"users\",\"Key\":{{\"id\":\"{}\"}}}}", "a".repeat(2000));
        assert_eq!(datasource.execute("GetItem", &input).await.unwrap(), body);
        assert_eq!(datasource.relay("GetItem", b"{}").await.unwrap().body, body.as_bytes());
    }
    let requests = server.requests();
    assert_eq!(requests.len(), 4);
    // The same request, signed by both: the second one with a hash from the host.
    assert_eq!(requests[0].body, requests[2].body);
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
