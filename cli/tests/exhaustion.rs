//! Plugins and files that try to use up the memory of `portcullis serve`, or to end its process.
//! The server may use 1 GiB: more would end it.
#![cfg(target_os = "linux")]

mod support;

use portcullis_testkit::recorder::{self, Recorder, Response};
use std::fmt::Write;
use std::path::Path;
use std::process::Command;
use support::{Serve, datasource, try_send};
use tests::plugins::{HOSTILE, HOSTILE_MANIFEST, append_section};

/// The memory that the server may use, in KiB.
const MEMORY: u64 = 1 << 20;
/// The headers of a request to the JSON API.
const JSON: [(&str, &str); 1] = [("content-type", "application/json")];
/// Calls of one attack at the same time.
const AT_ONCE: usize = 6;

/// Attacks of the hostile plugin, each with its row of the threat model and its arguments.
const ATTACKS: [(&str, &str); 17] = [
    ("D4", "grow_memory"),
    ("D4", "hoard_resources"),
    ("D4", "hoard_buffered body 30000000"),
    ("D5", "endless_request"),
    ("D6", "huge_output"),
    ("D6", "deep_output"),
    ("D12", "many_faults 2700000"),
    ("D12", "many_faults 500000"),
    ("D12", "long_error 120000000"),
    ("D12", "long_output 120000000"),
    ("D12", "long_output 30000000"),
    ("D13", "hoard_unsent fields 250"),
    ("D13", "hoard_unsent bodies 60"),
    ("D13", "pass_too_much set-authority 40000000"),
    ("D14", "pass_too_much from-list 40000000"),
    ("D14", "pass_too_much request 40000000"),
    ("D14", "pass_too_much poll 10000000"),
];

/// The name of the datasource with an attack.
fn name(index: usize) -> String {
    format!("attack{index}")
}

/// A policy with an honest datasource `orders`, one for each attack, and `listed`, which allows one
/// table. The files of the plugin are in `folder`.
fn policy(server: &Recorder, folder: &Path) -> String {
    std::fs::write(folder.join("hostile.wasm"), HOSTILE).unwrap();
    std::fs::write(folder.join("hostile.toml"), HOSTILE_MANIFEST).unwrap();
    let authority = &server.authority;
    let mut policy = datasource("orders", authority, "access = \"read\"");
    policy += &datasource("listed", authority, "access = \"write\"\ntables = [\"orders\"]");
    for (index, (_, behaviour)) in ATTACKS.iter().enumerate() {
        let name = name(index);
        let (behaviour, arguments) = behaviour.split_once(' ').unwrap_or((behaviour, ""));
        let settings = format!("{behaviour} {authority} {arguments}");
        std::fs::write(folder.join(format!("{name}.txt")), settings).unwrap();
        write!(
            policy,
            r#"
[datasources.{name}]
plugin = {{ file = "hostile.wasm", manifest = "hostile.toml" }}
settings-file = "{name}.txt"
credentials = {{ from = "env" }}
egress = ["http://{authority}"]
networks = {{ "http://{authority}" = ["127.0.0.0/8"] }}
signing = ["us-east-1/dynamodb"]
limits = {{ deadline = "5s" }}
"#
        )
        .unwrap();
    }
    policy
}

/// Sends `AT_ONCE` requests at the same time. Each must get a response.
fn flood(serve: &Serve, path: &str, headers: &[(&str, &str)], body: &str) {
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                let url = format!("{}{path}", serve.url);
                let response = try_send("POST", &url, headers, body.as_bytes());
                assert!(response.is_ok(), "{path}: {response:?}\n{}", serve.log());
            });
        }
    });
}

