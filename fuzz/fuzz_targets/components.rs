//! Components: no bytes make the checks before compiling panic, and what they accept lists only
//! imports that a plugin may have.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(summary) = portcullis_component::check(bytes) {
        for import in &summary.imports {
            assert!(portcullis_component::is_allowed(import), "{import}");
        }
        assert!(
            summary.exports.iter().any(|name| name.starts_with(portcullis_component::CONNECTOR))
        );
    }
});
