//! Limits what callers hand in, before it enters the sandbox.

use crate::error::Error;
use portcullis_json::InputDepth;
use portcullis_policy::{Limit, LimitKind, Limits};
use tokio::task::yield_now;

/// What a caller hands in.
pub(super) enum Input<'i> {
    Json(&'i str),
    /// Bytes that the host does not read.
    Bytes(&'i [u8]),
}

/// Checks the inputs of a call, and returns their size in bytes. Other tasks run meanwhile.
pub(super) async fn check(inputs: &[Input<'_>], limits: &Limits) -> Result<u64, Error> {
    let (size, depth, mut all) = (limits.request_bytes, limits.json_depth, 0);
    for input in inputs {
        let (text, bytes) = match input {
            Input::Json(text) => (*text, text.len()),
            Input::Bytes(body) => ("", body.len()),
        };
        check_limit(bytes as u64 > size.as_u64(), LimitKind::RequestBytes, &size)?;
        let mut reading = InputDepth::new(text, depth);
        let is_deeper = loop {
            match reading.advance() {
                Some(is_deeper) => break is_deeper,
                None => yield_now().await,
            }
        };
        check_limit(is_deeper, LimitKind::JsonDepth, &depth)?;
        all += bytes as u64;
    }
    Ok(all)
}

/// Checks the settings of a datasource.
pub(super) fn check_settings(settings: &str, limits: &Limits) -> Result<(), Error> {
    let (size, depth) = (limits.request_bytes, limits.json_depth);
    check_limit(settings.len() as u64 > size.as_u64(), LimitKind::RequestBytes, &size)?;
    check_limit(InputDepth::new(settings, depth).finish(), LimitKind::JsonDepth, &depth)
}

fn check_limit(is_reached: bool, which: LimitKind, bound: &dyn ToString) -> Result<(), Error> {
    if is_reached {
        return Err(Error::Limit(Limit::new(which, bound.to_string(), false)));
    }
    Ok(())
}
