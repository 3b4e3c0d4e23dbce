//! Datasources that callers describe: `POST /v1/templates/…`, with a server run as a process.

mod support;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use portcullis_testkit::recorder::{self, Recorder};
use serde_json::{Value, json};
use support::{Response, Serve, token};

/// The secrets of tenants. They must appear nowhere.
const SECRETS: [&str; 2] =
    ["tenantA/7MDENG+bPxRfiCYEXAMPLEKEY0000000", "tenantB/7MDENG+bPxRfiCYEXAMPLEKEY0000000"];

/// A service that responds with the name of who signed the request, and with its scope.
async fn service() -> Recorder {
    let respond = |request: &recorder::RecordedRequest| {
        let signed = request.header("authorization").to_string();
        let credential = signed.split("Credential=").nth(1).unwrap_or_default();
        let credential = credential.split(',').next().unwrap_or_default();
        recorder::Response::ok(json!({"TableNames": [credential]}).to_string())
    };
    recorder::start_with("127.0.0.1", respond, None).await
}

/// A template for this service, and the tokens of a platform, of two tenants and of an operator.
fn policy(authority: &str) -> String {
    let mut policy = format!(
        r#"
[templates.dynamodb]
plugin = "dynamodb"
settings = {{ region = ["eu-west-1", "us-*"], format = ["typed", "plain"], maxAttempts = {{ min = 1, max = 5 }} }}
fixed-settings = {{ endpoint = "http://{authority}" }}
credentials = {{ from = "caller" }}
egress = ["http://{authority}", "https://dynamodb.{{region}}.amazonaws.com"]
networks = {{ "http://{authority}" = ["127.0.0.0/8"] }}
signing = ["{{region}}/dynamodb"]
tables = ["{{tenant}}_*"]
access = "write"

[audit]
file = "audit.jsonl"
"#
    );
    let all = "templates = [\"*\"]";
    policy += &token("platform", "platform-token", &format!("{all}\ntenants = \"any\""));
    policy += &token("a", "token-a", &format!("{all}\ntenant = \"a\""));
    policy += &token("b", "token-b", &format!("{all}\ntenant = \"b\""));
    policy += &token("nobody", "token-nobody", "datasources = [\"*\"]");
    policy += &token("operator", "operator-token", "operator = true");
    policy
}

fn credentials(id: &str, secret: &str) -> Value {
    json!({"accessKeyId": id, "secretAccessKey": secret})
}

/// A call of `ListTables` with the credentials of a tenant.
fn call(id: &str, secret: &str) -> Value {
    json!({"settings": {"region": "eu-west-1"}, "credentials": credentials(id, secret), "input": {}})
}

/// Calls a path of the template.
fn post(
    serve: &Serve,
    path: &str,
    token: &str,
    tenant: Option<&str>,
    document: &Value,
) -> Response {
    let authorization = format!("Bearer {token}");
    let mut headers = vec![
        ("content-type", "application/vnd.portcullis.call+json"),
        ("authorization", authorization.as_str()),
    ];
    headers.extend(tenant.map(|tenant| ("x-portcullis-tenant", tenant)));
    let path = format!("/v1/templates/dynamodb/{path}");
    serve.send("POST", &path, &headers, document.to_string().as_bytes())
}

fn list(serve: &Serve, token: &str, tenant: Option<&str>, document: &Value) -> (u16, Value) {
    let response = post(serve, "actions/ListTables", token, tenant, document);
    (response.status, response.json())
}

/// Who signed the request of a call.
fn signer((status, result): &(u16, Value)) -> String {
    assert_eq!(*status, 200, "{result}");
    let credential = result["TableNames"][0].as_str().unwrap();
    credential.split('/').next().unwrap().to_string()
}

