//! B: what a request may say.

use super::support::{bounded, carry_out, denial, honest, refused, server, stopped, tried};
use portcullis::{Error, LimitKind, Rule};
use portcullis_testkit::raw::{self, Then};
use tests::attack::{Attack, Behaviour, HOST, RECORDS, plugin};

/// Carries out behaviours, each of which must be denied by `rule`, with nothing sent.
async fn denied(behaviour: Behaviour, more: &str, action: &str, rule: Rule) {
    let server = server().await;
    refused(Attack::new(behaviour, &server.authority, more), action, rule).await;
    assert_eq!(server.requests().len(), 0);
}

pub(crate) async fn a_request_for_another_operation_is_refused() {
    let server = server().await;
    let refusal = refused(
        Attack::new(Behaviour::other_operation, &server.authority, ""),
        "GetItem",
        Rule::Binding,
    )
    .await;
    assert!(
        refusal.message.contains("DeleteTable") && refusal.message.contains("GetItem"),
        "{}",
        refusal.message
    );
    // Called by its name, the same request leaves.
    assert!(
        carry_out(Attack::new(Behaviour::other_operation, &server.authority, ""), "DeleteTable")
            .await
            .is_ok()
    );
    assert_eq!(server.requests().len(), 1);
}

pub(crate) async fn a_request_without_its_operation_is_refused() {
    denied(Behaviour::no_target, "", "GetItem", Rule::Binding).await;
}

pub(crate) async fn a_request_with_two_operations_is_refused() {
    denied(Behaviour::doubled_target, "", "GetItem", Rule::Binding).await;
}

pub(crate) async fn an_operation_in_another_case_is_refused() {
    denied(Behaviour::other_case, "", "GetItem", Rule::Binding).await;
}

pub(crate) async fn a_request_in_one_piece_is_judged_as_any_other() {
    let (server, elsewhere) = (server().await, server().await);
    let attack =
        |told: &str| Attack::new(Behaviour::in_one_piece, &server.authority, "").told(told);
    refused(attack(&format!("{} GetItem", elsewhere.authority)), "GetItem", Rule::Egress).await;
    refused(attack(&format!("{} DeleteTable", server.authority)), "GetItem", Rule::Binding).await;
    for header in ["host", "transfer-encoding", "Connection", "x-forwarded-for"] {
        tried();
        let error = carry_out(attack(&format!("{} GetItem {header}", server.authority)), "GetItem")
            .await
            .unwrap_err();
        assert!(error.to_string().contains("the host's to write"), "{header}: {error}");
        stopped();
    }
    // A length that is not the body's.
    tried();
    assert!(
        carry_out(attack(&format!("{} GetItem content-length", server.authority)), "GetItem")
            .await
            .is_err()
    );
    stopped();
    assert_eq!((server.requests().len(), elsewhere.requests().len()), (0, 0));
    // The same without what is wrong with it leaves, and its answer comes without what a guest may not see.
    let answer = carry_out(attack(&format!("{} GetItem x-ordinary", server.authority)), "GetItem")
        .await
        .unwrap();
    assert!(
        answer.contains("\"status\": 200")
            && answer.contains("content-length")
            && !answer.contains("connection"),
        "{answer}"
    );
    assert_eq!(server.requests().len(), 1);
}

pub(crate) async fn a_refusal_cannot_be_talked_away() {
    denied(Behaviour::lie_about_refusal, "", "GetItem", Rule::Binding).await;
}

/// A behaviour under one egress rule, with more of the policy's own TOML.
fn narrow(behaviour: Behaviour, rule: &str, authority: &str, observe: &str) -> Attack {
    let text = format!(
        "egress = [\"{rule}\"]\nnetworks = {{ \"http://{authority}\" = [\"127.0.0.0/8\"] }}\nsigning = [\"us-east-1/dynamodb\"]\n{observe}"
    );
    Attack::new(behaviour, authority, "").policy(toml::from_str(&text).unwrap())
}

pub(crate) async fn a_method_off_the_list_is_refused() {
    let server = server().await;
    let narrow = |observe: &str| {
        narrow(
            Behaviour::other_method,
            &format!("POST http://{0}", server.authority),
            &server.authority,
            observe,
        )
    };
    let refusal = refused(narrow(""), "GetItem", Rule::Methods).await;
    assert!(refusal.remedy.contains("POST,PUT http://"), "{}", refusal.remedy);
    // Where the rule is only observed, the next one meets the request.
    refused(narrow("observe = [\"methods\"]"), "GetItem", Rule::Binding).await;
}

