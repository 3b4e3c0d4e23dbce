//! The store of saved datasources: what happens if it cannot be used, and if the process is killed.

mod support;

use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use support::saved::{
    bytes_in, document, folder, get, list_tables, policy, put, run, send, service, signer, start,
};
use support::{Serve, try_send};

/// A way in which a store cannot be used.
struct Broken {
    name: &'static str,
    /// Breaks the store in this folder.
    with: fn(&Path),
    /// What the operator reads.
    says: &'static str,
}

const BROKEN: [Broken; 8] = [
    Broken {
        name: "missing",
        with: |folder| std::fs::remove_file(folder.join("store.db")).unwrap(),
        says: "there is no store",
    },
    Broken { name: "empty", with: |folder| write(folder, &[]), says: "not a store" },
    Broken {
        name: "something else",
        with: |folder| write(folder, &[7; 9000]),
        says: "not a store",
    },
    Broken {
        name: "another format",
        with: |folder| {
            let mut bytes = std::fs::read(folder.join("store.db")).unwrap();
            // The user version in SQLite's header.
            bytes[63] += 1;
            write(folder, &bytes);
        },
        says: "has the format 2",
    },
    Broken {
        name: "damaged",
        with: |folder| {
            let mut bytes = std::fs::read(folder.join("store.db")).unwrap();
            bytes[4096..].fill(0x55);
            write(folder, &bytes);
        },
        says: "damaged",
    },
    Broken {
        name: "another key",
        with: |folder| {
            let key = std::fs::read_to_string(folder.join("store.key")).unwrap();
            let digit = if key.starts_with('0') { "1" } else { "0" };
            std::fs::write(folder.join("store.key"), format!("{digit}{}", &key[1..])).unwrap();
        },
        says: "another one",
    },
    Broken {
        name: "no key",
        with: |folder| std::fs::remove_file(folder.join("store.key")).unwrap(),
        says: "portcullis store key",
    },
    Broken {
        name: "no key in the file",
        with: |folder| std::fs::write(folder.join("store.key"), "12\n").unwrap(),
        says: "64 hexadecimal digits",
    },
];

fn write(folder: &Path, bytes: &[u8]) {
    std::fs::write(folder.join("store.db"), bytes).unwrap();
}

/// The files of the store, and their contents.
fn store_in(folder: &Path) -> Vec<Option<Vec<u8>>> {
    ["store.db", "store.db-journal"]
        .iter()
        .map(|file| std::fs::read(folder.join(file)).ok())
        .collect()
}

/// A folder whose store has one datasource.
fn used() -> (Vec<u8>, Vec<u8>) {
    let mut serve = Serve::start_in(folder(), &policy("127.0.0.1:1"), &[]);
    assert_eq!(put(&serve, "a-x", "token-a", &document("AKID")).status, 201);
    serve.signal("TERM");
    serve.wait();
    let read = |file: &str| std::fs::read(serve.path(file)).unwrap();
    (read("store.db"), read("store.key"))
}

