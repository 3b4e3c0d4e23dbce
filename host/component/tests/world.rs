//! What a component imports and exports.

use portcullis_component::{ComponentError, check};

const CONNECTOR: &str = r#"(instance $connector)
    (export "portcullis:datasource/connector@0.1.0" (instance $connector))"#;

fn component(text: &str) -> Vec<u8> {
    wat::parse_str(format!("(component {text})")).unwrap()
}

#[test]
fn imports_and_exports_are_listed() {
    let bytes = component(&format!(
        r#"(import "wasi:io/poll@0.2.3" (instance)) {CONNECTOR} (export "other" (instance $connector))"#
    ));
    let summary = check(&bytes).unwrap();
    assert_eq!(summary.imports, ["wasi:io/poll@0.2.3"]);
    assert_eq!(summary.exports, ["portcullis:datasource/connector@0.1.0", "other"]);
}

#[test]
fn other_imports_are_refused_by_name() {
    let bytes = component(&format!(
        r#"(import "wasi:cli/environment@0.2.3" (instance)) (import "wasi:io/poll@0.2.3" (instance))
           (import "f" (func)) {CONNECTOR}"#
    ));
    match check(&bytes) {
        Err(ComponentError::Imports(names)) => {
            assert_eq!(names, ["wasi:cli/environment@0.2.3", "f"]);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_component_without_the_connector_is_refused() {
    let bytes = component(r#"(instance $i) (export "a:b/c@1.0.0" (instance $i))"#);
    let error = check(&bytes).unwrap_err().to_string();
    assert!(
        error.contains("must export the interface portcullis:datasource/connector@0.1"),
        "{error}"
    );
    assert!(error.contains("exports only a:b/c@1.0.0"), "{error}");
}

#[test]
fn the_connector_must_be_an_instance() {
    let bytes = component(
        r#"(import "wasi:io/poll@0.2.3" (instance $i)) (type $t (record (field "a" u8)))
           (export "connector" (type $t))"#,
    );
    assert!(matches!(check(&bytes), Err(ComponentError::Exports { .. })));
}
