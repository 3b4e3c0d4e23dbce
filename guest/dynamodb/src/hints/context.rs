//! What hints must know of a call.

use crate::transcode::Format;

/// What hints must know of a call.
#[derive(Clone, Copy, Debug, Default)]
pub struct HintContext<'a> {
    /// The action.
    pub action: &'a str,
    /// The region, if the request went to AWS. A server that the settings name has no regions and
    /// accounts that hints could speak of.
    pub region: Option<&'a str>,
    /// The body of the request.
    pub request: &'a str,
    /// The format in which the caller writes attribute values, and so the hints do.
    pub format: Format,
    /// Whether the plugin generated the request's idempotency token, so that the caller cannot
    /// repeat the call with it.
    pub token_is_generated: bool,
    /// Whether an earlier attempt of the call may have been applied.
    pub maybe_applied: bool,
}
