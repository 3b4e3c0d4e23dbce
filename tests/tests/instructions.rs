//! What native code paths cost, in instructions as callgrind counts them: a guard that does not hang on the clock.

use std::fmt::Write;
use std::process::Command;
use tests::calls;

/// By how many per cent a count may differ from what is written down: hash tables and allocators vary by less.
const TOLERANCE: i64 = 5;

#[test]
fn native_paths_cost_the_instructions_that_are_written_down() {
    let mut found = String::new();
    for path in ["encode-typed", "encode-plain", "decode-typed", "decode-plain", "sign", "policy"] {
        for call in calls::all() {
            // The difference of two runs: what starting takes is in both.
            let once =
                (instructions(path, call.action, 13) - instructions(path, call.action, 3)) / 10;
            writeln!(found, "{path} {} {once}", call.action).unwrap();
        }
    }
    calls::compare("instructions.txt", &found, TOLERANCE);
}

fn instructions(path: &str, action: &str, times: u32) -> u64 {
    let mut valgrind = Command::new("valgrind");
    valgrind.args([
        "--tool=callgrind",
        "--callgrind-out-file=/dev/null",
        env!("CARGO_BIN_EXE_instructions"),
    ]);
    valgrind.args([path, action, &times.to_string()]);
    let output = valgrind.output().expect("valgrind is not installed: apt-get install valgrind");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{told}");
    let collected = told
        .lines()
        .find_map(|line| line.split_once("Collected : "))
        .expect("callgrind tells what it collected")
        .1;
    collected.trim().parse().expect("a number of instructions")
}
