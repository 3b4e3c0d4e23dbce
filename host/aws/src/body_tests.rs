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

#[test]
fn a_statement_action_without_a_statement_is_refused_where_tables_are_limited() {
    let policy = "access = \"write\"\ntables = [\"*\"]";
    for (action, body) in [
        ("ExecuteStatement", "{}"),
        ("ExecuteStatement", r#"{"Statement":null}"#),
        ("BatchExecuteStatement", r#"{"Statements":[]}"#),
        ("BatchExecuteStatement", r#"{"Statements":[{"Parameters":[]}]}"#),
        ("ExecuteTransaction", r#"{"TransactStatements":null}"#),
    ] {
        assert_eq!(check(policy, action, body), Err(Rule::Tables), "{action} {body}");
        let observed = format!("{policy}\nobserve = [\"tables\"]");
        assert_eq!(check(&observed, action, body), Ok(()), "{action} {body}");
    }
    assert_eq!(check("access = \"write\"", "ExecuteStatement", "{}"), Ok(()));
}

#[test]
fn a_pattern_matches_only_what_is_the_name_of_a_table() {
    let policy = "access = \"admin\"\ntables = [\"*\", \"orders*\", \
                  \"arn:aws:dynamodb:eu-west-1:123456789012:table/*\"]";
    let arn = "arn:aws:dynamodb:eu-west-1:123456789012:table";
    for name in ["orders", "o", &format!("{arn}/orders"), &format!("{arn}/orders/index/a")] {
        assert_eq!(
            check(policy, "GetItem", &format!(r#"{{"TableName":"{name}"}}"#)),
            Ok(()),
            "{name}"
        );
        let statement = format!(r#"{{"Statement":"SELECT * FROM \"{name}\""}}"#);
        assert_eq!(check(policy, "ExecuteStatement", &statement), Ok(()), "{name}");
    }
    for name in [
        "",
        "orders\\u0000",
        "orders ",
        "orders/../secrets",
        "orders%2f..%2fsecrets",
        "orders\\\\u002e",
        "örders",
        &"o".repeat(256),
        &format!("{arn}/orders/../secrets"),
        &format!("{arn}/orders\\u0000"),
        &format!("{arn}/"),
        &format!("{arn}/orders/index/a\\n"),
    ] {
        let body = format!(r#"{{"TableName":"{name}"}}"#);
        assert_eq!(check(policy, "GetItem", &body), Err(Rule::Tables), "{name}");
        let body = format!(r#"{{"RequestItems":{{"orders":{{}},"{name}":{{}}}}}}"#);
        assert_eq!(check(policy, "BatchGetItem", &body), Err(Rule::Tables), "{name}");
        let body = format!(r#"{{"Statement":"SELECT * FROM \"{name}\""}}"#);
        assert_eq!(check(policy, "ExecuteStatement", &body), Err(Rule::Tables), "{name}");
    }
    let quoted = r#"{"Statement":"SELECT * FROM \"orders\"\"secrets\""}"#;
    assert_eq!(check(policy, "ExecuteStatement", quoted), Err(Rule::Tables));
}

#[test]
fn bounds_are_enforced_where_statements_decide_on_writes() {
    let select = r#"{"Statement":"SELECT * FROM orders"},"#;
    let many = format!(r#"{{"Statements":[{}null]}}"#, select.repeat(1001));
    let long = format!(r#"{{"Statement":"SELECT * FROM orders{}"}}"#, " ".repeat(8192));
    let observed = "access = \"read\"\ntables = [\"orders\"]\nobserve = [\"tables\"]";
    let writer = "access = \"write\"\ntables = [\"orders\"]";
    for (action, body) in [("BatchExecuteStatement", &many), ("ExecuteStatement", &long)] {
        assert_eq!(check(observed, action, body), Err(Rule::Access), "{action}");
        assert_eq!(check(writer, action, body), Err(Rule::Tables), "{action}");
    }
    let allowed = format!(r#"{{"Statements":[{}null]}}"#, select.repeat(1000));
    assert_eq!(check(writer, "BatchExecuteStatement", &allowed), Ok(()));
    let policy: Policy = toml::from_str(writer).unwrap();
    let rules = BodyRules { manifest: &manifest(), policy: &policy };
    let action = "BatchExecuteStatement".parse().unwrap();
    let denial = rules.check(&action, many.as_bytes(), &|checked| checked).unwrap_err();
    assert!(denial.message.contains("1000"), "{denial}");
}

#[test]
fn fields_that_occur_twice_away_from_the_tables_pass() {
    let policy = "access = \"write\"\ntables = [\"orders\"]";
    let twice = r#"{"TableName":"orders","Item":{"a":{"S":"1"},"a":{"S":"2"}},"Item":{}}"#;
    assert_eq!(check(policy, "PutItem", twice), Ok(()));
    let hidden = r#"{"TableName":"orders","Item":{},"\u0054ableName":"secrets"}"#;
    assert_eq!(check(policy, "PutItem", hidden), Err(Rule::Tables));
    let other_case = r#"{"TableName":"orders","tablename":"secrets"}"#;
    assert_eq!(check(policy, "PutItem", other_case), Err(Rule::Tables));
}
