//! Datasources that callers save: `PUT /v1/datasources/{name}` and what follows, with a server run as a
//! process.

mod support;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use portcullis_testkit::scripted;
use serde_json::{Value, json};
use std::time::Duration;
use support::saved::{
    SECRET, bytes_in, delete, document, folder, get, list_tables, policy, put, send, service,
    signer, start,
};
use support::{Serve, token};
use tokio::task::block_in_place;

#[tokio::test(flavor = "multi_thread")]
async fn a_datasource_is_tested_saved_used_changed_and_deleted() {
    let service = service().await;
    let serve = start(&service);
    let test = send(&serve, "POST", "/v1/datasources:test", "token-a", &[], &document("AKID1"));
    assert_eq!((test.status, &test.json()["ok"]), (200, &json!(true)), "{test:?}");
    assert_eq!(get(&serve, "a-orders", "token-a").status, 404);

    let created = put(&serve, "a-orders", "token-a", &document("AKID1"));
    assert_eq!(created.status, 201, "{created:?}");
    assert_eq!(signer(&list_tables(&serve, "a-orders", "token-a")), "AKID1");
    assert_eq!(signer(&list_tables(&serve, "a-orders", "token-reader")), "AKID1");
    assert_eq!(service.connections(), 2, "the call after the first uses its connection again");

    let found = get(&serve, "a-orders", "token-a");
    assert_eq!(found.header("etag"), created.header("etag"));
    let described = found.json();
    for (field, expected) in [
        ("origin", json!("store")),
        ("template", json!("dynamodb")),
        ("tenant", json!("a")),
        ("settings", json!({"region": "eu-west-1"})),
        ("state", json!("connected")),
        ("access", json!("write")),
    ] {
        assert_eq!(described[field], expected, "{field}: {described}");
    }
    assert!(described["credentials"]["since"].is_string(), "{described}");

    // Without credentials, those that were saved stay.
    let mut kept = document("");
    kept.as_object_mut().unwrap().remove("credentials");
    kept["settings"]["region"] = "us-east-1".into();
    assert_eq!(put(&serve, "a-orders", "token-a", &kept).status, 200);
    assert_eq!(signer(&list_tables(&serve, "a-orders", "token-a")), "AKID1");
    let scope = service.requests().last().unwrap().header("authorization").to_string();
    assert!(scope.contains("/us-east-1/dynamodb/"), "{scope}");
    let since = get(&serve, "a-orders", "token-a").json()["credentials"]["since"].clone();
    assert_eq!(since, described["credentials"]["since"]);
    kept["name"] = "a-orders".into();
    let test = send(&serve, "POST", "/v1/datasources:test", "token-a", &[], &kept);
    assert_eq!(test.status, 200, "the saved credentials are tested: {test:?}");

    assert_eq!(put(&serve, "a-orders", "token-a", &document("AKID2")).status, 200);
    assert_eq!(signer(&list_tables(&serve, "a-orders", "token-a")), "AKID2");

    // AWS SDKs use it, too.
    let target = [("x-amz-target", "DynamoDB_20120810.ListTables")];
    let wire = send(&serve, "POST", "/ddb/a-orders/", "token-a", &target, &json!({}));
    assert_eq!(signer(&wire), "AKID2");
    let actions =
        send(&serve, "GET", "/v1/datasources/a-orders/actions", "token-a", &[], &Value::Null);
    assert_eq!(actions.json()["policy"]["tables"], json!(["a_*"]), "{actions:?}");
    let outside = send(
        &serve,
        "POST",
        "/v1/datasources/a-orders/actions/GetItem",
        "token-a",
        &[],
        &json!({"TableName": "b_orders", "Key": {"id": {"S": "1"}}}),
    );
    assert_eq!((outside.status, &outside.json()["rule"]), (403, &json!("tables")), "{outside:?}");

    assert_eq!(delete(&serve, "a-orders", "token-a").status, 204);
    assert_eq!(list_tables(&serve, "a-orders", "token-a").status, 404);
    assert_eq!(delete(&serve, "a-orders", "token-a").status, 404);

    let audit = serve.audit();
    let of_datasource =
        |record: &&Value| record["datasource"] == "a-orders" && record["tenant"] == "a";
    assert!(audit.iter().any(|record| of_datasource(&record) && record["action"] == "ListTables"));
    let changes: Vec<&Value> =
        audit.iter().filter(|record| record["event"] == "operator").collect();
    let subjects: Vec<&str> =
        changes.iter().map(|change| change["subject"].as_str().unwrap()).collect();
    let subject = "datasource a-orders of tenant a, template dynamodb, version ";
    assert_eq!(subjects.len(), 4, "{subjects:?}");
    assert!(subjects.iter().all(|text| text.starts_with(subject)), "{subjects:?}");
    assert_eq!(subjects[2], subjects[3], "the version that was saved last was deleted");
    assert_eq!((&changes[0]["action"], &changes[3]["action"]), (&json!("save"), &json!("delete")));
}

