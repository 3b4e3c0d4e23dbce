//! The target of requests: parsed once into the value that everything else acts on. The last one is
//! kept, since the next request usually goes to the same origin.

use http::HeaderValue;
use parking_lot::Mutex;
use portcullis_policy::{Denial, Origin, Rule, Scheme};
use std::sync::Arc;

/// The target of a tenant's last request.
#[derive(Default)]
pub(crate) struct LastTarget(Mutex<Option<Parsed>>);

struct Parsed {
    scheme: Scheme,
    /// The authority as the guest wrote it.
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

impl LastTarget {
    /// Parses `authority`. This allows nothing: the policy checks each request.
    pub(crate) fn parse(&self, scheme: Scheme, authority: &str) -> Result<Target, Denial> {
        let mut last = self.0.lock();
        if let Some(parsed) = &*last
            && parsed.scheme == scheme
            && parsed.authority == authority
        {
            return Ok(parsed.target.clone());
        }
        let target = Target::parse(scheme, authority)?;
        *last = Some(Parsed { scheme, authority: authority.to_string(), target: target.clone() });
        Ok(target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_authority_gives_its_own_origin_regardless_of_the_last_one() {
        let last = LastTarget::default();
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
