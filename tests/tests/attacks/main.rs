//! Carries out every attack of the threat model, rows A to E, on a host of this process.
//!
//! Most attacks use the hostile plugin of `tests/hostile`. The name of each test begins with its
//! row. After each test an honest call on the same host must succeed.
//!
//! `docs/threat-model.md` lists the rows with the names of their tests. This command writes that
//! list: `PORTCULLIS_UPDATE=1 cargo test --workspace --test attacks`.
#![deny(dead_code)]

mod audit;
mod destination;
mod list;
mod loading;
mod memory_and_size;
mod process_memory;
mod request;
mod sandbox_memory;
mod secrets;
mod support;
mod threat_page;
mod threat_rows;
mod time;
mod tls;

use audit::{
    calls_are_refused_if_the_audit_log_cannot_be_written,
    each_call_and_each_refusal_writes_one_record,
    records_are_numbered_without_gaps_and_name_the_caller, times_are_counted_by_action_and_outcome,
};
use libtest_mimic::{Arguments, Failed, Trial};
use list::{OF_BEHAVIOURS, OTHERS, Test};
use threat_page::{every_row_has_a_test, threat_model_page_lists_every_row_and_test};

/// Checks that are not attacks.
const CHECKS: &[Test] = list::test_list! {
    page every_row_has_a_test,
    page threat_model_page_lists_every_row_and_test,
    audit each_call_and_each_refusal_writes_one_record,
    audit calls_are_refused_if_the_audit_log_cannot_be_written,
    audit records_are_numbered_without_gaps_and_name_the_caller,
    audit times_are_counted_by_action_and_outcome,
};

fn main() {
    let arguments = Arguments::from_args();
    let all = OF_BEHAVIOURS.iter().chain(OTHERS).chain(CHECKS);
    let trials =
        all.map(|test| Trial::test(format!("{}_{}", test.row, test.name), || run(test))).collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    if !arguments.list {
        support::print_counts();
    }
    conclusion.exit();
}

fn run(test: &'static Test) -> Result<(), Failed> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        (test.run)().await;
        support::assert_host_is_alive().await;
    });
    Ok(())
}
