//! The origin of requests: parsed once into the value that everything else acts on, and kept, as the next request mostly
//! goes to the same.

use http::HeaderValue;
use portcullis_policy::{Denial, Origin, Rule, Scheme};
use std::sync::{Arc, Mutex, PoisonError};

/// The origin that the last request of a datasource went to.
#[derive(Default)]
pub(crate) struct LastOrigin(Mutex<Option<Known>>);

struct Known {
    scheme: Scheme,
    /// As the guest wrote it.
    authority: String,
    target: Target,
}

/// Where a request goes.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) origin: Arc<Origin>,
    /// The value of its `host` header.
    pub(crate) host: HeaderValue,
}

impl Target {
    pub(crate) fn parse(scheme: Scheme, authority: &str) -> Result<Self, Denial> {
        let deny = |message: String| {
            Denial::new(Rule::Egress, "", message, "check the endpoint in the settings")
        };
        let origin = Origin::new(scheme, authority).map_err(|error| deny(error.to_string()))?;
        let host =
            HeaderValue::try_from(origin.authority()).map_err(|error| deny(error.to_string()))?;
        Ok(Self { origin: Arc::new(origin), host })
    }
}

impl LastOrigin {
    /// What `authority` says. Nothing is allowed by this: the policy is asked about each request.
    pub(crate) fn parse(&self, scheme: Scheme, authority: &str) -> Result<Target, Denial> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = &*last
            && known.scheme == scheme
            && known.authority == authority
        {
            return Ok(known.target.clone());
        }
        let target = Target::parse(scheme, authority)?;
        *last = Some(Known { scheme, authority: authority.to_string(), target: target.clone() });
        Ok(target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_authority_gives_its_own_origin_whatever_came_before() {
        let last = LastOrigin::default();
        for _ in 0..2 {
            for (scheme, authority, origin) in [
                (Scheme::Https, "example.com", "https://example.com"),
                (Scheme::Https, "example.com", "https://example.com"),
                (Scheme::Http, "example.com", "http://example.com"),
                (Scheme::Http, "Example.com:80", "http://example.com"),
                (Scheme::Http, "example.com:8000", "http://example.com:8000"),
            ] {
                let target = last.parse(scheme, authority).unwrap();
                assert_eq!(*target.origin, origin.parse().unwrap());
                assert_eq!(target.host, target.origin.authority());
            }
            assert_eq!(
                last.parse(Scheme::Https, "user@example.com").err().unwrap().rule,
                Rule::Egress
            );
        }
    }
}
