//! The gate's example with a guest from another toolchain: a JavaScript component that calls
//! `fetch`, built by componentize-js.

#[path = "../../host/gate/examples/fetch.rs"]
#[expect(dead_code, reason = "the test calls `fetch`, and not the example's `main`")]
mod example;

use portcullis::{Denial, Rule};
use portcullis_testkit::recorder::{self, Response};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, OnceLock};

/// Builds the guest once for all tests of this program.
fn guest() -> &'static [u8] {
    static GUEST: OnceLock<Vec<u8>> = OnceLock::new();
    GUEST.get_or_init(|| {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let tool = here.join("../target/servers/node_modules/@bytecodealliance/componentize-js");
        assert!(tool.exists(), "componentize-js is missing; run: make servers");
        let out: PathBuf = std::env::temp_dir().join(format!("fetch-{}.wasm", std::process::id()));
        let built = Command::new("node")
            .arg(tool.join("src/cli.js"))
            .arg(here.join("fetch/guest.js"))
            .args(["--wit".as_ref(), here.join("fetch/guest.wit").as_os_str()])
            .args(["--world-name", "guest", "--out"])
            .arg(&out)
            .output()
            .expect("node starts; `make servers` needs it");
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        let bytes = std::fs::read(&out).expect("the component was just built");
        let _ = std::fs::remove_file(out);
        bytes
    })
}

/// Fetches a URL under a policy. Returns the result of the guest, and what the gate denied.
async fn fetch(policy: &str, url: &str) -> (Result<String, String>, Vec<Denial>) {
    // Each compiles a component of 15 MB. Beside each other they would take their time limits for that.
    static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    let _alone = ALONE.lock().await;
    let denials = Arc::new(Mutex::new(Vec::new()));
    let seen = denials.clone();
    let on_denied = move |denial: &Denial| seen.lock().unwrap().push(denial.clone());
    let result = example::fetch(guest(), policy, url, on_denied).await;
    let denials = denials.lock().unwrap().clone();
    // A promise that is rejected may be an error of the export, or a trap.
    (result.unwrap_or_else(|error| Err(error.to_string())), denials)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_allowed_request_of_a_javascript_guest_leaves() {
    let server = recorder::start(Response::ok("hello")).await;
    let origin = format!("http://{}", server.authority);
    let policy =
        format!("egress = [\"{origin}\"]\nnetworks = {{ \"{origin}\" = [\"127.0.0.0/8\"] }}");
    let (result, denials) = fetch(&policy, &format!("{origin}/greeting")).await;
    assert_eq!(result.as_deref().ok(), Some("200 hello"), "{result:?}");
    assert!(denials.is_empty(), "{denials:?}");
    let requests = server.requests();
    assert_eq!((requests.len(), requests[0].path.as_str()), (1, "/greeting"));
    assert_eq!(requests[0].header("host"), server.authority);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denied_request_of_a_javascript_guest_names_its_remedy() {
    let server = recorder::start(Response::ok("hello")).await;
    let origin = format!("http://{}", server.authority);
    let (result, denials) = fetch("", &format!("{origin}/greeting")).await;
    assert!(result.is_err(), "{result:?}");
    assert_eq!(denials.len(), 1);
    assert_eq!((denials[0].rule, denials[0].subject.as_str()), (Rule::Egress, origin.as_str()));
    assert_eq!(denials[0].remedy, format!("egress = [\"{origin}\"]"));
    assert!(server.requests().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_resolves_to_a_private_address_is_refused_to_a_javascript_guest() {
    let server = recorder::start(Response::ok("hello")).await;
    let port = server.authority.rsplit(':').next().unwrap();
    // The name is allowed, but it resolves to this machine, as after DNS rebinding.
    let origin = format!("http://localhost:{port}");
    let (result, denials) = fetch(&format!("egress = [\"{origin}\"]"), &origin).await;
    assert!(result.is_err(), "{result:?}");
    assert!(denials.iter().any(|denial| denial.rule == Rule::Networks), "{result:?} {denials:?}");
    assert!(server.requests().is_empty());
}
