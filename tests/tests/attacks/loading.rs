//! Family E: loading plugins.

use super::support::{stopped, tried};
use portcullis::{CompileError, ComponentError, Error, Host, LoadError};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tests::attack::{Attack, Behaviour};
use tests::plugins::{self, ECHO, ECHO_MANIFEST, HOSTILE, HOSTILE_MANIFEST, append_section, host};

/// Loads a component that must be refused, and returns the error.
fn refused(bytes: &[u8], sha256: Option<&str>) -> LoadError {
    tried();
    let error =
        host().load(bytes, ECHO_MANIFEST, sha256).expect_err("the component must be refused");
    stopped();
    error
}

pub(crate) async fn component_with_extra_imports_is_refused_and_they_are_named() {
    let source = r#"(component
        (import "wasi:cli/environment@0.2.12" (instance))
        (import "wasi:sockets/tcp@0.2.12" (instance)))"#;
    let LoadError::Component(ComponentError::Imports(extra)) =
        refused(&wat::parse_str(source).unwrap(), None)
    else {
        panic!("the error must name the extra imports")
    };
    assert_eq!(extra, ["wasi:cli/environment@0.2.12", "wasi:sockets/tcp@0.2.12"]);
}

pub(crate) async fn file_that_is_not_a_plugin_is_refused_with_a_reason() {
    assert!(matches!(refused(b"", None), LoadError::NotWebAssembly));
    assert!(matches!(refused(b"not wasm at all", None), LoadError::NotWebAssembly));
    assert!(refused(b"\0asm\x01\0\0\0", None).to_string().contains("core module"));
    for part in [9, 100, ECHO.len() / 2, ECHO.len() - 1] {
        assert!(matches!(refused(&ECHO[..part], None), LoadError::Component(_)), "{part}");
    }
    // The smallest component. It exports nothing.
    assert!(matches!(refused(b"\0asm\x0d\0\x01\0", None), LoadError::Component(_)));
    // Components for another version of the world.
    let other = replaced(
        ECHO,
        b"portcullis:datasource/connector@0.1.1",
        b"portcullis:datasource/connector@0.9.0",
    );
    assert!(matches!(refused(&other, None), LoadError::Component(_)));
    let other =
        replaced(ECHO, b"portcullis:datasource/types@0.1.1", b"portcullis:datasource/types@0.9.0");
    assert!(matches!(refused(&other, None), LoadError::Component(_) | LoadError::World(_)));
}

fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let mut found = false;
    for at in 0..bytes.len() - from.len() {
        if bytes[at..].starts_with(from) {
            bytes[at..at + to.len()].copy_from_slice(to);
            found = true;
        }
    }
    assert!(found, "the component contains the bytes to replace");
    bytes
}

pub(crate) async fn tampered_component_is_refused() {
    let digest = host().load(ECHO, ECHO_MANIFEST, None).unwrap().digest().to_string();
    assert!(host().load(ECHO, ECHO_MANIFEST, Some(&digest)).is_ok());
    for at in [0, 8, ECHO.len() / 2, ECHO.len() - 1] {
        let mut tampered = ECHO.to_vec();
        tampered[at] ^= 1;
        assert!(matches!(refused(&tampered, Some(&digest)), LoadError::Digest { .. }));
    }
}

/// Loads the plugin on a new host that caches compiled code in `folder`, and returns whether the
/// code came from the cache.
fn is_cached(folder: &Path) -> bool {
    Host::builder()
        .cache(folder)
        .build()
        .unwrap()
        .load(ECHO, ECHO_MANIFEST, None)
        .unwrap()
        .is_from_cache()
}

/// Returns the path of the only file in the cache.
fn compiled(folder: &Path) -> PathBuf {
    let mut files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let only = files.next().expect("the cache contains a file");
    assert!(files.next().is_none(), "the cache contains only one file");
    only
}

