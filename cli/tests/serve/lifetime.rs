//! How the server starts, reloads and stops.

use super::policy::ADMIN;
use super::support::{Serve, TABLE, datasource, try_send};
use portcullis_testkit::{dynoxide, recorder, tls::CertificateAuthority};
use serde_json::json;
use std::time::Duration;
use tokio::task::block_in_place;

#[test]
fn server_for_other_machines_requires_tokens_and_tls() {
    for arguments in [
        &["serve", "--local", "--listen", "0.0.0.0:0"][..],
        &["serve", "--local", "--public", "--wire", "0.0.0.0:0"],
    ] {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_portcullis"))
            .args(arguments)
            .output()
            .unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(
            output.status.code() == Some(2) && text.contains("a token") && text.contains("tls ="),
            "{text}"
        );
    }
}

const TEMPLATE: &str = r#"
[templates.tenants]
plugin = "dynamodb"
settings = { region = ["eu-west-1"] }
credentials = { from = "caller" }
egress = ["https://dynamodb.{region}.amazonaws.com"]
signing = ["{region}/dynamodb"]
"#;

#[tokio::test(flavor = "multi_thread")]
async fn reload_is_all_or_nothing() {
    let upstream = dynoxide::start().await;
    let orders = datasource("orders", &upstream.authority, ADMIN);
    let serve = Serve::start(&orders, &[]);
    assert_eq!(serve.act("ListTables", "{}").0, 200);
    for (bad, detail) in [
        ("[datasources.orders", "portcullis.toml"),
        (&*datasource("orders", &upstream.authority, "acess = \"read\""), "did you mean `access`"),
        (&*(orders.clone() + "[datasources.users]\nplugin = \"nothing\""), "datasource: users"),
        (&*(orders.clone() + "[server]\nconnections = 3"), "server.connections has changed"),
        (&*(orders.clone() + "[audit]\nfile = \"a\""), "audit has changed"),
        (
            &*(orders.clone()
                + "[datasources.users]\nplugin = \"dynamodb\"\nsettings = { regin = \"x\" }"),
            "/regin",
        ),
    ] {
        serve.write_policy(bad);
        let (status, problem) = serve.post("/v1/reload", "");
        assert!(status == 409 && problem["detail"].as_str().unwrap().contains(detail), "{problem}");
        assert_eq!(serve.act("ListTables", "{}").0, 200, "the old policy is in use");
    }
    serve.write_policy(
        &(datasource("orders", &upstream.authority, "access = \"read\"")
            + &datasource("users", &upstream.authority, ADMIN)
            + TEMPLATE),
    );
    let (status, changes) = serve.post("/v1/reload", "");
    assert_eq!(
        (status, changes),
        (
            200,
            json!({
                "added": ["users"], "changed": ["orders"], "removed": [], "unchanged": 0,
                "templates": {"added": ["tenants"], "changed": [], "removed": []},
                "tokens": {"added": [], "changed": [], "removed": []},
            })
        )
    );
    assert_eq!(serve.act("DeleteTable", r#"{"TableName": "orders"}"#).0, 403);
    serve.write_policy(&orders);
    serve.signal("HUP");
    serve.wait_for_log(
        "datasources: 0 added, 1 changed, 1 removed, 0 unchanged; templates: 0 added, 0 changed, \
         1 removed; tokens: 0 added, 0 changed, 0 removed",
    );
    assert_eq!(
        (
            serve.act("CreateTable", TABLE).0,
            serve.post("/v1/datasources/users/actions/ListTables", "{}").0
        ),
        (200, 404)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn reload_reads_the_certificate_again() {
    let upstream = dynoxide::start().await;
    let folder = tempfile::tempdir().unwrap();
    let write = |authority: &CertificateAuthority| {
        let identity = authority.identity("localhost");
        std::fs::write(folder.path().join("server.pem"), identity.certificate).unwrap();
        let key = folder.path().join("key.pem");
        std::fs::write(&key, identity.key).unwrap();
        std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600))
            .unwrap();
    };
    let (first, second) = (CertificateAuthority::new(), CertificateAuthority::new());
    write(&first);
    let path = folder.path().to_path_buf();
    let policy = datasource("orders", &upstream.authority, ADMIN)
        + "[server]\ntls = { certificate = \"server.pem\", key = \"key.pem\" }";
    let serve = Serve::start_in(folder, &policy, &[]);
    let succeeds = |authority: &CertificateAuthority, path: &str| {
        let ca = ureq::tls::Certificate::from_pem(authority.pem().as_bytes()).unwrap();
        let tls = ureq::tls::TlsConfig::builder()
            .root_certs(ureq::tls::RootCerts::new_with_certs(&[ca]))
            .build();
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .tls_config(tls)
            .http_status_as_error(false)
            .build()
            .into();
        let url = format!("{}{path}", serve.url.replace("127.0.0.1", "localhost"));
        block_in_place(|| {
            if path == "/v1/reload" {
                agent.post(&url).send_empty()
            } else {
                agent.get(&url).call()
            }
            .is_ok_and(|response| response.status() == 200)
        })
    };
    assert!(succeeds(&first, "/readyz") && !succeeds(&second, "/readyz"));
    let identity = second.identity("localhost");
    std::fs::write(path.join("server.pem"), "nonsense").unwrap();
    assert!(
        !succeeds(&first, "/v1/reload") && succeeds(&first, "/readyz"),
        "with an unreadable certificate, the old one stays in use"
    );
    std::fs::write(path.join("server.pem"), identity.certificate).unwrap();
    std::fs::write(path.join("key.pem"), identity.key).unwrap();
    assert!(succeeds(&first, "/v1/reload"));
    assert!(succeeds(&second, "/readyz") && !succeeds(&first, "/readyz"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 6)]
async fn running_calls_end_under_the_policy_they_started_with() {
    let upstream = slow().await;
    let orders = datasource("orders", &upstream.authority, ADMIN);
    let serve = Serve::start(&orders, &[]);
    block_in_place(|| {
        std::thread::scope(|scope| {
            let running = scope.spawn(|| serve.act("ListTables", "{}"));
            std::thread::sleep(Duration::from_millis(200));
            serve.write_policy(&datasource("users", &upstream.authority, ADMIN));
            assert_eq!(serve.post("/v1/reload", "").0, 200);
            assert_eq!(serve.act("ListTables", "{}").0, 404);
            assert_eq!(running.join().unwrap(), (200, json!({"TableNames": ["slow"]})));
        });
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 6)]
async fn server_waits_for_running_calls_before_it_stops() {
    let upstream = slow().await;
    let mut serve = Serve::start(&datasource("orders", &upstream.authority, ADMIN), &[]);
    block_in_place(|| {
        std::thread::scope(|scope| {
            let running = scope.spawn(|| serve.act("ListTables", "{}"));
            std::thread::sleep(Duration::from_millis(200));
            serve.signal("TERM");
            std::thread::sleep(Duration::from_millis(150));
            let refused = try_send("GET", &format!("{}/readyz", serve.url), &[], &[]);
            assert!(refused.is_err(), "new connections are refused: {refused:?}");
            assert_eq!(running.join().unwrap().0, 200);
        });
        assert!(serve.wait().success());
    });
}

/// Starts an upstream that responds after 700 ms.
async fn slow() -> recorder::Recorder {
    let respond = |_: &recorder::RecordedRequest| {
        std::thread::sleep(Duration::from_millis(700));
        recorder::Response::ok("{\"TableNames\":[\"slow\"]}")
    };
    recorder::start_with("127.0.0.1", respond, None).await
}
