//! Datasources of the hostile plugin, on a host whose audit records can be read.

pub use crate::plugins::SECRET;
use crate::plugins::{ACCESS_KEY_ID, HOSTILE, HOSTILE_MANIFEST, policy};
use portcullis::{
    AuditSink, Connect, Credentials, Datasource, Error, Fixed, Host, Plugin, Policy,
    ProvideCredentials, Record, Secret, Tls,
};
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

include!("../hostile/behaviours.rs");

macro_rules! enumerate {
    ($($row:ident $behaviour:ident => $sentence:ident,)+) => {
        /// What the hostile plugin can do.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[expect(non_camel_case_types, missing_docs, reason = "the plugin's own names")]
        pub enum Behaviour {
            $($behaviour,)+
        }

        impl Behaviour {
            /// All of them.
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

/// The session token of all datasources here.
pub const TOKEN: &str = "IQoJb3JpZ2luX2VjEXAMPLETOKEN/with+odd=characters";

/// Records in memory, as JSON.
#[derive(Debug, Default)]
pub struct Records(Mutex<Vec<serde_json::Value>>);

impl AuditSink for Records {
    fn write(&self, record: &Record<'_>) -> io::Result<()> {
        self.0.lock().expect("no test panics with the lock").push(serde_json::to_value(record)?);
        Ok(())
    }
}

impl Records {
    /// The records of one datasource.
    ///
    /// # Panics
    /// Never, but in a test that failed before.
    #[must_use]
    pub fn of(&self, datasource: &str) -> Vec<serde_json::Value> {
        let all = self.0.lock().expect("no test panics with the lock");
        all.iter().filter(|record| record["datasource"] == datasource).cloned().collect()
    }
}

/// What the host wrote down.
pub static RECORDS: LazyLock<Arc<Records>> = LazyLock::new(Arc::default);

/// The host of all attacks.
pub static HOST: LazyLock<Host> = LazyLock::new(|| {
    Host::builder().audit(RECORDS.clone(), false).build().expect("wasmtime runs here")
});

static PLUGIN: LazyLock<Plugin> =
    LazyLock::new(|| HOST.load(HOSTILE, HOSTILE_MANIFEST, None).expect("the component loads"));

/// The hostile plugin on [`HOST`].
#[must_use]
pub fn plugin() -> &'static Plugin {
    &PLUGIN
}

/// The credentials of all datasources here.
#[must_use]
pub fn credentials() -> Arc<dyn ProvideCredentials> {
    Arc::new(Fixed::new(Credentials {
        access_key_id: ACCESS_KEY_ID.to_string(),
        secret_access_key: Secret::new(SECRET),
        session_token: Some(Secret::new(TOKEN)),
        expires: None,
    }))
}

/// An attack to be: a behaviour, what it is told beside, and a policy.
#[derive(Debug)]
pub struct Attack {
    /// The datasource's name, which no other has.
    pub name: String,
    settings: String,
    policy: Policy,
    tls: Tls,
}

impl Attack {
    /// At a loopback server, under a policy that allows all of it, with more of the policy's own TOML.
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

    /// With more words for the plugin.
    #[must_use]
    pub fn told(mut self, words: &str) -> Self {
        self.settings = format!("{} {words}", self.settings);
        self
    }

    /// With TLS of its own.
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = tls;
        self
    }

    /// With another policy.
    #[must_use]
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Connects it.
    ///
    /// # Errors
    /// It cannot be connected, for some behaviours as it should be.
    pub async fn connect(self) -> Result<Datasource, Error> {
        self.connect_on(&HOST, plugin()).await
    }

    /// Connects it on another host.
    ///
    /// # Errors
    /// It cannot be connected.
    pub async fn connect_on(self, host: &Host, plugin: &Plugin) -> Result<Datasource, Error> {
        let Self { name, settings, policy, tls } = self;
        let connect = Connect {
            name: &name,
            settings: &settings,
            settings_are_trusted: false,
            policy,
            credentials: Some(credentials()),
            tls,
        };
        host.connect(plugin, connect).await
    }
}
