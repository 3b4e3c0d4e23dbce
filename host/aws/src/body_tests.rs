use super::*;

fn manifest() -> Manifest {
    Manifest::parse(dynamodb_component::MANIFEST).unwrap()
}

/// Checks a body as the host does: a rule that the policy only reports is not enforced.
fn check(policy: &str, action: &str, body: &str) -> Result<(), Rule> {
    let policy: Policy = toml::from_str(policy).unwrap();
    let enforce = |checked| policy.enforce(checked, |_| ());
    let rules = BodyRules { manifest: &manifest(), policy: &policy };
    rules.check(&action.parse().unwrap(), body.as_bytes(), &enforce).map_err(|denial| denial.rule)
}

fn reads(policy: &str, action: &str) -> bool {
    let policy: Policy = toml::from_str(policy).unwrap();
    BodyRules { manifest: &manifest(), policy: &policy }.reads(&action.parse().unwrap())
}

#[test]
fn a_write_hidden_in_a_statement_is_a_write() {
    let read = "access = \"read\"";
    assert_eq!(check(read, "ExecuteStatement", r#"{"Statement":"SELECT * FROM a"}"#), Ok(()));
    assert_eq!(
        check(read, "ExecuteStatement", r#"{"Statement":"DELETE FROM a WHERE b=1"}"#),
        Err(Rule::Access)
    );
    assert_eq!(
        check(
            read,
            "BatchExecuteStatement",
            r#"{"Statements":[{"Statement":"SELECT * FROM a"},{"Statement":"UPDATE a SET b=1"}]}"#
        ),
        Err(Rule::Access)
    );
    assert_eq!(
        check(
            read,
            "ExecuteTransaction",
            r#"{"TransactStatements":[{"Statement":"INSERT INTO a VALUE {}"}]}"#
        ),
        Err(Rule::Access)
    );
    assert_eq!(check(read, "ExecuteStatement", "{}"), Err(Rule::Access));
    assert_eq!(
        check(read, "ExecuteStatement", r#"{"Statement":"SELECT 1","Statement":"DELETE FROM a"}"#),
        Err(Rule::Access)
    );
    assert_eq!(
        check("access = \"write\"", "ExecuteStatement", r#"{"Statement":"DELETE FROM a"}"#),
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
        assert_eq!(check(policy, action, body), expected, "{action} {body}");
    }
}

#[test]
fn deeply_nested_bodies_are_refused() {
    let deep = format!(
        "{{\"TableName\":\"orders\",\"a\":{}{}}}",
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    assert_eq!(check("tables = [\"orders\"]", "GetItem", &deep), Err(Rule::Tables));
}

#[test]
fn a_body_is_read_only_where_the_policy_needs_it() {
    let needs = |policy: &str, action: &str| reads(policy, action);
    assert!(!needs("", "GetItem"));
    assert!(needs("tables = []", "GetItem"));
    assert!(needs("access = \"read\"", "ExecuteStatement"));
    assert!(!needs("access = \"write\"", "ExecuteStatement"));
}

#[test]
fn observed_tables_pass_and_writes_in_statements_do_not() {
    let policy = "tables = [\"orders\"]\nobserve = [\"tables\"]\naccess = \"read\"";
    assert_eq!(check(policy, "GetItem", r#"{"TableName": "secrets"}"#), Ok(()));
    assert_eq!(check(policy, "GetItem", "{}"), Ok(()));
    assert_eq!(check(policy, "GetItem", "not json"), Ok(()));
    assert_eq!(
        check(policy, "ExecuteStatement", r#"{"Statement": "SELECT * FROM secrets"}"#),
        Ok(())
    );
    assert_eq!(
        check(policy, "ExecuteStatement", r#"{"Statement": "DELETE FROM secrets"}"#),
        Err(Rule::Access)
    );
    assert_eq!(check(policy, "ExecuteStatement", r#"{"Statement": 1}"#), Err(Rule::Tables));
    assert_eq!(check(policy, "ExecuteStatement", "not json"), Err(Rule::Access));
}
