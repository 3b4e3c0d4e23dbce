//! Commands without a policy file, `--dry-run`, `-v`, and what `check` finds.

mod support;

use portcullis_testkit::recorder::{self, Response};
use support::command::{KEYS, err, out, run};

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_is_enough_for_the_first_response() {
    let service = recorder::start(Response::ok("{\"TableNames\":[]}")).await;
    let folder = tempfile::tempdir().unwrap();
    let url = format!("http://{}", service.authority);
    let list = ["execute", "--endpoint", &url, "ListTables"];
    let output = run(folder.path(), &list, &KEYS);
    assert!(output.status.success(), "{}", err(&output));
    assert_eq!((out(&output).trim(), err(&output).as_str()), ("{\"TableNames\":[]}", ""));
    let signed = service.requests()[0].header("authorization").to_string();
    assert!(signed.contains("Credential=AKIDEXAMPLE/"), "{signed}");

    let verbose = run(folder.path(), &[&list[..], &["-v"]].concat(), &KEYS);
    let text = err(&verbose);
    for part in [
        &*format!("egress = [\"{url}\"]"),
        "access = \"read\"",
        "ListTables: 1 request to",
        "at 127.0.0.1",
        " ms, ok",
    ] {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
    service.forget();
    let put = ["execute", "--endpoint", &url, "PutItem", r#"{"TableName": "t", "Item": {}}"#];
    let denied = run(folder.path(), &put, &KEYS);
    assert_eq!(denied.status.code(), Some(7), "{}", err(&denied));
    assert!(err(&denied).contains("add --access write"), "{}", err(&denied));
    let allowed = run(folder.path(), &[&put[..], &["--access", "write"]].concat(), &KEYS);
    assert!(allowed.status.success(), "{}", err(&allowed));
    assert_eq!(service.requests().len(), 1, "only what was allowed was sent");
}

#[test]
fn a_profile_and_a_region_of_the_environment_are_used() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join(".aws")).unwrap();
    let profiles = "[dev]\naws_access_key_id = AKIDOFDEV\naws_secret_access_key = x\n";
    std::fs::write(folder.path().join(".aws/credentials"), profiles).unwrap();
    let list = ["execute", "--profile", "dev", "ListTables", "--dry-run", "-v"];
    let output = run(folder.path(), &list, &[("AWS_REGION", "eu-central-1")]);
    assert!(output.status.success(), "{}", err(&output));
    assert!(out(&output).contains("https://dynamodb.eu-central-1.amazonaws.com/"));
    assert!(err(&output).contains("from = \"profile\", name = \"dev\""), "{}", err(&output));
    let without_region = run(folder.path(), &list, &[("AWS_REGION", "")]);
    assert_eq!(without_region.status.code(), Some(2));
    assert!(err(&without_region).contains("--region"), "{}", err(&without_region));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_shows_the_request_and_the_decision_and_sends_nothing() {
    let service = recorder::start(Response::ok("{}")).await;
    let folder = tempfile::tempdir().unwrap();
    let url = format!("http://{}", service.authority);
    let run_dry = |access: &str, action: &str, input: &str| {
        let endpoint = ["execute", "--endpoint", &url, "--access", access, "--dry-run", "--format"];
        let arguments = [&endpoint[..], &["plain", action, input]].concat();
        run(folder.path(), &arguments, &KEYS)
    };
    let item = r#"{"TableName": "users", "Item": {"id": 1}}"#;
    let shown = run_dry("write", "PutItem", item);
    assert!(shown.status.success(), "{}", err(&shown));
    for part in [
        &*format!("POST {url}/"),
        "x-amz-target: DynamoDB_20120810.PutItem",
        "Credential=(your access key id)/",
        "\"N\": \"1\"",
    ] {
        assert!(out(&shown).contains(part), "{part} is missing in {}", out(&shown));
    }
    assert!(err(&shown).contains("nothing was sent"), "{}", err(&shown));
    let denied = run_dry("read", "PutItem", item);
    assert_eq!(denied.status.code(), Some(7), "{}", err(&denied));
    let wrong = run_dry("write", "PutItem", "{}");
    assert_eq!(wrong.status.code(), Some(5), "{}", err(&wrong));
    assert_eq!((service.requests().len(), service.connections()), (0, 0));
}

#[test]
fn check_finds_what_cannot_work() {
    let folder = tempfile::tempdir().unwrap();
    let region = "settings = { region = \"eu-west-2\" }";
    let egress = "egress = [\"https://dynamodb.eu-west-1.amazonaws.com\"]";
    let local = "settings = { region = \"eu-west-1\", endpoint = \"http://127.0.0.1:8000\" }";
    std::fs::write(folder.path().join("broken.wasm"), "no component").unwrap();
    std::fs::write(folder.path().join("broken.toml"), "no manifest").unwrap();
    let of_file =
        |file: &str| format!("plugin = {{ file = \"{file}.wasm\", manifest = \"{file}.toml\" }}");
    let built_in = "plugin = \"dynamodb\"".to_string();
    for (plugin, lines, parts) in [
        (
            &built_in,
            format!("{region}\n{egress}"),
            ["change \"eu-west-2\" to \"eu-west-1\"", "rule egress"],
        ),
        (
            &built_in,
            format!("{local}\negress = [\"http://127.0.0.1:8000\"]"),
            ["rule networks", "127.0.0.1"],
        ),
        (
            &built_in,
            format!("{region}\negress = [\"GET https://dynamodb.eu-west-2.amazonaws.com\"]"),
            ["rule methods", "POST"],
        ),
        (
            &built_in,
            format!(
                "{region}\negress = [\"https://dynamodb.eu-west-2.amazonaws.com\"]\nsigning = [\"eu-west-1/dynamodb\"]"
            ),
            ["rule signing", "change the region \"eu-west-2\" to \"eu-west-1\""],
        ),
        (&built_in, "settings = { region = \"eu-west-1a\" }".to_string(), ["/region", "eu-west-1"]),
        (&of_file("missing"), region.to_string(), ["missing.toml", "No such file"]),
        (&of_file("broken"), region.to_string(), ["manifest cannot be used", "line 1"]),
    ] {
        let policy = format!("[datasources.a]\n{plugin}\n{lines}\n");
        std::fs::write(folder.path().join("portcullis.toml"), &policy).unwrap();
        let output = run(folder.path(), &["check"], &[]);
        assert_eq!(output.status.code(), Some(3), "{policy}\n{}", err(&output));
        for part in parts {
            assert!(err(&output).contains(part), "{part} is missing in {}", err(&output));
        }
    }
    let good = format!(
        "[datasources.a]\n{built_in}\n{region}\negress = [\"https://dynamodb.eu-west-2.amazonaws.com\"]\n"
    );
    std::fs::write(folder.path().join("portcullis.toml"), good).unwrap();
    let checked = run(folder.path(), &["check"], &[]);
    assert!(checked.status.success() && !out(&checked).contains("warning"), "{}", out(&checked));
}

#[test]
fn check_warns_of_a_template_whose_calls_are_all_refused() {
    let folder = tempfile::tempdir().unwrap();
    let policy = "
[templates.t]
plugin = \"dynamodb\"
settings = { region = [\"us-east-1\"] }
fixed-settings = { endpoint = \"http://127.0.0.1:8000\" }
egress = [\"http://127.0.0.1:8000\"]
signing = [\"{region}/dynamodb\"]
";
    std::fs::write(folder.path().join("portcullis.toml"), policy).unwrap();
    let checked = run(folder.path(), &["check"], &[]);
    assert!(checked.status.success(), "{}{}", out(&checked), err(&checked));
    for part in
        ["\nwarning  template t: http://127.0.0.1:8000 is at", "\nwarning  template t: it has"]
    {
        assert!(out(&checked).contains(part), "{part}: {}", out(&checked));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_option_counts_more_than_the_variable_that_names_a_server() {
    let service = recorder::start(Response::ok("{\"TableNames\":[]}")).await;
    let folder = tempfile::tempdir().unwrap();
    let url = format!("http://{}", service.authority);
    let variables = [KEYS[0], KEYS[1], ("PORTCULLIS_SERVER", "http://127.0.0.1:1")];
    let list = ["execute", "--endpoint", &url, "ListTables"];
    let output = run(folder.path(), &list, &variables);
    assert!(output.status.success(), "{}", err(&output));
    assert_eq!(service.requests().len(), 1);
    let named = run(folder.path(), &["execute", "--policy", "no.toml", "ListTables"], &variables);
    assert_eq!(named.status.code(), Some(3), "{}", err(&named));
    let server = run(folder.path(), &["execute", "ListTables"], &variables);
    assert_eq!(server.status.code(), Some(9), "{}", err(&server));
}

#[test]
fn options_for_a_server_are_refused_without_one() {
    let folder = tempfile::tempdir().unwrap();
    let none = ("PORTCULLIS_TOKEN", "pcl_token");
    // An option that says what to use counts more than the variable.
    let unused = ("PORTCULLIS_SERVER", "http://127.0.0.1:1");
    let add = "add --server URL, or leave out";
    for option in [["--tenant", "acme"], ["--token-file", "token"], ["--ca", "ca.pem"]] {
        for (arguments, variable, parts) in [
            (&["execute", "ListTables"][..], none, ["is for a server", add]),
            (&["execute", "--region", "eu-west-1", "ListTables"], unused, ["is for a server", add]),
            (&["test", "--policy", "portcullis.toml"], unused, ["is for a server", add]),
            (&["structure", "--region", "eu-west-1"], none, ["is for a server", add]),
            (
                &["execute", "--region", "eu-west-1", "ListTables", "--dry-run"],
                none,
                ["--dry-run shows requests of this process", "leave out"],
            ),
            (&["execute", "ListTables", "--local"], none, ["cannot be used with", "--local"]),
        ] {
            let output = run(folder.path(), &[arguments, &option].concat(), &[variable]);
            let message = err(&output);
            assert_eq!(output.status.code(), Some(2), "{arguments:?} {option:?}: {message}");
            assert!(message.contains(option[0]), "{arguments:?} {option:?}: {message}");
            for part in parts {
                assert!(message.contains(part), "{arguments:?} {option:?}: {message}");
            }
        }
    }
    let output = run(folder.path(), &["execute", "--local", "ListTables"], &[none]);
    assert!(output.status.success(), "a variable is no option: {}", err(&output));
    let missing = ["execute", "ListTables", "--token-file", "missing"];
    let output = run(folder.path(), &missing, &[unused]);
    assert_eq!(output.status.code(), Some(3), "the variable names a server: {}", err(&output));
    assert!(err(&output).contains("the token file missing"), "{}", err(&output));
}

#[test]
fn words_that_are_nearly_right_get_the_right_ones() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, code, part) in [
        (&["execute", "--local", "get-item"][..], 4, "did you mean GetItem?"),
        (&["execute", "--local", "dynamodb:GetItem", "{}"], 4, "did you mean GetItem?"),
        (&["execute", "--local", "mydata", "ListTables"], 2, "--local ./mydata"),
        (&["execute", "--local", "Scan", r#"{"TableName": "{{t}}"}"#], 5, "--bind t=TEXT"),
        (
            &["execute", "--local", "ListTables", r#"{"Limit": {{l}}}"#, "--bind", "l:=five"],
            5,
            "--bind NAME=TEXT",
        ),
        (&["execute", "--local", "Scan", "query.json"], 5, "@query.json"),
        (&["execute", "--local", "Scan", "SELECT * FROM t"], 5, "ExecuteStatement"),
        (&["execute", "--local", "Scan", "{'a': True}"], 5, "write double quotes"),
        (&["execute", "--local", "GetItem"], 5, "standard input is read only then"),
        (&["serve", "--local", "--listen", "localhost:8700"], 2, "127.0.0.1:8700"),
        (&["execute", "--region", "eu-west-1a", "ListTables"], 2, "write eu-west-1"),
    ] {
        let output = run(folder.path(), arguments, &[]);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", err(&output));
        assert!(
            err(&output).contains(part),
            "{arguments:?}: {part} is missing in {}",
            err(&output)
        );
    }
    let utf16: Vec<u8> = "\u{feff}{}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    std::fs::write(folder.path().join("utf16.json"), utf16).unwrap();
    let output = run(folder.path(), &["execute", "--local", "ListTables", "@utf16.json"], &[]);
    assert_eq!(output.status.code(), Some(5));
    assert!(err(&output).contains("UTF-16"), "{}", err(&output));
    let literal = ["execute", "--local", "--literal", "Scan", r#"{"TableName": "{{t}}"}"#];
    assert_eq!(run(folder.path(), &literal, &[]).status.code(), Some(8), "the service refuses it");
}
