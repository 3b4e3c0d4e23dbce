//! Clients and plugins that attack `portcullis serve` while others use it.

use super::support::{Serve, datasource, token};
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tests::plugins::{HOSTILE, HOSTILE_MANIFEST};

/// Attacks of the hostile plugin with their arguments.
const BEHAVIOURS: [&str; 8] = [
    "loop_in_execute",
    "loop_of_host_calls",
    "grow_memory",
    "hoard_resources",
    "huge_output",
    "long_error 120000000",
    "panic_on_purpose",
    "many_faults 500000",
];
/// The pause of an attacker between two attacks: else the test would only measure how long clients
/// wait for a core.
const PAUSE: Duration = Duration::from_millis(50);

/// Policy lines of the attackers: a token of their own, and datasources with the hostile plugin,
/// whose files are written to `folder`.
pub(crate) fn policy(folder: &Path, authority: &str) -> String {
    std::fs::write(folder.join("hostile.wasm"), HOSTILE).unwrap();
    std::fs::write(folder.join("hostile.toml"), HOSTILE_MANIFEST).unwrap();
    let mut policy = datasource("victim", authority, "limits = { concurrent-calls = 2 }");
    let mut names = vec!["\"victim\"".to_string()];
    for (index, behaviour) in BEHAVIOURS.iter().enumerate() {
        let (behaviour, arguments) = behaviour.split_once(' ').unwrap_or((behaviour, ""));
        let settings = format!("{behaviour} {authority} {arguments}");
        std::fs::write(folder.join(format!("hostile{index}.txt")), settings).unwrap();
        names.push(format!("\"hostile{index}\""));
        write!(
            policy,
            "[datasources.hostile{index}]\nplugin = {{ file = \"hostile.wasm\", manifest = \
             \"hostile.toml\" }}\nsettings-file = \"hostile{index}.txt\"\ncredentials = {{ from = \
             \"env\" }}\nlimits = {{ deadline = \"500ms\" }}\n"
        )
        .unwrap();
    }
    policy + &token("evil", "pcl_evil", &format!("datasources = [{}]", names.join(", ")))
}

/// Attacks until `stop` is set. Returns the number of attacks.
pub(crate) fn attack(serve: &Serve, stop: &AtomicBool) -> u64 {
    let count = AtomicU64::new(0);
    let again = |attack: &dyn Fn(u64)| {
        while !stop.load(Ordering::Relaxed) {
            attack(count.fetch_add(1, Ordering::Relaxed));
            std::thread::sleep(PAUSE);
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| again(&|number| refused_early(serve, number)));
        scope.spawn(|| again(&|_| silent(serve)));
        scope.spawn(|| again(&|_| template(serve)));
        scope.spawn(|| again(&|number| body(serve, number)));
        scope.spawn(|| again(&|number| plugin(serve, number)));
    });
    count.into_inner()
}

/// A large body with an unknown token.
fn refused_early(serve: &Serve, number: u64) {
    let body = vec![b' '; if number.is_multiple_of(8) { 4_000_000 } else { 20_000 }];
    send(serve, "/v1/datasources/orders/actions/PutItem", "pcl_unknown", "application/json", &body);
}

/// Connections that send nothing.
fn silent(serve: &Serve) {
    let connections: Vec<TcpStream> = (0..50).map(|_| serve.connect()).collect();
    std::thread::sleep(PAUSE);
    drop(connections);
}

/// A template that would be large.
fn template(serve: &Serve) {
    let body = serde_json::json!({
        "template": format!("[{}]", vec!["{{a}}"; 3000].join(",")), "values": {"a": "x".repeat(100_000)},
    });
    let path = "/v1/datasources/victim/actions/PutItem";
    let bound = "application/vnd.portcullis.bound+json";
    send(serve, path, "pcl_evil", bound, body.to_string().as_bytes());
}

/// Large bodies, some of which do not end.
fn body(serve: &Serve, number: u64) {
    let path = "/v1/datasources/victim/actions/PutItem";
    if number.is_multiple_of(4) {
        let item = format!(r#"{{"TableName": "a", "Item": {{"x": "{}"}}}}"#, "x".repeat(1_000_000));
        return send(serve, path, "pcl_evil", "application/json", item.as_bytes());
    }
    let mut stream = serve.connect();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer pcl_evil\r\n\
         Content-Type: application/json\r\nContent-Length: 15000000\r\n\r\n"
    );
    // The server may refuse it in the middle.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&vec![b' '; 500_000]));
}

fn plugin(serve: &Serve, number: u64) {
    let index = number as usize % BEHAVIOURS.len();
    let path = format!("/v1/datasources/hostile{index}/actions/GetItem");
    send(serve, &path, "pcl_evil", "application/json", b"{}");
}

/// Sends a request on a connection of its own. Whatever the response is, it is read.
fn send(serve: &Serve, path: &str, token: &str, media_type: &str, body: &[u8]) {
    let mut stream = serve.connect();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: {media_type}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let mut response = Vec::new();
    let sent = stream
        .write_all(head.as_bytes())
        .and_then(|()| stream.write_all(body))
        .and_then(|()| stream.read_to_end(&mut response));
    assert!(sent.is_ok() && response.starts_with(b"HTTP/1.1 "), "{path}: {sent:?} {response:?}");
}