pub(crate) async fn a_method_of_any_length_is_not_accepted() {
    let server = server().await;
    let attack =
        |letters: &str| Attack::new(Behaviour::long_method, &server.authority, "").told(letters);
    for letters in ["65", "10000000"] {
        tried();
        assert_eq!(
            carry_out(attack(letters), "GetItem").await.unwrap(),
            "{\"accepted\": false}",
            "{letters}"
        );
        stopped();
    }
    assert_eq!(carry_out(attack("64"), "GetItem").await.unwrap(), "{\"accepted\": true}");
}

pub(crate) async fn a_path_off_the_list_is_refused() {
    let server = server().await;
    let narrow = |observe: &str| {
        narrow(
            Behaviour::other_path,
            &format!("http://{0}/", server.authority),
            &server.authority,
            observe,
        )
    };
    let refusal = refused(narrow(""), "GetItem", Rule::Paths).await;
    assert!(refusal.remedy.contains("/admin"), "{}", refusal.remedy);
    refused(narrow("observe = [\"paths\"]"), "GetItem", Rule::Binding).await;
}

pub(crate) async fn forbidden_and_hop_by_hop_headers_are_not_accepted() {
    let server = server().await;
    let names = "host connection keep-alive proxy-connection proxy-authorization proxy-authenticate transfer-encoding upgrade te trailer \
                 http2-settings expect accept-encoding x-forwarded-for x-forwarded-host forwarded via HOST Transfer-Encoding";
    tried();
    let accepted = carry_out(
        Attack::new(Behaviour::forbidden_headers, &server.authority, "").told(names),
        "GetItem",
    )
    .await;
    assert_eq!(accepted.unwrap(), "[]");
    stopped();
    // The check can tell: an ordinary header is accepted.
    let ordinary = carry_out(
        Attack::new(Behaviour::forbidden_headers, &server.authority, "").told("x-ordinary"),
        "GetItem",
    )
    .await;
    assert_eq!(ordinary.unwrap(), "[\"x-ordinary\"]");
}

pub(crate) async fn a_header_cannot_begin_another_line() {
    let server = server().await;
    tried();
    let accepted =
        carry_out(Attack::new(Behaviour::header_injection, &server.authority, ""), "GetItem").await;
    assert_eq!(accepted.unwrap(), "{\"accepted\": 0}");
    stopped();
}

pub(crate) async fn an_unsigned_request_is_refused() {
    denied(Behaviour::unsigned, "", "GetItem", Rule::Signing).await;
}

pub(crate) async fn a_request_signed_by_another_identity_is_refused() {
    denied(Behaviour::other_identity, "", "GetItem", Rule::Signing).await;
}

pub(crate) async fn a_request_with_a_token_of_the_guests_own_is_refused() {
    denied(Behaviour::own_token, "", "GetItem", Rule::Signing).await;
}

pub(crate) async fn a_signature_for_a_scope_without_a_key_is_refused() {
    let server = server().await;
    for scope in
        ["today eu-central-1 dynamodb", "today us-east-1 s3", "20010101 us-east-1 dynamodb"]
    {
        refused(
            Attack::new(Behaviour::unissued_scope, &server.authority, "").told(scope),
            "GetItem",
            Rule::Signing,
        )
        .await;
    }
    assert_eq!(server.requests().len(), 0);
    let right = Attack::new(Behaviour::unissued_scope, &server.authority, "")
        .told("today us-east-1 dynamodb");
    assert!(carry_out(right, "GetItem").await.is_ok(), "it is the scope that was refused");
}

pub(crate) async fn a_second_request_in_flight_is_refused() {
    let server = server().await;
    refused(Attack::new(Behaviour::two_at_once, &server.authority, ""), "GetItem", Rule::Requests)
        .await;
    assert!(server.requests().len() <= 1);
}

pub(crate) async fn requests_beyond_the_limit_are_not_sent() {
    let server = server().await;
    let attack =
        Attack::new(Behaviour::many_requests, &server.authority, "limits = { requests = 5 }");
    assert!(bounded(attack, "GetItem", LimitKind::Requests).await.maybe_applied);
    assert_eq!(server.requests().len(), 5);
}

