//! When to try again, and how long to wait: the standard mode of AWS's SDKs, with DynamoDB's figures.
//! <https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html>

/// Why a call is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The connection failed, the answer was damaged, or the service had an error of its own.
    Transient,
    /// The service asks to slow down.
    Throttling,
}

impl Reason {
    /// Whether an error of the service is worth another try.
    #[must_use]
    pub fn of_service(status: u16, code: &str) -> Option<Self> {
        if THROTTLING.contains(&code) || code.starts_with("Throttling") {
            return Some(Self::Throttling);
        }
        if TRANSIENT.contains(&code) || matches!(status, 500 | 502 | 503 | 504) {
            return Some(Self::Transient);
        }
        None
    }

    /// What a retry takes from the datasource's quota of 500 tokens.
    #[must_use]
    pub fn cost(self) -> u32 {
        match self {
            Self::Transient => 14,
            Self::Throttling => 5,
        }
    }

    fn base_ms(self) -> u64 {
        match self {
            Self::Transient => 25,
            Self::Throttling => 1000,
        }
    }
}

/// Milliseconds to wait before retry number `retry`, counted from 0: a random part of an exponential backoff.
/// `random` is uniform over all values. `asked` is the service's `x-amz-retry-after`, in milliseconds: it is
/// followed, but never for more than 5 s over our own figure.
#[must_use]
pub fn delay_ms(reason: Reason, retry: u32, random: u64, asked: Option<u64>) -> u64 {
    let ceiling = reason.base_ms().saturating_mul(1 << retry.min(20)).min(MAX_BACKOFF_MS);
    let own = ((u128::from(random) * u128::from(ceiling)) >> 64) as u64;
    asked.map_or(own, |asked| asked.clamp(own, own + MAX_EXTRA_MS))
}

/// The longest backoff.
const MAX_BACKOFF_MS: u64 = 20_000;
/// How much longer than that the service may make us wait.
const MAX_EXTRA_MS: u64 = 5_000;

/// Given back for a success at the first attempt, so that the quota fills up again.
pub const RETURN_WITHOUT_RETRY: u32 = 1;

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

const TRANSIENT: [&str; 5] = [
    "InternalServerError",
    "ReplicatedWriteConflictException",
    "RequestTimeout",
    "RequestTimeoutException",
    "ServiceUnavailable",
];

/// Errors that a wrong clock causes.
pub const CLOCK_ERRORS: [&str; 5] = [
    "InvalidSignatureException",
    "SignatureDoesNotMatch",
    "RequestTimeTooSkewed",
    "RequestExpired",
    "AuthFailure",
];

/// How far off, in milliseconds, a clock must be for it to be the cause: DynamoDB accepts at least 5 minutes.
pub const CLOCK_TOLERANCE_MS: i64 = 4 * 60 * 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn throttling_waits_longer_and_costs_less() {
        assert_eq!(delay_ms(Reason::Transient, 0, u64::MAX, None), 24);
        assert_eq!(delay_ms(Reason::Throttling, 1, u64::MAX, None), 1999);
        assert_eq!(delay_ms(Reason::Throttling, 30, u64::MAX, None), 19_999);
        assert_eq!(delay_ms(Reason::Transient, 3, 0, None), 0);
        assert!(Reason::Throttling.cost() < Reason::Transient.cost());
    }

    #[test]
    fn the_services_wish_is_followed_up_to_five_seconds_more() {
        assert_eq!(delay_ms(Reason::Transient, 0, u64::MAX / 2, Some(300)), 300);
        assert_eq!(delay_ms(Reason::Transient, 0, 0, Some(60_000)), 5_000);
        assert_eq!(delay_ms(Reason::Throttling, 0, u64::MAX, Some(1)), 999);
    }

    #[test]
    fn what_the_caller_must_mend_is_not_retried() {
        for code in [
            "ConditionalCheckFailedException",
            "TransactionCanceledException",
            "TransactionConflictException",
            "ValidationException",
            "AccessDeniedException",
        ] {
            assert_eq!(Reason::of_service(400, code), None, "{code}");
        }
        assert_eq!(
            Reason::of_service(400, "ProvisionedThroughputExceededException"),
            Some(Reason::Throttling)
        );
        assert_eq!(
            Reason::of_service(400, "ReplicatedWriteConflictException"),
            Some(Reason::Transient)
        );
        assert_eq!(Reason::of_service(503, "X"), Some(Reason::Transient));
    }
}
