//! Attacks by the hostile plugin (`tests/hostile`), on a host whose audit records tests can read.

pub use crate::plugins::SECRET;
use crate::plugins::{ACCESS_KEY_ID, HOSTILE, HOSTILE_MANIFEST, policy};
use portcullis::policy::WhenFull;
use portcullis::{
    AuditSink, Credentials, Datasource, DatasourceConfig, Error, Host, Plugin, Policy,
    ProvideCredentials, Record, Secret, Settings, StaticCredentials, Tls,
};
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

include!("../hostile/behaviours.rs");

macro_rules! enumerate {
    ($($row:ident $behaviour:ident => $sentence:ident,)+) => {
        /// A behaviour of the hostile plugin.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[expect(
            non_camel_case_types,
            missing_docs,
            reason = "the names are those of the plugin's functions"
        )]
        pub enum Behaviour {
            $($behaviour,)+
        }

        impl Behaviour {
            /// All behaviours.
            pub const ALL: &'static [Self] = &[$(Self::$behaviour,)+];
        }
    };
}
behaviours!(enumerate);

impl fmt::Display for Behaviour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

/// The session token of all datasources that [`Attack`] connects.
pub const TOKEN: &str = "IQoJb3JpZ2luX2VjEXAMPLETOKEN/with+odd=characters";

/// An audit sink that keeps all records in memory, as JSON.
#[derive(Debug, Default)]
pub struct Records(Mutex<Vec<serde_json::Value>>);

impl AuditSink for Records {
    fn write(&self, record: &Record<'_>) -> io::Result<()> {
        self.0.lock().expect("no test panics with the lock").push(serde_json::to_value(record)?);
        Ok(())
    }
}

impl Records {
    /// Returns the records of one datasource.
    ///
    /// # Panics
    /// Panics only if another thread panicked while it held the lock.
    #[must_use]
    pub fn for_datasource(&self, datasource: &str) -> Vec<serde_json::Value> {
        let all = self.0.lock().expect("no test panics with the lock");
        all.iter().filter(|record| record["datasource"] == datasource).cloned().collect()
    }
}

/// The audit records of [`HOST`].
pub static RECORDS: LazyLock<Arc<Records>> = LazyLock::new(Arc::default);

/// The host that all attacks share, so that the plugin is compiled only once.
pub static HOST: LazyLock<Host> = LazyLock::new(|| {
    Host::builder().audit(RECORDS.clone(), WhenFull::Refuse).build().expect("wasmtime runs here")
});

static PLUGIN: LazyLock<Plugin> =
    LazyLock::new(|| HOST.load(HOSTILE, HOSTILE_MANIFEST, None).expect("the component loads"));

/// Returns the hostile plugin, loaded on [`HOST`].
#[must_use]
pub fn plugin() -> &'static Plugin {
    &PLUGIN
}

/// Returns the credentials of all datasources that [`Attack`] connects.
#[must_use]
pub fn credentials() -> Arc<dyn ProvideCredentials> {
    Arc::new(StaticCredentials::new(Credentials {
        access_key_id: ACCESS_KEY_ID.to_string(),
        secret_access_key: Secret::new(SECRET),
        session_token: Some(Secret::new(TOKEN)),
        expires: None,
    }))
}

/// An attack that is prepared but not yet connected: a behaviour, its arguments, and a policy.
#[derive(Debug)]
pub struct Attack {
    /// The unique name of the datasource.
    pub name: String,
    settings: String,
    policy: Policy,
    tls: Tls,
}

impl Attack {
    /// Prepares an attack with a policy that allows everything at one loopback server.
    ///
    /// `authority` is the server's host and port. `more_policy` is added to the policy as TOML.
    #[must_use]
    pub fn new(behaviour: Behaviour, authority: &str, more_policy: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("{behaviour}-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let signing = if more_policy.contains("signing") {
            ""
        } else {
            "signing = [\"us-east-1/dynamodb\"]\n"
        };
        let policy = policy(authority, &format!("{signing}{more_policy}"));
        Self { name, settings: format!("{behaviour} {authority}"), policy, tls: Tls::default() }
    }

    /// Adds arguments for the plugin, separated by spaces.
    #[must_use]
    pub fn with_arguments(mut self, arguments: &str) -> Self {
        self.settings = format!("{} {arguments}", self.settings);
        self
    }

    /// Replaces the TLS configuration.
    #[must_use]
    pub fn with_tls(mut self, tls: Tls) -> Self {
        self.tls = tls;
        self
    }

    /// Replaces the policy.
    #[must_use]
    pub fn with_policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Connects the datasource on [`HOST`].
    ///
    /// # Errors
    /// Returns an error if `connect` fails, which is what a test of such a behaviour expects.
    pub async fn connect(self) -> Result<Datasource, Error> {
        self.connect_on(&HOST, plugin()).await
    }

    /// Connects the datasource on another host.
    ///
    /// # Errors
    /// Returns an error if `connect` fails, which is what a test of such a behaviour expects.
    pub async fn connect_on(self, host: &Host, plugin: &Plugin) -> Result<Datasource, Error> {
        let Self { name, settings, policy, tls } = self;
        let connect = DatasourceConfig::new(&name)
            .policy(policy)
            .settings(Settings::Untrusted(&settings))
            .shared_credentials(credentials())
            .tls(tls);
        host.connect(plugin, connect).await
    }
}