pub(crate) async fn a_request_left_pending_dies_with_its_call() {
    let server = raw::start(b"", Then::Hang).await;
    let attack = Attack::new(Behaviour::leave_pending, &server.authority, "isolation = \"reuse\"");
    let datasource = attack.connect().await.unwrap();
    for _ in 0..2 {
        tried();
        assert_eq!(datasource.execute("GetItem", "{}").await.unwrap(), "{\"left\": \"a request\"}");
        // The instance held something of the host, so it is not used again, and its request went with it.
        assert_eq!((datasource.counters().warm, datasource.counters().running), (0, 0));
        stopped();
    }
    // The connections are closed: nobody waits for the answers.
    for _ in 0..200 {
        if server.open_connections() == 0 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("{} requests go on", server.open_connections());
}

pub(crate) async fn a_request_cut_off_by_the_end_of_its_call_is_not_sent_as_whole() {
    let server = server().await;
    for _ in 0..5 {
        let attack = Attack::new(
            Behaviour::stop_in_the_middle,
            &server.authority,
            "limits = { deadline = \"100ms\" }",
        );
        bounded(attack, "GetItem", LimitKind::Deadline).await;
    }
    // What is cut off has no body here; a body would be one that was sent to its end.
    assert!(
        server.requests().iter().all(|request| request.body.is_empty()),
        "{:?}",
        server.requests()
    );
}

pub(crate) async fn a_request_while_connecting_is_refused() {
    denied(Behaviour::send_in_connect, "", "GetItem", Rule::Binding).await;
}

pub(crate) async fn a_key_while_connecting_is_refused() {
    denied(Behaviour::key_in_connect, "", "GetItem", Rule::Signing).await;
}

pub(crate) async fn a_key_while_describing_is_refused_and_a_loop_there_ends() {
    assert_eq!(denial(HOST.describe(plugin()).await).rule, Rule::Signing);
}

pub(crate) async fn a_test_sends_only_what_its_manifest_gives_it() {
    let server = server().await;
    let attack = Attack::new(Behaviour::other_in_test, &server.authority, "");
    let datasource = attack.connect().await.unwrap();
    assert_eq!(denial(datasource.test().await).rule, Rule::Binding);
    assert_eq!(server.requests().len(), 0);
}

pub(crate) async fn a_table_off_the_list_is_refused() {
    denied(Behaviour::other_table, "tables = [\"users\"]", "GetItem", Rule::Tables).await;
    let server = server().await;
    let listed = Attack::new(Behaviour::other_table, &server.authority, "tables = [\"secrets\"]");
    assert!(carry_out(listed, "GetItem").await.is_ok());
}

pub(crate) async fn a_table_named_twice_is_refused() {
    denied(Behaviour::duplicate_table, "tables = [\"users\"]", "GetItem", Rule::Tables).await;
}

pub(crate) async fn a_table_of_another_account_is_refused() {
    denied(Behaviour::table_by_arn, "tables = [\"users\", \"*\"]", "GetItem", Rule::Tables).await;
}

pub(crate) async fn a_write_hidden_in_a_statement_is_refused() {
    denied(Behaviour::hidden_write, "access = \"read\"", "ExecuteStatement", Rule::Access).await;
    let server = server().await;
    assert!(
        carry_out(
            Attack::new(Behaviour::hidden_write, &server.authority, "access = \"write\""),
            "ExecuteStatement"
        )
        .await
        .is_ok()
    );
}

pub(crate) async fn a_write_hidden_in_a_batch_of_statements_is_refused() {
    denied(
        Behaviour::hidden_write_in_batch,
        "access = \"read\"",
        "BatchExecuteStatement",
        Rule::Access,
    )
    .await;
}

pub(crate) async fn a_write_hidden_in_a_transaction_is_refused() {
    denied(
        Behaviour::hidden_write_in_transaction,
        "access = \"read\"",
        "ExecuteTransaction",
        Rule::Access,
    )
    .await;
}

pub(crate) async fn what_is_observed_passes_and_is_written_down() {
    let server = server().await;
    let more = "tables = [\"users\"]\nactions = [\"Query\"]\nobserve = [\"tables\", \"actions\"]";
    let attack = Attack::new(Behaviour::other_table, &server.authority, more);
    let name = attack.name.clone();
    assert!(carry_out(attack, "GetItem").await.is_ok());
    let observed: Vec<_> =
        RECORDS.of(&name).into_iter().filter(|record| record["decision"] == "observed").collect();
    let rules: Vec<_> =
        observed.iter().map(|record| record["rule"].as_str().unwrap_or_default()).collect();
    assert_eq!(rules, ["actions", "tables"]);
    // What a policy cannot observe is enforced all the same.
    let attack =
        Attack::new(Behaviour::honest, &server.authority, &format!("access = \"read\"\n{more}"));
    refused(attack, "PutItem", Rule::Access).await;
    assert_eq!(server.requests().len(), 1);
}

pub(crate) async fn each_call_and_each_refusal_leaves_one_record() {
    let server = server().await;
    let datasource = honest(&server).await;
    datasource.execute("GetItem", r#"{"TableName": "a-table-name"}"#).await.unwrap();
    let records = RECORDS.of(datasource.name());
    assert_eq!(records.len(), 1, "{records:?}");
    let call = &records[0];
    for (key, value) in [
        ("event", "call"),
        ("plugin", "hostile"),
        ("export", "execute"),
        ("action", "GetItem"),
        ("decision", "allowed"),
        ("outcome", "ok"),
        ("origin", &format!("http://{}", server.authority)),
        ("address", "127.0.0.1"),
    ] {
        assert_eq!(call[key], value, "{key}: {call}");
    }
    assert_eq!((call["attempts"].as_u64(), call["bytes_sent"].as_u64()), (Some(1), Some(29)));
    assert!(!call.to_string().contains("a-table-name"), "no body is written down");
    let silent = raw::start(b"", Then::Hang).await;
    let waiting = Attack::new(Behaviour::honest, &silent.authority, "").connect().await.unwrap();
    let dropped = tokio::time::timeout(
        std::time::Duration::from_millis(100),
        waiting.execute("GetItem", "{}"),
    )
    .await;
    assert!(dropped.is_err());
    assert_eq!(RECORDS.of(waiting.name())[0]["outcome"], "dropped");
    let refused =
        Attack::new(Behaviour::other_operation, &server.authority, "").connect().await.unwrap();
    assert!(refused.execute("GetItem", "{}").await.is_err());
    let records = RECORDS.of(refused.name());
    let events: Vec<_> =
        records.iter().map(|record| (record["event"].as_str(), record["rule"].as_str())).collect();
    assert_eq!(events, [(Some("refusal"), Some("binding")), (Some("call"), Some("binding"))]);
    let counters = refused.counters();
    assert_eq!((counters.calls["denied"], counters.refusals["binding"]), (1, 1));
}

pub(crate) async fn calls_that_cannot_be_written_down_are_refused() {
    use portcullis::{Host, JsonLines};
    use std::path::Path;
    use std::sync::Arc;
    use tests::plugins::{HOSTILE, HOSTILE_MANIFEST};
    let server = server().await;
    // A disk that is full at every write.
    let full = Arc::new(JsonLines::open(Path::new("/dev/full")).unwrap());
    for lets_pass in [false, true] {
        let host = Host::builder().audit(full.clone(), lets_pass).build().unwrap();
        let plugin = host.load(HOSTILE, HOSTILE_MANIFEST, None).unwrap();
        let datasource = Attack::new(Behaviour::honest, &server.authority, "")
            .connect_on(&host, &plugin)
            .await
            .unwrap();
        let before = server.requests().len();
        let (first, second) =
            (datasource.execute("GetItem", "{}").await, datasource.execute("GetItem", "{}").await);
        if lets_pass {
            assert!(first.is_ok() && second.is_ok());
            continue;
        }
        // The first one had begun before anybody knew; the next one is not begun.
        assert!(server.requests().len() - before <= 1);
        for result in [first, second] {
            assert!(matches!(&result, Err(Error::Audit { .. })), "{result:?}");
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let host =
        Host::builder().audit(Arc::new(JsonLines::open(&path).unwrap()), false).build().unwrap();
    let plugin = host.load(HOSTILE, HOSTILE_MANIFEST, None).unwrap();
    let datasource = Attack::new(Behaviour::honest, &server.authority, "")
        .connect_on(&host, &plugin)
        .await
        .unwrap();
    for _ in 0..3 {
        datasource.execute("GetItem", "{}").await.unwrap();
    }
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(
        text.lines().filter(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()).count(),
        3
    );
}
