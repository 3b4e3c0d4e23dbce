//! What the server records.

use super::policy::ADMIN;
use super::support::{Serve, datasource};
use portcullis_testkit::dynoxide;
use serde_json::Value;

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_cannot_be_recorded_are_refused_and_the_server_keeps_running() {
    let upstream = dynoxide::start().await;
    let serve = Serve::start(
        &(datasource("orders", &upstream.authority, ADMIN) + "[audit]\nfile = \"/dev/full\""),
        &[],
    );
    let (status, problem) = serve.act("ListTables", "{}");
    assert_eq!((status, problem["case"].as_str()), (503, Some("audit")), "{problem}");
    assert_eq!((serve.get("/healthz").0, serve.get("/v1/actions").0), (200, 200));
    let passing = datasource("orders", &upstream.authority, ADMIN)
        + "[audit]\nfile = \"/dev/full\"\nwhen-full = \"pass\"";
    assert_eq!(Serve::start(&passing, &[]).act("ListTables", "{}").0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn request_id_is_in_the_audit_records() {
    let upstream = dynoxide::start().await;
    let serve = Serve::start(
        &(datasource("orders", &upstream.authority, "access = \"read\"")
            + "[audit]\nfile = \"audit.jsonl\""),
        &[],
    );
    let act = |action: &str, id: &str| {
        let headers = [("content-type", "application/json"), ("x-request-id", id)];
        serve
            .send("POST", &format!("/v1/datasources/orders/actions/{action}"), &headers, b"{}")
            .status
    };
    assert_eq!((act("ListTables", "mine-1"), act("DeleteTable", "mine-2")), (200, 403));
    let wire = [("x-amz-target", "DynamoDB_20120810.ListTables"), ("x-request-id", "mine-3")];
    assert_eq!(serve.send("POST", "/ddb/orders/", &wire, b"{}").status, 200);
    let audit = std::fs::read_to_string(serve.path("audit.jsonl")).unwrap();
    let records: Vec<Value> =
        audit.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let seen: Vec<_> = records
        .iter()
        .map(|record| (record["request"].as_str().unwrap(), record["event"].as_str().unwrap()))
        .collect();
    assert_eq!(
        seen,
        [("mine-1", "call"), ("mine-2", "refusal"), ("mine-2", "call"), ("mine-3", "call")]
    );
}
