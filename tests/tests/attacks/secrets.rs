//! Family C: secrets.

use super::support::{carry_out, denial, limit, refused, server, stopped, tried};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use portcullis::{
    Credentials, CredentialsError, CredentialsFile, DatasourceConfig, Error, LimitKind,
    PluginError, Policy, ProvideCredentials, Rule, Secret, Settings, Tls,
};
use portcullis_testkit::recorder::{self, Response};
use sha2::Sha256;
use std::future::Future;
use std::io::Write;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};
use tests::attack::{Attack, Behaviour, HOST, RECORDS, SECRET, TOKEN, plugin};
use tests::plugins;

pub(crate) async fn signing_key_for_another_region_is_refused() {
    let server = server().await;
    let refusal = refused(
        Attack::new(Behaviour::other_region, &server.authority, ""),
        "GetItem",
        Rule::Signing,
    )
    .await;
    assert_eq!(refusal.remedy, r#"signing = ["us-east-1/dynamodb", "eu-central-1/dynamodb"]"#);
    let listed = Attack::new(Behaviour::other_region, &server.authority, &refusal.remedy);
    assert_eq!(carry_out(listed, "GetItem").await.unwrap(), "{\"got\": \"a key\"}");
}

pub(crate) async fn plugin_cannot_hoard_keys_until_the_first_is_forgotten() {
    let server = server().await;
    let scopes: Vec<String> = (0..70).map(|number| format!("\"r{number}/dynamodb\"")).collect();
    let listed = format!("signing = [\"us-east-1/dynamodb\", {}]", scopes.join(", "));
    let attack = Attack::new(Behaviour::hoard_keys, &server.authority, &listed);
    refused(attack, "GetItem", Rule::SecretInAnswer).await;
}

pub(crate) async fn signing_key_for_another_service_is_refused() {
    let server = server().await;
    refused(Attack::new(Behaviour::other_service, &server.authority, ""), "GetItem", Rule::Signing)
        .await;
}

pub(crate) async fn signing_key_for_another_day_is_refused() {
    let server = server().await;
    refused(Attack::new(Behaviour::other_day, &server.authority, ""), "GetItem", Rule::Signing)
        .await;
}

pub(crate) async fn response_with_the_signing_key_is_refused() {
    let server = server().await;
    for spelling in ["hex", "HEX", "base64-shifted", "base64"] {
        let attack = Attack::new(Behaviour::echo_key, &server.authority, "isolation = \"reuse\"")
            .with_arguments(spelling);
        let datasource = attack.connect().await.unwrap();
        assert_eq!(
            denial(datasource.execute("GetItem", "{}").await).rule,
            Rule::SecretInAnswer,
            "{spelling}"
        );
        assert_eq!(datasource.counters().warm, 0, "the instance is not reused");
    }
}

pub(crate) async fn response_with_the_session_token_is_refused() {
    let server = server().await;
    refused(
        Attack::new(Behaviour::echo_token, &server.authority, ""),
        "GetItem",
        Rule::SecretInAnswer,
    )
    .await;
}

pub(crate) async fn raw_response_with_the_signing_key_is_refused() {
    let server = server().await;
    let datasource =
        Attack::new(Behaviour::echo_in_relay, &server.authority, "").connect().await.unwrap();
    assert_eq!(denial(datasource.relay("GetItem", b"{}").await).rule, Rule::SecretInAnswer);
}

pub(crate) async fn signing_key_and_token_in_an_error_are_redacted() {
    let server = server().await;
    tried();
    let error = carry_out(Attack::new(Behaviour::echo_in_error, &server.authority, ""), "GetItem")
        .await
        .unwrap_err();
    let Error::Plugin(PluginError::Other(message)) = error else { panic!("{error:?}") };
    assert_eq!(message, "key (redacted) token (redacted)");
    stopped();
}

/// Returns today's signing key in every form that the test searches for.
fn spellings_of_the_key() -> Vec<Vec<u8>> {
    let today = time::OffsetDateTime::now_utc().date();
    let date = format!("{:04}{:02}{:02}", today.year(), u8::from(today.month()), today.day());
    let mut key = format!("AWS4{SECRET}").into_bytes();
    for part in [date.as_str(), "us-east-1", "dynamodb", "aws4_request"] {
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
        mac.update(part.as_bytes());
        key = mac.finalize().into_bytes().to_vec();
    }
    vec![
        hex::encode(&key).into_bytes(),
        format!("{key:?}").into_bytes(),
        STANDARD_NO_PAD.encode(&key).into_bytes(),
        key,
    ]
}

/// A log that keeps everything in memory.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

pub(crate) async fn secrets_never_appear_in_logs_or_debug_output() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    tried();
    // A separate thread, so that this log gets all events of the calls and none of other tests.
    let shown = std::thread::spawn(move || {
        tracing::subscriber::with_default(subscriber, || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(show_everything())
        })
    });
    let shown = shown.join().unwrap();
    let logged = log.0.lock().unwrap().clone();
    assert!(
        String::from_utf8_lossy(&logged).contains("portcullis::audit"),
        "the log contains events"
    );
    let records =
        RECORDS.for_datasource("shown").iter().map(ToString::to_string).collect::<String>();
    let all = [shown.into_bytes(), logged, records.into_bytes()].concat();
    let contains = |needle: &[u8]| all.windows(needle.len()).any(|window| window == needle);
    assert!(contains(b"AKIDEXAMPLE"), "the search finds text that must be there");
    for needle in spellings_of_the_key()
        .iter()
        .map(Vec::as_slice)
        .chain([SECRET.as_bytes(), TOKEN.as_bytes()])
    {
        assert!(!contains(needle), "{} appears", String::from_utf8_lossy(needle));
    }
    stopped();
}

