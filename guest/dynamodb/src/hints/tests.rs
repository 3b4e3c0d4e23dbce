use super::*;
use crate::transcode::Format;

fn context<'a>(action: &'a str, request: &'a str) -> HintContext<'a> {
    HintContext { action, region: Some("eu-west-1"), request, ..HintContext::default() }
}

fn hint_for(code: &str, message: &str) -> Option<String> {
    hint(code, message, &context("TransactGetItems", "{}"))
}

/// The hint for a message about an expression of an update or a query.
fn invalid(message: &str, request: &str) -> String {
    let context = context("UpdateItem", request);
    hint("ValidationException", message, &context).unwrap_or_else(|| panic!("{message}"))
}

fn update(expression: &str) -> String {
    serde_json::json!({"TableName": "t", "UpdateExpression": expression}).to_string()
}

#[test]
fn a_reserved_word_gets_a_hint() {
    let hint = hint_for(
        "ValidationException",
        "Invalid FilterExpression: Attribute name is a reserved \
             keyword; reserved keyword: name",
    )
    .unwrap();
    assert!(hint.contains("ExpressionAttributeNames"));
}

#[test]
fn a_reserved_word_that_has_a_placeholder_gets_it_as_a_hint() {
    let message =
        "Invalid UpdateExpression: Attribute name is a reserved keyword; reserved keyword: status";
    let request = r##"{"UpdateExpression": "SET status = :s", "ExpressionAttributeNames": {"#s": "status"}}"##;
    let hint = invalid(message, request);
    assert!(hint.contains("Write #s instead") && !hint.contains("{placeholder}"), "{hint}");
}

#[test]
fn an_unused_attribute_definition_gets_a_hint() {
    let message = "One or more parameter values were invalid: Number of attributes in \
                   KeySchema does not exactly match number of attributes defined in \
                   AttributeDefinitions";
    assert!(hint_for("ValidationException", message).unwrap().contains("list exactly"));
}

#[test]
fn hints_name_the_region_and_the_missing_permission() {
    assert!(
        hint_for("ResourceNotFoundException", "Requested resource not found")
            .unwrap()
            .contains("eu-west-1")
    );
    assert!(
        hint_for("AccessDeniedException", "not authorized").unwrap().contains("dynamodb:GetItem")
    );
}

#[test]
fn an_unknown_error_gets_no_hint() {
    assert_eq!(hint_for("ValidationException", "something new"), None);
    assert_eq!(hint_for("NewException", ""), None);
}

#[test]
fn a_missing_permission_of_an_action_with_several_lists_them_all() {
    let hint =
        hint("AccessDeniedException", "not authorized", &context("ExecuteStatement", "")).unwrap();
    assert!(hint.contains("dynamodb:PartiQLInsert, dynamodb:PartiQLSelect"), "{hint}");
    let hint = super::hint("AccessDeniedException", "not authorized", &context("GetItem", ""));
    let hint = hint.unwrap();
    assert!(
        hint.ends_with("Allow dynamodb:GetItem on the resource that the message names."),
        "{hint}"
    );
}

#[test]
fn an_action_that_a_policy_denies_explicitly_needs_another_deny() {
    let message = "User: arn:aws:iam::123456789012:user/a is not authorized to perform: \
                   dynamodb:GetItem on resource: arn:aws:dynamodb:eu-west-1:123456789012:table/t \
                   with an explicit deny in a service control policy";
    let hint = hint_for("AccessDeniedException", message).unwrap();
    assert!(hint.contains("The deny itself must change") && !hint.contains("Allow "), "{hint}");
}

