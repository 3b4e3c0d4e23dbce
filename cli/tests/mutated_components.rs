//! Components that were changed at random, compiled in a process of the command line.

use portcullis::{CompileError, CompilerProcess, Host, HostBuilder, LoadError};
use proptest::prelude::*;
use std::sync::LazyLock;
use std::time::Duration;
use tests::plugins::{ECHO, ECHO_MANIFEST};

/// A host that compiles in a process of the command line.
static HOST: LazyLock<Host> =
    LazyLock::new(|| builder(env!("CARGO_BIN_EXE_portcullis")).build().unwrap());

/// Builds a host that compiles in a process of this program.
#[expect(unsafe_code, reason = "the host runs what the process returns")]
fn builder(program: &str) -> HostBuilder {
    // SAFETY: with this argument, the command line calls `compile_for_parent`. The other programs
    // of these tests return nothing.
    let compiler = unsafe { CompilerProcess::new(program, ["compile-component"]) };
    Host::builder().concurrent_calls(1).compiler(compiler)
}

/// A change of a component.
#[derive(Clone, Debug)]
enum Change {
    Replace(usize, u8),
    Insert(usize, Vec<u8>),
    Remove(usize, usize),
    Repeat(usize, usize, usize),
}

fn change() -> impl Strategy<Value = Change> {
    let at = 0..ECHO.len();
    prop_oneof![
        (at.clone(), any::<u8>()).prop_map(|(at, byte)| Change::Replace(at, byte)),
        (at.clone(), proptest::collection::vec(any::<u8>(), 1..8))
            .prop_map(|(at, bytes)| Change::Insert(at, bytes)),
        (at.clone(), 1..16usize).prop_map(|(at, count)| Change::Remove(at, count)),
        (at, 1..64usize, 1..200usize)
            .prop_map(|(at, count, times)| Change::Repeat(at, count, times)),
    ]
}

fn changed(changes: &[Change]) -> Vec<u8> {
    let mut bytes = ECHO.to_vec();
    for change in changes {
        match change {
            Change::Replace(at, byte) => {
                let at = at % bytes.len();
                bytes[at] = *byte;
            }
            Change::Insert(at, inserted) => {
                let at = at % bytes.len();
                bytes.splice(at..at, inserted.iter().copied());
            }
            Change::Remove(at, count) => {
                let at = at % bytes.len();
                bytes.drain(at..(at + count).min(bytes.len()));
            }
            Change::Repeat(at, count, times) => {
                let at = at % bytes.len();
                let piece = bytes[at..(at + count).min(bytes.len())].repeat(*times);
                bytes.splice(at..at, piece);
            }
        }
    }
    bytes
}

#[test]
fn unchanged_component_is_compiled_in_the_process() {
    let plugin = HOST.load(ECHO, ECHO_MANIFEST, None).unwrap();
    assert!(plugin.exports().iter().any(|name| name.starts_with("portcullis:datasource/")));
}

#[test]
fn process_that_fails_or_takes_too_long_is_reported() {
    let refused = |builder: HostBuilder| {
        let error = builder.build().unwrap().load(ECHO, ECHO_MANIFEST, None).unwrap_err();
        let LoadError::Compile(error) = error else { panic!("{error:?}") };
        error
    };
    assert!(matches!(refused(builder("/does/not/exist")), CompileError::Start(_)));
    let ended = refused(builder("/bin/false"));
    assert!(matches!(ended, CompileError::Ended { .. }), "{ended:?}");
    let hasty = builder(env!("CARGO_BIN_EXE_portcullis")).compile_timeout(Duration::ZERO);
    assert!(matches!(refused(hasty), CompileError::TooSlow(_)));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn changed_component_is_loaded_or_refused_and_crashes_nothing(
        changes in proptest::collection::vec(change(), 1..4),
    ) {
        let loaded = HOST.load(changed(&changes).as_slice(), ECHO_MANIFEST, None);
        if let Err(LoadError::Compile(error)) = loaded {
            let is_refusal = matches!(error, CompileError::Invalid(_));
            prop_assert!(is_refusal, "{error}");
        }
    }
}
