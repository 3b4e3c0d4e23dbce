//! What the composition connects, and what it refuses.

use portable_component::{Form, PLATFORM};
use portable_compose::{ComposeError, Parts, library, service};
use portable_tests::{PARTS, composed, with_wasi};
use test_plugins::{ECHO, HOSTILE};

/// The imports of a component, without those of components within it: of each, the name.
fn imports(component: &[u8]) -> Vec<String> {
    let text = wasmprinter::print_bytes(component).unwrap();
    let own = text.lines().filter_map(|line| line.strip_prefix("  (import \""));
    own.map(|rest| rest.split('"').next().unwrap().to_string()).collect()
}

#[test]
fn each_form_imports_only_wasi_and_types() {
    for form in [Form::Library, Form::Service] {
        let imports = imports(form.bytes());
        assert!(imports.len() > 5, "{form}: the imports are found: {imports:?}");
        for import in imports {
            let name = import.split('@').next().unwrap();
            let is_known = name == "wasi:cli/environment"
                || name == "wasi:http/types"
                || name == "wasi:http/outgoing-handler"
                || name == "portcullis:datasource/types"
                || ["wasi:io/", "wasi:clocks/", "wasi:random/"]
                    .iter()
                    .any(|it| name.starts_with(it));
            assert!(is_known, "{form}: {import}");
        }
    }
}

#[test]
fn a_plugin_for_another_release_of_wasi_is_connected_to_the_platform_and_not_left_open() {
    let earlier = with_wasi(ECHO, "0.2.9").unwrap();
    assert!(imports(&earlier).contains(&"wasi:http/outgoing-handler@0.2.9".to_string()));
    let composed = composed(&earlier).unwrap();
    let text = wasmprinter::print_bytes(&composed).unwrap();
    // The parts are instances of the outermost component, whose arguments have this indent.
    let arguments =
        text.lines().filter(|line| line.starts_with("      (with \"wasi:http/outgoing-"));
    let arguments: Vec<&str> = arguments.map(str::trim).collect();
    assert_eq!(arguments.len(), 2, "platform and plugin: {arguments:?}");
    // The instances are numbered, and the imports of the composition are the first ones.
    let imports = imports(&composed);
    let given = |argument: &str, import: &str| {
        let rest = argument.strip_prefix(&format!("(with \"{import}\" (instance ")).unwrap();
        let number: usize = rest.trim_end_matches(')').parse().unwrap();
        imports.get(number).map(String::as_str)
    };
    let (ours, theirs) = ("wasi:http/outgoing-handler@0.2.12", "wasi:http/outgoing-handler@0.2.9");
    assert_eq!(given(arguments[0], ours), Some(ours), "the platform's is the engine's");
    assert_eq!(given(arguments[1], theirs), None, "the plugin's is no import: {arguments:?}");
}

/// Returns a component with one more import of an instance.
fn with_import(component: &[u8], import: &str) -> Vec<u8> {
    let text = wasmprinter::print_bytes(component).unwrap();
    // At the end, so that no number of a type or an instance changes.
    let (rest, _) = text.rsplit_once(')').unwrap();
    let more = format!("(type $more (instance)) (import \"{import}\" (instance (type $more)))");
    wat::parse_str(format!("{rest} {more})")).unwrap()
}

#[test]
fn a_plugin_that_imports_the_environment_is_refused_by_name() {
    let plugin = with_import(ECHO, "wasi:cli/environment@0.2.12");
    for compose in [library, service] {
        let error = compose(&plugin, &PARTS()).unwrap_err();
        assert!(matches!(error, ComposeError::Plugin(_)), "{error:?}");
        let message = error.to_string();
        assert!(message.contains("wasi:cli/environment@0.2.12"), "{message}");
        assert!(message.contains("wit/connector.wit"), "{message}");
    }
}

