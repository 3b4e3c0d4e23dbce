//! What the gate refuses, and what it says.

use portcullis::policy::Rule;
use portcullis::{Connect, Denial, Error, Limits, Policy};
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use tests::plugins::{self, attack, host};
use tests::recorder::{self, Answer};

fn denial<T: std::fmt::Debug>(result: Result<T, Error>) -> Denial {
    match result {
        Err(Error::Denied(denial)) => *denial,
        other => panic!("expected a denial, and got {other:?}"),
    }
}

async fn ask(settings: &str, policy: Policy) -> Result<String, Error> {
    let connect = Connect { settings, settings_are_trusted: true, policy, credentials: Some(plugins::credentials()) };
    host().connect(plugins::dynamodb(), connect).await?.execute("ListTables", "").await
}

#[tokio::test]
async fn an_origin_off_the_list_is_refused_and_the_remedy_allows_it() {
    let server = recorder::start(Answer::ok("{}")).await;
    let settings = format!("{{\"region\":\"us-east-1\",\"endpoint\":\"http://{}\"}}", server.authority);
    let first = denial(ask(&settings, Policy::default()).await);
    assert_eq!((first.rule, first.remedy.as_str()), (Rule::Egress, format!("egress = [\"http://{}\"]", server.authority).as_str()));
    let policy: Policy = toml::from_str(&first.remedy).unwrap();
    let second = denial(ask(&settings, policy).await);
    assert_eq!((second.rule, second.remedy.as_str()), (Rule::Networks, "networks = [\"127.0.0.1/32\"]"));
    let policy: Policy = toml::from_str(&format!("{}\n{}", first.remedy, second.remedy)).unwrap();
    assert_eq!(server.requests().len(), 0);
    assert!(ask(&settings, policy).await.is_ok());
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn scheme_and_port_of_an_origin_count() {
    let server = recorder::start(Answer::ok("{}")).await;
    let policy = plugins::policy(&server.authority, "");
    for endpoint in [format!("https://{}", server.authority), "http://127.0.0.1:1".to_string(), "http://127.0.0.2:80".to_string()] {
        let settings = format!("{{\"region\":\"us-east-1\",\"endpoint\":\"{endpoint}\"}}");
        assert_eq!(denial(ask(&settings, policy.clone()).await).rule, Rule::Egress, "{endpoint}");
    }
}

#[tokio::test]
async fn metadata_addresses_are_refused_even_when_listed() {
    let policy: Policy = toml::from_str("egress = [\"http://169.254.169.254\"]\nnetworks = [\"0.0.0.0/0\"]").unwrap();
    let refused = denial(ask(r#"{"region":"us-east-1","endpoint":"http://169.254.169.254"}"#, policy).await);
    assert_eq!(refused.rule, Rule::Metadata);
}

/// Answers public addresses first, then one of this machine: a rebinding attack, or a mixed answer.
struct Scripted {
    answers: Vec<Vec<&'static str>>,
    asked: AtomicU32,
}

impl portcullis::Resolve for Scripted {
    fn resolve<'a>(&'a self, _: &'a str) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>> {
        let turn = self.asked.fetch_add(1, Ordering::SeqCst) as usize;
        let answer = self.answers[turn.min(self.answers.len() - 1)].iter().map(|text| text.parse().unwrap()).collect();
        Box::pin(std::future::ready(Ok(answer)))
    }
}

#[tokio::test]
async fn a_name_that_resolves_to_a_private_address_is_refused_whole() {
    for answer in [vec!["10.0.0.1"], vec!["8.8.8.8", "127.0.0.1"], vec!["::ffff:169.254.169.254"]] {
        let host =
            portcullis::Host::builder().resolver(Scripted { answers: vec![answer.clone()], asked: AtomicU32::new(0) }).build().unwrap();
        let plugin = host.load(dynamodb_component::COMPONENT, dynamodb_component::MANIFEST, None).unwrap();
        let policy: Policy = toml::from_str("egress = [\"http://service.example\"]").unwrap();
        let settings = r#"{"region":"us-east-1","endpoint":"http://service.example"}"#;
        let connect = Connect { settings, settings_are_trusted: true, policy, credentials: Some(plugins::credentials()) };
        let refused = denial(host.connect(&plugin, connect).await.unwrap().execute("ListTables", "").await);
        assert!(matches!(refused.rule, Rule::Networks | Rule::Metadata), "{answer:?}: {refused:?}");
    }
}

#[tokio::test]
async fn an_action_above_the_ceiling_or_off_the_list_is_refused_before_anything_is_sent() {
    let server = recorder::start(Answer::ok("{}")).await;
    let refuse =
        async |more: &str, action: &str| denial(plugins::datasource(&server.authority, more).await.execute(action, "{}").await).rule;
    assert_eq!(refuse("access = \"read\"", "PutItem").await, Rule::Access);
    assert_eq!(refuse("access = \"write\"", "DeleteTable").await, Rule::Access);
    assert_eq!(refuse("actions = [\"GetItem\"]", "Query").await, Rule::Actions);
    assert_eq!(server.requests().len(), 0);
}

#[tokio::test]
async fn a_write_hidden_in_partiql_and_a_table_off_the_list_are_refused() {
    let server = recorder::start(Answer::ok("{}")).await;
    let reader = plugins::datasource(&server.authority, "access = \"read\"").await;
    assert!(reader.execute("ExecuteStatement", r#"{"Statement": "SELECT * FROM users"}"#).await.is_ok());
    assert_eq!(denial(reader.execute("ExecuteStatement", r#"{"Statement": "DELETE FROM users WHERE id = 1"}"#).await).rule, Rule::Access);
    let bounded = plugins::datasource(&server.authority, "tables = [\"users\"]").await;
    assert!(bounded.execute("GetItem", r#"{"TableName": "users", "Key": {"id": "1"}}"#).await.is_ok());
    assert_eq!(denial(bounded.execute("GetItem", r#"{"TableName": "secrets", "Key": {"id": "1"}}"#).await).rule, Rule::Tables);
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn settings_that_are_not_trusted_choose_no_signing_region() {
    let server = recorder::start(Answer::ok("{}")).await;
    let settings = format!("{{\"region\":\"eu-west-1\",\"endpoint\":\"http://{}\"}}", server.authority);
    let connect = |more: &str| Connect {
        settings: &settings,
        settings_are_trusted: false,
        policy: plugins::policy(&server.authority, more),
        credentials: Some(plugins::credentials()),
    };
    let refused = denial(host().connect(plugins::dynamodb(), connect("")).await.unwrap().execute("ListTables", "").await);
    assert_eq!((refused.rule, refused.remedy.as_str()), (Rule::Signing, "signing = [\"eu-west-1/dynamodb\"]"));
    let allowed = host().connect(plugins::dynamodb(), connect(&refused.remedy)).await.unwrap();
    assert!(allowed.execute("ListTables", "").await.is_ok());
}

#[tokio::test]
async fn a_plugin_that_sends_another_operation_is_refused_whatever_it_says() {
    let server = recorder::start(Answer::ok("{}")).await;
    for behaviour in ["other-operation", "lie-about-refusal"] {
        let datasource = attack(behaviour, &server.authority, "").await.unwrap();
        let refused = denial(datasource.execute("GetItem", "{\"TableName\": \"users\"}").await);
        assert_eq!(refused.rule, Rule::Binding, "{behaviour}");
        assert!(refused.message.contains("DeleteTable") && refused.message.contains("GetItem"), "{}", refused.message);
    }
    let tested = attack("honest", &server.authority, "").await.unwrap().test().await;
    assert_eq!(denial(tested).rule, Rule::Binding);
    assert_eq!(server.requests().len(), 0);
    assert!(attack("honest", &server.authority, "").await.unwrap().execute("GetItem", "{}").await.is_ok());
}

#[tokio::test]
async fn a_plugin_that_names_another_table_is_refused() {
    let server = recorder::start(Answer::ok("{}")).await;
    for behaviour in ["other-table", "duplicate-table"] {
        let datasource = attack(behaviour, &server.authority, "tables = [\"users\"]").await.unwrap();
        assert_eq!(denial(datasource.execute("GetItem", "{\"TableName\": \"users\"}").await).rule, Rule::Tables, "{behaviour}");
    }
    assert_eq!(server.requests().len(), 0);
}

#[tokio::test]
async fn requests_are_sent_one_at_a_time_and_no_more_than_the_limit() {
    let server = recorder::start(Answer::ok("{}")).await;
    let two = attack("two-at-once", &server.authority, "").await.unwrap();
    assert_eq!(denial(two.execute("GetItem", "{}").await).rule, Rule::Requests);
    let before = server.requests().len();
    let many = attack("many-requests", &server.authority, "limits = { requests = 5 }").await.unwrap();
    let limited = many.execute("GetItem", "{}").await;
    assert!(
        matches!(&limited, Err(Error::Limit(limit)) if limit.which == portcullis::LimitKind::Requests && limit.maybe_applied),
        "{limited:?}"
    );
    assert_eq!(server.requests().len() - before, 5);
}

#[tokio::test]
async fn nothing_is_sent_and_no_key_given_while_connecting() {
    let server = recorder::start(Answer::ok("{}")).await;
    assert_eq!(denial(attack("send-in-connect", &server.authority, "").await).rule, Rule::Binding);
    assert_eq!(denial(attack("key-in-connect", &server.authority, "").await).rule, Rule::Signing);
    assert_eq!(server.requests().len(), 0);
}

#[tokio::test]
async fn keys_of_other_regions_and_days_are_refused() {
    let server = recorder::start(Answer::ok("{}")).await;
    for behaviour in ["other-region", "other-day"] {
        let datasource = attack(behaviour, &server.authority, "").await.unwrap();
        assert_eq!(denial(datasource.execute("GetItem", "{}").await).rule, Rule::Signing, "{behaviour}");
    }
}

#[tokio::test]
async fn a_request_signed_by_another_identity_than_the_datasources_is_refused() {
    let server = recorder::start(Answer::ok("{}")).await;
    for behaviour in ["unsigned", "other-identity", "own-token", "unissued-scope"] {
        let datasource = attack(behaviour, &server.authority, "").await.unwrap();
        assert_eq!(denial(datasource.execute("GetItem", "{}").await).rule, Rule::Signing, "{behaviour}");
    }
    assert_eq!(server.requests().len(), 0);
}

#[tokio::test]
async fn an_action_that_the_manifest_does_not_know_sends_nothing() {
    let server = recorder::start(Answer::ok("{}")).await;
    let hostile = attack("honest", &server.authority, "access = \"admin\"").await.unwrap();
    assert_eq!(denial(hostile.execute("SomethingNew", "{}").await).rule, Rule::Signing);
    let datasource = plugins::datasource(&server.authority, "access = \"admin\"").await;
    assert_eq!(denial(datasource.relay("SomethingNew", b"{}").await).rule, Rule::Actions);
    assert_eq!(server.requests().len(), 0);
    let listed = plugins::datasource(&server.authority, "actions = [\"SomethingNew\"]").await;
    assert_eq!(listed.relay("SomethingNew", b"{}").await.unwrap().status, 200);
}

#[tokio::test]
async fn a_test_whose_operations_are_off_the_list_is_refused_by_name() {
    let server = recorder::start(Answer::ok("{}")).await;
    let datasource = plugins::datasource(&server.authority, "actions = [\"GetItem\"]").await;
    let refused = denial(datasource.test().await);
    assert_eq!((refused.rule, refused.remedy.as_str()), (Rule::Actions, "actions = [\"GetItem\", \"ListTables\"]"));
}

#[tokio::test]
async fn the_structure_leaves_out_what_the_policy_does_not_show() {
    let server = tests::dynoxide::start().await;
    let all = plugins::datasource(&server.authority, "").await;
    for table in ["orders", "secrets"] {
        let input = format!(
            r#"{{"TableName":"{table}","AttributeDefinitions":[{{"AttributeName":"id","AttributeType":"S"}}],"KeySchema":[{{"AttributeName":"id","KeyType":"HASH"}}],"BillingMode":"PAY_PER_REQUEST"}}"#
        );
        all.execute("CreateTable", &input).await.unwrap();
    }
    let some = plugins::datasource(&server.authority, "tables = [\"orders\"]").await;
    let structure: serde_json::Value = serde_json::from_str(&some.structure("{}").await.unwrap()).unwrap();
    assert_eq!(structure["tables"][0]["keys"][0]["name"], "id");
    assert_eq!(structure["tables"][1]["error"], "not allowed by the policy");
    let short = plugins::datasource(&server.authority, "limits = { requests = 2 }").await;
    let structure: serde_json::Value = serde_json::from_str(&short.structure("{}").await.unwrap()).unwrap();
    assert_eq!((structure["tables"].as_array().unwrap().len(), &structure["more"]), (1, &serde_json::json!(true)));
    let listed = plugins::datasource(&server.authority, "limits = { requests = 1 }").await;
    let pages = listed.execute_with("ListTables", "{\"Limit\":1}", "{\"pages\":\"all\"}").await.unwrap();
    assert!(pages.contains("\"TableNames\":[\"orders\"]") && pages.contains("LastEvaluatedTableName"), "{pages}");
    let unlisted = plugins::datasource(&server.authority, "actions = [\"DescribeTable\"]").await;
    assert_eq!(denial(unlisted.structure("{}").await).remedy, "actions = [\"DescribeTable\", \"ListTables\"]");
}

#[tokio::test]
async fn a_guest_cannot_write_the_host_header() {
    let server = recorder::start(Answer::ok("{}")).await;
    let datasource = attack("forbidden-header", &server.authority, "").await.unwrap();
    assert_eq!(datasource.execute("GetItem", "{}").await.unwrap(), "{\"accepted\": false}");
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let elsewhere = recorder::start(Answer::ok("{}")).await;
    let redirect = Answer { status: 307, headers: vec![("location", format!("http://{}/", elsewhere.authority))], body: "".into() };
    let server = recorder::start(redirect).await;
    let error = plugins::datasource(&server.authority, "").await.execute("ListTables", "").await.unwrap_err();
    assert_eq!(error.service().unwrap().http_status, 307);
    assert_eq!((server.requests().len(), elsewhere.requests().len()), (1, 0));
}

#[tokio::test]
async fn connections_are_never_shared_between_datasources() {
    let server = recorder::start(Answer::ok("{}")).await;
    let one = plugins::datasource(&server.authority, "").await;
    let other = plugins::datasource(&server.authority, "").await;
    for datasource in [&one, &other, &one, &other] {
        datasource.execute("ListTables", "").await.unwrap();
    }
    assert_eq!(server.connections(), 2);
}

#[test]
fn the_limits_have_the_documented_defaults() {
    let limits = Limits::default();
    assert_eq!((limits.deadline.as_secs(), limits.connect_timeout.as_secs(), limits.requests, limits.concurrent_calls), (30, 5, 1000, 64));
    assert_eq!((limits.memory.as_u64() >> 20, limits.request_bytes.as_u64() >> 20, limits.response_bytes.as_u64() >> 20), (192, 16, 32));
}
