//! What `portcullis serve` tells people: the page at `/`, the actions of plugins, and remedies for
//! those who may change the policy and for those who may not.

mod support;

use portcullis_testkit::recorder::{self, Response};
use serde_json::Value;
use support::{Serve, datasource, token};

#[test]
fn the_root_leads_people_to_the_console_which_needs_no_token() {
    let policy = token("app", "pcl_app", "datasources = [\"*\"]");
    let serve = Serve::start(&policy, &[]);
    // The client follows to the console.
    let page = serve.send("GET", "/", &[], &[]);
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    assert!(page.header("content-security-policy").contains("default-src 'none'"));
    let text = String::from_utf8(page.body).unwrap();
    assert!(text.contains("<title>Portcullis</title>"), "{text}");
    // Nothing about this server: no datasource and no token.
    assert!(!text.contains("pcl_"), "{text}");
    let post = serve.send("POST", "/", &[("content-type", "application/json")], b"{}");
    assert_eq!(post.status, 404, "only the page is there");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_operators_get_remedies_that_quote_the_policy() {
    let service = recorder::start(Response::ok("{}")).await;
    let policy = datasource(
        "orders",
        &service.authority,
        "access = \"read\"\ntables = [\"secret-project\"]",
    ) + &token("app", "pcl_app", "datasources = [\"*\"]")
        + &token("ops", "pcl_ops", "datasources = [\"*\"]\noperator = true");
    let serve = Serve::start(&policy, &[]);
    let send = |token: &str, path: &str, target: &str| {
        let bearer = format!("Bearer {token}");
        let headers = [
            ("content-type", "application/json"),
            ("authorization", &*bearer),
            ("x-amz-target", target),
        ];
        let input = br#"{"TableName": "users"}"#;
        serve.send("POST", path, &headers, input)
    };
    let api = "/v1/datasources/orders/actions/Scan";
    for (path, field) in [(api, "remedy"), ("/ddb/orders/", "Message")] {
        let text = |token: &str| {
            let response = send(token, path, "DynamoDB_20120810.Scan");
            let body: Value = response.json();
            (response.status, body[field].as_str().unwrap_or(&body.to_string()).to_string())
        };
        let (status, theirs) = text("pcl_app");
        assert!((400..404).contains(&status), "{theirs}");
        for part in ["ask the operator", "rule tables", "users"] {
            assert!(theirs.contains(part), "{part} is missing in {theirs}");
        }
        assert!(!theirs.contains("secret-project"), "{theirs}");
        let (_, ours) = text("pcl_ops");
        assert!(ours.contains("tables = [\"secret-project\", \"users\"]"), "{ours}");
    }
}

#[test]
fn actions_are_listed_with_their_plugin() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("echo.wasm"), tests::plugins::ECHO).unwrap();
    std::fs::write(folder.path().join("echo.toml"), tests::plugins::ECHO_MANIFEST).unwrap();
    let policy = "[datasources.orders]\nplugin = \"dynamodb\"\nsettings = { region = \"eu-west-1\" }\n\
                  [datasources.echo]\nplugin = { file = \"echo.wasm\", manifest = \"echo.toml\" }\nsettings = {}\n";
    let policy = policy.to_string()
        + &token("one", "pcl_one", "datasources = [\"orders\"]")
        + &token("all", "pcl_all", "datasources = [\"*\"]");
    let serve = Serve::start_in(folder, &policy, &[]);
    let plugins = |token: &str| {
        let bearer = format!("Bearer {token}");
        let response = serve.send("GET", "/v1/actions", &[("authorization", &bearer)], &[]);
        let list = response.json()["actions"].as_array().unwrap().clone();
        let mut plugins: Vec<String> =
            list.iter().map(|action| action["plugin"].as_str().unwrap().to_string()).collect();
        plugins.dedup();
        plugins
    };
    let bearer = ("authorization", "Bearer pcl_all");
    let json = ("content-type", "application/json");
    let echo = "/v1/datasources/echo/actions/Echo";
    assert_ne!(
        serve.send("POST", echo, &[json, bearer], b"{}").status,
        404,
        "this loads the plugin"
    );
    assert_eq!(plugins("pcl_one"), ["dynamodb"], "others' plugins are not named");
    assert_eq!(plugins("pcl_all"), ["dynamodb", "echo"]);
}
