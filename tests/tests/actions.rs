//! Actions through the sandbox, on the embedded DynamoDB-compatible server.

use portcullis_testkit::dynoxide;
use serde_json::{Value, json};
use tests::plugins;

async fn users() -> (dynoxide::Dynoxide, portcullis::Datasource) {
    let server = dynoxide::start().await;
    let datasource = plugins::datasource(&server.authority, "").await;
    let table = json!({
        "TableName": "users",
        "AttributeDefinitions": [
            {"AttributeName": "team_id", "AttributeType": "S"},
            {"AttributeName": "employee_id", "AttributeType": "S"},
        ],
        "KeySchema": [
            {"AttributeName": "team_id", "KeyType": "HASH"},
            {"AttributeName": "employee_id", "KeyType": "RANGE"},
        ],
        "ProvisionedThroughput": {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5},
    });
    datasource.execute("CreateTable", &table.to_string()).await.unwrap();
    (server, datasource)
}

#[tokio::test]
async fn get_item_returns_the_item_that_was_put() {
    let (_server, datasource) = users().await;
    let digits = "1234567890123456789012345678901234567";
    let item = format!(
        concat!(
            r#"{{"team_id":{{"S":"team_1"}},"employee_id":{{"S":"emp_1"}},"n":{{"N":"{}"}},"#,
            r#""b":{{"B":"AP8="}},"s":{{"SS":["a","b"]}},"l":{{"L":[]}},"m":{{"M":{{}}}},"#,
            r#""z":{{"NULL":true}},"e":{{"S":""}},"S":{{"S":"L"}}}}"#
        ),
        digits
    );
    datasource
        .execute("PutItem", &format!("{{\"TableName\":\"users\",\"Item\":{item}}}"))
        .await
        .unwrap();
    let key = r#"{"TableName": "users", "Key": {"team_id": "team_1", "employee_id": "emp_1"}}"#;
    let typed: Value =
        serde_json::from_str(&datasource.execute("GetItem", key).await.unwrap()).unwrap();
    assert_eq!(typed["Item"], serde_json::from_str::<Value>(&item).unwrap());
    let plain: Value = serde_json::from_str(
        &datasource.execute_with("GetItem", key, "{\"format\":\"plain\"}").await.unwrap(),
    )
    .unwrap();
    assert_eq!(plain["Item"]["b"], json!({"$B": "AP8="}));
    assert_eq!(plain["Item"]["S"], json!("L"));
}

#[tokio::test]
async fn failed_condition_is_reported_with_its_code_and_a_hint() {
    let (_server, datasource) = users().await;
    let put = r#"{"TableName":"users","Item":{"team_id":"a","employee_id":"b"},
        "ConditionExpression":"attribute_exists(team_id)"}"#;
    let error = datasource.execute("PutItem", put).await.unwrap_err();
    let error = error.service().expect("a service error");
    assert_eq!(
        (error.code.as_str(), error.http_status, error.attempts),
        ("ConditionalCheckFailedException", 400, 1)
    );
    assert!(error.hint.is_some());
}

#[tokio::test]
async fn unknown_action_error_suggests_the_closest_name() {
    let (_server, datasource) = users().await;
    let error = datasource.execute("GetItems", "{}").await.unwrap_err().to_string();
    assert!(error.contains("did you mean GetItem?"), "{error}");
}

#[tokio::test]
async fn invalid_json_error_names_its_position_and_nothing_is_sent() {
    let (_server, datasource) = users().await;
    let error = datasource
        .execute("GetItem", "{\"TableName\": \"users\", \"Key\": {\"a\": }}")
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("/Key/a") && error.contains("line 1, column 37"), "{error}");
}

#[tokio::test]
async fn invalid_region_is_refused_by_connect() {
    let connect = portcullis::DatasourceConfig::new("datasource")
        .settings(portcullis::Settings::Trusted(r#"{"region": "us-east-1.evil.example/#"}"#));
    let error =
        plugins::host().connect(plugins::dynamodb(), connect).await.unwrap_err().to_string();
    assert!(error.contains("/region") && error.contains("eu-west-1"), "{error}");
}

#[tokio::test]
async fn connection_test_succeeds_and_structure_lists_tables_with_keys() {
    let (_server, datasource) = users().await;
    let test: Value = serde_json::from_str(&datasource.test().await.unwrap()).unwrap();
    assert_eq!(test["ok"], true);
    let structure: Value =
        serde_json::from_str(&datasource.structure("{}").await.unwrap()).unwrap();
    assert_eq!(
        structure["tables"][0]["keys"],
        json!([
            {"name": "team_id", "type": "S", "role": "partition"},
            {"name": "employee_id", "type": "S", "role": "sort"},
        ])
    );
}
