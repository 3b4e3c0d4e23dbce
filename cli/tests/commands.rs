//! Tests of the commands, each run as a process.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

fn portcullis(arguments: &[&str]) -> Output {
    portcullis_in(&std::env::temp_dir(), arguments, "")
}

fn portcullis_in(folder: &std::path::Path, arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .args(arguments)
        .current_dir(folder)
        .env_remove("PORTCULLIS_POLICY")
        .env_remove("PORTCULLIS_SERVER")
        .env_remove("AWS_ACCESS_KEY_ID")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Creates a folder for one test.
fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("portcullis-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

#[test]
fn demo_runs_to_completion() {
    let output = portcullis(&["demo"]);
    assert!(output.status.success(), "{}", err(&output));
    let text = out(&output);
    for part in [
        "rejected by the service",
        "hint: AttributeDefinitions",
        "blocked by the gate",
        "egress = [",
        "access = \"admin\"",
        "Done in",
    ] {
        assert!(text.contains(part), "{part} is missing in:\n{text}");
    }
    assert!(!text.contains('\u{1b}'), "there are no colours outside a terminal");
}

#[test]
fn execute_prints_one_line_of_json_or_indented_json() {
    let output = portcullis(&["execute", "--local", "ListTables"]);
    assert_eq!((output.status.code(), out(&output).as_str()), (Some(0), "{\"TableNames\":[]}\n"));
    let pretty = portcullis(&["execute", "--local", "ListTables", "--output", "pretty"]);
    assert_eq!(out(&pretty), "{\n  \"TableNames\": []\n}\n");
}

#[test]
fn local_file_keeps_its_data_and_input_is_read_from_file_or_pipe() {
    let folder = folder("local");
    let table = r#"{"TableName": "tab",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST"}"#;
    std::fs::write(folder.join("table.json"), table).unwrap();
    let created = portcullis_in(
        &folder,
        &["execute", "--local", "data.db", "CreateTable", "@table.json"],
        "",
    );
    assert!(created.status.success(), "{}", err(&created));
    let put = portcullis_in(
        &folder,
        &["execute", "--local", "data.db", "PutItem", "-"],
        r#"{"TableName": "tab", "Item": {"id": "1", "n": 1.50}}"#,
    );
    assert!(put.status.success(), "{}", err(&put));
    let got = portcullis_in(
        &folder,
        &[
            "execute",
            "--local",
            "data.db",
            "--format",
            "plain",
            "GetItem",
            r#"{"TableName": "tab", "Key": {"id": "1"}}"#,
        ],
        "",
    );
    let control_characters = r#"{"TableName": "tab", "Item": {"id": "a\u007fb\u001b"}}"#;
    assert!(
        portcullis_in(
            &folder,
            &["execute", "--local", "data.db", "PutItem", control_characters],
            ""
        )
        .status
        .success()
    );
    let scanned = out(&portcullis_in(
        &folder,
        &["execute", "--local", "data.db", "Scan", "{\"TableName\": \"tab\"}"],
        "",
    ));
    assert!(
        scanned.contains('\u{7f}') || scanned.contains("\\u007f"),
        "every character is kept: {scanned:?}"
    );
    let item = out(&got);
    assert!(item.contains("\"id\":\"1\"") && item.contains("\"n\":1.5"), "{item}");
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn failures_have_exit_codes_and_messages_with_remedies() {
    for (arguments, code, part) in [
        (&["execute", "--local"][..], 2, "which action?"),
        (&["execute", "--local", "GetItems"], 4, "did you mean GetItem?"),
        (
            &["execute", "--local", "GetItem", "{\"TableName\": \"t\"}"],
            5,
            "/Key: this field is required",
        ),
        (&["execute", "--local", "GetItem", "{"], 5, "line 1, column 2"),
        (&["execute", "--local", "GetItem", "@nothing.json"], 5, "nothing.json"),
        (
            &["execute", "--local", "DescribeTable", "{\"TableName\": \"nope\"}"],
            8,
            "hint: Check the table's name and case",
        ),
        (&["execute", "--policy", "nothing.toml", "ListTables"], 3, "portcullis init"),
        (&["execute", "--nonsense"], 2, "--nonsense"),
        (&["actions", "GetItemss"], 4, "did you mean GetItem?"),
    ] {
        let output = portcullis(arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", err(&output));
        assert!(err(&output).contains(part), "{arguments:?}: {}", err(&output));
        assert_eq!(out(&output), "", "{arguments:?}");
    }
}

#[test]
fn init_writes_a_policy_that_check_and_execute_use() {
    let folder = folder("policy");
    let written = portcullis_in(&folder, &["init"], "");
    assert!(written.status.success(), "{}", err(&written));
    let again = portcullis_in(&folder, &["init"], "");
    assert!(!again.status.success() && err(&again).contains("--force"));
    let checked = portcullis_in(&folder, &["check"], "");
    assert!(
        out(&checked).contains("https://dynamodb.eu-west-1.amazonaws.com"),
        "{}",
        out(&checked)
    );
    // The policy allows the call, but there is no key in the environment.
    let without = portcullis_in(&folder, &["execute", "ListTables"], "");
    assert_eq!(without.status.code(), Some(6), "{}", err(&without));
    assert!(err(&without).contains("AWS_ACCESS_KEY_ID"), "{}", err(&without));
    for command in ["test", "structure"] {
        let tested = portcullis_in(&folder, &[command, "orders"], "");
        assert_eq!(tested.status.code(), Some(6), "{}", err(&tested));
        let unknown = portcullis_in(&folder, &[command, "order"], "");
        assert!(err(&unknown).contains("it has: orders"), "{}", err(&unknown));
    }
    let above = portcullis_in(&folder, &["execute", "DeleteTable", "{\"TableName\": \"t\"}"], "");
    assert_eq!(above.status.code(), Some(7), "{}", err(&above));
    assert!(err(&above).contains("access = \"admin\""), "{}", err(&above));
    std::fs::write(
        folder.join("portcullis.toml"),
        "[datasources.a]\nplugin = \"dynamodb\"\negres = []\n",
    )
    .unwrap();
    let wrong = portcullis_in(&folder, &["check"], "");
    assert_eq!(wrong.status.code(), Some(3));
    assert!(err(&wrong).contains("did you mean `egress`?"), "{}", err(&wrong));
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn what_init_comments_out_about_tenants_can_be_used() {
    let folder = folder("init-tenants");
    assert!(portcullis_in(&folder, &["init"], "").status.success());
    let file = folder.join("portcullis.toml");
    let mut is_used = false;
    let mut policy = String::new();
    for line in std::fs::read_to_string(&file).unwrap().lines() {
        let optional = line.strip_prefix("#: ");
        if let Some(heading) = optional.filter(|line| line.starts_with('[')) {
            let used = ["[templates.", "[server.store]", "[server.tokens."];
            is_used = used.iter().any(|beginning| heading.starts_with(beginning));
        }
        policy += optional.filter(|_| is_used).unwrap_or(line);
        policy.push('\n');
    }
    std::fs::write(&file, policy).unwrap();
    for arguments in [&["store", "create", "store.db"][..], &["store", "key", "-o", "store.key"]] {
        assert!(portcullis_in(&folder, arguments, "").status.success());
    }
    let checked = portcullis_in(&folder, &["check"], "");
    let text = out(&checked);
    assert!(checked.status.success(), "{text}{}", err(&checked));
    for part in [
        "\ntemplate tenant-dynamodb\n",
        "store.db, 1000 for one tenant\n",
        "\ntoken acme\n  may use      no datasource other than those that it may save\n  \
         may fill in  the template tenant-dynamodb\n  may save     all datasources whose names \
         begin with acme_; it may also use, read and delete these\n  tenant       acme, and no other\n",
        "\n  calls        at most 50 per second, 20 at the same time\n",
        "\n  may save     datasources of any name; it may also use, read and delete these\n  \
         tenant       any: each request names its tenant in the header x-portcullis-tenant\n",
    ] {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn component_is_exported_and_inspected() {
    let folder = folder("component");
    let written = portcullis_in(&folder, &["component", "-o", "x.wasm"], "");
    assert!(written.status.success(), "{}", err(&written));
    let inspected = portcullis_in(&folder, &["inspect", "x.wasm"], "");
    let text = out(&inspected);
    assert!(
        text.contains("wasi:http/outgoing-handler@0.2.12") && text.contains("actions: 62"),
        "{text}{}",
        err(&inspected)
    );
    assert_eq!(text, out(&portcullis(&["inspect"])));
    for line in [
        "  region                 required string (1 to 2048 characters)\n",
        "The AWS region, such as eu-west-1",
        "  accountIdEndpointMode  preferred | required | disabled\n",
        "  maxAttempts            whole number (1 to 20)\n",
        "  useFips                true | false\n",
        "  pages     one | all\n",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    let described = out(&portcullis_in(&folder, &["inspect", "--json", "x.wasm"], ""));
    let described: serde_json::Value = serde_json::from_str(&described).unwrap();
    assert_eq!(described["settings"]["required"], serde_json::json!(["region"]));
    assert_eq!(described["options"]["properties"]["pages"]["enum"][1], "all");
    let manifest = portcullis(&["component", "--manifest"]);
    assert!(out(&manifest).contains("[binding]"));
    std::fs::write(folder.join("x.wasm"), "no component").unwrap();
    let wrong = portcullis_in(&folder, &["inspect", "x.wasm"], "");
    assert_eq!(wrong.status.code(), Some(3));
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn actions_shows_input_fields_examples_and_schemas() {
    assert_eq!(out(&portcullis(&["actions"])).lines().count(), 62);
    let action = out(&portcullis(&["actions", "GetItem"]));
    assert!(
        action.contains("required map to attribute value")
            && action.contains("portcullis execute --local GetItem"),
        "{action}"
    );
    let schema: serde_json::Value =
        serde_json::from_str(&out(&portcullis(&["actions", "GetItem", "--schema"]))).unwrap();
    assert_eq!(schema["required"], serde_json::json!(["Key", "TableName"]));
}

#[test]
fn test_and_structure_run_locally() {
    let test = portcullis(&["test", "--local"]);
    assert!(out(&test).starts_with("ok: the server accepts the credentials"), "{}", out(&test));
    assert_eq!(out(&portcullis(&["structure", "--local"])), "{\"more\":false,\"tables\":[]}\n");
}

#[test]
fn iam_prints_a_document_unless_the_policy_allows_nothing() {
    let folder = folder("iam");
    let policy = |actions: &str| {
        let text = format!(
            "[datasources.a]\nplugin = \"dynamodb\"\nsettings = {{ region = \"eu-west-1\" }}\n\
             actions = {actions}\ntables = [\"t\"]\n"
        );
        std::fs::write(folder.join("portcullis.toml"), text).unwrap();
    };
    policy("[\"GetItem\"]");
    let output = portcullis_in(
        &folder,
        &["iam", "a", "--account", "123456789012", "--source-ip", "203.0.113.0/24"],
        "",
    );
    let text = out(&output);
    assert!(output.status.success(), "{}", err(&output));
    for part in [
        "dynamodb:GetItem",
        "arn:aws:dynamodb:eu-west-1:123456789012:table/t",
        "203.0.113.0/24",
        "2012-10-17",
    ] {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
    policy("[\"PutItem\"]");
    let nothing = portcullis_in(&folder, &["iam"], "");
    assert_eq!(nothing.status.code(), Some(3), "{}", out(&nothing));
    for wrong in [&["iam", "--account", "12"][..], &["iam", "--source-ip", "here"]] {
        assert_eq!(portcullis_in(&folder, wrong, "").status.code(), Some(2));
    }
    std::fs::remove_dir_all(folder).unwrap();
}

#[cfg(unix)]
#[test]
fn interrupted_call_is_recorded_in_the_audit() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let authority = listener.local_addr().unwrap().to_string();
    let folder = folder("interrupted");
    let text = format!(
        r#"
[audit]
file = "audit.jsonl"
[datasources.a]
plugin = "dynamodb"
access = "write"
settings = {{ region = "us-east-1", endpoint = "http://{authority}" }}
credentials = {{ from = "env" }}
egress = ["http://{authority}"]
networks = {{ "http://{authority}" = ["127.0.0.1/32"] }}
"#
    );
    std::fs::write(folder.join("portcullis.toml"), text).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .args(["execute", "PutItem", r#"{"TableName": "t", "Item": {"id": "1"}}"#])
        .current_dir(&folder)
        .env("AWS_ACCESS_KEY_ID", "A")
        .env("AWS_SECRET_ACCESS_KEY", "B")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The request arrives and gets no response.
    let _request = listener.accept().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(200));
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let record = std::fs::read_to_string(folder.join("audit.jsonl")).unwrap();
    assert!(record.contains("\"outcome\":\"dropped\"") && record.contains("PutItem"), "{record}");
    std::fs::remove_dir_all(folder).unwrap();
}

/// Creates a folder with a database of twelve users.
fn users(name: &str) -> PathBuf {
    let folder = folder(name);
    let table = r#"{"TableName": "users",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST"}"#;
    let created =
        portcullis_in(&folder, &["execute", "--local", "data.db", "CreateTable", table], "");
    assert!(created.status.success(), "{}", err(&created));
    let puts: Vec<String> = (0..12)
        .map(|number| {
            format!(
                r#"{{"PutRequest": {{"Item": {{"id": "user {number:02}", "n": {number}.5}}}}}}"#
            )
        })
        .collect();
    let batch = format!(r#"{{"RequestItems": {{"users": [{}]}}}}"#, puts.join(","));
    let written =
        portcullis_in(&folder, &["execute", "--local", "data.db", "BatchWriteItem", "-"], &batch);
    assert!(written.status.success(), "{}", err(&written));
    folder
}

#[test]
fn bound_values_cannot_change_the_input() {
    let folder = users("bind");
    let get = r#"{"TableName": "users", "Key": {"id": {{id}}}}"#;
    let execute = |more: &[&str]| {
        portcullis_in(
            &folder,
            &[&["execute", "--local", "data.db", "--format", "plain", "GetItem", get], more]
                .concat(),
            "",
        )
    };
    assert!(out(&execute(&["--bind", "id=user 03"])).contains("3.5"));
    assert!(out(&execute(&["--bind", "id:=\"user 03\""])).contains("3.5"));
    assert_eq!(out(&execute(&["--bind", "id=\"}, \"x\": {\""])), "{}\n", "a string stays a string");
    let wrong = execute(&["--bind", "di=user 03"]);
    assert_eq!(wrong.status.code(), Some(5));
    assert!(
        err(&wrong).contains("there is no value for {{id}}")
            && err(&wrong).contains("no placeholder {{di}}"),
        "{}",
        err(&wrong)
    );
    assert_eq!(execute(&["--bind", "id:=user 03"]).status.code(), Some(5), "it is not JSON");
}

#[test]
fn an_input_that_its_values_make_too_large_is_refused() {
    let folder = folder("bind-limit");
    let policy = "[datasources.orders]\nplugin = \"dynamodb\"\nlimits = { request-bytes = \"1 KB\" }\n\
                  settings = { region = \"us-east-1\" }\n";
    std::fs::write(folder.join("portcullis.toml"), policy).unwrap();
    let value = format!("v={}", "x".repeat(600));
    let execute = |input: &str| {
        portcullis_in(&folder, &["execute", "ListTables", input, "--bind", &value], "")
    };
    let refused = execute("[{{v}}, {{v}}]");
    assert_eq!(refused.status.code(), Some(11), "{}", err(&refused));
    assert!(err(&refused).contains("larger than the limit of 1000 bytes"), "{}", err(&refused));
    assert!(err(&refused).contains("limits.request-bytes"), "{}", err(&refused));
    assert_eq!(execute("[{{v}}]").status.code(), Some(5), "it fits, and is no object");
}

#[test]
fn items_are_printed_as_table_csv_and_ndjson() {
    let folder = users("items");
    let scan = |more: &[&str]| {
        let input = r#"{"TableName": "users", "Limit": 5, /* small pages */}"#;
        portcullis_in(
            &folder,
            &[&["execute", "--local", "data.db", "Scan", input, "--output"], more].concat(),
            "",
        )
    };
    let all = scan(&["ndjson", "--pages", "all"]);
    assert_eq!(
        out(&all)
            .lines()
            .filter(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["id"]["S"]
                .is_string())
            .count(),
        12
    );
    let csv = out(&scan(&["csv", "--pages", "all"]));
    let mut rows = csv.lines();
    let header: Vec<&str> = rows.next().unwrap().split(',').collect();
    assert_eq!((header.len(), rows.clone().count()), (2, 12), "{csv}");
    assert!(rows.all(|row| row.contains("user ") && row.contains(".5")), "{csv}");
    let table = scan(&["table"]);
    assert!(
        out(&table).contains(" user 0") && err(&table).contains("there are more items"),
        "{}{}",
        out(&table),
        err(&table)
    );
    let part = scan(&["ndjson", "--pages", "all", "--max-items", "6"]);
    assert!(
        out(&part).lines().count() == 10 && err(&part).contains("\"ExclusiveStartKey\": {\"id\""),
        "{}",
        err(&part)
    );
}

#[test]
fn completions_and_manual_pages_are_generated() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(out(&portcullis(&["completions", shell])).contains("structure"), "{shell}");
    }
    let folder = folder("man");
    assert!(portcullis_in(&folder, &["man", "man1"], "").status.success());
    assert!(
        std::fs::read_to_string(folder.join("man1/portcullis-serve.1"))
            .unwrap()
            .contains("\\-\\-wire")
    );
}

#[test]
fn token_prints_the_token_and_policy_lines_with_its_digest() {
    let output = portcullis(&["token", "app", "--datasource", "orders"]);
    let token = err(&output).lines().next().unwrap().to_string();
    assert!(
        token.starts_with("pcl_") && token.len() == 52 && !out(&output).contains(&token),
        "{token}"
    );
    let digest = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(&token));
    assert!(out(&output).contains(&format!("sha256 = \"{digest}\"")));
    assert_eq!(portcullis(&["token", "a b"]).status.code(), Some(2));
    let folder = folder("token");
    let policy = format!(
        "[datasources.orders]\nplugin = \"dynamodb\"\nsettings = {{ region = \"us-east-1\" }}\n\
         egress = [\"https://dynamodb.us-east-1.amazonaws.com\"]\n{}",
        out(&output)
    );
    std::fs::write(
        folder.join("portcullis.toml"),
        policy.replace("[server.tokens", "[server]\n[server.tokens"),
    )
    .unwrap();
    let checked = portcullis_in(&folder, &["check"], "");
    assert!(
        out(&checked).ends_with(
            "\ntoken app\n  may use      the datasource orders\n  \
             actions      all that the datasource allows\n  expires      never\n\
             portcullis.toml is a valid policy with 1 datasource\n"
        ),
        "{}{}",
        out(&checked),
        err(&checked)
    );
    std::fs::write(folder.join("portcullis.toml"), policy.replace("[\"orders\"]", "[\"order\"]"))
        .unwrap();
    let wrong = portcullis_in(&folder, &["check"], "");
    assert!(
        wrong.status.code() == Some(3)
            && err(&wrong).contains("server.tokens.app names the datasource \"order\""),
        "{}",
        err(&wrong)
    );
}

#[test]
fn token_may_use_only_what_the_options_name() {
    let plain = portcullis(&["token", "app"]);
    assert!(out(&plain).ends_with("\ndatasources = []\n"), "{}", out(&plain));
    assert!(err(&plain).contains("--datasource '*' gives all"), "{}", err(&plain));
    let expires = "9999-12-31T00:00:00+00:00";
    let all = ["--datasource", "*", "--actions", "GetItem,Query", "--operator"];
    let full = portcullis(&[&["token", "app", "--expires", expires][..], &all].concat());
    assert!(
        out(&full).ends_with(
            "\ndatasources = [\"*\"]\nactions = [\"GetItem\", \"Query\"]\n\
             expires = 9999-12-31T00:00:00Z\noperator = true\n"
        ),
        "{}{}",
        out(&full),
        err(&full)
    );
    for (arguments, code, part) in [
        (["--actions", "GetItems"], 4, "did you mean GetItem?"),
        (["--expires", "2026-12-31T00:00:00"], 2, "add Z for UTC"),
        (["--expires", "2001-01-01T00:00:00Z"], 2, "has passed already"),
        (["--manage", "x*y"], 2, "as in 'acme_*'"),
        (["--manage", "Acme_*"], 2, "lower-case letters"),
        (["--datasource", "x*y"], 2, "only at the end"),
    ] {
        let refused = portcullis(&[&["token", "app"][..], &arguments].concat());
        assert_eq!(refused.status.code(), Some(code), "{arguments:?}: {}", err(&refused));
        assert!(err(&refused).contains(part) && out(&refused).is_empty(), "{}", err(&refused));
    }
}

#[test]
fn check_shows_the_keys_of_the_server_and_refuses_unknown_actions() {
    let folder = folder("check-server");
    let check = |datasource: &str, server: &str| {
        let policy = format!(
            "[datasources.orders]\nplugin = \"dynamodb\"\nsettings = {{ region = \"us-east-1\" }}\n\
             egress = [\"https://dynamodb.us-east-1.amazonaws.com\"]\n\
             {datasource}\n[server]\n{server}\n"
        );
        std::fs::write(folder.join("portcullis.toml"), policy).unwrap();
        portcullis_in(&folder, &["check"], "")
    };
    let digest = |byte: &str| byte.repeat(32);
    let server = format!(
        "health = \"127.0.0.1:8701\"\ntrusted-proxies = [\"10.0.0.5\"]\n\
         [server.tokens.app]\nsha256 = [\"{}\", \"{}\"]\ndatasources = [\"orders\"]\n\
         actions = [\"GetItem\"]\nexpires = 9999-12-31T00:00:00Z\n\
         [server.tokens.old]\nsha256 = \"{}\"\ndatasources = []\nexpires = 2001-01-01T00:00:00Z",
        digest("01"),
        digest("02"),
        digest("03"),
    );
    let shown = check("", &server);
    for part in [
        "127.0.0.1:8701, without tokens and TLS",
        "10.0.0.5/32",
        "disconnected when unused for 10m",
        "\ntoken app\n  may use      the datasource orders\n  actions      only GetItem\n",
        "\n  expires      on 9999-12-31T00:00:00Z\n",
        "\n  sha256       two digests: the old and the new token are accepted\n",
        "\ntoken old\n  may use      no datasource\n",
        "\n  expires      EXPIRED on 2001-01-01T00:00:00Z: the server refuses the token\n",
    ] {
        assert!(out(&shown).contains(part), "{part}:\n{}{}", out(&shown), err(&shown));
    }
    for (datasource, server, parts) in [
        ("actions = [\"GetItems\"]", "", ["GetItems", "did you mean GetItem?"]),
        ("", &*server.replace("GetItem", "QueryAll"), ["server.tokens.app", "did you mean Query?"]),
        ("", "drain-timeout = \"500000000000y\"", ["server.drain-timeout", "24h"]),
    ] {
        let refused = check(datasource, server);
        assert_eq!(refused.status.code(), Some(3), "{}", err(&refused));
        assert!(parts.iter().all(|part| err(&refused).contains(part)), "{}", err(&refused));
    }
}