fn metrics(serve: &Serve) -> String {
    let headers = [("authorization", "Bearer operator-token")];
    String::from_utf8(serve.send("GET", "/metrics", &headers, &[]).body).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn tenants_call_with_their_own_settings_and_credentials() {
    let service = service().await;
    let serve = Serve::start(&policy(&service.authority), &[]);
    let (a, b) = (call("AKIDA", SECRETS[0]), call("AKIDB", SECRETS[1]));
    for _ in 0..3 {
        assert_eq!(signer(&list(&serve, "platform-token", Some("a"), &a)), "AKIDA");
        assert_eq!(signer(&list(&serve, "platform-token", Some("b"), &b)), "AKIDB");
        assert_eq!(signer(&list(&serve, "token-a", None, &a)), "AKIDA");
    }
    let metrics = metrics(&serve);
    for line in [
        "portcullis_tenant_datasource_lookups_total{result=\"hit\"} 7",
        "portcullis_tenant_datasource_lookups_total{result=\"miss\"} 2",
        "portcullis_tenants 2",
        "portcullis_tenant_calls_total{tenant=\"a\",result=\"ok\"} 6",
        "portcullis_tenant_calls_total{tenant=\"b\",result=\"ok\"} 3",
        "portcullis_calls_total{template=\"dynamodb\",outcome=\"ok\"} 9",
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
    // Both calls of a tenant use its connection again.
    assert_eq!(service.connections(), 2);
    let test = post(
        &serve,
        "test",
        "token-a",
        None,
        &json!({
            "settings": {"region": "us-east-1"}, "credentials": credentials("AKIDA", SECRETS[0]),
        }),
    );
    assert_eq!((test.status, &test.json()["ok"]), (200, &json!(true)));
    let scope = service.requests().last().unwrap().header("authorization").to_string();
    assert!(scope.contains("/us-east-1/dynamodb/"), "{scope}");
    let listed = serve.send("GET", "/v1/templates", &[("authorization", "Bearer token-a")], &[]);
    assert_eq!(listed.json()["templates"][0]["name"], "dynamodb");
    let bound = json!({
        "settings": {"region": "eu-west-1"}, "credentials": credentials("AKIDA", SECRETS[0]),
        "template": "{\"Limit\": {{limit}}}", "values": {"limit": 7}, "options": {"format": "plain"},
    });
    assert_eq!(signer(&list(&serve, "token-a", None, &bound)), "AKIDA");
    assert_eq!(service.requests().last().unwrap().body, "{\"Limit\": 7}");
}

#[tokio::test(flavor = "multi_thread")]
async fn i1_settings_never_lead_out_of_the_template() {
    let service = service().await;
    let serve = Serve::start(&policy(&service.authority), &[]);
    for region in [
        "eu-west-2",
        "us-",
        "us-1.evil.example",
        "us-1.",
        "us-1@evil.example",
        "us-1:8080",
        "us-1/",
        "us-1%2eevil",
        "us-*",
        "us-1#",
        "us-1?",
        "us-1\\",
        "US-EAST-1",
        "us-\u{435}ast-1",
        "us-east-1\u{0}",
        "us-east-1\n",
        " us-east-1",
        "us-xn--a.b",
        "",
        "eu-west-1.",
    ] {
        let document = json!({
            "settings": {"region": region}, "credentials": credentials("AKIDA", SECRETS[0]),
        });
        let (status, problem) = list(&serve, "token-a", None, &document);
        assert_eq!(status, 400, "{region:?}: {problem}");
        assert_eq!(problem["faults"][0]["pointer"], "/settings/region", "{region:?}: {problem}");
    }
    for (settings, pointer) in [
        (json!({"region": "eu-west-1", "endpoint": "http://127.0.0.1:1"}), "/settings/endpoint"),
        (json!({"region": ["eu-west-1"]}), "/settings/region"),
        (json!({"region": {"S": "eu-west-1"}}), "/settings/region"),
        (json!({}), "/settings/region"),
        (json!({"region": "eu-west-1", "tenant": "b"}), "/settings/tenant"),
        (json!({"region": "eu-west-1", "maxAttempts": 0}), "/settings/maxAttempts"),
        (json!({"region": "eu-west-1", "maxAttempts": 1.5}), "/settings/maxAttempts"),
    ] {
        let document = json!({
            "settings": settings, "credentials": credentials("AKIDA", SECRETS[0]),
        });
        let (status, problem) = list(&serve, "token-a", None, &document);
        assert_eq!(
            (status, problem["faults"][0]["pointer"].as_str()),
            (400, Some(pointer)),
            "{problem}"
        );
    }
    assert!(service.requests().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn i2_a_tenant_reaches_nothing_of_another() {
    let service = service().await;
    let serve = Serve::start(&policy(&service.authority), &[]);
    let own = call("AKIDA", SECRETS[0]);
    assert_eq!(signer(&list(&serve, "token-a", None, &own)), "AKIDA");
    for (token, tenant, status) in [
        ("token-b", Some("a"), 403),
        ("token-nobody", None, 403),
        ("token-nobody", Some("a"), 403),
        ("operator-token", Some("a"), 403),
        ("platform-token", None, 400),
        ("platform-token", Some("a/../b"), 403),
        ("platform-token", Some("a,b"), 403),
        ("wrong", Some("a"), 401),
    ] {
        let found = list(&serve, token, tenant, &own);
        assert_eq!(found.0, status, "{token} {tenant:?}: {}", found.1);
    }
    // Another credential, another tenant or other settings: never the datasource of the first.
    for (token, document) in [
        ("token-b", own.clone()),
        ("token-a", call("AKIDA", SECRETS[1])),
        ("token-a", call("AKIDX", SECRETS[0])),
        ("token-a", json!({"settings": {"region": "us-1"}, "credentials": own["credentials"]})),
        (
            "token-a",
            json!({"settings": {"region": "eu-west-1"}, "credentials": {
                "accessKeyId": "AKIDA", "secretAccessKey": SECRETS[0], "sessionToken": "t",
            }}),
        ),
    ] {
        let before = service.connections();
        let found = list(&serve, token, None, &document);
        let expected = document["credentials"]["accessKeyId"].as_str().unwrap();
        assert_eq!(signer(&found), expected);
        assert_eq!(service.connections(), before + 1, "no connection is shared: {document}");
    }
    // The tables are those of the tenant.
    let get = |table: &str| {
        let mut document = own.clone();
        document["input"] = json!({"TableName": table, "Key": {"id": {"S": "1"}}});
        post(&serve, "actions/GetItem", "token-a", None, &document).json()
    };
    for table in ["b_orders", "a", "A_orders", "ab_orders", "orders"] {
        let denied = get(table);
        assert_eq!(denied["rule"], "tables", "{table}: {denied}");
    }
    assert_ne!(get("a_orders")["case"], "denied");
}

#[tokio::test(flavor = "multi_thread")]
async fn i3_credentials_of_a_call_appear_nowhere() {
    let service = service().await;
    let serve = Serve::start_with(&policy(&service.authority), &[], &[("PORTCULLIS_LOG", "trace")]);
    let mut seen = String::new();
    let mut record = |response: Response| {
        seen += &String::from_utf8_lossy(&response.body);
        for value in response.headers.values() {
            seen += &String::from_utf8_lossy(value.as_bytes());
        }
    };
    let secret = SECRETS[0];
    let mut documents = vec![call("AKIDA", secret), call("AKID A", secret), call(secret, secret)];
    documents.push(json!({"settings": {"region": "eu-west-1"}, "credentials": secret}));
    documents.push(json!({"settings": {"region": "eu-west-1"}, "credentials": [secret]}));
    documents.push(json!({"credentials": {"accessKeyId": "A", "secretAccessKey": [secret]}}));
    documents.push(json!({"credentials": {"accessKeyId": "A", "secret": secret}}));
    documents.push(json!({"settings": {"secretAccessKey": secret}}));
    documents.push(json!({"settings": {"region": "eu-west-1"}, "credentials": {
        "accessKeyId": "A", "secretAccessKey": secret, "sessionToken": format!("{secret}\n"),
    }}));
    for document in &documents {
        for path in ["actions/ListTables", "actions/GetItem", "actions/No", "test", "structure"] {
            record(post(&serve, path, "token-a", None, document));
        }
    }
    let mut cut = call("AKIDA", secret).to_string();
    cut.truncate(cut.len() - 3);
    let headers = [
        ("content-type", "application/vnd.portcullis.call+json"),
        ("authorization", "Bearer token-a"),
    ];
    record(serve.send("POST", "/v1/templates/dynamodb/test", &headers, cut.as_bytes()));
    seen += &metrics(&serve);
    seen += &serve.log();
    seen += &std::fs::read_to_string(serve.path("audit.jsonl")).unwrap();
    let forms = |text: &str| {
        let mut forms = vec![text.to_string(), hex::encode(text)];
        // Base64 of a part, wherever in a longer text the secret begins.
        forms.extend((0..3).map(|start| BASE64_STANDARD.encode(&text[start..start + 30])));
        forms
    };
    for form in forms(secret) {
        assert!(!seen.contains(&form), "{form} appears in {seen}");
    }
    // The search finds what is there.
    let canary = format!("{seen}{}", hex::encode(secret));
    assert!(forms(secret).iter().any(|form| canary.contains(form)));
    let audit = serve.audit();
    let call = audit.iter().find(|record| record["event"] == "call").unwrap();
    assert_eq!((&call["tenant"], &call["datasource"]), (&json!("a"), &json!("dynamodb")));
}

#[tokio::test(flavor = "multi_thread")]
async fn i4_a_flood_of_datasources_displaces_only_those_of_its_tenant() {
    let service = service().await;
    let serve = Serve::start(&policy(&service.authority), &[]);
    let honest = call("AKIDB", SECRETS[1]);
    assert_eq!(signer(&list(&serve, "token-b", None, &honest)), "AKIDB");
    // Each has other settings. None of them gets as far as the service: the table is another's.
    for number in 1..=6000 {
        let document = json!({
            "settings": {"region": format!("us-{number}")},
            "credentials": credentials("AKIDA", SECRETS[0]),
            "input": {"TableName": "b_orders"},
        });
        let denied = post(&serve, "actions/DescribeTable", "token-a", None, &document);
        assert_eq!(denied.status, 403, "{}", denied.json());
    }
    let before = metrics(&serve);
    assert!(before.contains("portcullis_tenant_datasources 4096\n"), "{before}");
    assert_eq!(signer(&list(&serve, "token-b", None, &honest)), "AKIDB");
    let hits = "portcullis_tenant_datasource_lookups_total{result=\"hit\"} 1\n";
    assert!(metrics(&serve).contains(hits), "the datasource of the other tenant is kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn i4_calls_of_a_token_and_of_a_tenant_are_limited_in_each_second() {
    let service = service().await;
    let mut policy = policy(&service.authority).replace(
        "access = \"write\"\n",
        "access = \"write\"\ntenant-calls = { per-second = 3 }\ncalls = { per-second = 100 }\n",
    );
    policy += &token(
        "slow",
        "token-slow",
        "templates = [\"dynamodb\"]\ntenants = \"any\"\ncalls = { per-second = 2 }",
    );
    let serve = Serve::start(&policy, &[]);
    let call = call("AKIDA", SECRETS[0]);
    let status = |token: &str, tenant: Option<&str>| {
        post(&serve, "actions/ListTables", token, tenant, &call)
    };
    let mut refused = None;
    for _ in 0..20 {
        let response = status("token-a", None);
        if response.status == 429 {
            refused = Some(response);
            break;
        }
    }
    let refused = refused.expect("the tenant has a limit");
    assert_eq!(refused.header("retry-after"), "1");
    let problem = refused.json();
    assert_eq!(
        (problem["case"].as_str(), problem["detail"].as_str()),
        (Some("busy"), Some("one tenant of this template may make 3 calls per second"))
    );
    assert_eq!(status("token-b", None).status, 200, "another tenant has its own");
    let statuses: Vec<u16> =
        (0..8).map(|number| status("token-slow", Some(&format!("t{number}"))).status).collect();
    assert!(statuses.contains(&429), "the token has a limit over all tenants: {statuses:?}");
    let audit = serve.audit();
    assert!(audit.iter().any(|record| record["rule"] == "busy" && record["caller"] == "a"));
}

#[tokio::test(flavor = "multi_thread")]
async fn forms_get_the_settings_of_a_template_as_a_schema() {
    let service = service().await;
    let serve = Serve::start(&policy(&service.authority), &[]);
    let get = |path: &str, token: &str| {
        let authorization = format!("Bearer {token}");
        let response = serve.send("GET", path, &[("authorization", &authorization)], &[]);
        (response.status, response.json())
    };
    let (status, template) = get("/v1/templates/dynamodb", "token-a");
    assert_eq!((status, &template["title"]), (200, &json!("Amazon DynamoDB")), "{template}");
    assert_eq!(template["settings"]["required"], json!(["region"]));
    let regions = template["settings"]["properties"]["region"]["anyOf"].as_array().unwrap();
    assert_eq!(regions[0], json!({"const": "eu-west-1", "title": "Europe (Ireland)"}));
    assert!(regions.contains(&json!({"const": "us-east-1", "title": "US East (N. Virginia)"})));
    assert!(!regions.iter().any(|region| region["const"] == "eu-central-1"), "{regions:?}");
    assert_eq!(template["settings"]["properties"]["endpoint"], Value::Null);
    assert_eq!(template["credentials"]["accepts"][0]["type"], "aws");
    assert_eq!(get("/v1/templates/dynamodb", "token-nobody").0, 403);
    let (status, plugin) = get("/v1/plugins/dynamodb", "token-a");
    assert_eq!((status, plugin["actions"].as_array().unwrap().len()), (200, 62));
    assert_eq!(plugin["settings"]["properties"]["region"]["title"], "Region");
    let actions = plugin["actions"].as_array().unwrap();
    let get_item = actions.iter().find(|action| action["name"] == "GetItem").unwrap();
    assert_eq!(get_item["input"]["required"], json!(["Key", "TableName"]), "{get_item}");
    assert!(
        actions.iter().all(|action| action["input"].is_object() && action["example"].is_object())
    );
    assert_eq!(get("/v1/plugins/other", "token-a").0, 404);
    assert_eq!(get("/v1/plugins/dynamodb", "operator-token").0, 404, "it may use none");
}

#[tokio::test(flavor = "multi_thread")]
async fn i7_a_test_before_saving_probes_nothing_beyond_the_template() {
    let service = service().await;
    let serve = Serve::start(&policy(&service.authority), &[]);
    for (key, value) in [
        ("endpoint", "http://169.254.169.254"),
        ("endpoint", "http://127.0.0.1:22"),
        ("region", "us-1.internal"),
    ] {
        let mut settings = json!({"region": "eu-west-1"});
        settings[key] = value.into();
        let document =
            json!({"settings": settings, "credentials": credentials("AKIDA", SECRETS[0])});
        let refused = post(&serve, "test", "token-a", None, &document);
        assert_eq!(refused.status, 400, "{key} {value}: {}", refused.json());
    }
    assert_eq!(service.connections(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_some_actions_neither_tests_nor_lists_tables_by_others() {
    let service = service().await;
    let mut policy = policy(&service.authority);
    for (name, actions) in [("query", "Query"), ("list", "ListTables")] {
        let more = format!("templates = [\"*\"]\ntenant = \"a\"\nactions = [\"{actions}\"]");
        policy += &token(name, &format!("token-{name}"), &more);
    }
    let serve = Serve::start(&policy, &[]);
    let mut document = call("AKIDA", SECRETS[0]);
    document.as_object_mut().unwrap().remove("input");
    let send = |token: &str, path: &str| {
        let response = post(&serve, path, token, None, &document);
        (response.status, response.json())
    };
    for path in ["test", "structure"] {
        let (status, problem) = send("token-query", path);
        let detail = problem["detail"].as_str().unwrap();
        let expected = "the token of \"query\" may not use the action \"ListTables\"";
        assert_eq!((status, detail), (403, expected), "{path}");
    }
    assert_eq!(service.connections(), 0);
    assert_eq!(send("token-list", "test").0, 200);
    // The tables are listed, and then each of them is described.
    let (status, problem) = send("token-list", "structure");
    assert_eq!((status, &problem["rule"]), (403, &"binding".into()), "{problem}");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_cannot_be_read_are_refused_with_the_place_and_the_remedy() {
    let service = service().await;
    let serve = Serve::start(&policy(&service.authority), &[]);
    let plain = serve.send(
        "POST",
        "/v1/templates/dynamodb/test",
        &[("content-type", "application/json"), ("authorization", "Bearer token-a")],
        b"{}",
    );
    assert_eq!(plain.status, 415);
    assert!(plain.json()["remedy"].as_str().unwrap().contains("vnd.portcullis.call+json"));
    for (document, named) in [
        (json!({"settings": {"region": "eu-west-1"}}), "/credentials"),
        (
            json!({
                "settings": {"region": "eu-west-1"}, "credentials": credentials("A", "b"),
                "input": {"Limit": 1},
            }),
            "no input",
        ),
        (
            json!({"settings": {"region": "eu-west-1"}, "options": {"format": "plain"}, "credentials": credentials("A", "b")}),
            "/options/format",
        ),
        (json!([1]), "not an object"),
        (
            json!({
                "settings": {"region": "eu-west-1"}, "credentials": {
                    "accessKeyId": "A", "secretAccessKey": "b", "sessionToken": "c".repeat(20_000),
                },
            }),
            "sessionToken has more than 16384 bytes",
        ),
        (
            json!({
                "settings": {"region": "eu-west-1"}, "credentials": credentials("A", "b"),
                "options": {"prefix": "x".repeat(5000)},
            }),
            "expected at most 4096 bytes",
        ),
    ] {
        let response = post(&serve, "test", "token-a", None, &document);
        let problem = response.json().to_string();
        assert_eq!(response.status, 400, "{document}: {problem}");
        assert!(problem.contains(named), "{document}: {problem}");
    }
    let unknown = post(&serve, "actions/GetItems", "token-a", None, &call("A", "b"));
    assert_eq!(unknown.status, 404, "{}", unknown.json());

    // What the plugin finds is named as a place in the document.
    let mut document = call("A", "b");
    document["options"] = json!({"format": "x"});
    let problem = post(&serve, "actions/ListTables", "token-a", None, &document).json();
    assert_eq!(problem["faults"][0]["pointer"], "/options/format", "{problem}");
    let problem = post(&serve, "actions/GetItem", "token-a", None, &call("A", "b")).json();
    assert_eq!(problem["faults"][0]["pointer"], "/input/Key", "{problem}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_remedy_of_a_denial_never_offers_one_tenants_rules_to_all() {
    let service = service().await;
    let policy = policy(&service.authority)
        .replace("operator = true", "operator = true\ntemplates = [\"*\"]");
    let policy =
        policy.replace("[server.tokens.operator]", "[server.tokens.operator]\ntenant = \"a\"");
    let serve = Serve::start(&policy, &[]);
    let mut document = call("AKIDA", SECRETS[0]);
    document["input"] = json!({"TableName": "b_orders"});
    let denied = post(&serve, "actions/Scan", "operator-token", None, &document).json();
    assert_eq!(denied["rule"], "tables", "{denied}");
    let headers = [("authorization", "Bearer operator-token")];
    let latest = serve.send("GET", "/v1/refusals?limit=1", &headers, b"").json();
    for remedy in [&denied["remedy"], &latest["refusals"][0]["remedy"]] {
        let remedy = remedy.as_str().unwrap();
        assert!(remedy.contains("[templates.dynamodb]") && !remedy.contains("a_*"), "{remedy}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_see_what_would_allow_a_request_that_a_token_refused() {
    let service = service().await;
    let serve = Serve::start(&policy(&service.authority), &[]);
    let headers = [("authorization", "Bearer token-a")];
    let refused = serve.send("GET", "/v1/datasources/orders/test", &headers, b"");
    assert_eq!(refused.status, 403);
    assert_eq!(refused.json()["remedy"], "ask the operator of this server");
    let headers = [("authorization", "Bearer operator-token")];
    let latest = serve.send("GET", "/v1/refusals?limit=1", &headers, b"").json();
    let remedy = latest["refusals"][0]["remedy"].as_str().unwrap();
    assert_eq!(remedy, "server.tokens.a.datasources must list \"orders\"");
}
