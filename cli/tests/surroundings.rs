//! What the process takes from its surroundings: the current folder, the environment, core dumps,
//! sockets.

mod support;

use portcullis_testkit::recorder;
use std::path::Path;
use support::Serve;
use support::command::{err, run};

/// A policy whose credentials come from a process, which leaves a file `ran` in `folder`.
fn policy_with_process(folder: &Path, service: &str) -> String {
    let profile = format!(
        "[profile p]\ncredential_process = sh -c 'touch {}/ran; echo \
         {{\\\"Version\\\": 1, \\\"AccessKeyId\\\": \\\"AKIDEXAMPLE\\\", \
         \\\"SecretAccessKey\\\": \\\"secret\\\"}}'\n",
        folder.display()
    );
    std::fs::write(folder.join("profiles"), profile).unwrap();
    let source = "{ from = \"profile\", name = \"p\", file = \"profiles\" }";
    let datasource = |name: &str, credentials: &str| {
        format!(
            "[datasources.{name}]\nplugin = \"dynamodb\"\n\
             settings = {{ region = \"eu-west-1\", endpoint = \"http://{service}\" }}\n\
             egress = [\"http://{service}\"]\nnetworks = {{ \"http://{service}\" = [\"127.0.0.0/8\"] }}\n\
             access = \"read\"\ncredentials = {credentials}\n"
        )
    };
    let role = format!(
        "{{ from = \"role\", arn = \"arn:aws:iam::123456789012:role/orders\", source = {source} }}"
    );
    datasource("direct", source) + &datasource("role", &role)
}

#[tokio::test(flavor = "multi_thread")]
async fn g4_a_policy_found_in_the_current_folder_runs_no_process() {
    let service = recorder::start(recorder::Response::ok("{\"TableNames\": []}")).await;
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let policy = policy_with_process(here, &service.authority);
    std::fs::write(here.join("portcullis.toml"), &policy).unwrap();
    let ran = || here.join("ran").exists();
    for datasource in ["direct", "role"] {
        let output = run(here, &["execute", "-d", datasource, "ListTables"], &[]);
        assert_eq!(output.status.code(), Some(6), "{}", err(&output));
        assert!(err(&output).contains("name the policy (--policy)"), "{}", err(&output));
        assert!(!ran(), "{datasource} ran the process");
    }
    // Somebody who names the policy trusts it.
    for named in [vec!["--policy", "portcullis.toml"], vec![]] {
        let variables: &[_] =
            if named.is_empty() { &[("PORTCULLIS_POLICY", "portcullis.toml")] } else { &[] };
        let path = [("PATH", "/usr/bin:/bin")];
        let arguments = [&["execute", "-d", "direct", "ListTables"], named.as_slice()].concat();
        let output = run(here, &arguments, &[variables, &path].concat());
        assert!(output.status.success(), "{}", err(&output));
        assert!(ran());
        std::fs::remove_file(here.join("ran")).unwrap();
    }
    // The server is no exception.
    let serve = Serve::start_in(folder, &policy, &[]);
    let (status, body) = serve.post("/v1/datasources/direct/actions/ListTables", "{}");
    assert_eq!(status, 503, "{body}");
    assert!(body["detail"].as_str().unwrap().contains("--policy"), "{body}");
    assert!(!serve.path("ran").exists(), "the server ran the process");
}

#[test]
fn empty_variables_of_our_own_count_as_not_set() {
    let folder = tempfile::tempdir().unwrap();
    let names = [
        "PORTCULLIS_POLICY",
        "PORTCULLIS_SERVER",
        "PORTCULLIS_TOKEN",
        "PORTCULLIS_CACHE",
        "PORTCULLIS_LOG",
        "AWS_SESSION_TOKEN",
        "AWS_CONFIG_FILE",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
    ];
    let empty: Vec<_> = names.iter().map(|name| (*name, "")).collect();
    let output = run(folder.path(), &["init"], &empty);
    assert!(output.status.success(), "{}", err(&output));
    for arguments in [
        &["check"][..],
        &["iam", "orders"],
        &["actions"],
        &["inspect"],
        &["execute", "--local", "ListTables"],
        &["test", "--local"],
    ] {
        let output = run(folder.path(), arguments, &empty);
        assert!(output.status.success(), "{arguments:?}: {}", err(&output));
        assert_eq!(err(&output), "", "{arguments:?}");
    }
}

#[test]
fn a_log_filter_that_cannot_be_understood_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), &["actions"], &[("PORTCULLIS_LOG", "a=b=c")]);
    assert_eq!(output.status.code(), Some(2));
    assert!(err(&output).contains("PORTCULLIS_LOG=\"a=b=c\""), "{}", err(&output));
}

#[cfg(target_os = "linux")]
#[test]
fn processes_with_secrets_dump_no_core() {
    let serve = Serve::start("", &["--local", "--empty"]);
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", serve.id())).unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    let numbers: Vec<&str> = line.split_whitespace().skip(4).take(2).collect();
    assert_eq!(numbers, ["0", "0"], "{line}");
}

#[cfg(target_os = "linux")]
#[test]
fn f13_the_local_mode_has_no_listener_but_the_servers() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data.db");
    let serve = Serve::start("", &["--local", data.to_str().unwrap()]);
    let (status, _) = serve.post("/v1/datasources/local/actions/ListTables", "{}");
    assert_eq!(status, 200);
    let process = format!("/proc/{}", serve.id());
    let sockets: Vec<String> = std::fs::read_dir(format!("{process}/fd"))
        .unwrap()
        .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
        .filter_map(|target| Some(target.to_str()?.strip_prefix("socket:[")?.replace(']', "")))
        .collect();
    // State 0A is LISTEN, and the tenth column is the number of the socket.
    let listening = ["tcp", "tcp6"].into_iter().flat_map(|protocol| {
        let table = std::fs::read_to_string(format!("{process}/net/{protocol}")).unwrap();
        let rows: Vec<String> = table
            .lines()
            .map(|line| line.split_whitespace().map(str::to_string).collect::<Vec<_>>())
            .filter(|row| row.get(3).is_some_and(|state| state == "0A"))
            .filter_map(|row| row.get(9).cloned())
            .collect();
        rows
    });
    let own = listening.filter(|number| sockets.contains(number)).count();
    assert_eq!(own, 1, "the only listener is the server's");
}
