//! The signing keys of one datasource, derived from its secret. Each is valid for one day, region
//! and service.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html#derive-signing-key>

use crate::credentials::fetch::{Fetched, Fetcher};
use crate::credentials::{CredentialsError, ProvideCredentials};
use crate::secret::Secret;
use hmac::{Hmac, KeyInit, Mac};
use parking_lot::Mutex;
use portcullis_policy::CredentialScope;
use sha2::Sha256;
use std::sync::Arc;
use std::time::SystemTime;
use time::{Date, OffsetDateTime};
use zeroize::Zeroizing;

/// A signing key with the identity that it belongs to.
#[derive(Clone)]
pub(crate) struct DerivedKey {
    pub(crate) access_key_id: String,
    pub(crate) session_token: Option<Secret>,
    pub(crate) key: Zeroizing<[u8; 32]>,
    /// Seconds since the Unix epoch.
    pub(crate) expires: u64,
}

/// Derives keys from the credentials of one datasource.
pub(crate) struct KeyRing {
    fetcher: Option<Fetcher>,
    keys: Mutex<Keys>,
}

#[derive(Default)]
struct Keys {
    /// The fetch whose credentials the keys are derived from.
    fetch: u64,
    keys: Vec<KnownKey>,
}

/// A key that is kept, with the day and the scope that it is derived for.
struct KnownKey {
    date: String,
    scope: CredentialScope,
    /// Boxed, since a list that grows or shrinks leaves copies of what it contains.
    key: Box<Zeroizing<[u8; 32]>>,
}

/// The number of keys that are kept: those of today and the days next to it, for a few scopes.
const MAX_KEYS: usize = 8;

impl KeyRing {
    /// Keys from the credentials of `provider`.
    pub(crate) fn new(provider: Option<Arc<dyn ProvideCredentials>>) -> Self {
        Self { fetcher: provider.map(Fetcher::new), keys: Mutex::default() }
    }

    /// Sets the name of the datasource for the log.
    pub(crate) fn named(self, datasource: &str) -> Self {
        Self { fetcher: self.fetcher.map(|fetcher| fetcher.named(datasource)), ..self }
    }

    /// Derives the key of a scope and a day, which the caller has checked.
    ///
    /// # Errors
    /// Returns an error if there are no credentials.
    pub(crate) async fn derive(
        &self,
        date: &str,
        scope: &CredentialScope,
    ) -> Result<DerivedKey, CredentialsError> {
        let fetcher = self.fetcher.as_ref().ok_or_else(|| {
            CredentialsError::new(
                "this datasource has none; add to its policy: credentials = { from = \"env\" }",
            )
        })?;
        let Fetched { credentials, until, number } = fetcher.current().await?;
        let expires = until.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        Ok(DerivedKey {
            access_key_id: credentials.access_key_id.clone(),
            session_token: credentials.session_token.clone(),
            key: self.key(number, credentials.secret_access_key.expose(), date, scope),
            expires,
        })
    }

    /// The key of a scope and a day, derived from the secret of a fetch.
    fn key(
        &self,
        fetch: u64,
        secret: &str,
        date: &str,
        scope: &CredentialScope,
    ) -> Zeroizing<[u8; 32]> {
        let mut kept = self.keys.lock();
        if kept.fetch != fetch {
            kept.keys.clear();
            kept.fetch = fetch;
        }
        let known = kept.keys.iter().find(|known| known.date == date && known.scope == *scope);
        if let Some(known) = known {
            return (*known.key).clone();
        }
        let key = derive_key(secret, date, scope);
        if kept.keys.len() >= MAX_KEYS {
            kept.keys.remove(0);
        }
        let boxed = Box::new(key.clone());
        kept.keys.push(KnownKey { date: date.to_string(), scope: scope.clone(), key: boxed });
        key
    }
}

/// By how many days clocks and time zones may differ.
const MAX_DAYS_APART: u32 = 1;
/// The number of days that [`is_current`] accepts.
pub(crate) const CURRENT_DAYS: usize = 2 * MAX_DAYS_APART as usize + 1;

/// Whether `date`, in the form `YYYYMMDD`, is today, yesterday or tomorrow.
pub(crate) fn is_current(date: &str, now: OffsetDateTime) -> bool {
    day(date).is_some_and(|day| now.to_julian_day().abs_diff(day) <= MAX_DAYS_APART)
}

/// The Julian day of a date in the form `YYYYMMDD`.
fn day(date: &str) -> Option<i32> {
    let digits = date.len() == 8 && date.bytes().all(|byte| byte.is_ascii_digit());
    let date: u32 = date.parse().ok().filter(|_| digits)?;
    let (year, month, day) = ((date / 10_000) as i32, (date / 100 % 100) as u8, (date % 100) as u8);
    Some(Date::from_calendar_date(year, month.try_into().ok()?, day).ok()?.to_julian_day())
}

fn derive_key(secret: &str, date: &str, scope: &CredentialScope) -> Zeroizing<[u8; 32]> {
    let secret = Zeroizing::new(format!("AWS4{secret}"));
    let mut key = hmac_sha256(secret.as_bytes(), date.as_bytes());
    for part in [scope.region(), scope.service(), "aws4_request"] {
        key = hmac_sha256(&*key, part.as_bytes());
    }
    key
}

fn hmac_sha256(key: &[u8], data: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(data);
    Zeroizing::new(mac.finalize().into_bytes().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_equals_the_documented_one() {
        // The example in AWS's guide to deriving a signing key.
        let scope = CredentialScope::new("us-east-1", "iam").unwrap();
        let key = derive_key("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "20150830", &scope);
        assert_eq!(
            hex::encode(*key),
            "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9"
        );
    }

    #[test]
    fn only_days_next_to_today_are_current() {
        let now = OffsetDateTime::from_unix_timestamp(1_440_938_160).unwrap();
        for (date, expected) in [
            ("20150829", true),
            ("20150830", true),
            ("20150831", true),
            ("20150828", false),
            ("20150901", false),
            ("", false),
            ("2015083", false),
        ] {
            assert_eq!(is_current(date, now), expected, "{date}");
        }
    }
}
