//! What the host must know about the service behind a datasource: one trait, and AWS behind it.

use crate::body::{BodyRules, EnforceBody};
use crate::credentials::{CredentialsError, ProvideCredentials};
use crate::issued_keys::{IssuedKey, IssuedKeys};
use crate::key_ring::{CURRENT_DAYS, KeyRing, is_current};
use crate::secret::Secret;
use crate::signature;
use http::HeaderMap;
use portcullis_policy::{ActionName, CredentialScope, Denial, Manifest, Policy, Rule};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use time::OffsetDateTime;
use zeroize::Zeroizing;

/// The service behind one datasource, as the host sees it: it issues signing keys, checks what
/// the plugin sends, and finds leaked secrets in what it returns.
pub trait Service: Send + Sync {
    /// Derives the signing key of a day, a region and a service, which a plugin asks for.
    fn signing_key<'s>(
        &'s self,
        date: &'s str,
        region: &'s str,
        service: &'s str,
    ) -> Pin<Box<dyn Future<Output = Result<SigningKey, SigningError>> + Send + 's>>;

    /// Checks who signed a request.
    ///
    /// # Errors
    /// Returns a denial if the request is not signed with a key that was issued.
    fn check_signature(&self, operation: &ActionName, headers: &HeaderMap) -> Result<(), Denial>;

    /// Whether the body of an operation must be checked.
    fn reads_body(&self, operation: &ActionName) -> bool;

    /// Checks the body of an operation. `enforce` lets a denial pass if the policy only reports its
    /// rule.
    ///
    /// # Errors
    /// Returns a denial if the body writes where only reads are allowed, or names a table that is
    /// not allowed.
    fn check_body(
        &self,
        operation: &ActionName,
        body: &[u8],
        enforce: EnforceBody<'_>,
    ) -> Result<(), Denial>;

    /// Whether `bytes` contain a key or a session token that was issued.
    fn leaks_in(&self, bytes: &[u8]) -> bool;

    /// Removes keys and session tokens that were issued from a text.
    fn redact(&self, text: &mut String);
}

/// A signing key for one day, region and service, with its identity.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SigningKey {
    /// The access key id. It is not secret.
    pub access_key_id: String,
    /// The session token of temporary credentials.
    pub session_token: Option<Zeroizing<String>>,
    /// The derived key, 32 bytes.
    pub key: Zeroizing<Vec<u8>>,
    /// When the plugin must ask again, in seconds since the Unix epoch.
    pub expires: u64,
    /// Whether its identity differs from that of the key before.
    pub identity_changed: bool,
}

/// A signing key that is not issued.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SigningError {
    /// The policy denies the scope, or the day is not today.
    #[error(transparent)]
    Denied(#[from] Denial),
    /// There are no credentials.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
}

/// An AWS service, or a service without signatures if the plugin's manifest names none.
pub struct AwsService {
    manifest: Arc<Manifest>,
    policy: Arc<Policy>,
    /// Scopes that follow from settings which the operator wrote.
    settings_scopes: Vec<CredentialScope>,
    keys: KeyRing,
    issued: IssuedKeys,
}

impl AwsService {
    /// The service of a datasource with this policy.
    #[must_use]
    pub fn new(
        manifest: Arc<Manifest>,
        policy: Arc<Policy>,
        credentials: Option<Arc<dyn ProvideCredentials>>,
    ) -> Self {
        let keys = KeyRing::new(credentials);
        let issued = IssuedKeys::default();
        Self { manifest, policy, settings_scopes: Vec::new(), keys, issued }
    }

    /// Sets the name of the datasource for the log, which says why there are no credentials. Default:
    /// an empty name.
    #[must_use]
    pub fn named(mut self, datasource: &str) -> Self {
        self.keys = self.keys.named(datasource);
        self
    }

    /// Allows the region of settings that the operator wrote, if the policy lists no scope. What
    /// the plugin reads in the settings must be what is read here, so they must be strict JSON.
    ///
    /// # Errors
    /// Returns an error if the policy lists no scope and the settings are not strict JSON.
    pub fn trust_settings(mut self, settings: &str) -> Result<Self, serde_json::Error> {
        if let (Some(signing), None) = (self.manifest.signing(), &self.policy.signing) {
            let settings: serde_json::Value = serde_json::from_str(settings)?;
            let region = settings.get(signing.region_setting()).and_then(|region| region.as_str());
            self.settings_scopes =
                region.and_then(|region| signing.scope(region)).into_iter().collect();
        }
        Ok(self)
    }

    async fn derive(
        &self,
        date: &str,
        region: &str,
        service: &str,
    ) -> Result<SigningKey, SigningError> {
        let deny = |subject: String, message: String, remedy: &str| {
            SigningError::Denied(Denial::new(Rule::Signing, subject, message, remedy))
        };
        let scope = CredentialScope::new(region, service).map_err(|error| {
            deny(String::new(), error.to_string(), "check the region in the settings")
        })?;
        self.policy.check_scope(&scope, &self.settings_scopes)?;
        if !is_current(date, OffsetDateTime::now_utc()) {
            let shown: String = date.chars().take(20).collect();
            let message = format!(
                "the plugin asked for a signing key of {shown:?}, which is not today, yesterday or \
                 tomorrow"
            );
            return Err(deny(scope.to_string(), message, "check this machine's clock"));
        }
        let derived = self.keys.derive(date, &scope).await?;
        let credential = format!(
            "{}/{date}/{}/{}/aws4_request",
            derived.access_key_id,
            scope.region(),
            scope.service()
        );
        let new = IssuedKey {
            credential,
            session_token: derived.session_token.clone(),
            key: Box::new(derived.key.clone()),
        };
        let scopes = self.policy.allowed_scopes(&self.settings_scopes).len();
        let identity_changed = self.issued.record(new, CURRENT_DAYS * scopes);
        let token = derived.session_token.as_ref().map(Secret::expose);
        Ok(SigningKey {
            access_key_id: derived.access_key_id,
            session_token: token.map(|token| Zeroizing::new(token.to_string())),
            key: Zeroizing::new(derived.key.to_vec()),
            expires: derived.expires,
            identity_changed,
        })
    }
}

impl Service for AwsService {
    fn signing_key<'s>(
        &'s self,
        date: &'s str,
        region: &'s str,
        service: &'s str,
    ) -> Pin<Box<dyn Future<Output = Result<SigningKey, SigningError>> + Send + 's>> {
        Box::pin(self.derive(date, region, service))
    }

    fn check_signature(&self, operation: &ActionName, headers: &HeaderMap) -> Result<(), Denial> {
        if self.manifest.signing().is_none() {
            return Ok(());
        }
        signature::check(&self.issued, operation, headers)
    }

    fn reads_body(&self, operation: &ActionName) -> bool {
        self.body_rules().reads(operation)
    }

    fn check_body(
        &self,
        operation: &ActionName,
        body: &[u8],
        enforce: EnforceBody<'_>,
    ) -> Result<(), Denial> {
        self.body_rules().check(operation, body, enforce)
    }

    fn leaks_in(&self, bytes: &[u8]) -> bool {
        self.issued.leaks_in(bytes)
    }

    fn redact(&self, text: &mut String) {
        self.issued.redact(text);
    }
}

impl AwsService {
    fn body_rules(&self) -> BodyRules<'_> {
        BodyRules { manifest: &self.manifest, policy: &self.policy }
    }
}

impl fmt::Debug for AwsService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsService")
            .field("manifest", &self.manifest.name())
            .finish_non_exhaustive()
    }
}