#[test]
fn other_imports_beyond_the_contract_are_refused_by_name() {
    for import in [
        "portcullis:portable/session@0.1.0",
        "wasi:http/outgoing-handler@0.3.0",
        "wasi:http/outgoing-handler",
        "wasi:sockets/tcp@0.2.12",
        "wasi:filesystem/preopens@0.2.12",
        "portcullis:datasource/connector@0.1.1",
    ] {
        let message = composed(&with_import(HOSTILE, import)).unwrap_err().to_string();
        assert!(message.contains(import), "{message}");
    }
}

#[test]
fn exports_beyond_the_contract_are_refused_by_name() {
    for export in [
        "portcullis:portable/session@0.1.0",
        "portcullis:datasource/types@0.1.1",
        "portcullis:datasource/http-messages@0.1.1",
        "wasi:http/outgoing-handler@0.2.12",
        "wasi:http/incoming-handler@0.2.12",
    ] {
        let plugin = with_export(ECHO, export);
        for compose in [library, service] {
            let error = compose(&plugin, &PARTS()).unwrap_err();
            assert!(matches!(error, ComposeError::Export { .. }), "{error:?}");
            let message = error.to_string();
            assert!(message.contains(export) && message.contains("remove the export"), "{message}");
        }
    }
}

#[test]
fn a_session_of_the_plugin_does_not_replace_that_of_the_platform() {
    // Its own session would never say that something was refused. This one has a function, in the form
    // that the guard imports.
    let text = wasmprinter::print_bytes(ECHO).unwrap();
    let (rest, _) = text.rsplit_once(')').unwrap();
    let plugin = wat::parse_str(format!("{rest} {SESSION})")).unwrap();
    let message = composed(&plugin).unwrap_err().to_string();
    assert!(message.contains("the plugin exports portcullis:portable/session@0.1.0"), "{message}");
}

/// A component's own `session`, whose `end` never has a denial.
const SESSION: &str = r#"
  (core module $own
    (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 1024)
    (func (export "end") (result i32) i32.const 16))
  (core instance $own (instantiate $own))
  (component $own-session
    (import "f" (func $f (result (option (tuple string bool)))))
    (export "end" (func $f)))
  (func $own-end (result (option (tuple string bool)))
    (canon lift (core func $own "end") (memory (core memory $own "memory"))
      (realloc (core func $own "realloc"))))
  (instance $own-session (instantiate $own-session (with "f" (func $own-end))))
  (export "portcullis:portable/session@0.1.0" (instance $own-session))
"#;

/// Returns a component with one more export: an instance without anything in it.
fn with_export(component: &[u8], export: &str) -> Vec<u8> {
    let text = wasmprinter::print_bytes(component).unwrap();
    let (rest, _) = text.rsplit_once(')').unwrap();
    let more = format!("(instance $more) (export \"{export}\" (instance $more))");
    wat::parse_str(format!("{rest} {more})")).unwrap()
}

#[test]
fn a_plugin_of_the_first_contract_is_refused_with_the_interface_that_differs() {
    let plugin = include_bytes!("../../fixtures/dynamodb-0.1.0.wasm");
    let error = composed(plugin).unwrap_err();
    assert!(matches!(error, ComposeError::Mismatch { .. }), "{error:?}");
    let message = error.to_string();
    for part in ["http-messages@0.1.0", "http-messages@0.1.1", "build the plugin with"] {
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn parts_that_are_mixed_up_are_refused() {
    let parts = Parts { platform: PLATFORM, guard: PLATFORM, ..PARTS() };
    let error = library(ECHO, &parts).unwrap_err();
    assert!(matches!(error, ComposeError::Open { .. }), "{error:?}");
    assert!(error.to_string().contains("guard"), "{error}");
    let error = library(b"\0asm", &PARTS()).unwrap_err();
    assert!(matches!(error, ComposeError::Plugin(_)), "{error:?}");
    let parts = Parts { platform: b"\0asm", ..PARTS() };
    let error = library(ECHO, &parts).unwrap_err().to_string();
    assert!(error.contains("the platform is not a component"), "{error}");
}
