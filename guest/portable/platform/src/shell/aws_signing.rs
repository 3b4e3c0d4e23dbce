//! `aws-signing`: keys for one day and scope. The secret is read for each key and overwritten again.

use super::Platform;
use super::exports::portcullis::datasource::aws_signing::{Guest, SigningError, SigningMaterial};
use super::http_messages::check_length;
use super::state::{self, Identity, unix_seconds};
use super::wasi::cli::environment::get_environment;
use crate::date::is_current;
use crate::denial::{Denial, Rule};
use crate::key::{Credentials, derive_key};
use crate::scope::Scope;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use sha2::{Digest, Sha256};

/// How long a plugin may use a key before it asks again, in seconds: the host's time, 15 minutes.
const LIFETIME: u64 = 900;

impl Guest for Platform {
    fn derive_key(
        date: String,
        region: String,
        service: String,
    ) -> Result<SigningMaterial, SigningError> {
        let now = unix_seconds();
        let scope = check(&date, &region, &service, now).map_err(|denial| {
            let message = denial.to_string();
            state::deny(denial);
            SigningError::Refused(message)
        })?;
        let credentials = Credentials::take(get_environment())
            .map_err(|error| SigningError::Unavailable(error.to_string()))?;
        let key = derive_key(&credentials, &date, &scope);
        let access_key_id = credentials.access_key_id.clone();
        let session_token = credentials.session_token.as_ref().map(|token| token.to_string());
        state::with(|state| {
            state.identity = Some(Identity {
                access_key_id: access_key_id.clone(),
                session_token: credentials.session_token.clone(),
            });
        });
        Ok(SigningMaterial {
            access_key_id,
            session_token,
            key: key.to_vec(),
            expires: now + LIFETIME,
        })
    }

    /// A body that no request may have fails the call, as on the host.
    fn payload_hash(body: Vec<u8>) -> Vec<u8> {
        // The denial is recorded; the text is for `request`, which returns it to the plugin.
        if check_length(&body).is_err() {
            return Vec::new();
        }
        Sha256::digest(&body).to_vec()
    }
}

fn check(date: &str, region: &str, service: &str, now: u64) -> Result<Scope, Denial> {
    let cut = |text: &str| text.chars().take(63).collect::<String>();
    let (shown_region, shown_service, shown_date) = (cut(region), cut(service), cut(date));
    state::with(|state| {
        let (Some(call), Some(settings)) = (&state.call, &state.settings) else {
            return Err(Denial::defect(Rule::Binding, "the plugin asked for a key outside a call"));
        };
        call.check_sends()?;
        let scope = Scope::new(region, service).filter(|scope| settings.signing.contains(scope));
        let scope = scope.ok_or_else(|| settings.deny_scope(&shown_region, &shown_service))?;
        if !is_current(date, now) {
            let message = format!(
                "the plugin asked for a signing key of {shown_date:?}, which is not today, \
                 yesterday or tomorrow"
            );
            return Err(Denial::new(Rule::Signing, message, "check this machine's clock"));
        }
        Ok(scope)
    })
}