/// Makes calls that succeed and calls that fail, and formats everything that can be formatted.
async fn show_everything() -> String {
    let refusing = recorder::start(Response {
        status: 403,
        headers: Vec::new(),
        body: "{\"__type\":\"AccessDenied\"}".into(),
    })
    .await;
    let mut shown = String::new();
    for behaviour in [
        Behaviour::honest,
        Behaviour::echo_key,
        Behaviour::echo_token,
        Behaviour::echo_in_error,
        Behaviour::other_day,
        Behaviour::panic_on_purpose,
    ] {
        let settings = format!("{behaviour} {} hex", refusing.authority);
        let policy = plugins::policy(&refusing.authority, "signing = [\"us-east-1/dynamodb\"]");
        let connect = DatasourceConfig::new("shown")
            .policy(policy)
            .settings(Settings::Untrusted(&settings))
            .shared_credentials(tests::attack::credentials());
        let datasource = HOST.connect(plugin(), connect).await.unwrap();
        let result = datasource.execute("GetItem", "{}").await;
        let displayed = result.as_ref().map_err(ToString::to_string);
        shown =
            format!("{shown} {datasource:?} {result:?} {displayed:?} {:?}", datasource.counters());
    }
    let credentials = tests::attack::credentials();
    shown = format!(
        "{shown} {credentials:?} {:?} {:?}",
        credentials.provide_credentials().await.unwrap(),
        Tls::default()
    );
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(
        file.path(),
        format!("secret_access_key = \"{SECRET}\"\nsession_token = \"{TOKEN}\"\nodd = 1\n"),
    )
    .unwrap();
    let provider = CredentialsFile::new(file.path());
    format!("{shown} {provider:?} {:?}", provider.provide_credentials().await)
}

/// A provider whose credentials change when the test says so. It counts how often they are fetched.
#[derive(Debug, Default)]
pub(crate) struct ChangingCredentials {
    fetched: AtomicU32,
    changed: AtomicU32,
}