#[tokio::test(flavor = "multi_thread")]
async fn disabling_ends_a_test_with_saved_credentials() {
    let silent = scripted::start(b"", scripted::AfterBytes::Hang).await;
    let serve = Serve::start_in(folder(), &policy(&silent.authority), &[]);
    assert_eq!(put(&serve, "a-orders", "token-a", &document("AKID1")).status, 201);
    let mut kept = document("");
    kept.as_object_mut().unwrap().remove("credentials");
    kept["name"] = "a-orders".into();
    let test = || send(&serve, "POST", "/v1/datasources:test", "token-a", &[], &kept);
    let disable = "/v1/datasources/a-orders:disable";
    block_in_place(|| {
        std::thread::scope(|scope| {
            let running = scope.spawn(test);
            while silent.open_connections() == 0 {
                std::thread::sleep(Duration::from_millis(10));
            }
            let disabled = send(&serve, "POST", disable, "operator-token", &[], &json!({}));
            assert_eq!(disabled.status, 200, "{disabled:?}");
            let ended = running.join().unwrap().json();
            assert_eq!(
                (&ended["case"], &ended["maybeApplied"]),
                (&json!("disabled"), &json!(true))
            );
        });
    });
    let refused = test();
    assert_eq!((refused.status, &refused.json()["case"]), (403, &json!("disabled")), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn i4_a_datasource_of_no_tenant_does_not_use_up_the_calls_of_a_tenant_with_its_name() {
    let service = service().await;
    let limited =
        "settings = {}\ntenant-calls = { per-second = 2 }\ncredentials = { from = \"caller\" }";
    let mut policy = policy(&service.authority);
    let other = policy.find("[templates.other]").unwrap();
    let rest = policy.split_off(other).replacen("credentials = { from = \"caller\" }", limited, 1);
    policy += &rest;
    policy += &token("alone", "token-alone", "templates = [\"other\"]\nmanage = [\"acme\"]");
    policy += &token("acme", "token-acme", "templates = [\"other\"]\ntenant = \"acme\"");
    let serve = Serve::start_in(folder(), &policy, &[]);
    let mut saved = document("AKID1");
    saved["template"] = "other".into();
    saved["settings"] = json!({});
    let created = put(&serve, "acme", "token-alone", &saved);
    assert_eq!(created.status, 201, "{created:?}");
    assert_eq!(list_tables(&serve, "acme", "token-alone").status, 200);
    saved["input"] = json!({});
    saved.as_object_mut().unwrap().remove("template");
    let path = "/v1/templates/other/actions/ListTables";
    let headers = [
        ("content-type", "application/vnd.portcullis.call+json"),
        ("authorization", "Bearer token-acme"),
    ];
    for _ in 0..2 {
        let called = serve.send("POST", path, &headers, saved.to_string().as_bytes());
        assert_eq!(called.status, 200, "{called:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_made_only_to_the_version_that_it_is_based_on() {
    let service = service().await;
    let serve = start(&service);
    let change = |method: &str, headers: &[(&str, &str)]| {
        let body = if method == "PUT" { document("AKID") } else { Value::Null };
        send(&serve, method, "/v1/datasources/a-x", "token-a", headers, &body)
    };
    assert_eq!(change("PUT", &[("if-match", "*")]).status, 412);
    let created = change("PUT", &[("if-none-match", "*")]);
    assert_eq!(created.status, 201);
    let old = created.header("etag").to_string();
    let exists = change("PUT", &[("if-none-match", "*")]);
    assert_eq!((exists.status, &exists.json()["case"]), (412, &json!("precondition")));
    let replaced = change("PUT", &[("if-match", &old)]);
    assert_eq!(replaced.status, 200);
    assert_eq!(change("PUT", &[("if-match", &old)]).status, 412);
    assert_eq!(change("DELETE", &[("if-match", &old)]).status, 412);
    assert_eq!(change("DELETE", &[("if-match", "nonsense")]).status, 400);
    assert_eq!(change("DELETE", &[("if-match", replaced.header("etag"))]).status, 204);
    // No version is given twice.
    let again = change("PUT", &[]);
    assert_eq!(again.status, 201);
    assert_eq!(change("PUT", &[("if-match", replaced.header("etag"))]).status, 412);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_work_is_not_saved_and_the_place_is_named() {
    let service = service().await;
    let serve = start(&service);
    let with = |change: &dyn Fn(&mut Value)| {
        let mut body = document("AKID");
        change(&mut body);
        body
    };
    for (body, status, named) in [
        (with(&|body| body["settings"]["region"] = "eu-north-1".into()), 400, "/settings/region"),
        (with(&|body| body["settings"]["endpoint"] = "http://x".into()), 400, "/settings/endpoint"),
        (with(&|body| body["credentials"] = Value::Null), 400, "/credentials"),
        (
            with(&|body| body["credentials"]["secretAccessKey"] = 1.into()),
            400,
            "/credentials/secretAccessKey",
        ),
        (with(&|body| body["template"] = "none".into()), 404, "GET /v1/templates"),
        (with(&|body| body["template"] = 1.into()), 400, "/template"),
        (with(&|body| body["name"] = "a-y".into()), 400, "/name"),
        (with(&|body| body["extra"] = 1.into()), 400, "unknown field `extra`"),
        (json!([]), 400, "not an object"),
    ] {
        let response = put(&serve, "a-x", "token-a", &body);
        let text = String::from_utf8_lossy(&response.body).into_owned();
        assert_eq!(response.status, status, "{body}: {text}");
        assert!(text.contains(named) && !text.contains(&SECRET[..12]), "{body}: {text}");
    }
    for (name, token, status) in [
        ("A-x", "token-a", 403),
        ("a-X", "token-a", 400),
        ("a-x%2fy", "token-a", 400),
        ("c-x", "token-a", 403),
        ("a-x", "token-reader", 403),
        ("a-x", "", 401),
    ] {
        let response = put(&serve, name, token, &document("AKID"));
        assert_eq!(response.status, status, "{name} {token}: {response:?}");
    }
    let typed = send(
        &serve,
        "PUT",
        "/v1/datasources/a-x",
        "token-a",
        &[("content-type", "text/plain")],
        &Value::Null,
    );
    assert_eq!(typed.status, 415);
    assert_eq!(get(&serve, "a-x", "token-a").status, 404, "nothing was saved");

    // The credentials of one template are not sent where another one leads.
    assert_eq!(put(&serve, "a-x", "token-a", &document("AKID")).status, 201);
    let moved = json!({"template": "other"});
    let refused = put(&serve, "a-x", "token-a", &moved);
    assert_eq!(
        (refused.status, &refused.json()["faults"][0]["pointer"]),
        (400, &json!("/credentials"))
    );
    let mut moved_test = moved.clone();
    moved_test["name"] = "a-x".into();
    let test = send(&serve, "POST", "/v1/datasources:test", "token-a", &[], &moved_test);
    assert_eq!(test.status, 400, "{test:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn i2_a_saved_datasource_is_reached_by_no_other_tenant() {
    let service = service().await;
    let serve = start(&service);
    assert_eq!(put(&serve, "a-x", "token-a", &document("AKID")).status, 201);
    assert_eq!(signer(&list_tables(&serve, "a-x", "token-a")), "AKID");
    let as_tenant = [("x-portcullis-tenant", "b")];
    let path = "/v1/datasources/a-x";
    let calls = format!("{path}/actions/ListTables");
    let nothing = Value::Null;
    let mut kept = document("");
    kept.as_object_mut().unwrap().remove("credentials");
    kept["name"] = "a-x".into();
    // The token of b may manage this name, and the platform speaks for b.
    for (token, headers) in
        [("token-b", &[][..]), ("platform-token", &as_tenant[..]), ("platform-token", &[])]
    {
        for (method, path, body, status) in [
            ("GET", path, &nothing, 404),
            ("DELETE", path, &nothing, 404),
            ("POST", calls.as_str(), &json!({}), 404),
            ("GET", "/v1/datasources/a-x/test", &nothing, 404),
            ("GET", "/v1/datasources/a-x/structure", &nothing, 404),
            ("GET", "/v1/datasources/a-x/actions", &nothing, 404),
            (
                "PUT",
                path,
                &document("AKIDB"),
                if headers.is_empty() && token != "token-b" { 400 } else { 409 },
            ),
            ("POST", "/v1/datasources:test", &kept, 400),
        ] {
            let response = send(&serve, method, path, token, headers, body);
            let text = String::from_utf8_lossy(&response.body).into_owned();
            assert_eq!(response.status, status, "{token} {headers:?} {method} {path}: {text}");
            assert!(!text.contains("\"a\"") && !text.contains("AKID\""), "{text}");
        }
        let list = send(&serve, "GET", "/v1/datasources", token, headers, &nothing).json();
        assert_eq!(list["datasources"], json!([]), "{token}");
        assert_eq!(list["operator"], false, "{token}");
    }
    // A token of a may not speak for b, and one that only uses datasources changes none.
    assert_eq!(send(&serve, "GET", path, "token-a", &as_tenant, &nothing).status, 403);
    assert_eq!(delete(&serve, "a-x", "token-reader").status, 403);
    assert_eq!(signer(&list_tables(&serve, "a-x", "token-a")), "AKID");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_has_pages_and_shows_each_caller_its_own() {
    let service = service().await;
    let mut text = policy(&service.authority);
    text.insert_str(
        0,
        "[datasources.a-b]\nplugin = \"dynamodb\"\nsettings = { region = \"eu-west-1\" }\n\
         credentials = { from = \"env\" }\naccess = \"read\"\n",
    );
    text = text.replace("manage = [\"a-*\"]", "manage = [\"a-*\"]\ndatasources = [\"a-b\"]");
    let serve = Serve::start_in(folder(), &text, &[]);
    for name in ["a-a", "a-c", "a-d"] {
        assert_eq!(put(&serve, name, "token-a", &document("AKID")).status, 201);
    }
    assert_eq!(put(&serve, "b-a", "token-b", &document("AKID")).status, 201);
    let names = |token: &str, query: &str| {
        let path = format!("/v1/datasources{query}");
        let list = send(&serve, "GET", &path, token, &[], &Value::Null);
        assert_eq!(list.status, 200, "{list:?}");
        let list = list.json();
        let names: Vec<String> = list["datasources"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["name"].as_str().unwrap().to_string())
            .collect();
        (names, list["next"].as_str().map(str::to_string))
    };
    assert_eq!(names("token-a", "").0, ["a-a", "a-b", "a-c", "a-d"]);
    assert_eq!(names("token-b", "").0, ["b-a"]);
    assert_eq!(names("operator-token", "").0, ["a-a", "a-b", "a-c", "a-d", "b-a"]);
    let (mut all, mut query) = (Vec::new(), "?limit=2".to_string());
    loop {
        let (page, next) = names("token-a", &query);
        assert!(page.len() <= 2);
        all.extend(page);
        let Some(next) = next else { break };
        query = format!("?limit=2&after={next}");
    }
    assert_eq!(all, ["a-a", "a-b", "a-c", "a-d"]);
    for wrong in ["?limit=0", "?limit=1001", "?limit=x", "?page=2", "?after=a&after=b"] {
        let list =
            send(&serve, "GET", &format!("/v1/datasources{wrong}"), "token-a", &[], &Value::Null);
        assert_eq!(list.status, 400, "{wrong}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn i5_names_in_the_policy_win_and_what_they_hide_says_so() {
    let service = service().await;
    let before = policy(&service.authority);
    let serve = Serve::start_in(folder(), &before, &[]);
    assert_eq!(put(&serve, "a-x", "token-a", &document("AKID")).status, 201);
    assert_eq!(signer(&list_tables(&serve, "a-x", "token-a")), "AKID");
    let hiding = format!(
        "[datasources.a-x]\nplugin = \"dynamodb\"\nsettings = {{ region = \"eu-west-1\" }}\n\
         access = \"read\"\negress = []\n{before}"
    );
    serve.write_policy(&hiding);
    assert_eq!(send(&serve, "POST", "/v1/reload", "operator-token", &[], &Value::Null).status, 200);

    for response in
        [list_tables(&serve, "a-x", "token-a"), put(&serve, "a-x", "token-a", &document("AKID"))]
    {
        let problem = response.json();
        assert_eq!((response.status, &problem["case"]), (409, &json!("conflict")), "{problem}");
        let expected = "the policy has a datasource \"a-x\", and names in the policy win";
        assert!(problem["detail"].as_str().unwrap().contains(expected), "{problem}");
    }
    // A form shows it at the name.
    let problem = put(&serve, "a-x", "token-a", &document("AKID")).json();
    assert_eq!(problem["faults"][0]["pointer"], "/name", "{problem}");
    let described = get(&serve, "a-x", "token-a").json();
    assert_eq!(described["state"], "unavailable", "{described}");
    assert!(described["reason"].as_str().unwrap().contains("policy"), "{described}");
    // The operator uses the one of the policy.
    assert_eq!(get(&serve, "a-x", "operator-token").json()["origin"], "policy");

    // Without its template it is unavailable as well, and works again when both are undone.
    serve.write_policy(&before.replace("[templates.dynamodb]", "[templates.renamed]"));
    assert_eq!(send(&serve, "POST", "/v1/reload", "operator-token", &[], &Value::Null).status, 200);
    let gone = list_tables(&serve, "a-x", "token-a");
    assert_eq!((gone.status, &gone.json()["case"]), (503, &json!("invalid-settings")), "{gone:?}");
    assert_eq!(get(&serve, "a-x", "token-a").json()["state"], "unavailable");
    serve.write_policy(&before);
    assert_eq!(send(&serve, "POST", "/v1/reload", "operator-token", &[], &Value::Null).status, 200);
    assert_eq!(signer(&list_tables(&serve, "a-x", "token-a")), "AKID");
}

#[tokio::test(flavor = "multi_thread")]
async fn i5_no_name_is_a_path_or_looks_like_another() {
    let service = service().await;
    let serve = start(&service);
    assert_eq!(put(&serve, "orders", "platform-token", &document("AKID")).status, 400, "no tenant");
    let tenant = [("x-portcullis-tenant", "a")];
    let save = |name: &str| {
        let path = format!("/v1/datasources/{name}");
        send(&serve, "PUT", &path, "platform-token", &tenant, &document("AKID")).status
    };
    assert_eq!(save("orders"), 201);
    for name in [
        "..%2fstore.db",
        "%2e%2e",
        "a..b",
        "%2fetc%2fpasswd",
        "Orders",
        "ORDERS",
        "orders%20",
        "orders%00",
        "%6frders%0a",
        "\u{43e}rders",
        "orders%e2%80%8b",
        "orders*",
        "*",
        "%2a",
        "-orders",
        "orders:test",
        "orders:disable",
        "orders%3aenable",
        &"a".repeat(65),
    ] {
        let status = save(name);
        assert!(matches!(status, 400 | 404 | 405), "{name}: {status}");
    }
    let list =
        send(&serve, "GET", "/v1/datasources", "platform-token", &tenant, &Value::Null).json();
    assert_eq!(list["datasources"].as_array().unwrap().len(), 1, "{list}");
    assert_eq!((&list["caller"], &list["tenant"]), (&json!("platform"), &json!("a")), "{list}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_sdk_whose_url_lacks_the_datasource_is_told_that_saved_ones_have_names() {
    let service = service().await;
    let none = token("none", "token-none", "templates = [\"other\"]\ntenant = \"a\"");
    let serve = Serve::start_in(folder(), &(policy(&service.authority) + &none), &[]);
    let target = [("x-amz-target", "DynamoDB_20120810.ListTables")];
    let message = |token: &str| {
        let response = send(&serve, "POST", "/", token, &target, &json!({}));
        assert_eq!(response.status, 400, "{response:?}");
        response.json()["Message"].as_str().unwrap().to_string()
    };
    for token in ["token-a", "token-reader"] {
        assert!(message(token).contains("a saved datasource is reached by its name too"));
    }
    let message = message("token-none");
    assert!(message.contains("may use none") && !message.contains("saved"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn i3_a_saved_secret_is_in_no_file_and_in_no_response() {
    let service = service().await;
    let serve = start(&service);
    let mut seen = Vec::new();
    for round in 0..3 {
        let name = format!("a-{round}");
        seen.extend(put(&serve, &name, "token-a", &document("AKID")).body);
        seen.extend(list_tables(&serve, &name, "token-a").body);
        seen.extend(get(&serve, &name, "token-a").body);
    }
    seen.extend(send(&serve, "GET", "/v1/datasources", "token-a", &[], &Value::Null).body);
    seen.extend(send(&serve, "GET", "/metrics", "operator-token", &[], &Value::Null).body);
    delete(&serve, "a-2", "token-a");
    let forms = [
        SECRET.to_string(),
        hex::encode(SECRET),
        hex::encode_upper(SECRET),
        BASE64_STANDARD.encode(SECRET),
        BASE64_STANDARD.encode(format!("x{SECRET}"))[4..40].to_string(),
        BASE64_STANDARD.encode(format!("xx{SECRET}"))[4..40].to_string(),
    ];
    let has_secret = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        forms.iter().any(|form| text.contains(form.as_str()))
    };
    let files = bytes_in(serve.path("").as_path());
    assert!(String::from_utf8_lossy(&files).contains("a-1"), "the store was read");
    assert!(!has_secret(&files) && !has_secret(&seen) && !has_secret(serve.log().as_bytes()));
    // The search can fail.
    for form in &forms {
        assert!(has_secret(format!("<{form}>").as_bytes()), "{form}");
    }
}
