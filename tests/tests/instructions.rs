//! Counts the instructions of native code paths with callgrind, which does not depend on the speed
//! of the machine, and compares them with `fixtures/instructions.txt`.

use std::fmt::Write;
use std::process::Command;
use tests::calls;

/// By how many per cent a count may differ from the fixture. Hash tables and allocators vary by
/// less.
const TOLERANCE: i64 = 5;

#[test]
fn native_paths_use_the_expected_number_of_instructions() {
    let mut found = String::new();
    for path in ["encode-typed", "encode-plain", "decode-typed", "decode-plain", "sign", "policy"] {
        for call in calls::all() {
            // The difference of two runs excludes the instructions of starting the program.
            let once =
                (instructions(path, call.action, 13) - instructions(path, call.action, 3)) / 10;
            writeln!(found, "{path} {} {once}", call.action).unwrap();
        }
    }
    calls::compare_with_fixture("instructions.txt", &found, TOLERANCE);
}

fn instructions(path: &str, action: &str, times: u32) -> u64 {
    let mut valgrind = Command::new("valgrind");
    valgrind.args([
        "--tool=callgrind",
        "--callgrind-out-file=/dev/null",
        env!("CARGO_BIN_EXE_instructions"),
    ]);
    valgrind.args([path, action, &times.to_string()]);
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
