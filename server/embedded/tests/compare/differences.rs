//! Everything in which the embedded database differs from dynoxide's own server, on purpose.

use crate::sides::{Sides, json, signed};
use http::Method;
use serde_json::Value;

fn message(body: &str) -> String {
    let body: Value = serde_json::from_str(body).expect("it is JSON");
    body["message"].as_str().expect("it has a message").to_string()
}

/// Fails if a text speaks of what the embedded database has not.
fn assert_local(text: &str) {
    let text = text.to_ascii_lowercase();
    for word in ["region", "account", "iam", "aws", "us-east-1", "authorized"] {
        assert!(!text.contains(word), "{text}");
    }
}

#[tokio::test]
async fn operations_that_it_has_not_are_refused_in_our_words() {
    let mut sides = Sides::start().await;
    for (operation, expected) in [
        (
            "CreateBackup",
            "the embedded database has no backups; copy its file while nothing uses it",
        ),
        ("UpdateContinuousBackups", "the embedded database has no backups; copy"),
        ("CreateGlobalTable", "the embedded database has no replicas; "),
        ("ExportTableToPointInTime", "the embedded database has no exports; "),
        ("ImportTable", "the embedded database has no imports; "),
        ("EnableKinesisStreamingDestination", "the embedded database has no destinations"),
        ("UpdateContributorInsights", "the embedded database has no statistics"),
        ("PutResourcePolicy", "the embedded database has no access rules"),
        ("DescribeEndpoints", "the embedded database has no other endpoints"),
        ("DescribeLimits", "the embedded database has no quotas"),
    ] {
        let (theirs, ours) = sides.send(operation, "{}").await;
        assert_eq!(theirs.status, ours.status);
        assert_eq!(json(&theirs.body)["__type"], json(&ours.body)["__type"]);
        assert_eq!(json(&theirs.body)["message"], Value::Null);
        let message = message(&ours.body);
        assert!(message.starts_with(expected), "{message}");
        assert_local(&message);
    }
    sides.stop().await;
}

#[tokio::test]
async fn questions_about_what_it_has_not_are_answered() {
    let mut sides = Sides::start().await;
    let table = r#"{"TableName": "orders", "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}]}"#;
    assert_eq!(sides.send("CreateTable", table).await.1.status, 200);
    for (operation, more, pointer, expected) in [
        ("ListBackups", "", "/BackupSummaries", serde_json::json!([])),
        ("ListGlobalTables", "", "/GlobalTables", serde_json::json!([])),
        ("ListExports", "", "/ExportSummaries", serde_json::json!([])),
        ("ListImports", "", "/ImportSummaryList", serde_json::json!([])),
        ("ListContributorInsights", "", "/ContributorInsightsSummaries", serde_json::json!([])),
        (
            "DescribeContinuousBackups",
            "",
            "/ContinuousBackupsDescription/ContinuousBackupsStatus",
            "DISABLED".into(),
        ),
        (
            "UpdateContinuousBackups",
            r#", "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": false}"#,
            "/ContinuousBackupsDescription/ContinuousBackupsStatus",
            "DISABLED".into(),
        ),
        ("DescribeContributorInsights", "", "/ContributorInsightsStatus", "DISABLED".into()),
        (
            "UpdateContributorInsights",
            r#", "ContributorInsightsAction": "DISABLE""#,
            "/ContributorInsightsStatus",
            "DISABLED".into(),
        ),
        (
            "DescribeTableReplicaAutoScaling",
            "",
            "/TableAutoScalingDescription/Replicas",
            serde_json::json!([]),
        ),
    ] {
        let (_, ours) = sides.send(operation, &format!(r#"{{"TableName": "orders"{more}}}"#)).await;
        assert_eq!(ours.status, 200, "{operation}: {}", ours.body);
        assert_eq!(json(&ours.body).pointer(pointer), Some(&expected), "{operation}");
        if !operation.starts_with("List") {
            let (_, none) =
                sides.send(operation, &format!(r#"{{"TableName": "none"{more}}}"#)).await;
            assert_eq!(none.status, 400, "{operation}: {}", none.body);
            let kind = json(&none.body)["__type"].as_str().unwrap_or_default().to_string();
            assert!(kind.ends_with("ResourceNotFoundException"), "{operation}: {kind}");
        }
    }
    for (operation, on) in [
        (
            "UpdateContinuousBackups",
            r#""PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": true}"#,
        ),
        ("UpdateContributorInsights", r#""ContributorInsightsAction": "ENABLE""#),
    ] {
        let (_, ours) = sides.send(operation, &format!(r#"{{"TableName": "orders", {on}}}"#)).await;
        assert_eq!(ours.status, 400, "{operation} cannot switch it on");
    }
    sides.stop().await;
}

#[tokio::test]
async fn tags_of_a_missing_table_are_refused_in_our_words() {
    let mut sides = Sides::start().await;
    let body = r#"{"ResourceArn": "arn:aws:dynamodb:dynoxide:000000000000:table/nowhere"}"#;
    let (theirs, ours) = sides.send("ListTagsOfResource", body).await;
    assert_eq!(theirs.status, ours.status);
    assert_eq!(json(&theirs.body)["__type"], json(&ours.body)["__type"]);
    assert!(message(&theirs.body).contains("arn:aws:iam"));
    let message = message(&ours.body);
    let arn = "arn:aws:dynamodb:dynoxide:000000000000:table/nowhere";
    assert!(message.contains(&format!("no table with the ARN {arn}")), "{message}");
    assert_local(&message.replace(arn, ""));
    sides.stop().await;
}

#[tokio::test]
async fn health_and_origins_say_nothing_of_other_places() {
    let mut sides = Sides::start().await;
    for method in [Method::GET, Method::OPTIONS, Method::POST] {
        let (theirs, ours) = sides
            .send_raw(|| {
                let mut request = signed("DynamoDB_20120810.ListTables", "{}");
                *request.method_mut() = method.clone();
                request.headers_mut().insert("origin", "http://evil".parse().expect("valid"));
                request
            })
            .await;
        assert_eq!(theirs.headers.get("access-control-allow-origin").expect("it is there"), "*");
        for name in ["access-control-allow-origin", "server", "x-dynoxide-version"] {
            assert_eq!(ours.headers.get(name), None);
        }
        assert_local(&ours.body);
        // A browser asks for permission, which is not given.
        let expected = if method == Method::OPTIONS { (200, 404) } else { (200, 200) };
        assert_eq!((theirs.status, ours.status), expected);
        assert!(method != Method::GET || ours.body == "healthy\n");
    }
    sides.stop().await;
}

#[tokio::test]
async fn expressions_may_nest_300_levels() {
    let mut sides = Sides::start().await;
    sides.fill().await;
    let nested = |levels: usize| {
        let condition =
            format!("{}attribute_exists(id){}", "(NOT ".repeat(levels), ")".repeat(levels));
        serde_json::json!({
            "TableName": "users",
            "FilterExpression": condition,
        })
        .to_string()
    };
    // The function's parentheses are a level, too.
    let answer = sides.compare("Scan", &nested(299)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let (theirs, ours) = sides.send("Scan", &nested(300)).await;
    assert_eq!((theirs.status, ours.status), (200, 400));
    assert!(ours.body.contains("ValidationException"), "{}", ours.body);
    assert!(message(&ours.body).starts_with("FilterExpression nests parentheses"));
    sides.stop().await;
}