impl ChangingCredentials {
    /// Switches to another identity, and waits until the host fetches credentials again.
    pub(crate) async fn change(&self) {
        self.changed.store(1, Ordering::SeqCst);
        // Credentials close to their expiry are fetched every five seconds, not for every call.
        tokio::time::sleep(Duration::from_millis(5100)).await;
    }
}

impl ProvideCredentials for ChangingCredentials {
    fn provide_credentials(
        &self,
    ) -> Pin<Box<dyn Future<Output = Result<Credentials, CredentialsError>> + Send + '_>> {
        self.fetched.fetch_add(1, Ordering::SeqCst);
        let id =
            if self.changed.load(Ordering::SeqCst) == 0 { "AKIDTHEFIRST" } else { "AKIDTHESECOND" };
        Box::pin(std::future::ready(Ok(Credentials {
            access_key_id: id.to_string(),
            secret_access_key: Secret::new(SECRET),
            session_token: None,
            expires: Some(SystemTime::now() + Duration::from_secs(5)),
        })))
    }
}

/// Connects a datasource of the DynamoDB plugin with these credentials.
async fn with_provider(
    provider: &Arc<ChangingCredentials>,
    settings: &str,
    policy: Policy,
) -> portcullis::Datasource {
    let connect = DatasourceConfig::new("datasource")
        .policy(policy)
        .settings(Settings::Trusted(settings))
        .shared_credentials(provider.clone());
    plugins::host().connect(plugins::dynamodb(), connect).await.unwrap()
}

pub(crate) async fn denied_calls_fetch_no_credentials() {
    let server = server().await;
    let provider = Arc::new(ChangingCredentials::default());
    let settings =
        format!("{{\"region\":\"us-east-1\",\"endpoint\":\"http://{}\"}}", server.authority);
    let reader = with_provider(
        &provider,
        &settings,
        plugins::policy(&server.authority, "access = \"read\""),
    )
    .await;
    assert_eq!(denial(reader.execute("PutItem", "{}").await).rule, Rule::Access);
    let narrow = with_provider(
        &provider,
        &settings,
        plugins::policy(&server.authority, "actions = [\"Query\"]"),
    )
    .await;
    assert_eq!(denial(narrow.execute("ListTables", "").await).rule, Rule::Actions);
    let unsigned =
        with_provider(&provider, &settings, plugins::policy(&server.authority, "signing = []"))
            .await;
    assert_eq!(denial(unsigned.execute("ListTables", "").await).rule, Rule::Signing);
    let deep = limit(reader.execute("GetItem", &"[".repeat(1000)).await);
    assert_eq!(deep.which, LimitKind::JsonDepth);
    assert_eq!(provider.fetched.load(Ordering::SeqCst), 0);
    reader.execute("ListTables", "").await.unwrap();
    assert_eq!(provider.fetched.load(Ordering::SeqCst), 1);
}

pub(crate) async fn expired_credentials_are_fetched_again() {
    let server = server().await;
    let provider = Arc::new(ChangingCredentials::default());
    let settings =
        format!("{{\"region\":\"us-east-1\",\"endpoint\":\"http://{}\"}}", server.authority);
    let datasource =
        with_provider(&provider, &settings, plugins::policy(&server.authority, "")).await;
    tried();
    datasource.execute("ListTables", "").await.unwrap();
    datasource.execute("ListTables", "").await.unwrap();
    assert_eq!(provider.fetched.load(Ordering::SeqCst), 1);
    provider.change().await;
    datasource.execute("ListTables", "").await.unwrap();
    let signed: Vec<bool> = server
        .requests()
        .iter()
        .map(|request| request.header("authorization").contains("AKIDTHESECOND"))
        .collect();
    assert_eq!(signed, [false, false, true]);
    stopped();
}

pub(crate) async fn secrets_are_zeroed_when_dropped() {
    fn is_zeroed<T: zeroize::ZeroizeOnDrop>() {}
    // This is checked at compile time: a type that is not zeroed on drop fails the build.
    is_zeroed::<Secret>();
}