pub(crate) async fn tampered_or_foreign_compiled_code_is_not_used() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("compiled");
    assert!(!is_cached(&folder) && is_cached(&folder), "the second load uses the cache");
    let file = compiled(&folder);
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let good = std::fs::read(&file).unwrap();

    for at in [0, 31, 32, good.len() / 2, good.len() - 1] {
        let mut tampered = good.clone();
        tampered[at] ^= 1;
        std::fs::write(&file, tampered).unwrap();
        assert_not_used_and_replaced(&folder);
    }
    for part in [0, 10, 32, good.len() - 1] {
        std::fs::write(&file, &good[..part]).unwrap();
        assert_not_used_and_replaced(&folder);
    }
    // Valid code, but of another component.
    let other = parent.path().join("other");
    Host::builder().cache(&other).build().unwrap().load(HOSTILE, HOSTILE_MANIFEST, None).unwrap();
    std::fs::copy(compiled(&other), &file).unwrap();
    assert_not_used_and_replaced(&folder);
    // Code that other users could have written.
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o622)).unwrap();
    assert_not_used_and_replaced(&folder);
    // Code that belongs to another user.
    if std::os::unix::fs::chown(&file, Some(65534), None).is_ok() {
        assert_not_used_and_replaced(&folder);
    }
    std::fs::remove_file(&file).unwrap();
    std::os::unix::fs::symlink("/proc/version", &file).unwrap();
    assert_not_used_and_replaced(&folder);
    // A folder that other users can write to.
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o777)).unwrap();
    tried();
    let refused = Host::builder().cache(&folder).build().unwrap_err();
    assert!(refused.to_string().contains("open to others"), "{refused}");
    stopped();
}

fn assert_not_used_and_replaced(folder: &Path) {
    tried();
    assert!(!is_cached(folder), "tampered code is not used");
    assert!(is_cached(folder), "the host has replaced it with good code");
    stopped();
}

pub(crate) async fn component_too_large_or_slow_to_compile_is_refused() {
    assert!(matches!(
        refused(&vec![0; portcullis::MAX_COMPONENT_BYTES + 1], None),
        LoadError::TooLarge { .. }
    ));
    let hasty = Host::builder().compile_timeout(Duration::from_millis(1)).build().unwrap();
    tried();
    assert!(matches!(
        hasty.load(HOSTILE, HOSTILE_MANIFEST, None),
        Err(LoadError::Compile(CompileError::TooSlow(_)))
    ));
    stopped();
}

pub(crate) async fn trap_in_the_start_function_is_reported() {
    let bytes = plugins::with_module(HOSTILE, "(module (func $s unreachable) (start $s))");
    let plugin = host().load(bytes.as_slice(), HOSTILE_MANIFEST, None).unwrap();
    tried();
    let error = Attack::new(Behaviour::honest, "127.0.0.1:1", "")
        .connect_on(host(), &plugin)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Trapped { .. }), "{error:?}");
    stopped();
}

pub(crate) async fn component_that_nests_deeply_is_refused() {
    let empty = || b"\0asm\x0d\0\x01\0".to_vec();
    // Types of instances, and of components, in each other.
    for kind in [0x42, 0x41] {
        for depth in [200, 641, 100_000] {
            let mut types = vec![0x01];
            types.extend([kind, 0x01, 0x01].repeat(depth));
            types.extend([kind, 0x00]);
            let mut component = empty();
            append_section(&mut component, 7, &types);
            let error = refused(&component, None);
            assert!(matches!(error, LoadError::Component(_)), "{depth}: {error:?}");
        }
    }
    // Components in each other.
    let mut component = empty();
    for _ in 0..300 {
        let mut outer = empty();
        append_section(&mut outer, 4, &component);
        component = outer;
    }
    assert!(matches!(refused(&component, None), LoadError::Component(_)));
}

pub(crate) async fn imports_are_checked_before_anything_is_compiled_or_kept() {
    // This host has no time to compile anything.
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("compiled");
    let host = Host::builder().cache(&folder).compile_timeout(Duration::ZERO).build().unwrap();
    let extra = wat::parse_str(r#"(component (import "wasi:cli/environment@0.2.12" (instance)))"#);
    tried();
    let error = host.load(extra.unwrap().as_slice(), ECHO_MANIFEST, None).unwrap_err();
    assert!(matches!(error, LoadError::Component(ComponentError::Imports(_))), "{error:?}");
    stopped();
    // A component of other types compiles, and cannot be used: its code is not kept.
    let host = Host::builder().cache(&folder).build().unwrap();
    let other = r#"(component
        (component $connector)
        (instance $empty (instantiate $connector))
        (export "portcullis:datasource/connector@0.1.0" (instance $empty)))"#;
    tried();
    let error = host.load(wat::parse_str(other).unwrap().as_slice(), ECHO_MANIFEST, None);
    assert!(matches!(error, Err(LoadError::World(_))), "{error:?}");
    stopped();
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0, "nothing is kept");
}