fn assert_honest_call_passes(serve: &Serve, after: &str) {
    let key = r#"{"TableName": "orders", "Key": {"id": "1"}}"#;
    assert_eq!(serve.act("GetItem", key).0, 200, "after {after}:\n{}", serve.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_plugin_ends_the_server_or_keeps_its_memory() {
    let server = recorder::start(Response::ok("{}")).await;
    let folder = tempfile::tempdir().unwrap();
    let policy = policy(&server, folder.path());
    let serve = Serve::start_with_memory(folder, &policy, MEMORY);
    for (index, (row, attack)) in ATTACKS.iter().enumerate() {
        let path = format!("/v1/datasources/{}/actions/GetItem", name(index));
        flood(&serve, &path, &JSON, r#"{"TableName": "users"}"#);
        assert_honest_call_passes(&serve, &format!("{row} {attack}"));
    }
    let metrics = String::from_utf8(serve.send("GET", "/metrics", &[], &[]).body).unwrap();
    let figure = |name: &str| -> u64 {
        let line = metrics.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().parse().unwrap()
    };
    assert_eq!(figure("portcullis_memory_limit_bytes "), MEMORY * 1024 / 2);
    let used = figure("portcullis_memory_bytes ");
    assert!(used < 200 << 20, "only idle instances are left: {used} bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn large_bodies_that_are_checked_do_not_end_the_server() {
    let server = recorder::start(Response::ok("{}")).await;
    let folder = tempfile::tempdir().unwrap();
    let policy = policy(&server, folder.path());
    let serve = Serve::start_with_memory(folder, &policy, MEMORY);
    // 15 MiB of small values, which take a hundred times as much as a tree.
    let values = "0,".repeat(7 << 20);
    let item = r#"{"PutRequest": {"Item": {"id": {"S": "1"}}}},"#;
    let bodies = [
        format!(r#"{{"TableName": "orders", "Item": {{"id": {{"S": "1"}}}}, "x": [{values}0]}}"#),
        format!(r#"{{"RequestItems": {{"orders": [{}]}}}}"#, item.repeat(300_000)),
        format!(r#"{{"RequestItems": {{{}}}}}"#, r#""a": [],"#.repeat(1_700_000)),
    ];
    for (action, body) in ["PutItem", "BatchWriteItem", "BatchWriteItem"].iter().zip(&bodies) {
        flood(&serve, &format!("/v1/datasources/listed/actions/{action}"), &JSON, body);
        // The endpoint for AWS SDKs passes bodies on unchanged.
        let target = format!("DynamoDB_20120810.{action}");
        let wire =
            [("content-type", "application/x-amz-json-1.0"), ("x-amz-target", target.as_str())];
        flood(&serve, "/ddb/listed/", &wire, body);
        assert_honest_call_passes(&serve, action);
    }
}

/// A component with instance types that are nested 641 deep: parsers that recurse overflow their
/// stack.
fn nested() -> Vec<u8> {
    let mut types = vec![0x01];
    types.extend([0x42, 0x01, 0x01].repeat(641));
    types.extend([0x42, 0x00]);
    let mut component = b"\0asm\x0d\0\x01\0".to_vec();
    append_section(&mut component, 7, &types);
    component
}

#[tokio::test(flavor = "multi_thread")]
async fn component_that_nests_deeply_ends_neither_a_command_nor_the_server() {
    let server = recorder::start(Response::ok("{}")).await;
    let folder = tempfile::tempdir().unwrap();
    let policy = policy(&server, folder.path());
    let serve = Serve::start_with_memory(folder, &policy, MEMORY);
    // A reload looks only at files that were read before, so the plugin is loaded first. What this call
    // returns does not matter.
    let path = format!("/v1/datasources/{}/actions/GetItem", name(0));
    flood(&serve, &path, &JSON, r#"{"TableName": "users"}"#);
    assert_honest_call_passes(&serve, "the start");
    let file = serve.path("hostile.wasm");
    std::fs::write(&file, nested()).unwrap();
    serve.signal("HUP");
    serve.wait_for_log("component type nesting is too deep");
    assert_honest_call_passes(&serve, "the reload");
    let inspected =
        Command::new(env!("CARGO_BIN_EXE_portcullis")).arg("inspect").arg(&file).output().unwrap();
    let message = String::from_utf8_lossy(&inspected.stderr);
    assert_eq!(inspected.status.code(), Some(3), "{message}");
    assert!(message.contains("nest"), "{message}");
}
