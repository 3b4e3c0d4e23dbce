//! Examines what a plugin returns, before the caller gets it.

use super::output::Output;
use super::{Datasource, Inner};
use crate::call::Call;
use crate::datasource_state::DatasourceState;
use crate::error::Error;
use bytesize::ByteSize;
use portcullis_json::is_deeper;
use portcullis_policy::{Denial, LimitKind, Rule};
use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

/// The largest result that is examined on the worker of the call, in bytes: it takes some 2 ms. A
/// page of `DynamoDB` has up to 1 MB of data, and to examine it on another thread takes a tenth more
/// time for the whole call.
const MAX_INLINE_INSPECTION: usize = 2 * 1024 * 1024;

impl Datasource {
    /// Limits the size of a result, and examines it: a large one on a thread of its own.
    pub(super) async fn inspect<T: Output>(
        &self,
        call: &Arc<Call>,
        result: Result<T, Error>,
        end: Instant,
    ) -> Result<T, Error> {
        let Inner { state, runtime, .. } = &*self.inner;
        let bytes = match &result {
            Ok(output) => output.bytes(),
            Err(error) => error.details().len(),
        };
        let limit = state.limits().response_bytes;
        if bytes as u64 > limit.as_u64() {
            let limit = call.progress().limit(LimitKind::ResponseBytes, limit.to_string());
            return Err(Error::Limit(limit));
        }
        let headers = result.as_ref().map_or(0, Output::header_bytes) as u64;
        if headers > state.limits().header_bytes.as_u64() {
            let limit = state.limits().header_bytes.to_string();
            return Err(Error::Limit(call.progress().limit(LimitKind::HeaderBytes, limit)));
        }
        if bytes <= MAX_INLINE_INSPECTION {
            return inspect(state, call, result);
        }
        // Held by the thread, which goes on when the call has ended.
        let memory = runtime.memory.reserve(bytes as u64).map_err(|_| {
            let limit = ByteSize::b(runtime.memory.limit()).to_string();
            Error::Limit(call.progress().limit(LimitKind::ProcessMemory, limit))
        })?;
        let (state, inspected_call) = (state.clone(), call.clone());
        let inspecting = pin!(async {
            let permit = runtime.scheduler.acquire().await;
            tokio::task::spawn_blocking(move || {
                let _held = (permit, memory);
                inspect(&state, &inspected_call, result)
            })
            .await
        });
        match runtime.timers.timeout_at(end, inspecting).await {
            Some(Ok(inspected)) => inspected,
            Some(Err(error)) => Err(Error::Trapped { message: error.to_string() }),
            None => Err(self.out_of_time(call.progress().reached())),
        }
    }
}

/// Returns a result unchanged or not at all, and an error without secrets.
fn inspect<T: Output>(
    state: &DatasourceState,
    call: &Call,
    result: Result<T, Error>,
) -> Result<T, Error> {
    let depth = state.limits().json_depth;
    let too_deep = || {
        let limit = call.progress().limit(LimitKind::JsonDepth, depth.to_string());
        Err(Error::Limit(limit))
    };
    if result.as_ref().is_err_and(|error| is_deeper(error.details(), depth)) {
        return too_deep();
    }
    let output = result.map_err(|error| error.map_texts(|text| state.service.redact(text)))?;
    if output.leaks(&*state.service) {
        let message = "the result contains the signing key or the session token that the plugin \
                       was given";
        let remedy = "nothing allows this; if the plugin did not do it by mistake, report it to \
                      its publisher";
        let denial = Denial::new(Rule::SecretInAnswer, call.export(), message, remedy);
        call.deny(&denial);
        return Err(denial.into());
    }
    if output.is_deeper(depth) {
        return too_deep();
    }
    Ok(output)
}
