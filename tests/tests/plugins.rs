//! Loading plugins: ours, another one, and what is none.

use portcullis::{Connect, LoadError, Policy};
use tests::plugins::{self, ECHO, ECHO_MANIFEST, host};
use tests::recorder::{self, Answer};

#[test]
fn the_dynamodb_component_imports_exactly_what_its_world_names() {
    let mut imports = plugins::dynamodb().imports().to_vec();
    imports.sort();
    assert_eq!(
        imports,
        [
            "portcullis:datasource/aws-signing@0.1.0",
            "portcullis:datasource/call@0.1.0",
            "portcullis:datasource/types@0.1.0",
            "wasi:clocks/monotonic-clock@0.2.12",
            "wasi:clocks/wall-clock@0.2.12",
            "wasi:http/outgoing-handler@0.2.12",
            "wasi:http/types@0.2.12",
            "wasi:io/error@0.2.12",
            "wasi:io/poll@0.2.12",
            "wasi:io/streams@0.2.12",
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
    let connect =
        Connect { settings: &settings, settings_are_trusted: false, policy: plugins::policy(&server.authority, ""), credentials: None };
    let datasource = host().connect(&plugin, connect).await.unwrap();
    assert_eq!(datasource.execute("Echo", "[1]").await.unwrap(), r#"{"status": 200, "echo": [1]}"#);
    assert_eq!(server.requests()[0].path, "/Echo");
}

#[test]
fn what_is_no_plugin_is_refused_with_the_reason() {
    let load = |bytes: &[u8]| host().load(bytes, ECHO_MANIFEST, None).unwrap_err();
    assert!(matches!(load(b""), LoadError::Invalid(_)));
    assert!(matches!(load(b"not wasm at all"), LoadError::Invalid(_)));
    assert!(load(b"\0asm\x01\0\0\0").to_string().contains("core module"));
    assert!(matches!(load(&ECHO[..ECHO.len() / 2]), LoadError::Invalid(_)));
    assert!(matches!(load(&vec![0; portcullis::MAX_COMPONENT_BYTES + 1]), LoadError::TooLarge { .. }));
    // The smallest component: it exports nothing.
    assert!(matches!(load(b"\0asm\x0d\0\x01\0"), LoadError::World(_)));
}

#[test]
fn a_component_that_imports_more_than_the_world_is_refused_by_name() {
    let source = r#"(component (import "wasi:cli/environment@0.2.12" (instance)) (import "wasi:sockets/tcp@0.2.12" (instance)))"#;
    let bytes = wat::parse_str(source).unwrap();
    let LoadError::Imports(spare) = host().load(bytes.as_slice(), ECHO_MANIFEST, None).unwrap_err() else { panic!("imports are named") };
    assert_eq!(spare, ["wasi:cli/environment@0.2.12", "wasi:sockets/tcp@0.2.12"]);
}

#[test]
fn a_component_with_another_digest_than_the_pinned_one_is_not_loaded() {
    let mut tampered = ECHO.to_vec();
    let digest = host().load(ECHO, ECHO_MANIFEST, None).unwrap().digest().to_string();
    assert!(host().load(ECHO, ECHO_MANIFEST, Some(&digest)).is_ok());
    *tampered.last_mut().unwrap() ^= 1;
    assert!(matches!(host().load(tampered.as_slice(), ECHO_MANIFEST, Some(&digest)), Err(LoadError::Digest { .. })));
}

#[tokio::test]
async fn a_plugin_describes_itself() {
    let described: serde_json::Value = serde_json::from_str(&host().describe(plugins::dynamodb()).await.unwrap()).unwrap();
    assert_eq!(described["actions"].as_array().unwrap().len(), 62);
    assert_eq!(described["settings"]["required"], serde_json::json!(["region"]));
}

#[tokio::test]
async fn connecting_needs_no_network_and_no_credentials() {
    let connect =
        Connect { settings: r#"{"region": "eu-west-1"}"#, settings_are_trusted: true, policy: Policy::default(), credentials: None };
    assert!(host().connect(plugins::dynamodb(), connect).await.is_ok());
}
