//! Loading plugins: ours, another one, and what is none.

use portcullis::Connect;
use portcullis_testkit::recorder::{self, Answer};
use tests::plugins::{self, ECHO, ECHO_MANIFEST, host};

#[test]
fn the_dynamodb_component_imports_exactly_what_its_world_names() {
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
    let server = recorder::start(Answer::ok("hello")).await;
    let plugin = host().load(ECHO, ECHO_MANIFEST, None).unwrap();
    let settings = format!("{{\"authority\": \"{}\"}}", server.authority);
    let connect = Connect {
        settings: &settings,
        settings_are_trusted: false,
        policy: plugins::policy(&server.authority, ""),
        credentials: None,
        ..Connect::default()
    };
    let datasource = host().connect(&plugin, connect).await.unwrap();
    assert_eq!(datasource.execute("Echo", "[1]").await.unwrap(), r#"{"status": 200, "echo": [1]}"#);
    assert_eq!(server.requests()[0].path, "/Echo");
}

#[tokio::test]
async fn a_plugin_describes_itself() {
    let described: serde_json::Value =
        serde_json::from_str(&host().describe(plugins::dynamodb()).await.unwrap()).unwrap();
    assert_eq!(described["actions"].as_array().unwrap().len(), 62);
    assert_eq!(described["settings"]["required"], serde_json::json!(["region"]));
}

#[tokio::test]
async fn connecting_needs_no_network_and_no_credentials() {
    let connect = Connect {
        settings: r#"{"region": "eu-west-1"}"#,
        settings_are_trusted: true,
        ..Connect::default()
    };
    assert!(host().connect(plugins::dynamodb(), connect).await.is_ok());
}
