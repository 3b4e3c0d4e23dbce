//! Decides when to retry and how long to wait, as the standard mode of the AWS SDKs does for
//! DynamoDB.
//!
//! ```
//! use dynamodb_plugin::retry::{Reason, delay_ms};
//!
//! let reason = Reason::from_service_error(400, "ThrottlingException").expect("worth a retry");
//! assert_eq!(reason, Reason::Throttling);
//! // The first retry waits for up to 1 s. The random number selects the fraction.
//! assert_eq!(delay_ms(reason, 0, u64::MAX / 2, None), 499);
//! assert_eq!(Reason::from_service_error(400, "ValidationException"), None);
//! ```
//!
//! <https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html>

/// Why a request is retried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The connection failed, the response was corrupted, or the service had an internal error.
    Transient,
    /// The service asks the client to slow down.
    Throttling,
}

impl Reason {
    /// Returns the reason to retry after an error of the service, or `None` if a retry would not
    /// help.
    #[must_use]
    pub fn from_service_error(status: u16, code: &str) -> Option<Self> {
        if THROTTLING.contains(&code) || code.starts_with("Throttling") {
            return Some(Self::Throttling);
        }
        if TRANSIENT.contains(&code) || matches!(status, 500 | 502 | 503 | 504) {
            return Some(Self::Transient);
        }
        None
    }

    /// Returns the number of tokens that a retry takes from the datasource's quota of 500 tokens.
    #[must_use]
    pub fn cost(self) -> u32 {
        match self {
            Self::Transient => 14,
            Self::Throttling => 5,
        }
    }

    /// Returns the longest delay before the first retry, in milliseconds.
    fn base_ms(self) -> u64 {
        match self {
            Self::Transient => 25,
            Self::Throttling => 1000,
        }
    }
}

/// Returns the delay before retry number `retry` (from 0), in milliseconds.
///
/// The delay is a random fraction of an exponential backoff. `random` must be uniformly distributed
/// over all values of `u64`. `requested` is the service's `x-amz-retry-after`, in milliseconds. It
/// is respected if it is longer, but adds at most 5 s.
#[must_use]
pub fn delay_ms(reason: Reason, retry: u32, random: u64, requested: Option<u64>) -> u64 {
    let ceiling = reason.base_ms().saturating_mul(1 << retry.min(20)).min(MAX_BACKOFF_MS);
    let own = ((u128::from(random) * u128::from(ceiling)) >> 64) as u64;
    requested.map_or(own, |requested| requested.clamp(own, own + MAX_EXTRA_MS))
}

/// The longest backoff, in milliseconds: the maximum of the AWS SDKs.
const MAX_BACKOFF_MS: u64 = 20_000;
/// The maximum that `x-amz-retry-after` adds to a delay, in milliseconds.
const MAX_EXTRA_MS: u64 = 5_000;

/// Tokens returned after a success at the first attempt, so that the quota fills up again.
pub const RETURN_WITHOUT_RETRY: u32 = 1;

/// Error codes that ask the client to slow down.
const THROTTLING: [&str; 11] = [
    "BandwidthLimitExceeded",
    "LimitExceededException",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "ThrottledException",
    "TooManyRequestsException",
    "TransactionInProgressException",
];

/// Error codes of failures that a retry may avoid.
const TRANSIENT: [&str; 5] = [
    "InternalServerError",
    "ReplicatedWriteConflictException",
    "RequestTimeout",
    "RequestTimeoutException",
    "ServiceUnavailable",
];

/// Error codes that clock skew can cause.
pub const CLOCK_ERRORS: [&str; 5] = [
    "InvalidSignatureException",
    "SignatureDoesNotMatch",
    "RequestTimeTooSkewed",
    "RequestExpired",
    "AuthFailure",
];

/// The smallest clock skew that is corrected, in milliseconds. DynamoDB accepts at least 5 minutes,
/// so a smaller skew is not the cause of an error.
pub const CLOCK_TOLERANCE_MS: i64 = 4 * 60 * 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn throttling_retries_wait_longer_and_cost_fewer_tokens() {
        assert_eq!(delay_ms(Reason::Transient, 0, u64::MAX, None), 24);
        assert_eq!(delay_ms(Reason::Throttling, 1, u64::MAX, None), 1999);
        assert_eq!(delay_ms(Reason::Throttling, 30, u64::MAX, None), 19_999);
        assert_eq!(delay_ms(Reason::Transient, 3, 0, None), 0);
        assert!(Reason::Throttling.cost() < Reason::Transient.cost());
    }

    #[test]
    fn the_requested_delay_adds_at_most_five_seconds() {
        assert_eq!(delay_ms(Reason::Transient, 0, u64::MAX / 2, Some(300)), 300);
        assert_eq!(delay_ms(Reason::Transient, 0, 0, Some(60_000)), 5_000);
        assert_eq!(delay_ms(Reason::Throttling, 0, u64::MAX, Some(1)), 999);
    }

    #[test]
    fn errors_that_the_caller_must_fix_are_not_retried() {
        for code in [
            "ConditionalCheckFailedException",
            "TransactionCanceledException",
            "TransactionConflictException",
            "ValidationException",
            "AccessDeniedException",
        ] {
            assert_eq!(Reason::from_service_error(400, code), None, "{code}");
        }
        assert_eq!(
            Reason::from_service_error(400, "ProvisionedThroughputExceededException"),
            Some(Reason::Throttling)
        );
        assert_eq!(
            Reason::from_service_error(400, "ReplicatedWriteConflictException"),
            Some(Reason::Transient)
        );
        assert_eq!(Reason::from_service_error(503, "X"), Some(Reason::Transient));
    }
}
