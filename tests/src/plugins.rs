//! The plugins of the tests, and datasources of them.

use portcullis::{Connect, Datasource, Error, Fixed, Host, Plugin, Policy, ProvideCredentials};
use std::sync::{Arc, OnceLock};

/// The plugin in `tests/echo`.
pub static ECHO: &[u8] = include_bytes!(env!("ECHO_PLUGIN"));
/// Its manifest.
pub static ECHO_MANIFEST: &str = include_str!("../echo/manifest.toml");
/// The plugin in `tests/hostile`.
pub static HOSTILE: &[u8] = include_bytes!(env!("HOSTILE_PLUGIN"));
/// Its manifest.
pub static HOSTILE_MANIFEST: &str = include_str!("../hostile/manifest.toml");

/// The access key id of [`credentials`].
pub const ACCESS_KEY_ID: &str = "AKIDEXAMPLE";
/// The secret of [`credentials`].
pub const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/// The host that all tests of a program share: compiled plugins are kept.
///
/// # Panics
/// This machine cannot run wasmtime.
pub fn host() -> &'static Host {
    static HOST: OnceLock<Host> = OnceLock::new();
    HOST.get_or_init(|| Host::new().expect("wasmtime runs here"))
}

/// The DynamoDB plugin, pinned.
///
/// # Panics
/// The built component cannot be loaded.
pub fn dynamodb() -> &'static Plugin {
    static PLUGIN: OnceLock<Plugin> = OnceLock::new();
    PLUGIN.get_or_init(|| {
        let pinned = Some(dynamodb_component::SHA256);
        host()
            .load(dynamodb_component::COMPONENT, dynamodb_component::MANIFEST, pinned)
            .expect("the component loads")
    })
}

/// Credentials for tests.
#[must_use]
pub fn credentials() -> Arc<dyn ProvideCredentials> {
    Arc::new(Fixed::key(ACCESS_KEY_ID, SECRET))
}

/// A policy that lets a datasource do everything at one loopback server, with more of the policy's own TOML.
///
/// # Panics
/// The text is no policy.
#[must_use]
pub fn policy(authority: &str, more: &str) -> Policy {
    let access = if more.contains("access") { "" } else { "access = \"admin\"\n" };
    let text = format!(
        "egress = [\"http://{authority}\"]\nnetworks = {{ \"http://{authority}\" = [\"127.0.0.0/8\"] }}\n{access}{more}"
    );
    toml::from_str(&text).expect("the test's policy is one")
}

/// A DynamoDB datasource at a loopback server.
///
/// # Panics
/// It cannot be connected.
pub async fn datasource(authority: &str, more: &str) -> Datasource {
    connect(authority, more, "").await.expect("the datasource connects")
}

/// The same with more settings, as `,"name":value`.
///
/// # Errors
/// It cannot be connected.
pub async fn connect(
    authority: &str,
    policy_more: &str,
    settings_more: &str,
) -> Result<Datasource, Error> {
    let settings =
        format!("{{\"region\":\"us-east-1\",\"endpoint\":\"http://{authority}\"{settings_more}}}");
    let connect = Connect {
        settings: &settings,
        settings_are_trusted: true,
        policy: policy(authority, policy_more),
        credentials: Some(credentials()),
        ..Connect::default()
    };
    host().connect(dynamodb(), connect).await
}

/// A component with one more core module, which is instantiated, and so started, with it. It is given as text.
///
/// # Panics
/// The text is no module.
#[must_use]
pub fn with_module(component: &[u8], module: &str) -> Vec<u8> {
    let module = wat::parse_str(module).expect("the test's module is one");
    let index = count_modules(component);
    let mut bytes = component.to_vec();
    section(&mut bytes, 1, &module);
    // One instance: of that module, without arguments.
    let mut instance = vec![1, 0];
    leb(&mut instance, index);
    instance.push(0);
    section(&mut bytes, 2, &instance);
    bytes
}

/// Core modules of a component; sections of any other kind are passed over.
/// <https://github.com/WebAssembly/component-model/blob/main/design/mvp/Binary.md>
fn count_modules(component: &[u8]) -> usize {
    let (mut at, mut count) = (8, 0);
    while at < component.len() {
        count += usize::from(component[at] == 1);
        at += 1;
        let (mut length, mut shift) = (0usize, 0);
        loop {
            let byte = component[at];
            at += 1;
            length |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 {
                break;
            }
        }
        at += length;
    }
    count
}

fn section(bytes: &mut Vec<u8>, kind: u8, content: &[u8]) {
    bytes.push(kind);
    leb(bytes, content.len());
    bytes.extend_from_slice(content);
}

fn leb(bytes: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}
