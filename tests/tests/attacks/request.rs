//! Family B: what a request may say.

use super::support::{carry_out, denial, limited, refused, server, stopped, tried};
use portcullis::{LimitKind, Rule};
use portcullis_testkit::scripted::{self, AfterBytes};
use tests::attack::{Attack, Behaviour, HOST, RECORDS, plugin};

/// Carries out a behaviour that `rule` must deny before anything is sent.
async fn denied(behaviour: Behaviour, more: &str, action: &str, rule: Rule) {
    let server = server().await;
    refused(Attack::new(behaviour, &server.authority, more), action, rule).await;
    assert_eq!(server.requests().len(), 0);
}

pub(crate) async fn request_for_another_operation_is_refused() {
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
    // If the caller asks for that operation, the same request is sent.
    assert!(
        carry_out(Attack::new(Behaviour::other_operation, &server.authority, ""), "DeleteTable")
            .await
            .is_ok()
    );
    assert_eq!(server.requests().len(), 1);
}

pub(crate) async fn request_without_an_operation_is_refused() {
    denied(Behaviour::no_target, "", "GetItem", Rule::Binding).await;
}

pub(crate) async fn request_with_two_operations_is_refused() {
    denied(Behaviour::two_targets, "", "GetItem", Rule::Binding).await;
}

pub(crate) async fn operation_name_in_the_wrong_case_is_refused() {
    denied(Behaviour::other_case, "", "GetItem", Rule::Binding).await;
}

pub(crate) async fn buffered_request_gets_the_same_checks() {
    let (server, elsewhere) = (server().await, server().await);
    let attack = |arguments: &str| {
        Attack::new(Behaviour::buffered_request, &server.authority, "").with_arguments(arguments)
    };
    refused(attack(&format!("{} GetItem", elsewhere.authority)), "GetItem", Rule::Egress).await;
    refused(attack(&format!("{} DeleteTable", server.authority)), "GetItem", Rule::Binding).await;
    for header in ["host", "transfer-encoding", "Connection", "x-forwarded-for"] {
        tried();
        let error = carry_out(attack(&format!("{} GetItem {header}", server.authority)), "GetItem")
            .await
            .unwrap_err();
        assert!(error.to_string().contains("is written by the host"), "{header}: {error}");
        stopped();
    }
    // A `content-length` that differs from the length of the body.
    tried();
    assert!(
        carry_out(attack(&format!("{} GetItem content-length", server.authority)), "GetItem")
            .await
            .is_err()
    );
    stopped();
    assert_eq!((server.requests().len(), elsewhere.requests().len()), (0, 0));
    // A correct request is sent, and the response lacks the headers that a plugin may not see.
    let response =
        carry_out(attack(&format!("{} GetItem x-ordinary", server.authority)), "GetItem")
            .await
            .unwrap();
    assert!(
        response.contains("\"status\": 200")
            && response.contains("content-length")
            && !response.contains("connection"),
        "{response}"
    );
    assert_eq!(server.requests().len(), 1);
}

pub(crate) async fn plugin_cannot_hide_a_refusal() {
    denied(Behaviour::lie_about_refusal, "", "GetItem", Rule::Binding).await;
}

/// An attack under a policy with one egress rule; `observe` is added to the policy as TOML.
fn narrow(behaviour: Behaviour, rule: &str, authority: &str, observe: &str) -> Attack {
    let text = format!(
        "egress = [\"{rule}\"]\n\
         networks = {{ \"http://{authority}\" = [\"127.0.0.0/8\"] }}\n\
         signing = [\"us-east-1/dynamodb\"]\n\
         {observe}"
    );
    Attack::new(behaviour, authority, "").with_policy(toml::from_str(&text).unwrap())
}

pub(crate) async fn unlisted_method_is_refused() {
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
    // If this rule is report-only, the next rule refuses the request.
    refused(narrow("observe = [\"methods\"]"), "GetItem", Rule::Binding).await;
}

