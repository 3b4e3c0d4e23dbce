//! Commands that use a server.

use super::policy::{ADMIN, tokens};
use super::support::{Serve, datasource};
use portcullis_testkit::{dynoxide, recorder};
use std::time::{Duration, Instant};
use tokio::task::block_in_place;

#[tokio::test(flavor = "multi_thread")]
async fn commands_use_a_server_like_a_local_datasource() {
    let upstream = dynoxide::start().await;
    let serve = Serve::start(
        &(datasource("orders", &upstream.authority, "access = \"read\"") + &tokens()),
        &[],
    );
    let run = |arguments: &[&str]| run_command(&serve, "pcl_ops", arguments);
    assert_eq!(
        run(&["execute", "ListTables"]),
        (Some(0), "{\"TableNames\":[]}\n".to_string(), String::new())
    );
    assert_eq!((run(&["test", "orders"]).0, run(&["structure"]).0), (Some(0), Some(0)));
    for (arguments, code, text) in [
        (&["execute", "DeleteTable", "{\"TableName\": \"orders\"}"][..], 7, "access = \"admin\""),
        (&["execute", "GetItem", "{\"TableNam\": \"orders\"}"], 5, "/TableNam"),
        (&["execute", "Scan", "{\"TableName\": \"nothing\"}"], 8, "ResourceNotFoundException"),
        (&["execute", "Getitem"], 4, "did you mean GetItem?"),
        (&["execute", "Scan", "-d", "other"], 3, "no datasource"),
    ] {
        let (got, _, message) = run(arguments);
        assert!(got == Some(code) && message.contains(text), "{got:?} {message}");
    }
    assert_eq!(run_command(&serve, "pcl_wrong", &["execute", "ListTables"]).0, Some(7));
    let mut far = std::process::Command::new(env!("CARGO_BIN_EXE_portcullis"));
    far.args(["execute", "ListTables", "--server", "http://192.0.2.1:8700"])
        .env("PORTCULLIS_TOKEN", "pcl_ops");
    let far = block_in_place(|| far.output()).unwrap();
    assert!(
        far.status.code() == Some(2)
            && String::from_utf8(far.stderr).unwrap().contains("use https"),
        "a token is not sent unencrypted"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn interrupt_between_pages_prints_complete_items_and_the_cursor() {
    let pages = std::sync::atomic::AtomicU32::new(0);
    let page = move |_: &recorder::RecordedRequest| {
        std::thread::sleep(Duration::from_millis(20));
        let number = pages.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        recorder::Response::ok(format!(
            r#"{{"Items":[{{"id":{{"S":"1"}}}},{{"id":{{"S":"2"}}}}],"Count":2,"LastEvaluatedKey":{{"id":{{"S":"{number}"}}}}}}"#
        ))
    };
    let upstream = recorder::start_with("127.0.0.1", page, None).await;
    let serve = Serve::start(&datasource("orders", &upstream.authority, ADMIN), &[]);
    for (output, policy) in [("ndjson", false), ("csv", false), ("ndjson", true)] {
        upstream.forget();
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_portcullis"));
        command.args([
            "execute",
            "Scan",
            r#"{"TableName": "orders"}"#,
            "--pages",
            "all",
            "--output",
            output,
        ]);
        let here = serve.path("portcullis.toml");
        if policy {
            command
                .arg("--policy")
                .arg(here)
                .env("AWS_ACCESS_KEY_ID", "A")
                .env("AWS_SECRET_ACCESS_KEY", "B");
        } else {
            command.args(["--server", &serve.url]);
        }
        let child = command
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let output = block_in_place(|| {
            let end = Instant::now() + Duration::from_secs(20);
            while upstream.requests().len() < 6 {
                assert!(Instant::now() < end, "fewer than 6 pages were fetched");
                std::thread::sleep(Duration::from_millis(10));
            }
            assert!(
                std::process::Command::new("kill")
                    .args(["-INT", &child.id().to_string()])
                    .status()
                    .unwrap()
                    .success()
            );
            child.wait_with_output().unwrap()
        });
        let (lines, message) =
            (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        assert_eq!(output.status.code(), Some(130), "{message}");
        let typed = message.contains("\"ExclusiveStartKey\": {\"id\":{\"S\":\"");
        assert!(typed || message.contains("\"ExclusiveStartKey\": {\"id\":\""), "{message}");
        assert!(lines.ends_with('\n') && lines.lines().count() > 3, "{lines}");
        assert!(
            lines.lines().all(|line| line.starts_with("{\"id\":{\"S\":") && line.ends_with("}}")
                || !line.contains('{')),
            "{lines}"
        );
    }
}

/// Runs a command against a server.
fn run_command(serve: &Serve, token: &str, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command
        .args(arguments)
        .args(["--server", &serve.url])
        .env("PORTCULLIS_TOKEN", token)
        .env_remove("PORTCULLIS_SERVER");
    let output = block_in_place(|| command.output()).unwrap();
    (
        output.status.code(),
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}
