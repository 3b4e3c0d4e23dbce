//! Origins and egress rules: no text makes reading panic, what is displayed reads as the same, and whatever is taken for
//! an origin is the same one for the URL parser that browsers use (WHATWG URL).
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_policy::{EgressRule, Host, Origin};

fuzz_target!(|text: &str| {
    if let Ok(rule) = text.parse::<EgressRule>() {
        assert_eq!(rule.to_string().parse::<EgressRule>().as_ref(), Ok(&rule));
        for path in ["/", "//", "/..", "/%2e", text] {
            let _ = rule.allows_path(path);
        }
    }
    let Ok(origin) = text.parse::<Origin>() else { return };
    assert_eq!(origin.to_string().parse::<Origin>().as_ref(), Ok(&origin));
    // A name that begins as an international one may be none for the other parser; then it is nobody's.
    let Ok(url) = url::Url::parse(text) else {
        assert!(origin.to_string().contains("xn--"), "only we read {text:?}");
        return;
    };
    assert_eq!(url.scheme(), origin.scheme().as_str());
    assert_eq!(url.port_or_known_default(), Some(origin.port()));
    match (url.host().expect("it has a host"), origin.host()) {
        (url::Host::Domain(name), Host::Name(own)) => assert_eq!(name, own),
        (url::Host::Ipv4(address), Host::Address(own)) => {
            assert_eq!(std::net::IpAddr::from(address), *own)
        }
        (url::Host::Ipv6(address), Host::Address(own)) => {
            assert_eq!(std::net::IpAddr::from(address), *own)
        }
        (theirs, ours) => panic!("{theirs:?} is {ours:?} for us"),
    }
});
