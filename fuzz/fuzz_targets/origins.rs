//! Origins and egress rules: no text makes the parsers panic, a displayed value parses to the same
//! value, and every accepted origin is the same origin for a WHATWG URL parser, as browsers have.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_policy::{EgressRule, HostName, Origin};

fuzz_target!(|text: &str| {
    if let Ok(rule) = text.parse::<EgressRule>() {
        assert_eq!(rule.to_string().parse::<EgressRule>().as_ref(), Ok(&rule));
        for path in ["/", "//", "/..", "/%2e", text] {
            let _ = rule.allows_path(path);
        }
    }
    let Ok(origin) = text.parse::<Origin>() else { return };
    assert_eq!(origin.to_string().parse::<Origin>().as_ref(), Ok(&origin));
    // The other parser rejects names with invalid Punycode (`xn--`). Nobody can own such a name.
    let Ok(url) = url::Url::parse(text) else {
        assert!(origin.to_string().contains("xn--"), "only our parser accepts {text:?}");
        return;
    };
    assert_eq!(url.scheme(), origin.scheme().as_str());
    assert_eq!(url.port_or_known_default(), Some(origin.port()));
    match (url.host().expect("the URL has a host"), origin.host()) {
        (url::Host::Domain(name), HostName::Name(own)) => assert_eq!(name, own),
        (url::Host::Ipv4(address), HostName::Address(own)) => {
            assert_eq!(std::net::IpAddr::from(address), *own)
        }
        (url::Host::Ipv6(address), HostName::Address(own)) => {
            assert_eq!(std::net::IpAddr::from(address), *own)
        }
        (theirs, ours) => panic!("the URL parser returns {theirs:?}, ours {ours:?}"),
    }
});
