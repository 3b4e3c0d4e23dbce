//! What the gate refuses, and the remedies that it names.

use portcullis::policy::Rule;
use portcullis::{DatasourceConfig, Denial, Error, Limits, Policy, Settings};
use portcullis_testkit::recorder::{self, Response};
use tests::plugins::{self, host};

fn denial<T: std::fmt::Debug>(result: Result<T, Error>) -> Denial {
    match result {
        Err(Error::Denied(denial)) => *denial,
        other => panic!("expected a denial, got {other:?}"),
    }
}

async fn list_tables(settings: &str, policy: Policy) -> Result<String, Error> {
    let connect = DatasourceConfig::new("datasource")
        .policy(policy)
        .settings(Settings::Trusted(settings))
        .shared_credentials(plugins::credentials());
    host().connect(plugins::dynamodb(), connect).await?.execute("ListTables", "").await
}

#[tokio::test]
async fn unlisted_origin_is_refused_and_the_remedy_allows_it() {
    let server = recorder::start(Response::ok("{}")).await;
    let settings =
        format!("{{\"region\":\"us-east-1\",\"endpoint\":\"http://{}\"}}", server.authority);
    let first = denial(list_tables(&settings, Policy::default()).await);
    assert_eq!(
        (first.rule, first.remedy.as_str()),
        (Rule::Egress, format!("egress = [\"http://{}\"]", server.authority).as_str())
    );
    let policy: Policy = toml::from_str(&first.remedy).unwrap();
    let second = denial(list_tables(&settings, policy).await);
    assert_eq!(
        (second.rule, second.remedy.as_str()),
        (
            Rule::Networks,
            format!("networks = {{ \"http://{}\" = [\"127.0.0.1/32\"] }}", server.authority)
                .as_str()
        )
    );
    let policy: Policy = toml::from_str(&format!("{}\n{}", first.remedy, second.remedy)).unwrap();
    assert_eq!(server.requests().len(), 0);
    assert!(list_tables(&settings, policy).await.is_ok());
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn action_above_the_access_level_or_not_listed_is_refused_before_sending() {
    let server = recorder::start(Response::ok("{}")).await;
    let refuse = async |more: &str, action: &str| {
        denial(plugins::datasource(&server.authority, more).await.execute(action, "{}").await).rule
    };
    assert_eq!(refuse("access = \"read\"", "PutItem").await, Rule::Access);
    assert_eq!(refuse("access = \"write\"", "DeleteTable").await, Rule::Access);
    assert_eq!(refuse("actions = [\"GetItem\"]", "Query").await, Rule::Actions);
    assert_eq!(server.requests().len(), 0);
}

#[tokio::test]
async fn partiql_write_and_unlisted_table_are_refused() {
    let server = recorder::start(Response::ok("{}")).await;
    let reader = plugins::datasource(&server.authority, "access = \"read\"").await;
    assert!(
        reader.execute("ExecuteStatement", r#"{"Statement": "SELECT * FROM users"}"#).await.is_ok()
    );
    assert_eq!(
        denial(
            reader
                .execute("ExecuteStatement", r#"{"Statement": "DELETE FROM users WHERE id = 1"}"#)
                .await
        )
        .rule,
        Rule::Access
    );
    let limited = plugins::datasource(&server.authority, "tables = [\"users\"]").await;
    assert!(
        limited.execute("GetItem", r#"{"TableName": "users", "Key": {"id": "1"}}"#).await.is_ok()
    );
    assert_eq!(
        denial(limited.execute("GetItem", r#"{"TableName": "secrets", "Key": {"id": "1"}}"#).await)
            .rule,
        Rule::Tables
    );
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn untrusted_settings_cannot_choose_the_signing_region() {
    let server = recorder::start(Response::ok("{}")).await;
    let settings =
        format!("{{\"region\":\"eu-west-1\",\"endpoint\":\"http://{}\"}}", server.authority);
    let connect = |more: &str| {
        DatasourceConfig::new("datasource")
            .policy(plugins::policy(&server.authority, more))
            .settings(Settings::Untrusted(&settings))
            .shared_credentials(plugins::credentials())
    };
    let refused = denial(
        host()
            .connect(plugins::dynamodb(), connect(""))
            .await
            .unwrap()
            .execute("ListTables", "")
            .await,
    );
    assert_eq!(
        (refused.rule, refused.remedy.as_str()),
        (Rule::Signing, "signing = [\"eu-west-1/dynamodb\"]")
    );
    let allowed = host().connect(plugins::dynamodb(), connect(&refused.remedy)).await.unwrap();
    assert!(allowed.execute("ListTables", "").await.is_ok());
}

#[tokio::test]
async fn action_missing_in_the_manifest_sends_nothing() {
    let server = recorder::start(Response::ok("{}")).await;
    let datasource = plugins::datasource(&server.authority, "access = \"admin\"").await;
    assert_eq!(denial(datasource.relay("SomethingNew", b"{}").await).rule, Rule::Actions);
    assert_eq!(server.requests().len(), 0);
    let listed = plugins::datasource(&server.authority, "actions = [\"SomethingNew\"]").await;
    assert_eq!(listed.relay("SomethingNew", b"{}").await.unwrap().status, 200);
}

#[tokio::test]
async fn connection_test_with_unlisted_operations_is_refused() {
    let server = recorder::start(Response::ok("{}")).await;
    let datasource = plugins::datasource(&server.authority, "actions = [\"GetItem\"]").await;
    let refused = denial(datasource.test().await);
    assert_eq!(
        (refused.rule, refused.remedy.as_str()),
        (Rule::Actions, "actions = [\"GetItem\", \"ListTables\"]")
    );
}

#[tokio::test]
async fn structure_omits_what_the_policy_does_not_allow() {
    let server = portcullis_testkit::dynoxide::start().await;
    let all = plugins::datasource(&server.authority, "").await;
    for table in ["orders", "secrets"] {
        let input = serde_json::json!({
            "TableName": table,
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "BillingMode": "PAY_PER_REQUEST",
        });
        all.execute("CreateTable", &input.to_string()).await.unwrap();
    }
    let some = plugins::datasource(&server.authority, "tables = [\"orders\"]").await;
    let structure: serde_json::Value =
        serde_json::from_str(&some.structure("{}").await.unwrap()).unwrap();
    assert_eq!(structure["tables"][0]["keys"][0]["name"], "id");
    assert_eq!(structure["tables"][1]["error"], "not allowed by the policy");
    let short = plugins::datasource(&server.authority, "limits = { requests = 2 }").await;
    let structure: serde_json::Value =
        serde_json::from_str(&short.structure("{}").await.unwrap()).unwrap();
    assert_eq!(
        (structure["tables"].as_array().unwrap().len(), &structure["more"]),
        (1, &serde_json::json!(true))
    );
    let listed = plugins::datasource(&server.authority, "limits = { requests = 1 }").await;
    let pages =
        listed.execute_with("ListTables", "{\"Limit\":1}", "{\"pages\":\"all\"}").await.unwrap();
    assert!(
        pages.contains("\"TableNames\":[\"orders\"]") && pages.contains("LastEvaluatedTableName"),
        "{pages}"
    );
    let unlisted = plugins::datasource(&server.authority, "actions = [\"DescribeTable\"]").await;
    assert_eq!(
        denial(unlisted.structure("{}").await).remedy,
        "actions = [\"DescribeTable\", \"ListTables\"]"
    );
}

#[test]
fn limits_have_the_documented_defaults() {
    let limits = Limits::default();
    assert_eq!(
        (
            limits.deadline.as_secs(),
            limits.connect_timeout.as_secs(),
            limits.requests,
            limits.concurrent_calls
        ),
        (30, 5, 1000, 64)
    );
    assert_eq!(
        (
            limits.memory.as_u64() >> 20,
            limits.request_bytes.as_u64() >> 20,
            limits.response_bytes.as_u64() >> 20
        ),
        (192, 16, 32)
    );
}