#[test]
fn only_a_request_with_an_index_gets_the_hint_about_index_name() {
    let message = "Requested resource not found: Table: by-index not found";
    let hint =
        |request| hint("ResourceNotFoundException", message, &context("Query", request)).unwrap();
    assert!(hint(r#"{"TableName": "by-index"}"#).contains("Check the table's name"));
    assert!(hint(r#"{"TableName": "t", "IndexName": "i"}"#).starts_with("Check IndexName"));
    let update = r#"{"GlobalSecondaryIndexUpdates": [{"Delete": {"IndexName": "i"}}]}"#;
    assert!(hint(update).starts_with("Check IndexName"));
}

#[test]
fn a_number_in_a_message_is_compared_as_a_whole() {
    let constraint = |limit: u32| {
        let message = format!(
            "1 validation error detected: Value '[…]' at 'x' failed to satisfy constraint: Member \
             must have length less than or equal to {limit}, Member must have length greater than \
             or equal to 1"
        );
        hint_for("ValidationException", &message)
    };
    for limit in [25, 100] {
        assert!(constraint(limit).unwrap().contains("at most 25 entries"), "{limit}");
    }
    for limit in [255, 250, 1000, 1024] {
        assert_eq!(constraint(limit), None, "{limit}");
    }
}

#[test]
fn a_value_in_the_place_of_a_name_gets_the_placeholder_to_write() {
    let message = "The provided expression refers to an attribute that does not exist in the item";
    for (expression, word) in [
        ("set #n = Amal", "Amal"),
        ("SET a = :a, #n=Amal REMOVE b", "Amal"),
        ("SET n = if_not_exists(n, :z), b = other.part", "other.part"),
    ] {
        let hint = invalid(message, &update(expression));
        assert!(hint.contains(&format!("{word} is the name of an attribute")), "{hint}");
        assert!(hint.contains(&format!("{{\":v\": {{\"S\": \"{word}\"}}}}")), "{hint}");
    }
    assert!(invalid(message, "{}").contains("write :v"));
}

#[test]
fn a_sum_with_an_attribute_that_has_no_value_yet_gets_a_start_value() {
    let message = "The provided expression refers to an attribute that does not exist in the item";
    for (expression, name, assignment) in [
        ("SET n = n + :v", "n", "n = if_not_exists(n, :zero) + :v,"),
        ("SET #c = #c - :by, b = :b", "#c", "#c = if_not_exists(#c, :zero) - :by,"),
        ("SET a = :a, b=other.part+:v", "other.part", "b = if_not_exists(other.part, :zero)+:v,"),
        ("SET n = n + if_not_exists(m, :m)", "n", "n = if_not_exists(n, :zero) + :v,"),
        ("SET n = n", "n", "n = if_not_exists(n, :zero),"),
        ("SET n = n +", "n", "n = if_not_exists(n, :zero) + :v,"),
    ] {
        let expected = format!(
            "{name} has no value yet. Write SET {assignment} and add \":zero\": {{\"N\": \"0\"}} to \
             ExpressionAttributeValues."
        );
        assert_eq!(invalid(message, &update(expression)), expected);
    }
    assert!(invalid(message, &update("SET a = #b")).contains("a word without a colon"));
}

#[test]
fn callers_who_use_the_plain_format_get_hints_with_plain_values() {
    let missing = "The provided expression refers to an attribute that does not exist in the item";
    let undefined = "Invalid FilterExpression: An expression attribute value used in expression is \
                     not defined; attribute value: :n";
    let literal = "Invalid FilterExpression: Syntax error; token: \"5\", near: \"= 5\"";
    let is_null = "Invalid FilterExpression: Syntax error; token: \"IS\", near: \"a IS NULL\"";
    for (message, expression, part) in [
        (undefined, "", "{\":n\": \"text\"}, or 1 for a number"),
        (literal, "", "{\":v\": \"text\"}, or 1 for a number"),
        (is_null, "", "with \":t\": \"NULL\""),
        (missing, "SET a = Amal", "{\":v\": \"Amal\"}"),
        (missing, "SET n = n + :v", "\":zero\": 0 "),
        ("The document path provided in the update expression is invalid", "", "\":m\": {},"),
        ("An string set  may not be empty", "", "an empty list: []."),
        ("The parameter cannot be converted to a numeric value: a", "", "written as 1.5."),
        ("Type mismatch for key id expected: S actual: N", "", "\"1\" is a string, 1 is a number"),
    ] {
        let request = update(expression);
        let context = HintContext { format: Format::Plain, ..context("UpdateItem", &request) };
        let hint = hint("ValidationException", message, &context).unwrap();
        assert!(hint.contains(part), "{hint}");
    }
    for (message, _) in MESSAGES {
        let context = HintContext { format: Format::Plain, ..context("UpdateItem", "{}") };
        let hint = hint("ValidationException", message, &context).unwrap();
        assert!(["{\"S\"", "{\"N\"", "{\"M\"", "{\"L\""].iter().all(|tag| !hint.contains(tag)));
    }
}

#[test]
fn a_missing_verb_of_an_update_is_named() {
    for (expression, token, near) in [
        ("#n = :n", "#n", "#n ="),
        ("name = :n", "name", "name ="),
        ("INVALID SYNTAX HERE", "INVALID", "INVALID SYNTAX"),
        ("UPDATE a = :a", "UPDATE", "UPDATE a"),
    ] {
        let message =
            format!("Invalid UpdateExpression: Syntax error; token: \"{token}\", near: \"{near}\"");
        for request in [&update(expression), r#"{"TransactItems": []}"#] {
            let hint = invalid(&message, request);
            assert!(hint.contains("starts with SET, REMOVE, ADD or DELETE"), "{hint}");
        }
    }
    let message = "Invalid UpdateExpression: Syntax error; token: \"#n\", near: \"#n =\"";
    assert!(invalid(message, &update("#n = :n")).contains(": SET #n = :n."));
}

#[test]
fn syntax_errors_get_a_hint_for_the_token_that_is_wrong() {
    for (message, request, part) in [
        (
            "Invalid UpdateExpression: Syntax error; token: \"'\", near: \"= 'Amal\"",
            update("SET #n = 'Amal'"),
            "\":v\"",
        ),
        (
            "Invalid UpdateExpression: Syntax error; token: \"5\", near: \"= 5\"",
            update("SET n = 5"),
            "\":v\"",
        ),
        (
            "Invalid UpdateExpression: Syntax error; token: \"=\", near: \"n = :v\"",
            update("ADD n = :v"),
            "ADD n :v",
        ),
        (
            "Invalid FilterExpression: Syntax error; token: \"\"\", near: \"= \"x\"",
            String::new(),
            "\":v\"",
        ),
        (
            "Invalid FilterExpression: Syntax error; token: \"==\", near: \"a == :a\"",
            String::new(),
            "<>",
        ),
        (
            "Invalid ProjectionExpression: Syntax error; token: \"-\", near: \"my-name\"",
            String::new(),
            "#n",
        ),
        (
            "Invalid FilterExpression: Syntax error; token: \"LIKE\", near: \"a LIKE :a\"",
            String::new(),
            "begins_with",
        ),
        (
            "Invalid ConditionExpression: Syntax error; token: \"IS\", near: \"a IS NULL\"",
            String::new(),
            "attribute_not_exists",
        ),
        (
            "Invalid FilterExpression: Syntax error; token: \"<EOF>\", near: \"=\"",
            String::new(),
            "ends too early",
        ),
    ] {
        let hint = invalid(message, &request);
        assert!(hint.contains(part), "{message}: {hint}");
    }
}

/// Messages of the service, with a part of the hint for each.
const MESSAGES: &[(&str, &str)] = &[
    (
        "Invalid UpdateExpression: Attribute name is a reserved keyword; reserved keyword: status",
        "{\"#status\": \"status\"}",
    ),
    (
        "Invalid UpdateExpression: An expression attribute name used in the document path is \
             not defined; attribute name: #n",
        "\"ExpressionAttributeNames\": {\"#n\":",
    ),
    (
        "Invalid FilterExpression: An expression attribute value used in expression is not \
             defined; attribute value: :v",
        "\"ExpressionAttributeValues\": {\":v\":",
    ),
    (
        "Value provided in ExpressionAttributeValues unused in expressions: keys: {:v}",
        "Remove the ones",
    ),
    (
        "Value provided in ExpressionAttributeNames unused in expressions: keys: {#n}",
        "Remove the ones",
    ),
    (
        "Invalid UpdateExpression: Two document paths overlap with each other; must remove or \
             rewrite one of these paths; path one: [a], path two: [a, b]",
        "only once",
    ),
    ("The table does not have the specified index: by-name", "no index called by-name"),
    ("The table does not have the specified index", "IndexName"),
    ("The provided key element does not match the schema", "exactly the key attributes"),
    ("One or more parameter values were invalid: Missing the key id in the item", "Item must"),
    (
        "One or more parameter values were invalid: Type mismatch for key id expected: S \
             actual: N",
        "part of a key",
    ),
    ("Query condition missed key schema element: id", "partition key with ="),
    ("Query key condition not supported", "partition key with ="),
    (
        "Filter Expression can only contain non-primary key attributes: Primary key attribute: \
             id",
        "KeyConditionExpression",
    ),
    (
        "One or more parameter values were invalid: Cannot update attribute id. This attribute \
             is part of the key",
        "cannot change",
    ),
    (
        "The document path provided in the update expression is invalid for update",
        "does not exist in the item",
    ),
    ("An operand in the update expression has an incorrect data type", "another type"),
    (
        "Invalid UpdateExpression: Incorrect operand type for operator or function; operator: \
             ADD, operand type: STRING, typeSet: ALLOWED_FOR_ADD_OPERAND",
        "only numbers and sets",
    ),
    ("Invalid UpdateExpression: Invalid function name; function: now", "if_not_exists"),
    ("Invalid UpdateExpression: The expression can not be empty;", "Leave the field out"),
    ("ExpressionAttributeValues contains invalid key: Syntax error; key: \"v\"", "\":v\""),
    (
        "Can not use both expression and non-expression parameters in the same request: \
             Non-expression parameters: {AttributeUpdates} Expression parameters: {UpdateExpression}",
        "older parameters",
    ),
    (
        "One or more parameter values were invalid: An number set  may not be empty",
        "at least one element",
    ),
    (
        "One or more parameter values were invalid: An string set  may not be empty",
        "at least one element",
    ),
    ("The parameter cannot be converted to a numeric value: abc", "{\"N\": \"1.5\"}"),
    (
        "One or more parameter values are not valid. The AttributeValue for a key attribute \
             cannot contain an empty string value. Key: id",
        "must not be empty",
    ),
    (
        "One or more parameter values were invalid: Input collection [a, a] contains duplicates.",
        "only once",
    ),
    ("Transaction request cannot include multiple operations on one item", "Combine them"),
    ("Consistent reads are not supported on global secondary indexes", "Leave ConsistentRead out"),
    (
        "Invalid UpdateExpression: The \"SET\" section can only be used once in an update \
             expression;",
        "once, with commas",
    ),
    (
        "One or more parameter values were invalid: Neither ReadCapacityUnits nor \
             WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST",
        "Remove ProvisionedThroughput, from the indexes too",
    ),
    (
        "One or more parameter values were invalid: ProvisionedThroughput should not be specified \
             for index: by-name when BillingMode is PAY_PER_REQUEST",
        "Remove ProvisionedThroughput",
    ),
    (
        "One or more parameter values were invalid: ReadCapacityUnits and WriteCapacityUnits must \
             both be specified when BillingMode is PROVISIONED",
        "set both capacities",
    ),
    ("Provided list of item keys contains duplicates", "only once in a batch"),
];

#[test]
fn common_messages_get_a_hint_that_names_what_to_change() {
    for (message, part) in MESSAGES {
        let hint = invalid(message, "{}");
        assert!(hint.contains(part), "{message}: {hint}");
        assert!(hint.len() < 400, "{hint}");
    }
}

#[test]
fn statements_written_as_in_other_databases_get_a_hint() {
    let malformed = "Statement wasn't well formed, can't be processed: Unexpected token";
    for (statement, part) in [
        ("SELECT * FROM my-table", "\"my-table\" (in JSON \\\"my-table\\\")"),
        ("select a from my.table where id = 'x'", "\"my.table\""),
        ("UPDATE Payment-x SET active = ? WHERE id = ?", "\"Payment-x\""),
        ("INSERT INTO my-table VALUE {'id': 'a'}", "\"my-table\""),
        ("DELETE FROM 'users' WHERE id = 'a'", "\"users\""),
        ("SELECT * FROM users WHERE name = \"Amal K\"", "single quotes: 'Amal K'"),
        ("SELECT * FROM users WHERE id = 'a' AND name = Amal", "single quotes: 'Amal'"),
        ("UPDATE users SET name=Amal WHERE id='a'", "single quotes: 'Amal'"),
        ("INSERT INTO users (id, n) VALUES ('a', 1)", "VALUE {'id': 'a', 'n': 1}"),
        ("SELECT * FROM users LIMIT 10", "\"Limit\": 10"),
        ("SELECT * FROM users WHERE", "double quotes"),
    ] {
        let request = serde_json::json!({"Statement": statement}).to_string();
        let context = context("ExecuteStatement", &request);
        let hint = hint("ValidationException", malformed, &context).unwrap();
        assert!(hint.contains(part), "{statement}: {hint}");
        assert!(hint.len() < 400, "{hint}");
    }
    // An unquoted a.b is the index b of the table a.
    let request = r#"{"Statement": "SELECT * FROM my.table"}"#;
    let not_found = "Requested resource not found";
    let context = context("ExecuteStatement", request);
    assert!(hint("ResourceNotFoundException", not_found, &context).unwrap().contains("my.table"));
}

#[test]
fn correct_statements_get_no_hint_about_their_form() {
    for statement in [
        "SELECT * FROM users WHERE id = 'a = b'",
        "SELECT * FROM \"my-table\".\"by-name\" WHERE \"id\" = ? AND n >= -1.5 AND t <> true",
        "UPDATE users SET n = n + 1 SET l = list_append(l, ?) WHERE id = 'x'",
        "INSERT INTO users VALUE {'id': 'a', 'limit': 1}",
        "DELETE FROM users WHERE id = 'it''s' AND a = MISSING",
        "SELECT * FROM users WHERE sign = 'speed limit 5'",
        "SELECT * FROM users WHERE \"speed limit 5\" = 'its values are'",
        "UPDATE users SET l = 'it''s the limit now' WHERE id = 'x'",
    ] {
        let request = serde_json::json!({"Statement": statement}).to_string();
        let context = context("ExecuteStatement", &request);
        let hint = hint("ResourceNotFoundException", "Requested resource not found", &context);
        assert!(hint.unwrap().starts_with("The request went to"), "{statement}");
    }
}

#[test]
fn only_an_insert_gets_the_hint_about_the_form_of_an_item() {
    let malformed = "Statement wasn't well formed, can't be processed: Unexpected token";
    let hint = |statement: &str| {
        let request = serde_json::json!({"Statement": statement}).to_string();
        hint("ValidationException", malformed, &context("ExecuteStatement", &request)).unwrap()
    };
    assert!(hint("insert into users values ('a', 1)").contains("VALUE {'id': 'a', 'n': 1}"));
    assert!(hint("SELECT values FROM users WHERE values ? 5").starts_with("In PartiQL"));
}

#[test]
fn a_server_that_is_not_aws_has_no_regions_accounts_or_permissions() {
    let context = HintContext { action: "GetItem", request: "{}", ..HintContext::default() };
    for (code, part) in [
        ("ResourceNotFoundException", Some("Check the table's name")),
        ("TableNotFoundException", Some("Check the table's name")),
        ("AccessDeniedException", Some("does not allow")),
        ("UnrecognizedClientException", Some("does not know this access key")),
        ("OptInRequired", None),
    ] {
        let hint = hint(code, "Requested resource not found", &context);
        assert_eq!(hint.is_some(), part.is_some(), "{code}: {hint:?}");
        let hint = hint.unwrap_or_default();
        assert!(hint.contains(part.unwrap_or_default()), "{code}: {hint}");
        for word in ["region", "account", "IAM", "AWS"] {
            assert!(!hint.contains(word), "{code}: {hint}");
        }
    }
}

proptest::proptest! {
    #[test]
    fn any_message_and_any_request_give_a_short_hint_or_none(
        message in "(Invalid UpdateExpression: Syntax error; token: \"|reserved keyword: |.{0,3})[a-z\"', :=#]{0,100}",
        text in "(SELECT|UPDATE|INSERT|set)?[a-z \"'=<>.,;()é:#-]{0,100}",
        any in ".*",
    ) {
        let statement = serde_json::json!({"Statement": text, "UpdateExpression": text}).to_string();
        for request in [&statement, &any] {
            for action in ["ExecuteStatement", "UpdateItem"] {
                for code in ["ValidationException", "ResourceNotFoundException"] {
                    let found = hint(code, &message, &context(action, request));
                    proptest::prop_assert!(found.is_none_or(|hint| hint.len() < 600));
                }
            }
        }
    }
}
