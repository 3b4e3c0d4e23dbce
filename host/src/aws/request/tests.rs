use super::*;
use std::sync::Arc;
use std::time::{Duration, Instant};

fn shared(policy: &str) -> Arc<Shared> {
    Arc::new(Shared::of_policy(toml::from_str(policy).unwrap()))
}

fn call(shared: &Arc<Shared>, operations: Vec<ActionName>) -> Call {
    let mut call = Call::new(shared, "execute", None, Instant::now() + Duration::from_secs(1));
    call.operations = operations;
    call
}

fn judge(policy: &str, action: &str, body: &str) -> Result<(), Rule> {
    let shared = shared(policy);
    judge_body(&shared, &call(&shared, Vec::new()), &action.parse().unwrap(), body.as_bytes())
        .map_err(|denial| denial.rule)
}

fn carried(
    operations: &[&str],
    targets: &[&str],
    method: &str,
    path: &str,
) -> Result<String, Rule> {
    let operations = operations.iter().map(|name| name.parse().unwrap()).collect();
    let shared = shared("");
    let call = call(&shared, operations);
    let targets = targets
        .iter()
        .map(|target| (http::HeaderName::from_static("x-amz-target"), target.parse().unwrap()));
    let request = Outgoing {
        method: method.parse().unwrap(),
        scheme: portcullis_policy::Scheme::Https,
        authority: "example.com".to_string(),
        path: path.parse().unwrap(),
        headers: targets.collect(),
    };
    operation(&shared, &call, &request)
        .map(|operation| operation.to_string())
        .map_err(|denial| denial.rule)
}

#[test]
fn a_request_carries_the_running_action_and_no_other() {
    assert_eq!(
        carried(&["GetItem"], &["DynamoDB_20120810.GetItem"], "POST", "/"),
        Ok("GetItem".to_string())
    );
    for (targets, method, path) in [
        (&["DynamoDB_20120810.DeleteTable"][..], "POST", "/"),
        (&["dynamodb_20120810.getitem"], "POST", "/"),
        (&[], "POST", "/"),
        (&["DynamoDB_20120810.GetItem", "DynamoDB_20120810.GetItem"], "POST", "/"),
        (&["DynamoDB_20120810.GetItem", "DynamoDB_20120810.DeleteTable"], "POST", "/"),
        (&["DynamoDB_20120810.GetItem "], "POST", "/x"),
        (&["DynamoDB_20120810.GetItem"], "GET", "/"),
        (&["DynamoDB_20120810.GetItem"], "POST", "/other"),
        (&["DynamoDB_20120810.GetItem"], "POST", "/?a=b"),
    ] {
        assert_eq!(
            carried(&["GetItem"], targets, method, path),
            Err(Rule::Binding),
            "{targets:?} {method} {path}"
        );
    }
    assert_eq!(carried(&[], &["DynamoDB_20120810.GetItem"], "POST", "/"), Err(Rule::Binding));
}

#[test]
fn a_signature_has_three_parts_and_no_second_credential() {
    let signature = "0".repeat(64);
    let header = format!(
        "AWS4-HMAC-SHA256 Credential=A/1/r/s/aws4_request, SignedHeaders=host;x-amz-date, Signature={signature}"
    );
    assert_eq!(credential(&header), Some("A/1/r/s/aws4_request"));
    for wrong in [
        header.replace("Signature", "Credential=B/1/r/s/aws4_request, Signature"),
        format!("{header}, Credential=B"),
        header.replace("SignedHeaders=host;", "SignedHeaders=host,Credential=B;"),
        header.replace("HMAC", "ECDSA-P256"),
        header[..header.len() - 1].to_string(),
        String::new(),
    ] {
        assert_eq!(credential(&wrong), None, "{wrong}");
    }
}

