//! The rows of the threat model, as the page shows them.

/// A family of rows.
pub(crate) struct Family {
    pub(crate) title: &'static str,
    pub(crate) rows: &'static [(&'static str, &'static str)],
}

/// All of them.
pub(crate) const FAMILIES: &[Family] = &[
    Family {
        title: "A. Where a request may go",
        rows: &[
            ("A1", "an origin that is not on the list: host, port, scheme"),
            ("A2", "`http://` where `https://` is allowed"),
            ("A3", "a subdomain of an allowed host, or an allowed host as the end of another"),
            ("A4", "user names and other odd parts in the authority"),
            (
                "A5",
                "a dot at the end, capitals, look-alikes, percent signs, empty and impossible ports, IPv6 zones",
            ),
            ("A6", "a path in absolute form, or `//host`"),
            (
                "A7",
                "a name that resolves to loopback, private, link-local, shared, unique local, multicast or reserved addresses",
            ),
            (
                "A8",
                "metadata addresses, as themselves and inside IPv6 addresses, even under a carve-out",
            ),
            ("A9", "a resolver's answer with public and private addresses"),
            ("A10", "DNS rebinding: the second answer differs from the one that was judged"),
            ("A11", "IPv4 addresses in odd spellings: decimal, octal, hexadecimal, short"),
            ("A12", "redirects"),
            ("A13", "proxy variables of the environment"),
            ("A14", "a region or endpoint in the settings that smuggles a host"),
            ("A15", "a `host` header that differs from the authority"),
            ("A16", "a pooled connection of another datasource, identity or origin"),
        ],
    },
    Family {
        title: "B. What a request may say",
        rows: &[
            ("B1", "an operation other than the running one; none; two; in another case"),
            ("B2", "a method or path off the list"),
            ("B3", "forbidden and hop-by-hop headers, and line breaks in headers"),
            ("B4", "a signature by another identity, or for another region, service or day"),
            (
                "B5",
                "a second request in flight, more requests than the limit, requests after the export returned",
            ),
            (
                "B6",
                "requests while connecting or describing, or another operation than the manifest gives to the export",
            ),
            (
                "B7",
                "a write hidden in a read, duplicate members, a table off the list, a table named by its ARN",
            ),
        ],
    },
    Family {
        title: "C. Secrets",
        rows: &[
            ("C1", "the long-lived secret in the guest's memory"),
            ("C2", "a signing key of another service or region, or of a day not beside today"),
            (
                "C3",
                "something secret in `Debug`, `Display`, logs at trace level, audit records or errors",
            ),
            ("C4", "a plugin that puts its key or token into an answer, an error or a log"),
            ("C5", "a credential that is fetched for what the policy denies"),
            ("C6", "keys and tokens that stay in memory, and credentials used beyond their end"),
        ],
    },
    Family {
        title: "D. Time and space",
        rows: &[
            ("D1", "an endless loop at the start, in `connect`, `execute` or `describe`"),
            ("D2", "an endless loop of host calls"),
            ("D3", "deep recursion"),
            (
                "D4",
                "growing memory, many memories or tables, many resources, many headers, one huge header",
            ),
            (
                "D5",
                "bodies over the limit, endless and dripping answers, slow TLS, slow connections, timeouts of the guest's own",
            ),
            ("D6", "huge or deeply nested JSON from the caller, the guest or the service"),
            ("D7", "a flood of calls on one datasource"),
            ("D8", "traps, panics, `unreachable`"),
            ("D9", "futures that are dropped at any point"),
            ("D10", "decompression bombs"),
        ],
    },
    Family {
        title: "E. Loading",
        rows: &[
            ("E1", "a component that imports more than the world"),
            (
                "E2",
                "a core module, a truncated file, another version of the world, a missing export",
            ),
            ("E3", "a tampered component, and tampered or foreign compiled code"),
            ("E4", "a component that is slow to compile, very large, or traps at its start"),
        ],
    },
];
