//! Every row of the threat model, A to E, as an attack that is carried out: on this host, with a plugin made for it.
//!
//! Each test's name begins with its row. After each of them an honest call on the same host must succeed. The page
//! `docs/threat-model.md` lists the rows with these names; it is written by `PORTCULLIS_UPDATE=1 cargo test --workspace --test attacks`.
#![deny(dead_code)]
#![expect(
    clippy::wildcard_imports,
    reason = "the lists below name every test; one that they miss is dead code"
)]

mod loading;
mod memory;
mod page;
mod place;
mod request;
mod rows;
mod secrets;
mod space;
mod support;
mod time;
mod tls;

use libtest_mimic::{Arguments, Failed, Trial};
use loading::*;
use memory::*;
use page::*;
use place::*;
use request::*;
use secrets::*;
use space::*;
use std::pin::Pin;
use time::*;
use tls::*;

include!("../../hostile/behaviours.rs");

/// One attack.
pub(crate) struct Test {
    row: &'static str,
    name: &'static str,
    run: fn() -> Pin<Box<dyn Future<Output = ()>>>,
}

/// The attacks of the hostile plugin: one for each of its behaviours.
macro_rules! of_behaviours {
    ($($row:ident $behaviour:ident => $sentence:ident,)+) => {
        const OF_THE_PLUGIN: &[Test] = &[$(test!($row $sentence)),+];
    };
}

macro_rules! test {
    ($row:ident $sentence:ident) => {
        Test { row: stringify!($row), name: stringify!($sentence), run: || Box::pin($sentence()) }
    };
}

macro_rules! tests {
    ($($row:ident $sentence:ident,)+) => {
        &[$(test!($row $sentence)),+]
    };
}

behaviours!(of_behaviours);

/// The attacks that need no behaviour of their own.
const OTHERS: &[Test] = tests! {
    A1 host_port_and_scheme_of_an_origin_count,
    A2 http_is_refused_where_https_is_allowed,
    A3 neighbours_of_an_allowed_name_are_refused,
    A5 a_name_in_capitals_is_the_same_and_other_spellings_are_refused,
    A7 a_name_at_an_address_of_this_network_is_refused,
    A8 metadata_addresses_are_refused_in_every_disguise_and_despite_a_carve_out,
    A9 a_mixed_answer_of_the_resolver_is_refused_whole,
    A10 after_rebinding_the_judged_address_is_the_one_that_was_dialled,
    A11 addresses_in_odd_spellings_reach_nothing,
    A12 redirects_are_not_followed,
    A13 proxies_of_the_environment_are_ignored,
    A14 settings_cannot_smuggle_a_host,
    A16 a_connection_is_never_used_for_another_datasource_origin_or_identity,
    A16 tls_trusts_its_own_authority_and_presents_its_own_certificate,
    B7 what_is_observed_passes_and_is_written_down,
    C1 the_long_lived_secret_is_nowhere_in_the_guests_memory,
    C3 nothing_secret_is_logged_or_shown,
    C5 what_the_policy_denies_fetches_no_credential,
    C6 expired_credentials_are_fetched_anew,
    C6 a_secret_overwrites_itself_when_dropped,
    D1 a_loop_at_the_start_ends_at_the_deadline,
    D4 tables_are_bounded_and_the_bound_is_named,
    D4 memories_and_tables_beyond_their_number_are_refused,
    D5 an_endless_answer_is_cut_at_the_limit,
    D5 a_dripping_answer_ends_at_the_deadline,
    D5 a_silent_answer_ends_at_its_timeout,
    D5 a_huge_head_of_an_answer_is_cut_at_the_limit,
    D5 a_slow_tls_handshake_ends_at_its_timeout,
    D5 a_slow_connect_ends_at_its_timeout,
    D5 a_slow_resolver_ends_at_the_connect_timeout,
    D6 huge_or_deeply_nested_input_is_refused,
    D6 a_deeply_nested_answer_of_the_service_is_an_error,
    D7 a_flood_on_one_datasource_leaves_another_its_turns,
    D10 no_encoding_is_negotiated_and_none_is_undone,
    E1 a_component_that_imports_more_than_the_world_is_refused_by_name,
    E2 what_is_no_plugin_is_refused_with_the_reason,
    E3 a_tampered_component_is_not_loaded,
    E3 a_tampered_or_foreign_compiled_cache_is_not_used,
    E4 a_component_that_is_too_large_or_slow_to_compile_is_refused,
    E4 a_trap_at_the_start_is_told,
};

/// The checks that are no attacks.
const CHECKS: &[Test] = tests! {
    page every_row_has_a_test,
    page the_page_lists_the_rows_with_their_tests,
    audit each_call_and_each_refusal_leaves_one_record,
    audit calls_that_cannot_be_written_down_are_refused,
};

fn main() {
    let arguments = Arguments::from_args();
    let all = OF_THE_PLUGIN.iter().chain(OTHERS).chain(CHECKS);
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
