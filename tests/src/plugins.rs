//! The plugins that tests use, and datasources of them.

use portcullis::{
    Datasource, DatasourceConfig, Error, Host, Plugin, Policy, ProvideCredentials, Settings,
    StaticCredentials,
};
use std::sync::{Arc, OnceLock};
pub use test_plugins::{ECHO, ECHO_MANIFEST, HOSTILE, HOSTILE_MANIFEST};

/// The access key id of [`credentials`].
pub const ACCESS_KEY_ID: &str = "AKIDEXAMPLE";
/// The secret of [`credentials`].
pub const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/// Returns the host that all tests of one program share, so that each plugin is compiled once.
///
/// # Panics
/// Panics if wasmtime does not support this machine.
pub fn host() -> &'static Host {
    static HOST: OnceLock<Host> = OnceLock::new();
    HOST.get_or_init(|| Host::new().expect("wasmtime runs here"))
}

/// Returns the DynamoDB plugin, loaded on [`host`] and pinned by its digest.
///
/// # Panics
/// Panics if the component cannot be loaded.
pub fn dynamodb() -> &'static Plugin {
    static PLUGIN: OnceLock<Plugin> = OnceLock::new();
    PLUGIN.get_or_init(|| load_dynamodb(host()))
}

/// Loads the DynamoDB plugin on another host, pinned by its digest.
///
/// # Panics
/// Panics if the component cannot be loaded.
#[must_use]
pub fn load_dynamodb(host: &Host) -> Plugin {
    let pinned = Some(dynamodb_component::SHA256);
    host.load(dynamodb_component::COMPONENT, dynamodb_component::MANIFEST, pinned)
        .expect("the component loads")
}

/// Returns credentials for tests: [`ACCESS_KEY_ID`] and [`SECRET`].
#[must_use]
pub fn credentials() -> Arc<dyn ProvideCredentials> {
    Arc::new(StaticCredentials::from_key(ACCESS_KEY_ID, SECRET))
}

/// Returns a policy that allows everything at one loopback server. `more` is added to it as TOML.
///
/// # Panics
/// Panics if the result is not a valid policy.
#[must_use]
pub fn policy(authority: &str, more: &str) -> Policy {
    let access = if more.contains("access") { "" } else { "access = \"admin\"\n" };
    let text = format!(
        "egress = [\"http://{authority}\"]\n\
         networks = {{ \"http://{authority}\" = [\"127.0.0.0/8\"] }}\n\
         {access}{more}"
    );
    toml::from_str(&text).expect("the test's policy is valid")
}

/// Connects a DynamoDB datasource to a loopback server. `more` is added to the policy as TOML.
///
/// # Panics
/// Panics if the datasource cannot be connected.
pub async fn datasource(authority: &str, more: &str) -> Datasource {
    connect(authority, more, "").await.expect("the datasource connects")
}

/// Connects a DynamoDB datasource to a loopback server, with more settings.
///
/// `policy_more` is added to the policy as TOML, and `settings_more` to the settings, in the form
/// `,"name":value`.
///
/// # Errors
/// Returns an error if the datasource cannot be connected.
pub async fn connect(
    authority: &str,
    policy_more: &str,
    settings_more: &str,
) -> Result<Datasource, Error> {
    connect_on(host(), dynamodb(), authority, policy_more, settings_more).await
}

/// Connects a DynamoDB datasource on another host. `more` is added to the policy as TOML.
///
/// # Panics
/// Panics if the datasource cannot be connected.
pub async fn datasource_on(host: &Host, authority: &str, more: &str) -> Datasource {
    let plugin = load_dynamodb(host);
    connect_on(host, &plugin, authority, more, "").await.expect("the datasource connects")
}

async fn connect_on(
    host: &Host,
    plugin: &Plugin,
    authority: &str,
    policy_more: &str,
    settings_more: &str,
) -> Result<Datasource, Error> {
    let settings =
        format!("{{\"region\":\"us-east-1\",\"endpoint\":\"http://{authority}\"{settings_more}}}");
    let connect = DatasourceConfig::new("datasource")
        .policy(policy(authority, policy_more))
        .settings(Settings::Trusted(&settings))
        .shared_credentials(credentials());
    host.connect(plugin, connect).await
}

/// Returns `component` with one more core module, given in the WebAssembly text format.
///
/// The module is instantiated together with the component, so its start function runs.
///
/// # Panics
/// Panics if `module` is not a valid module.
#[must_use]
pub fn with_module(component: &[u8], module: &str) -> Vec<u8> {
    let module = wat::parse_str(module).expect("the test's module is valid");
    let index = count_modules(component);
    let mut bytes = component.to_vec();
    section(&mut bytes, 1, &module);
    // A section with one instance of this module, without arguments.
    let mut instance = vec![1, 0];
    leb(&mut instance, index);
    instance.push(0);
    section(&mut bytes, 2, &instance);
    bytes
}

/// Counts the core modules of a component, and skips all other sections. Format:
/// <https://github.com/WebAssembly/component-model/blob/main/design/mvp/Binary.md>
fn count_modules(component: &[u8]) -> usize {
    let (mut position, mut count) = (8, 0);
    while position < component.len() {
        count += usize::from(component[position] == 1);
        position += 1;
        let (mut length, mut shift) = (0usize, 0);
        loop {
            let byte = component[position];
            position += 1;
            length |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 {
                break;
            }
        }
        position += length;
    }
    count
}

/// Appends one section of a component.
fn section(bytes: &mut Vec<u8>, kind: u8, content: &[u8]) {
    bytes.push(kind);
    leb(bytes, content.len());
    bytes.extend_from_slice(content);
}

/// Appends a number in LEB128 encoding.
fn leb(bytes: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// Appends a section to a component: its number, its length and its content.
pub fn append_section(component: &mut Vec<u8>, number: u8, content: &[u8]) {
    component.push(number);
    let mut length = content.len();
    while length > 0x7f {
        component.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    component.push(length as u8);
    component.extend(content);
}
