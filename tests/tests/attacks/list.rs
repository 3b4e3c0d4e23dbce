//! Every attack test, with the row of the threat model that it belongs to.
#![expect(
    clippy::wildcard_imports,
    reason = "the lists name every test; a test that is missing here is reported as dead code"
)]

use super::destination::*;
use super::loading::*;
use super::memory_and_size::*;
use super::process_memory::*;
use super::request::*;
use super::sandbox_memory::*;
use super::secrets::*;
use super::time::*;
use super::tls::*;
use std::pin::Pin;

include!("../../hostile/behaviours.rs");

/// One test.
pub(crate) struct Test {
    /// The row of the threat model, such as `A1`; for other checks, what they are about.
    pub(crate) row: &'static str,
    pub(crate) name: &'static str,
    pub(crate) run: fn() -> Pin<Box<dyn Future<Output = ()>>>,
}

/// Makes a list of [`Test`]s out of rows and of functions without arguments.
macro_rules! test_list {
    ($($row:ident $name:ident,)+) => {
        &[$($crate::list::Test {
            row: stringify!($row),
            name: stringify!($name),
            run: || Box::pin($name()),
        }),+]
    };
}
pub(crate) use test_list;

macro_rules! list_of_behaviours {
    ($($row:ident $behaviour:ident => $sentence:ident,)+) => {
        /// The attacks of the hostile plugin: one test for each of its behaviours.
        pub(crate) const OF_BEHAVIOURS: &[Test] = test_list! { $($row $sentence,)+ };
    };
}
behaviours!(list_of_behaviours);

/// The attacks that need no behaviour of the hostile plugin.
pub(crate) const OTHERS: &[Test] = test_list! {
    A1 host_port_and_scheme_must_all_match,
    A2 http_is_refused_if_only_https_is_allowed,
    A3 names_similar_to_an_allowed_name_are_refused,
    A5 host_names_ignore_case_and_other_spellings_are_refused,
    A7 name_that_resolves_to_a_non_public_address_is_refused,
    A8 metadata_addresses_are_refused_in_every_form_even_if_listed,
    A9 dns_response_with_one_forbidden_address_is_refused,
    A10 after_dns_rebinding_only_the_checked_address_is_dialled,
    A11 unusual_ipv4_notations_never_reach_a_server,
    A12 redirects_are_not_followed,
    A13 proxy_environment_variables_are_ignored,
    A14 settings_cannot_inject_a_host,
    A16 connections_are_not_shared_across_datasources_origins_or_identities,
    A16 tls_uses_only_the_configured_authority_and_client_certificate,
    B7 report_only_rules_allow_requests_and_record_them,
    C1 long_lived_secret_never_appears_in_sandbox_memory,
    C3 secrets_never_appear_in_logs_or_debug_output,
    C5 denied_calls_fetch_no_credentials,
    C6 expired_credentials_are_fetched_again,
    C6 secrets_are_zeroed_when_dropped,
    D1 loop_in_the_start_function_ends_at_the_deadline,
    D4 wasm_table_limit_is_enforced_and_named,
    D4 too_many_memories_tables_or_instances_are_refused,
    D5 endless_response_body_stops_at_the_limit,
    D5 slow_response_body_ends_at_the_deadline,
    D5 stalled_response_ends_at_its_timeout,
    D5 huge_response_headers_stop_at_the_limit,
    D5 slow_tls_handshake_ends_at_its_timeout,
    D5 slow_tcp_connect_ends_at_its_timeout,
    D5 slow_resolver_ends_at_the_connect_timeout,
    D6 huge_or_deeply_nested_input_is_refused,
    D6 deeply_nested_service_response_is_an_error,
    D7 flood_on_one_datasource_does_not_block_another,
    D10 content_encoding_is_never_negotiated_or_decoded,
    D4 all_calls_share_one_memory_limit,
    D4 call_without_memory_is_busy_and_idle_instances_make_room,
    D15 body_of_small_values_is_checked_in_one_pass,
    E1 component_with_extra_imports_is_refused_and_they_are_named,
    E2 file_that_is_not_a_plugin_is_refused_with_a_reason,
    E3 tampered_component_is_refused,
    E3 tampered_or_foreign_compiled_code_is_not_used,
    E4 component_too_large_or_slow_to_compile_is_refused,
    E4 trap_in_the_start_function_is_reported,
    E5 component_that_nests_deeply_is_refused,
    E6 imports_are_checked_before_anything_is_compiled_or_kept,
};