#[test]
fn i6_a_store_that_cannot_be_used_is_left_alone_and_says_why() {
    let (store, key) = used();
    for Broken { name, with, says } in BROKEN {
        let folder = folder();
        write(folder.path(), &store);
        std::fs::write(folder.path().join("store.key"), &key).unwrap();
        with(folder.path());
        let before = store_in(folder.path());
        let serve = Serve::start_in(folder, &policy("127.0.0.1:1"), &[]);
        let check = Command::new(env!("CARGO_BIN_EXE_portcullis"))
            .arg("check")
            .current_dir(serve.path(""))
            .output()
            .unwrap();
        let message = String::from_utf8_lossy(&check.stderr).into_owned();
        assert!(!check.status.success() && message.contains(says), "{name}: {message}");

        let refused = put(&serve, "a-y", "token-a", &document("AKID"));
        let called = list_tables(&serve, "a-x", "token-a");
        for response in [&refused, &called] {
            let problem = response.json();
            assert_eq!((response.status, &problem["case"]), (503, &json!("store")), "{name}");
            // Files and keys are the operator's.
            assert!(!problem.to_string().contains(says), "{name}: {problem}");
        }
        let list = send(&serve, "GET", "/v1/datasources", "operator-token", &[], &Value::Null);
        let list = list.json();
        assert_eq!(list["store"]["state"], "unavailable", "{name}: {list}");
        assert!(list["store"]["reason"].as_str().unwrap().contains(says), "{name}: {list}");
        serve.wait_for_log("saved datasources are not available");
        assert!(store_in(serve.path("").as_path()) == before, "{name}: something was written");

        // When it is put right, the server goes on without a restart.
        write(serve.path("").as_path(), &store);
        std::fs::write(serve.path("store.key"), &key).unwrap();
        let owner: std::fs::Permissions = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        for file in ["store.db", "store.key"] {
            std::fs::set_permissions(serve.path(file), owner.clone()).unwrap();
        }
        let end = Instant::now() + Duration::from_secs(15);
        while get(&serve, "a-x", "token-a").status != 200 {
            assert!(Instant::now() < end, "{name}: {}", serve.log());
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

/// Starts the server again with other keys. Returns the status of calls of two datasources, and of
/// saving the first one again.
fn restart(serve: &mut Serve, policy: &str, keys: &str) -> (u16, u16, u16) {
    serve.signal("TERM");
    serve.wait();
    let next = tempfile::tempdir().unwrap();
    for file in ["store.db", "store.key"] {
        std::fs::copy(serve.path(file), next.path().join(file)).unwrap();
    }
    std::fs::write(next.path().join("store.key"), keys).unwrap();
    *serve = Serve::start_in(next, policy, &[]);
    let call = |name: &str| list_tables(serve, name, "token-a").status;
    let mut kept = document("");
    kept.as_object_mut().unwrap().remove("credentials");
    (call("a-again"), call("a-before"), put(serve, "a-again", "token-a", &kept).status)
}

#[tokio::test(flavor = "multi_thread")]
async fn i6_a_key_is_rotated_and_a_secret_that_was_moved_is_not_opened() {
    let service = service().await;
    let text = policy(&service.authority);
    let folder = folder();
    let key = |folder: &Path| std::fs::read_to_string(folder.join("store.key")).unwrap();
    let old = key(folder.path());
    let mut serve = Serve::start_in(folder, &text, &[]);
    for name in ["a-again", "a-before"] {
        assert_eq!(put(&serve, name, "token-a", &document("AKID")).status, 201);
    }
    run(&serve.path(""), &["store", "key", "--rotate", "store.key"]);
    let both = key(&serve.path(""));
    assert_eq!(restart(&mut serve, &text, &both), (200, 200, 200), "both keys are known");
    serve.wait_for_log("secrets were sealed again");
    let new = both.strip_suffix(&old).unwrap();
    assert_eq!(
        restart(&mut serve, &text, new),
        (200, 200, 200),
        "the old key is not needed any more"
    );
    let third = tempfile::tempdir().unwrap();
    run(third.path(), &["store", "key", "-o", "store.key"]);
    let third = key(third.path());
    // One secret is moved from another row: it cannot be opened, and the others can.
    let moved = Command::new("python3")
        .args(["-c", "import sqlite3,sys; d=sqlite3.connect(sys.argv[1]); d.execute(\"UPDATE datasource SET \
            sealed=(SELECT sealed FROM datasource WHERE name='a-again') WHERE name='a-before'\"); d.commit()"])
        .arg(serve.path("store.db"))
        .status()
        .unwrap();
    assert!(moved.success());
    assert_eq!(restart(&mut serve, &text, &format!("{third}{new}")), (200, 503, 200));
    let refused = list_tables(&serve, "a-before", "token-a");
    let problem = refused.json();
    assert_eq!(problem["case"], "invalid-settings", "{problem}");
    assert!(problem["remedy"].as_str().unwrap().contains("save it again"), "{problem}");
    assert_eq!(get(&serve, "a-before", "token-a").json()["state"], "unavailable");
    assert_eq!(
        put(&serve, "a-before", "token-a", &document("AKID3")).status,
        200,
        "a new secret helps"
    );
    assert_eq!(signer(&list_tables(&serve, "a-before", "token-a")), "AKID3");
}

#[tokio::test(flavor = "multi_thread")]
async fn i6_a_store_is_used_by_one_server_at_a_time() {
    let service = service().await;
    let mut first = start(&service);
    assert_eq!(put(&first, "a-x", "token-a", &document("AKID")).status, 201);
    let text = policy(&service.authority);
    let path = |file: &str| format!("\"{}\"", first.path(file).display());
    let text = text
        .replace("\"store.db\"", &path("store.db"))
        .replace("\"store.key\"", &path("store.key"));
    let second = Serve::start(&text, &[]);
    let refused = list_tables(&second, "a-x", "token-a");
    assert_eq!((refused.status, &refused.json()["case"]), (503, &"store".into()));
    let seen = get(&second, "a-x", "operator-token").json()["detail"].to_string();
    assert!(seen.contains("another process uses the store"), "{seen}");
    assert!(seen.contains("store.db"), "{seen}");
    assert_eq!(put(&second, "a-y", "token-a", &document("AKID")).status, 503);
    assert_eq!(signer(&list_tables(&first, "a-x", "token-a")), "AKID");
    // When the first one has ended, the other one takes over.
    first.signal("TERM");
    first.wait();
    let end = Instant::now() + Duration::from_secs(10);
    while list_tables(&second, "a-x", "token-a").status != 200 {
        assert!(Instant::now() < end, "{}", second.log());
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_use_goes_on_without_the_store() {
    let service = service().await;
    let serve = start(&service);
    assert_eq!(put(&serve, "a-warm", "token-a", &document("AKID")).status, 201);
    assert_eq!(put(&serve, "a-cold", "token-a", &document("AKID")).status, 201);
    assert_eq!(signer(&list_tables(&serve, "a-warm", "token-a")), "AKID");
    std::fs::rename(serve.path("store.db"), serve.path("moved.db")).unwrap();
    assert_eq!(signer(&list_tables(&serve, "a-warm", "token-a")), "AKID");
    assert_eq!(list_tables(&serve, "a-cold", "token-a").status, 503);
    assert_eq!(put(&serve, "a-new", "token-a", &document("AKID")).status, 503);
    std::fs::rename(serve.path("moved.db"), serve.path("store.db")).unwrap();
    let end = Instant::now() + Duration::from_secs(10);
    while list_tables(&serve, "a-cold", "token-a").status != 200 {
        assert!(Instant::now() < end, "{}", serve.log());
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_datasource_whose_saving_was_acknowledged_is_there_after_the_process_was_killed() {
    const PUTS: usize = 1000;
    const CLIENTS: usize = 4;
    let service = service().await;
    let text = policy(&service.authority);
    let mut serve = Serve::start_in(folder(), &text, &[]);
    let stop = AtomicBool::new(false);
    let url = serve.url.clone();
    let body = document("AKID").to_string();
    let client = |client: usize| {
        let mut acknowledged = Vec::new();
        for number in 0..PUTS / CLIENTS {
            let name = format!("a-{client}-{number}");
            let headers =
                [("authorization", "Bearer token-a"), ("content-type", "application/json")];
            let path = format!("{url}/v1/datasources/{name}");
            match try_send("PUT", &path, &headers, body.as_bytes()) {
                Ok(response) if response.status == 201 => acknowledged.push(name),
                _ if stop.load(Ordering::Acquire) => break,
                other => panic!("{name}: {other:?}"),
            }
        }
        acknowledged
    };
    let acknowledged: Vec<String> = std::thread::scope(|scope| {
        let client = &client;
        let clients: Vec<_> =
            (0..CLIENTS).map(|number| scope.spawn(move || client(number))).collect();
        // In the middle of them.
        let store = serve.path("store.db");
        let end = Instant::now() + Duration::from_secs(30);
        while std::fs::metadata(&store).map_or(0, |found| found.len()) < 100 << 10 {
            assert!(Instant::now() < end, "{}", serve.log());
            std::thread::sleep(Duration::from_millis(1));
        }
        stop.store(true, Ordering::Release);
        serve.signal("KILL");
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    });
    serve.wait();
    assert!((10..PUTS).contains(&acknowledged.len()), "{}", acknowledged.len());
    let copy = tempfile::tempdir().unwrap();
    for file in ["store.db", "store.db-journal", "store.key"] {
        // There is a journal only if a change was being made.
        if serve.path(file).exists() {
            std::fs::copy(serve.path(file), copy.path().join(file)).unwrap();
        }
    }
    let serve = Serve::start_in(copy, &text, &[]);
    for name in &acknowledged {
        assert_eq!(get(&serve, name, "token-a").status, 200, "{name}");
    }
    let last = acknowledged.last().unwrap();
    assert_eq!(signer(&list_tables(&serve, last, "token-a")), "AKID");
}

#[test]
fn a_store_and_its_key_are_created_once_and_only_for_their_owner() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder();
    for file in ["store.key", "store.db"] {
        let mode = std::fs::metadata(folder.path().join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    for arguments in [&["store", "key", "-o", "store.key"][..], &["store", "create", "store.db"]] {
        let before = bytes_in(folder.path());
        let output = Command::new(env!("CARGO_BIN_EXE_portcullis"))
            .args(arguments)
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(!output.status.success());
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(message.contains("nothing was changed"), "{message}");
        assert_eq!(bytes_in(folder.path()), before);
    }
}

/// Runs `portcullis store key --rotate` in a folder.
fn rotate(folder: &Path, file: &str) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .args(["store", "key", "--rotate", file])
        .current_dir(folder)
        .output()
        .unwrap()
}

#[test]
fn a_new_key_is_put_before_the_old_ones_and_the_next_steps_are_printed() {
    let folder = folder();
    let path = folder.path().join("store.key");
    let old = format!("# since May\n{}", std::fs::read_to_string(&path).unwrap());
    std::fs::write(&path, &old).unwrap();
    mode(&path, 0o400);
    let output = rotate(folder.path(), "store.key");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let both = std::fs::read_to_string(&path).unwrap();
    let new = both.strip_suffix(&old).unwrap();
    assert!(new.len() == 65 && !old.contains(new.trim()), "it is one new key");
    assert!(!printed.contains(new.trim()), "a key is not printed");
    for part in ["store.key has a new key", "Restart the server", "remove the lines of the old"] {
        assert!(printed.contains(part), "{part} is missing in {printed}");
    }
    let found = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&path).unwrap());
    assert_eq!(found & 0o7777, 0o400, "the mode is kept");
    let names = |folder: &Path| std::fs::read_dir(folder).unwrap().count();
    assert_eq!(names(folder.path()), 2, "only the key and the store are there");
    for _ in 0..6 {
        assert!(rotate(folder.path(), "store.key").status.success());
    }
    let full = std::fs::read_to_string(&path).unwrap();
    let output = rotate(folder.path(), "store.key");
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && message.contains("there are 8 keys"), "{message}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), full);
    assert_eq!(names(folder.path()), 2);
}

/// A way in which a file cannot get a new key, and what the operator reads.
type Refused = (fn(&Path), &'static [&'static str]);

const REFUSED: [Refused; 8] = [
    (|path| std::fs::write(path, "12\n").unwrap(), &["line 1 is not a key", "64 hexadecimal"]),
    (|path| std::fs::write(path, "# none\n").unwrap(), &["there is no key"]),
    (|path| std::fs::write(path, [0xff]).unwrap(), &["not UTF-8"]),
    (|path| mode(path, 0o640), &["is open to others (mode 640)", "chmod go-rwx"]),
    (|path| mode(path.parent().unwrap(), 0o777), &["may be changed by others", "the folder"]),
    (
        |path| {
            let other = path.with_file_name("other.key");
            std::fs::rename(path, &other).unwrap();
            std::os::unix::fs::symlink(other, path).unwrap();
        },
        &["is not a regular file, but a link", "name the file that the link leads to"],
    ),
    (
        |path| std::fs::remove_file(path).unwrap(),
        &["cannot be opened", "`portcullis store key -o FILE` writes a new file"],
    ),
    (
        |path| std::fs::write(path.with_file_name("store.key.new"), "half").unwrap(),
        &["is being replaced by another process", "there is store.key.new", "remove that file"],
    ),
];

fn mode(path: &Path, mode: u32) {
    let permissions = std::os::unix::fs::PermissionsExt::from_mode(mode);
    std::fs::set_permissions(path, permissions).unwrap();
}

#[test]
fn a_file_that_is_no_key_or_open_to_others_gets_no_new_key() {
    for (with, says) in REFUSED {
        let folder = folder();
        let path = folder.path().join("store.key");
        with(&path);
        let files = || {
            let files = std::fs::read_dir(folder.path()).unwrap();
            let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
            files.sort();
            files.into_iter().map(|file| (std::fs::read(&file).ok(), file)).collect::<Vec<_>>()
        };
        let before = files();
        let output = rotate(folder.path(), "store.key");
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{message}");
        for part in [says, &["nothing was changed"]].concat() {
            assert!(message.contains(part), "{part} is missing in {message}");
        }
        assert!(files() == before, "{message}");
    }
    let folder = folder();
    let both = ["store", "key", "--rotate", "store.key", "-o", "new.key"];
    let program = env!("CARGO_BIN_EXE_portcullis");
    let output = Command::new(program).args(both).current_dir(folder.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "one of the options, not both");
}

/// Reads the name of whoever signed calls of a datasource, until it is another one.
fn signer_becomes(serve: &Serve, name: &str, expected: &str) {
    let end = Instant::now() + Duration::from_secs(15);
    while signer(&list_tables(serve, name, "token-a")) != expected {
        assert!(Instant::now() < end, "{name} is still used as it was");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_is_put_in_the_place_of_the_store_is_used_at_once() {
    let service = service().await;
    let serve = start(&service);
    assert_eq!(put(&serve, "a-x", "token-a", &document("AKID1")).status, 201);
    std::fs::copy(serve.path("store.db"), serve.path("copy.db")).unwrap();
    let before = get(&serve, "a-x", "token-a").header("etag").to_string();
    assert_eq!(put(&serve, "a-x", "token-a", &document("AKID2")).status, 200);
    assert_eq!(put(&serve, "a-new", "token-a", &document("AKID3")).status, 201);
    let newer = get(&serve, "a-new", "token-a").header("etag").to_string();
    for (name, id) in [("a-x", "AKID2"), ("a-new", "AKID3")] {
        assert_eq!(signer(&list_tables(&serve, name, "token-a")), id);
    }
    std::fs::rename(serve.path("copy.db"), serve.path("store.db")).unwrap();
    signer_becomes(&serve, "a-x", "AKID1");
    assert_eq!(list_tables(&serve, "a-new", "token-a").status, 404);
    assert_eq!(get(&serve, "a-x", "token-a").header("etag"), before);
    // No version is given to two.
    let again = put(&serve, "a-new", "token-a", &document("AKID4"));
    assert_eq!(again.status, 201);
    assert_ne!(again.header("etag"), newer);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_whose_client_left_is_made_completely_or_not_at_all() {
    let service = service().await;
    let serve = start(&service);
    for round in 0..40 {
        let name = format!("a-{round}");
        assert_eq!(put(&serve, &name, "token-a", &document("AKID1")).status, 201);
        assert_eq!(signer(&list_tables(&serve, &name, "token-a")), "AKID1");
        let body = document("AKID2").to_string();
        let mut client = serve.connect();
        let request = format!(
            "PUT /v1/datasources/{name} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer token-a\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        client.write_all(request.as_bytes()).unwrap();
        std::thread::sleep(Duration::from_micros(round * 150));
        drop(client);
    }
    // What was being done is done.
    std::thread::sleep(Duration::from_secs(1));
    let audit = serve.audit();
    let saves = |name: &str| {
        let subject = format!("datasource {name} of tenant a,");
        let of_name = |record: &&Value| {
            record["action"] == "save" && record["subject"].as_str().unwrap().starts_with(&subject)
        };
        audit.iter().filter(of_name).count()
    };
    let mut changed = 0;
    for round in 0..40 {
        let name = format!("a-{round}");
        let signer = signer(&list_tables(&serve, &name, "token-a"));
        let (expected, count) = if saves(&name) == 2 { ("AKID2", 1) } else { ("AKID1", 0) };
        assert_eq!(signer, expected, "{name}");
        changed += count;
    }
    assert!((1..=40).contains(&changed), "{changed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_changes_without_a_condition_the_last_one_stays() {
    let service = service().await;
    let serve = start(&service);
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                for _ in 0..5 {
                    let response = put(&serve, "a-x", "token-a", &document("AKID"));
                    assert!(matches!(response.status, 200 | 201), "{response:?}");
                }
            });
        }
    });
    assert_eq!(put(&serve, "a-x", "token-a", &document("LAST")).status, 200);
    assert_eq!(signer(&list_tables(&serve, "a-x", "token-a")), "LAST");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_disables_a_saved_datasource_and_sees_those_of_all() {
    let service = service().await;
    let serve = start(&service);
    assert_eq!(put(&serve, "a-x", "token-a", &document("AKID")).status, 201);
    assert_eq!(signer(&list_tables(&serve, "a-x", "token-a")), "AKID");
    assert_eq!(get(&serve, "a-x", "operator-token").json()["tenant"], "a");
    let switch = |to: &str, token: &str| {
        send(&serve, "POST", &format!("/v1/datasources/a-x:{to}"), token, &[], &Value::Null)
    };
    assert_eq!(switch("disable", "token-a").status, 403);
    let disabled = switch("disable", "operator-token");
    assert_eq!((disabled.status, &disabled.json()["state"]), (200, &json!("disabled")));
    assert_eq!(list_tables(&serve, "a-x", "token-a").json()["case"], "disabled");
    let mut kept = document("");
    kept.as_object_mut().unwrap().remove("credentials");
    kept["name"] = "a-x".into();
    let tested = send(&serve, "POST", "/v1/datasources:test", "token-a", &[], &kept);
    assert_eq!((tested.status, &tested.json()["case"]), (403, &"disabled".into()));
    assert_eq!(put(&serve, "a-x", "token-a", &document("AKID")).status, 200);
    assert_eq!(list_tables(&serve, "a-x", "token-a").status, 403, "saving it does not enable it");
    assert_eq!(get(&serve, "a-x", "token-a").json()["state"], "disabled");
    assert_eq!(switch("enable", "operator-token").status, 200);
    assert_eq!(signer(&list_tables(&serve, "a-x", "token-a")), "AKID");
    let none =
        send(&serve, "POST", "/v1/datasources/none:disable", "operator-token", &[], &Value::Null);
    assert_eq!(none.status, 404);
}
