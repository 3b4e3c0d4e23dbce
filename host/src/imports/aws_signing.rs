//! `aws-signing`: keys for one day, region and service, and hashes of bodies. The service behind the
//! datasource derives the keys.

use crate::bindings::portcullis::datasource::aws_signing::{
    SigningError as ContractError, SigningMaterial,
};
use crate::store_state::StoreState;
use portcullis_aws::SigningError;
use portcullis_policy::{Denial, LimitKind, Rule};
use portcullis_wasi::{List, PluginState as _, Text, reached, read_in_pieces};
use sha2::{Digest, Sha256};
use wasmtime::component::Linker;
use wasmtime::{AsContextMut, Error, Result, StoreContextMut};

/// The longest date, region or service, in bytes: the longest region has 16.
const MAX_NAME_BYTES: usize = 256;

/// Links the interface. A plugin for version 0.1.0 finds it too: nothing was changed, only added.
pub(super) fn add_to_linker(linker: &mut Linker<StoreState>) -> Result<()> {
    let mut instance = linker.instance("portcullis:datasource/aws-signing@0.1.1")?;
    instance.func_wrap_async(
        "derive-key",
        |mut store: StoreContextMut<'_, StoreState>, names: (Text, Text, Text)| {
            let names = read_names(&store, &names);
            Box::new(async move {
                let [date, region, service] = names?;
                Ok((derive_key(store.data_mut(), &date, &region, &service).await,))
            })
        },
    )?;
    instance.func_wrap_async(
        "payload-hash",
        |store: StoreContextMut<'_, StoreState>, (body,): (List<u8>,)| {
            Box::new(async move { Ok((payload_hash(store, &body).await?,)) })
        },
    )
}

fn read_names(
    store: &StoreContextMut<'_, StoreState>,
    names: &(Text, Text, Text),
) -> Result<[String; 3]> {
    let read = |text: &Text| match text.read(store, MAX_NAME_BYTES)? {
        Some(text) => Ok(text.into_owned()),
        None => Err(Error::msg("the plugin asked for a signing key with a long name")),
    };
    Ok([read(&names.0)?, read(&names.1)?, read(&names.2)?])
}

async fn derive_key(
    state: &mut StoreState,
    date: &str,
    region: &str,
    service: &str,
) -> std::result::Result<SigningMaterial, ContractError> {
    if state.call.as_ref().is_none_or(|call| call.operations.is_empty()) {
        let message = "the plugin asked for a signing key outside a call that may send requests";
        let remedy = "this is a defect of the plugin: report it to its publisher";
        return Err(refuse(state, &Denial::new(Rule::Signing, "", message, remedy)));
    }
    match state.datasource.service.signing_key(date, region, service).await {
        Ok(key) => {
            if key.identity_changed {
                state.identity = state.datasource.egress.change_identity();
            }
            Ok(SigningMaterial {
                access_key_id: key.access_key_id,
                session_token: key.session_token.map(|token| token.to_string()),
                key: key.key.to_vec(),
                expires: key.expires,
            })
        }
        Err(SigningError::Denied(denial)) => Err(refuse(state, &denial)),
        Err(error) => Err(ContractError::Unavailable(error.to_string())),
    }
}

/// Hashes a body where it is.
async fn payload_hash(
    mut store: StoreContextMut<'_, StoreState>,
    body: &List<u8>,
) -> Result<Vec<u8>> {
    let limit = store.data_mut().gate().limits().request_bytes;
    let mut hash = Sha256::new();
    if body.len() as u64 <= limit.as_u64() {
        let reading = read_in_pieces(store.as_context_mut(), body, |piece| hash.update(piece));
        if reading.await.is_some() {
            return Ok(hash.finalize().to_vec());
        }
    }
    Err(reached(store.data_mut(), LimitKind::RequestBytes, limit.to_string()))
}

fn refuse(state: &StoreState, denial: &Denial) -> ContractError {
    if let Some(call) = &state.call {
        call.deny(denial);
    }
    ContractError::Refused(denial.to_string())
}