#[test]
fn a_write_hidden_in_a_statement_is_a_write() {
    let read = "access = \"read\"";
    assert_eq!(judge(read, "ExecuteStatement", r#"{"Statement":"SELECT * FROM a"}"#), Ok(()));
    assert_eq!(
        judge(read, "ExecuteStatement", r#"{"Statement":"DELETE FROM a WHERE b=1"}"#),
        Err(Rule::Access)
    );
    assert_eq!(
        judge(
            read,
            "BatchExecuteStatement",
            r#"{"Statements":[{"Statement":"SELECT * FROM a"},{"Statement":"UPDATE a SET b=1"}]}"#
        ),
        Err(Rule::Access)
    );
    assert_eq!(
        judge(
            read,
            "ExecuteTransaction",
            r#"{"TransactStatements":[{"Statement":"INSERT INTO a VALUE {}"}]}"#
        ),
        Err(Rule::Access)
    );
    assert_eq!(judge(read, "ExecuteStatement", "{}"), Err(Rule::Access));
    assert_eq!(
        judge(read, "ExecuteStatement", r#"{"Statement":"SELECT 1","Statement":"DELETE FROM a"}"#),
        Err(Rule::Access)
    );
    assert_eq!(
        judge("access = \"write\"", "ExecuteStatement", r#"{"Statement":"DELETE FROM a"}"#),
        Ok(())
    );
}

#[test]
fn tables_are_judged_wherever_an_action_names_them() {
    let policy = "access = \"admin\"\ntables = [\"orders\", \"logs-*\", \"arn:aws:dynamodb:eu-west-1:123456789012:table/orders\"]";
    for (action, body, expected) in [
        ("GetItem", r#"{"TableName":"orders"}"#, Ok(())),
        ("GetItem", r#"{"TableName":"logs-1"}"#, Ok(())),
        ("GetItem", r#"{"TableName":"users"}"#, Err(Rule::Tables)),
        (
            "GetItem",
            r#"{"TableName":"arn:aws:dynamodb:eu-west-1:123456789012:table/orders"}"#,
            Ok(()),
        ),
        (
            "GetItem",
            r#"{"TableName":"arn:aws:dynamodb:eu-west-1:123456789012:table/users"}"#,
            Err(Rule::Tables),
        ),
        (
            "GetItem",
            r#"{"TableName":"arn:aws:dynamodb:us-west-2:666666666666:table/orders"}"#,
            Err(Rule::Tables),
        ),
        (
            "DeleteBackup",
            r#"{"BackupArn":"arn:aws:dynamodb:eu-west-1:123456789012:table/orders/backup/1"}"#,
            Ok(()),
        ),
        ("GetItem", r#"{"TableName":"arn:aws:s3:::orders"}"#, Err(Rule::Tables)),
        ("GetItem", r#"{"TableName":"users","TableName":"orders"}"#, Err(Rule::Tables)),
        ("GetItem", "{}", Err(Rule::Tables)),
        ("GetItem", "[]", Err(Rule::Tables)),
        ("GetItem", "not json", Err(Rule::Tables)),
        ("GetItem", r#"{"TableName":["users"]}"#, Err(Rule::Tables)),
        ("BatchGetItem", r#"{"RequestItems":{"orders":{},"users":{}}}"#, Err(Rule::Tables)),
        ("BatchWriteItem", r#"{"RequestItems":{"orders":[]}}"#, Ok(())),
        (
            "TransactWriteItems",
            r#"{"TransactItems":[{"Put":{"TableName":"orders"}},{"Delete":{"TableName":"users"}}]}"#,
            Err(Rule::Tables),
        ),
        (
            "TransactWriteItems",
            r#"{"TransactItems":[{"Put":{"TableName":"orders"}},{"ConditionCheck":{"TableName":"logs-"}}]}"#,
            Ok(()),
        ),
        ("ExecuteStatement", r#"{"Statement":"SELECT * FROM \"orders\".\"index\""}"#, Ok(())),
        ("ExecuteStatement", r#"{"Statement":"SELECT * FROM users"}"#, Err(Rule::Tables)),
        ("ExecuteStatement", r#"{"Statement":"SELECT 1"}"#, Err(Rule::Tables)),
        (
            "DeleteBackup",
            r#"{"BackupArn":"arn:aws:dynamodb:eu-west-1:123456789012:table/users/backup/1"}"#,
            Err(Rule::Tables),
        ),
        ("ListTables", "{}", Ok(())),
        ("ActionOfTomorrow", "{}", Err(Rule::Tables)),
    ] {
        assert_eq!(judge(policy, action, body), expected, "{action} {body}");
    }
}

#[test]
fn deeply_nested_bodies_are_refused() {
    let deep = format!(
        "{{\"TableName\":\"orders\",\"a\":{}{}}}",
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    assert_eq!(judge("tables = [\"orders\"]", "GetItem", &deep), Err(Rule::Tables));
}

#[test]
fn a_body_is_read_only_where_the_policy_needs_it() {
    let needs = |policy: &str, action: &str| needs_body(&shared(policy), &action.parse().unwrap());
    assert!(!needs("", "GetItem"));
    assert!(needs("tables = []", "GetItem"));
    assert!(needs("access = \"read\"", "ExecuteStatement"));
    assert!(!needs("access = \"write\"", "ExecuteStatement"));
}

#[test]
fn observed_tables_pass_and_writes_in_statements_do_not() {
    let policy = "tables = [\"orders\"]\nobserve = [\"tables\"]\naccess = \"read\"";
    assert_eq!(judge(policy, "GetItem", r#"{"TableName": "secrets"}"#), Ok(()));
    assert_eq!(judge(policy, "GetItem", "{}"), Ok(()));
    assert_eq!(judge(policy, "GetItem", "not json"), Ok(()));
    assert_eq!(
        judge(policy, "ExecuteStatement", r#"{"Statement": "SELECT * FROM secrets"}"#),
        Ok(())
    );
    assert_eq!(
        judge(policy, "ExecuteStatement", r#"{"Statement": "DELETE FROM secrets"}"#),
        Err(Rule::Access)
    );
    assert_eq!(judge(policy, "ExecuteStatement", r#"{"Statement": 1}"#), Err(Rule::Tables));
    assert_eq!(judge(policy, "ExecuteStatement", "not json"), Err(Rule::Access));
}
