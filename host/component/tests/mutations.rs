//! A real component passes, and no change to its bytes makes the checks panic.

use dynamodb_component::COMPONENT;
use portcullis_component::{CONNECTOR, ComponentError, check};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

#[test]
fn the_dynamodb_plugin_passes() {
    let summary = check(COMPONENT).unwrap();
    assert!(summary.imports.iter().any(|import| import.starts_with("wasi:http/types@0.2.")));
    assert!(summary.exports.iter().any(|export| export.starts_with(CONNECTOR)));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn a_plugin_with_other_bytes_never_panics(changes in vec((any::<Index>(), any::<u8>()), 1..20)) {
        let mut bytes = COMPONENT.to_vec();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        // It may pass: a change may be in the data.
        let _ = check(&bytes);
    }

    #[test]
    fn a_plugin_with_other_declarations_never_panics(
        changes in vec((any::<Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = COMPONENT.to_vec();
        // The first 4 KiB are types and imports.
        for (at, byte) in changes {
            bytes[at.index(4096)] = byte;
        }
        let _ = check(&bytes);
    }

    #[test]
    fn a_truncated_plugin_is_refused(length in any::<Index>()) {
        let length = length.index(COMPONENT.len());
        let result = check(&COMPONENT[..length]);
        // Custom sections at the end are not missed.
        let is_expected = matches!(
            result,
            Ok(_)
                | Err(
                    ComponentError::Invalid { .. }
                        | ComponentError::Exports { .. }
                        | ComponentError::NotWebAssembly
                )
        );
        prop_assert!(is_expected, "{result:?}");
    }
}
