//! Datasources of `portcullis serve` that cannot be connected, that an operator disables, or of
//! which there are thousands.

mod support;

use portcullis_testkit::{dynoxide, recorder, scripted};
use serde_json::Value;
use std::fmt::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};
use support::{Serve, datasource, token};
use tests::plugins::{HOSTILE, HOSTILE_MANIFEST};
use tokio::task::block_in_place;

const ADMIN: &str = "access = \"admin\"";

/// A datasource whose settings are in a file.
fn with_file(name: &str, authority: &str) -> String {
    let mut policy = String::new();
    for line in datasource(name, authority, "signing = [\"us-east-1/dynamodb\"]").lines() {
        let line = if line.starts_with("settings") {
            format!("settings-file = \"{name}.json\"")
        } else {
            line.to_string()
        };
        writeln!(policy, "{line}").unwrap();
    }
    policy
}

fn settings(authority: &str) -> String {
    format!("{{\"region\": \"us-east-1\", \"endpoint\": \"http://{authority}\"}}")
}

/// Waits until `is_so` is true.
fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn g1_a_settings_file_that_becomes_a_pipe_a_device_or_huge_stops_nobody() {
    let upstream = dynoxide::start().await;
    let authority = &upstream.authority;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("users.json");
    std::fs::write(&file, settings(authority)).unwrap();
    let policy = datasource("orders", authority, ADMIN) + &with_file("users", authority);
    let mut serve = Serve::start_in(folder, &policy, &[]);
    let list = |serve: &Serve, name: &str| {
        serve.post(&format!("/v1/datasources/{name}/actions/ListTables"), "{}")
    };
    assert_eq!((list(&serve, "orders").0, list(&serve, "users").0), (200, 200));

    let pipe = |path: &Path| {
        assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
    };
    for what in ["a pipe", "/dev/zero", "3 GiB", "a folder"] {
        std::fs::remove_file(&file).or_else(|_| std::fs::remove_dir(&file)).unwrap();
        match what {
            "a pipe" => pipe(&file),
            "/dev/zero" => std::os::unix::fs::symlink(what, &file).unwrap(),
            "3 GiB" => std::fs::File::create(&file).unwrap().set_len(3 << 30).unwrap(),
            _ => std::fs::create_dir(&file).unwrap(),
        }
        let begin = Instant::now();
        let (status, changes) = serve.post("/v1/reload", "{}");
        assert_eq!(status, 200, "{what}: {changes}");
        let (status, body) = list(&serve, "users");
        assert_eq!(status, 503, "{what}: {body}");
        assert!(body["detail"].as_str().unwrap().contains("users.json"), "{what}: {body}");
        assert_eq!(list(&serve, "orders").0, 200, "{what}");
        assert!(begin.elapsed() < Duration::from_secs(5), "{what}: {:?}", begin.elapsed());
        assert!(serve.memory() < 1024 * 1024, "{what}: {} KiB", serve.memory());
    }
    serve.signal("TERM");
    assert!(serve.wait().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn f9_what_others_wrote_makes_only_their_own_datasource_unavailable() {
    let upstream = dynoxide::start().await;
    let authority = &upstream.authority;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("users.json");
    std::fs::write(&file, settings(authority)).unwrap();
    let operator = token("ops", "pcl_ops", "datasources = [\"*\"]\noperator = true");
    let tenant = token("app", "pcl_app", "datasources = [\"*\"]");
    let policy = datasource("orders", authority, ADMIN) + &with_file("users", authority);
    let policy = policy + "[audit]\nfile = \"audit.jsonl\"\n";
    let both = policy.clone() + &operator + &tenant;
    let serve = Serve::start_in(folder, &both, &[]);
    let send = |token: &str, method: &str, path: &str| {
        let headers = [
            ("content-type", "application/json"),
            ("x-amz-target", "DynamoDB_20120810.ListTables"),
            ("authorization", &*format!("Bearer {token}")),
        ];
        let body = if method == "POST" { "{}" } else { "" };
        serve.send(method, path, &headers, body.as_bytes())
    };
    let list = |token: &str, name: &str| {
        send(token, "POST", &format!("/v1/datasources/{name}/actions/ListTables"))
    };
    assert_eq!((list("pcl_app", "orders").status, list("pcl_app", "users").status), (200, 200));

    // The tenant's file is broken, and the operator removes a token.
    std::fs::write(&file, "{\"region\": 1}").unwrap();
    serve.write_policy(&(policy.clone() + &operator));
    let reloaded = send("pcl_ops", "POST", "/v1/reload");
    assert_eq!((reloaded.status, &reloaded.json()["changed"][0]), (200, &"users".into()));
    assert_eq!(reloaded.json()["tokens"]["removed"], serde_json::json!(["app"]));
    assert_eq!(list("pcl_app", "orders").status, 401, "the token is gone");
    assert_eq!(list("pcl_ops", "orders").status, 200);
    let broken = list("pcl_ops", "users");
    assert_eq!((broken.status, &broken.json()["case"]), (503, &"invalid-settings".into()));
    assert_eq!(broken.json()["faults"][0]["pointer"], "/region");
    assert_eq!(send("pcl_ops", "POST", "/ddb/users/").status, 503);
    assert_eq!(serve.get("/readyz").0, 200, "the server itself is ready");
    let listed = send("pcl_ops", "GET", "/v1/datasources").json();
    let users = &listed["datasources"][1];
    assert_eq!((&users["name"], &users["state"]), (&"users".into(), &"unavailable".into()));
    assert!(users["reason"].as_str().unwrap().contains("region"), "{users}");
    let metrics = String::from_utf8(send("pcl_ops", "GET", "/metrics").body).unwrap();
    assert!(
        metrics.contains("portcullis_datasource_unavailable{datasource=\"users\"} 1")
            && metrics.contains("portcullis_datasources{state=\"unavailable\"} 1"),
        "{metrics}"
    );

    let tokens = serve.audit().into_iter().find(|record| record["action"] == "tokens").unwrap();
    assert_eq!((&tokens["subject"], &tokens["caller"]), (&"removed: app".into(), &"ops".into()));

    // A file that is missing, a server that starts with it, and a file that is mended.
    std::fs::remove_file(&file).unwrap();
    serve.write_policy(&both);
    assert_eq!(send("pcl_ops", "POST", "/v1/reload").status, 200);
    let missing = list("pcl_app", "users");
    assert_eq!((missing.status, &missing.json()["case"]), (503, &"invalid-settings".into()));
    let text = missing.json().to_string();
    assert!(!text.contains("users.json"), "a tenant sees no path: {text}");
    assert!(list("pcl_ops", "users").json().to_string().contains("users.json"));
    std::fs::write(&file, settings(authority)).unwrap();
    assert_eq!(send("pcl_ops", "POST", "/v1/reload").status, 200);
    assert_eq!(list("pcl_app", "users").status, 200);

    // What the operator wrote is in force as a whole or not at all.
    serve.write_policy(&(policy + &operator + "[server]\nconnections = 0"));
    let refused = send("pcl_ops", "POST", "/v1/reload");
    assert_eq!((refused.status, &refused.json()["case"]), (409, &"reload".into()));
    assert_eq!(list("pcl_app", "users").status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_never_connects_delays_each_caller_only_once() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("hostile.wasm"), HOSTILE).unwrap();
    std::fs::write(folder.path().join("hostile.toml"), HOSTILE_MANIFEST).unwrap();
    std::fs::write(folder.path().join("settings.txt"), "loop_in_connect").unwrap();
    let policy = r#"
[datasources.slow]
plugin = { file = "hostile.wasm", manifest = "hostile.toml" }
settings-file = "settings.txt"
limits = { deadline = "3s" }

[audit]
file = "audit.jsonl"
"#
    .to_string();
    let policy = policy + &token("ops", "pcl_ops", "datasources = [\"*\"]\noperator = true");
    let serve = Serve::start_in(folder, &policy, &[]);
    let send = |method: &str, path: &str| {
        let headers = [("content-type", "application/json"), ("authorization", "Bearer pcl_ops")];
        let body: &[u8] = if method == "POST" { b"{}" } else { b"" };
        serve.send(method, path, &headers, body)
    };
    let call =
        |options: &str| send("POST", &format!("/v1/datasources/slow/actions/GetItem{options}"));
    let began = Instant::now();
    block_in_place(|| {
        std::thread::scope(|scope| {
            let callers: Vec<_> = (0..6).map(|_| scope.spawn(|| call(""))).collect();
            let hurried = scope.spawn(|| call("?deadline=200ms"));
            assert_eq!(hurried.join().unwrap().status, 504);
            assert!(began.elapsed() < Duration::from_millis(2500), "its own deadline is in force");
            for caller in callers {
                let response = caller.join().unwrap();
                assert!(matches!(response.status, 503 | 504), "{response:?}");
            }
        });
    });
    // One after the other would take 18 s.
    assert!(began.elapsed() < Duration::from_secs(9), "{:?}", began.elapsed());
    let again = Instant::now();
    assert_eq!(call("").status, 504, "the failure is kept for a while");
    assert!(again.elapsed() < Duration::from_secs(2), "{:?}", again.elapsed());

    let of_calls = |record: &&Value| record["rule"] == "not-connected";
    let audit = serve.audit();
    assert!(audit.iter().filter(of_calls).count() >= 8, "each call has a record: {audit:?}");

    // The plugin's description of itself never ends either: it has five seconds.
    assert_eq!(send("GET", "/v1/plugins/hostile").status, 403);
    let again = Instant::now();
    assert_eq!(send("GET", "/v1/plugins/hostile").status, 403);
    assert!(again.elapsed() < Duration::from_secs(2), "{:?}", again.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn f9_a_server_starts_whose_datasources_cannot_be_connected() {
    let upstream = dynoxide::start().await;
    let mut policy = datasource("orders", &upstream.authority, ADMIN);
    policy += &with_file("missing", &upstream.authority);
    policy += "[datasources.plugin]\nplugin = { file = \"no.wasm\", manifest = \"no.toml\" }\n";
    let serve = Serve::start(&policy, &[]);
    assert_eq!(serve.act("ListTables", "{}").0, 200);
    let unavailable = "portcullis_datasources{state=\"unavailable\"} 2";
    wait_until("both are found without a call", || {
        let metrics = serve.send("GET", "/metrics", &[], &[]).body;
        String::from_utf8(metrics).unwrap().contains(unavailable)
    });
    for name in ["missing", "plugin"] {
        let (status, problem) =
            serve.post(&format!("/v1/datasources/{name}/actions/ListTables"), "{}");
        assert_eq!((status, &problem["case"]), (503, &"invalid-settings".into()), "{problem}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_datasource_is_released_and_its_counters_are_kept() {
    let upstream = dynoxide::start().await;
    let policy = datasource("orders", &upstream.authority, ADMIN);
    let serve = Serve::start(&(policy + "[server]\nidle-timeout = \"1s\""), &[]);
    let state = || serve.get("/v1/datasources").1["datasources"][0]["state"].clone();
    assert_eq!(state(), "idle", "nothing is connected before it is used");
    for calls in 1..=2 {
        assert_eq!(serve.act("ListTables", "{}").0, 200);
        assert_eq!(state(), "connected");
        block_in_place(|| wait_until("it is released", || state() == "idle"));
        let text = String::from_utf8(serve.send("GET", "/metrics", &[], &[]).body).unwrap();
        for line in [
            format!("portcullis_calls_total{{datasource=\"orders\",outcome=\"ok\"}} {calls}\n"),
            "portcullis_warm_instances{datasource=\"orders\"} 0\n".to_string(),
            format!(
                "portcullis_datasource_call_duration_seconds_count{{datasource=\"orders\"}} {calls}\n"
            ),
            format!(
                "portcullis_call_duration_seconds_count{{action=\"ListTables\",outcome=\"ok\"}} {calls}\n"
            ),
        ] {
            assert!(text.contains(&line), "{line}{text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn operator_disables_a_datasource_and_its_running_calls_end() {
    let silent = scripted::start(b"", scripted::AfterBytes::Hang).await;
    let policy = datasource("orders", &silent.authority, ADMIN)
        + &datasource("users", &silent.authority, ADMIN)
        + "[audit]\nfile = \"audit.jsonl\"\n"
        + &token("ops", "pcl_ops", "datasources = [\"*\"]\noperator = true")
        + &token("app", "pcl_app", "datasources = [\"*\"]");
    let serve = Serve::start(&policy, &[]);
    let send = |token: &str, path: &str| {
        let headers = [
            ("content-type", "application/json"),
            ("x-amz-target", "DynamoDB_20120810.ListTables"),
            ("authorization", &*format!("Bearer {token}")),
        ];
        serve.send("POST", path, &headers, b"{}")
    };
    let act = |token: &str, more: &str| {
        send(token, &format!("/v1/datasources/orders/actions/ListTables{more}"))
    };
    block_in_place(|| {
        std::thread::scope(|scope| {
            let running = scope.spawn(|| act("pcl_app", ""));
            wait_until("the call runs", || {
                let headers = [("authorization", "Bearer pcl_ops")];
                let text = String::from_utf8(serve.send("GET", "/metrics", &headers, &[]).body);
                text.unwrap().contains("portcullis_running_calls{datasource=\"orders\"} 1\n")
            });
            assert_eq!(send("pcl_app", "/v1/datasources/orders:disable").status, 403);
            assert_eq!(send("pcl_ops", "/v1/datasources/nothing:disable").status, 404);
            assert_eq!(send("pcl_ops", "/v1/datasources/orders").status, 404);
            let disabled = send("pcl_ops", "/v1/datasources/orders:disable");
            assert_eq!((disabled.status, &disabled.json()["state"]), (200, &"disabled".into()));
            let ended = running.join().unwrap();
            let problem = ended.json();
            assert_eq!((ended.status, &problem["case"]), (503, &"disabled".into()), "{problem}");
            assert_eq!(problem["maybeApplied"], true);
        });
    });
    let refused = act("pcl_app", "").json();
    assert_eq!((&refused["case"], &refused["maybeApplied"]), (&"disabled".into(), &false.into()));
    let refused = send("pcl_app", "/ddb/orders/").json();
    assert!(refused["__type"].as_str().unwrap().ends_with("#AccessDeniedException"), "{refused}");
    serve.signal("HUP");
    serve.wait_for_log("the policy was reloaded");
    assert_eq!(act("pcl_app", "").json()["case"], "disabled", "a reload does not enable it");
    assert_eq!(send("pcl_ops", "/v1/datasources/orders:enable").status, 200);
    assert_eq!(act("pcl_app", "?deadline=200ms").status, 504);
    let actions: Vec<String> = serve
        .audit()
        .iter()
        .filter(|record| record["event"] == "operator")
        .map(|record| {
            let text = |name: &str| record[name].as_str().unwrap_or_default().to_string();
            format!("{} {} {}", text("action"), text("caller"), text("outcome"))
        })
        .collect();
    assert_eq!(actions, ["disable ops ok", "reload  ok", "enable ops ok"]);
}

/// A policy with so many datasources that have a settings file each.
fn many(count: usize, authority: &str) -> String {
    let mut policy = datasource("orders", authority, ADMIN);
    for number in 0..count {
        write!(
            policy,
            "[datasources.tenant-{number}]\nplugin = \"dynamodb\"\nsettings-file = \
             \"{number}.json\"\ncredentials = {{ from = \"env\" }}\negress = \
             [\"http://{authority}\"]\nnetworks = {{ \"http://{authority}\" = [\"127.0.0.0/8\"] \
             }}\nsigning = [\"us-east-1/dynamodb\"]\n"
        )
        .unwrap();
    }
    policy
}

/// Datasources of one policy.
const MANY: usize = 10_000;
/// Those of them whose settings are broken.
const BROKEN: usize = 100;

#[tokio::test(flavor = "multi_thread")]
async fn f9_a_reload_of_ten_thousand_datasources_stops_nobody() {
    let upstream = recorder::start(recorder::Response::ok("{\"TableNames\": []}")).await;
    let folder = tempfile::tempdir().unwrap();
    for number in 0..MANY {
        let text = if number < BROKEN { "{".to_string() } else { settings(&upstream.authority) };
        std::fs::write(folder.path().join(format!("{number}.json")), text).unwrap();
    }
    let policy = many(MANY, &upstream.authority);
    let serve = Serve::start_in(folder, &policy, &[]);
    println!("{} MiB after the start", serve.anonymous_memory() / 1024);
    let (stop, calls) = (AtomicBool::new(false), AtomicU32::new(0));
    block_in_place(|| {
        std::thread::scope(|scope| {
            let caller = scope.spawn(|| {
                let mut longest = Duration::ZERO;
                while !stop.load(Ordering::Relaxed) {
                    let number = BROKEN + (calls.fetch_add(1, Ordering::Relaxed) as usize) % 500;
                    let began = Instant::now();
                    let path = format!("/v1/datasources/tenant-{number}/actions/ListTables");
                    let (status, problem) = serve.post(&path, "{}");
                    assert_eq!(status, 200, "{path}: {problem}");
                    assert_eq!(serve.act("ListTables", "{}").0, 200);
                    longest = longest.max(began.elapsed());
                }
                longest
            });
            for round in 0..3 {
                let more = format!("{policy}[server]\ndrain-timeout = \"{}s\"\n", 10 + round);
                serve.write_policy(&more);
                let began = Instant::now();
                let (status, changes) = serve.post("/v1/reload", "");
                println!("reload in {:?}", began.elapsed());
                assert_eq!((status, changes["added"].as_array().unwrap().len()), (200, 0));
            }
            let unavailable = format!("portcullis_datasources{{state=\"unavailable\"}} {BROKEN}\n");
            wait_until("the broken ones are found", || {
                let metrics = serve.send("GET", "/metrics", &[], &[]).body;
                String::from_utf8(metrics).unwrap().contains(&unavailable)
            });
            stop.store(true, Ordering::Relaxed);
            println!("{:?} for two calls at most", caller.join().unwrap());
        });
    });
    let listed = all_pages(&serve, "/v1/datasources");
    assert_eq!(listed.len(), MANY + 1);
    let broken: Vec<&Value> = listed.iter().filter(|one| one["state"] == "unavailable").collect();
    assert_eq!(broken.len(), BROKEN);
    assert!(broken.iter().all(|one| one["reason"].is_string()));
}

/// All datasources of a list that comes in pages.
fn all_pages(serve: &Serve, path: &str) -> Vec<Value> {
    let mut all = Vec::new();
    let mut page = serve.get(path).1;
    loop {
        all.extend_from_slice(page["datasources"].as_array().unwrap());
        let Some(next) = page["next"].as_str() else { return all };
        page = serve.get(&format!("{path}?after={next}")).1;
    }
}
