//! Counts the instructions of native code paths with callgrind, which does not depend on the speed
//! of the machine, and compares them with `fixtures/instructions.txt`.

use std::fmt::Write;
use std::process::Command;
use tests::calls;

/// By how many per cent a count may differ from the fixture. Hash tables and allocators vary by
/// less.
const TOLERANCE: i64 = 5;

/// The same for a request to the server: its thread ticks once in a millisecond, and a slower machine
/// takes more of them for a request.
const SERVER_TOLERANCE: i64 = 15;

#[test]
fn requests_to_the_server_use_the_expected_number_of_instructions() {
    let cache = tempfile::tempdir().unwrap();
    let program = env!("CARGO_BIN_EXE_serve_instructions");
    let variables = [
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE".as_ref()),
        ("AWS_SECRET_ACCESS_KEY", "secret".as_ref()),
        ("PORTCULLIS_CACHE", cache.path()),
    ];
    let mut found = String::new();
    for api in ["wire", "json"] {
        // Compiles the plugin, which takes long in callgrind.
        let output = Command::new(program).args([api, "1"]).envs(variables).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let count = |times: &str| {
            let mut valgrind = callgrind(program);
            instructions(valgrind.args([api, times]).envs(variables))
        };
        writeln!(found, "serve-{api} GetItem {}", (count("220") - count("20")) / 200).unwrap();
    }
    calls::compare_with_fixture("serve-instructions.txt", &found, SERVER_TOLERANCE);
}

#[test]
fn native_paths_use_the_expected_number_of_instructions() {
    let mut found = String::new();
    for name in ["encode-typed", "encode-plain", "decode-typed", "decode-plain", "sign", "policy"] {
        for call in calls::all() {
            // The difference of two runs excludes the instructions of starting the program.
            let once = (path(name, call.action, 13) - path(name, call.action, 3)) / 10;
            writeln!(found, "{name} {} {once}", call.action).unwrap();
        }
    }
    calls::compare_with_fixture("instructions.txt", &found, TOLERANCE);
}

/// The instructions of one path, so many times.
fn path(path: &str, action: &str, times: u32) -> u64 {
    let mut valgrind = callgrind(env!("CARGO_BIN_EXE_instructions"));
    instructions(valgrind.args([path, action, &times.to_string()]))
}

fn callgrind(program: &str) -> Command {
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null", program]);
    valgrind
}

fn instructions(valgrind: &mut Command) -> u64 {
    let output = valgrind.output().expect("valgrind is installed; install it with: make servers");
    let messages = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{messages}");
    let collected = messages
        .lines()
        .find_map(|line| line.split_once("Collected : "))
        .expect("callgrind prints what it has collected")
        .1;
    collected.trim().parse().expect("the number of instructions is a number")
}