pub(crate) async fn overlong_method_is_rejected() {
    let server = server().await;
    let attack = |letters: &str| {
        Attack::new(Behaviour::long_method, &server.authority, "").with_arguments(letters)
    };
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

pub(crate) async fn unlisted_path_is_refused() {
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

pub(crate) async fn forbidden_and_hop_by_hop_headers_are_rejected() {
    let server = server().await;
    let names = "host connection keep-alive proxy-connection proxy-authorization \
                 proxy-authenticate transfer-encoding upgrade te trailer http2-settings expect \
                 accept-encoding x-forwarded-for x-forwarded-host forwarded via HOST \
                 Transfer-Encoding transfer_encoding content_length proxy_authorization \
                 X_Forwarded_For";
    tried();
    let accepted = carry_out(
        Attack::new(Behaviour::forbidden_headers, &server.authority, "").with_arguments(names),
        "GetItem",
    )
    .await;
    assert_eq!(accepted.unwrap(), "[]");
    stopped();
    // An ordinary header is accepted, so the check can tell the difference.
    let ordinary = carry_out(
        Attack::new(Behaviour::forbidden_headers, &server.authority, "")
            .with_arguments("x-ordinary"),
        "GetItem",
    )
    .await;
    assert_eq!(ordinary.unwrap(), "[\"x-ordinary\"]");
}

pub(crate) async fn header_with_a_line_break_is_rejected() {
    let server = server().await;
    tried();
    let accepted =
        carry_out(Attack::new(Behaviour::header_injection, &server.authority, ""), "GetItem").await;
    assert_eq!(accepted.unwrap(), "{\"accepted\": 0}");
    stopped();
}

pub(crate) async fn unsigned_request_is_refused() {
    denied(Behaviour::unsigned, "", "GetItem", Rule::Signing).await;
}

pub(crate) async fn request_signed_by_another_identity_is_refused() {
    denied(Behaviour::other_identity, "", "GetItem", Rule::Signing).await;
}

pub(crate) async fn request_with_a_foreign_session_token_is_refused() {
    denied(Behaviour::own_token, "", "GetItem", Rule::Signing).await;
}

pub(crate) async fn signature_for_a_scope_without_an_issued_key_is_refused() {
    let server = server().await;
    for scope in
        ["today eu-central-1 dynamodb", "today us-east-1 s3", "20010101 us-east-1 dynamodb"]
    {
        refused(
            Attack::new(Behaviour::unissued_scope, &server.authority, "").with_arguments(scope),
            "GetItem",
            Rule::Signing,
        )
        .await;
    }
    assert_eq!(server.requests().len(), 0);
    let right = Attack::new(Behaviour::unissued_scope, &server.authority, "")
        .with_arguments("today us-east-1 dynamodb");
    assert!(
        carry_out(right, "GetItem").await.is_ok(),
        "the scope was the only reason for the refusal"
    );
}

pub(crate) async fn second_concurrent_request_is_refused() {
    let server = server().await;
    refused(Attack::new(Behaviour::two_at_once, &server.authority, ""), "GetItem", Rule::Requests)
        .await;
    assert!(server.requests().len() <= 1);
}

pub(crate) async fn requests_over_the_limit_are_not_sent() {
    let server = server().await;
    let attack =
        Attack::new(Behaviour::many_requests, &server.authority, "limits = { requests = 5 }");
    assert!(limited(attack, "GetItem", LimitKind::Requests).await.maybe_applied);
    assert_eq!(server.requests().len(), 5);
}

pub(crate) async fn pending_request_is_cancelled_when_its_call_ends() {
    let server = scripted::start(b"", AfterBytes::Hang).await;
    let attack = Attack::new(Behaviour::leave_pending, &server.authority, "isolation = \"reuse\"");
    let datasource = attack.connect().await.unwrap();
    for _ in 0..2 {
        tried();
        assert_eq!(datasource.execute("GetItem", "{}").await.unwrap(), "{\"left\": \"a request\"}");
        // The instance still held a host resource, so it was dropped together with its request.
        assert_eq!((datasource.counters().warm, datasource.counters().running), (0, 0));
        stopped();
    }
    // The connections are closed, since nothing waits for the responses.
    for _ in 0..200 {
        if server.open_connections() == 0 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("{} connections are still open", server.open_connections());
}

pub(crate) async fn truncated_request_is_never_sent_as_complete() {
    let server = server().await;
    for _ in 0..5 {
        let attack = Attack::new(
            Behaviour::stop_in_the_middle,
            &server.authority,
            "limits = { deadline = \"100ms\" }",
        );
        limited(attack, "GetItem", LimitKind::Deadline).await;
    }
    // The recorder keeps a body only if it arrived completely.
    assert!(
        server.requests().iter().all(|request| request.body.is_empty()),
        "{:?}",
        server.requests()
    );
}

pub(crate) async fn request_during_connect_is_refused() {
    denied(Behaviour::send_in_connect, "", "GetItem", Rule::Binding).await;
}

pub(crate) async fn signing_key_during_connect_is_refused() {
    denied(Behaviour::key_in_connect, "", "GetItem", Rule::Signing).await;
}

pub(crate) async fn signing_key_during_describe_is_refused_and_a_loop_there_ends() {
    assert_eq!(denial(HOST.describe(plugin()).await).rule, Rule::Signing);
}

pub(crate) async fn connection_test_sends_only_operations_in_its_manifest() {
    let server = server().await;
    let attack = Attack::new(Behaviour::other_in_test, &server.authority, "");
    let datasource = attack.connect().await.unwrap();
    assert_eq!(denial(datasource.test().await).rule, Rule::Binding);
    assert_eq!(server.requests().len(), 0);
}

pub(crate) async fn unlisted_table_is_refused() {
    denied(Behaviour::other_table, "tables = [\"users\"]", "GetItem", Rule::Tables).await;
    let server = server().await;
    let listed = Attack::new(Behaviour::other_table, &server.authority, "tables = [\"secrets\"]");
    assert!(carry_out(listed, "GetItem").await.is_ok());
}

pub(crate) async fn duplicate_table_field_is_refused() {
    denied(Behaviour::duplicate_table, "tables = [\"users\"]", "GetItem", Rule::Tables).await;
}

pub(crate) async fn table_of_another_account_is_refused() {
    denied(Behaviour::table_by_arn, "tables = [\"users\", \"*\"]", "GetItem", Rule::Tables).await;
}

pub(crate) async fn write_hidden_in_a_statement_is_refused() {
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

pub(crate) async fn write_hidden_in_a_batch_of_statements_is_refused() {
    denied(
        Behaviour::hidden_write_in_batch,
        "access = \"read\"",
        "BatchExecuteStatement",
        Rule::Access,
    )
    .await;
}

pub(crate) async fn write_hidden_in_a_transaction_is_refused() {
    denied(
        Behaviour::hidden_write_in_transaction,
        "access = \"read\"",
        "ExecuteTransaction",
        Rule::Access,
    )
    .await;
}

pub(crate) async fn report_only_rules_allow_requests_and_record_them() {
    let server = server().await;
    let more = "tables = [\"users\"]\nactions = [\"Query\"]\nobserve = [\"tables\", \"actions\"]";
    let attack = Attack::new(Behaviour::other_table, &server.authority, more);
    let name = attack.name.clone();
    assert!(carry_out(attack, "GetItem").await.is_ok());
    let observed: Vec<_> = RECORDS
        .for_datasource(&name)
        .into_iter()
        .filter(|record| record["decision"] == "observed")
        .collect();
    let rules: Vec<_> =
        observed.iter().map(|record| record["rule"].as_str().unwrap_or_default()).collect();
    assert_eq!(rules, ["actions", "tables"]);
    // Rules that cannot be report-only are still enforced.
    let attack =
        Attack::new(Behaviour::honest, &server.authority, &format!("access = \"read\"\n{more}"));
    refused(attack, "PutItem", Rule::Access).await;
    assert_eq!(server.requests().len(), 1);
}
