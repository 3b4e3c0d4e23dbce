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
        host().load(dynamodb_component::COMPONENT, dynamodb_component::MANIFEST, pinned).expect("the component loads")
    })
}

/// The hostile plugin.
///
/// # Panics
/// The built component cannot be loaded.
pub fn hostile() -> &'static Plugin {
    static PLUGIN: OnceLock<Plugin> = OnceLock::new();
    PLUGIN.get_or_init(|| host().load(HOSTILE, HOSTILE_MANIFEST, None).expect("the component loads"))
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
    let text = format!("egress = [\"http://{authority}\"]\nnetworks = [\"127.0.0.0/8\"]\n{access}{more}");
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
pub async fn connect(authority: &str, policy_more: &str, settings_more: &str) -> Result<Datasource, Error> {
    let settings = format!("{{\"region\":\"us-east-1\",\"endpoint\":\"http://{authority}\"{settings_more}}}");
    let connect = Connect {
        settings: &settings,
        settings_are_trusted: true,
        policy: policy(authority, policy_more),
        credentials: Some(credentials()),
    };
    host().connect(dynamodb(), connect).await
}

/// A datasource of the hostile plugin that behaves as told, at a loopback server.
///
/// # Errors
/// It cannot be connected, for some behaviours as it should be.
pub async fn attack(behaviour: &str, authority: &str, more: &str) -> Result<Datasource, Error> {
    let settings = format!("{behaviour} {authority}");
    let signing = if more.contains("signing") { "" } else { "signing = [\"us-east-1/dynamodb\"]\n" };
    let policy = policy(authority, &format!("{signing}{more}"));
    let connect = Connect { settings: &settings, settings_are_trusted: false, policy, credentials: Some(credentials()) };
    host().connect(hostile(), connect).await
}
