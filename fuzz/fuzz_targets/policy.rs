//! Policies and their values: no text makes the parsers panic, and a displayed value parses to the
//! same value.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_config::PolicyFile;
use portcullis_policy::{CredentialScope, Origin, TablePattern};

fuzz_target!(|text: &str| {
    // The result does not matter: it must not panic.
    let _ = PolicyFile::parse(text);
    if let Ok(origin) = text.parse::<Origin>() {
        assert_eq!(origin.to_string().parse::<Origin>().as_ref(), Ok(&origin));
    }
    if let Ok(scope) = text.parse::<CredentialScope>() {
        assert_eq!(scope.to_string().parse::<CredentialScope>().as_ref(), Ok(&scope));
    }
    if let Ok(pattern) = text.parse::<TablePattern>() {
        assert_eq!(pattern.to_string().parse::<TablePattern>().as_ref(), Ok(&pattern));
    }
});
