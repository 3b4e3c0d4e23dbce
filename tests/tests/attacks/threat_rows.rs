//! The rows of the threat model, as the page shows them.

/// A group of rows with one title.
pub(crate) struct Family {
    pub(crate) title: &'static str,
    /// The name of each row, and the attack that it describes.
    pub(crate) rows: &'static [(&'static str, &'static str)],
}

/// All rows that are tested here. The rows of family F are tested in `cli/tests/serve/`.
pub(crate) const FAMILIES: &[Family] = &[
    Family {
        title: "A. Where a request may go",
        rows: &[
            ("A1", "an origin that is not on the list: another host, port or scheme"),
            ("A2", "`http://` where only `https://` is allowed"),
            ("A3", "a subdomain of an allowed host, or a host that ends with an allowed name"),
            ("A4", "user names and other unusual parts in the authority"),
            (
                "A5",
                "a trailing dot, capitals, look-alike letters, percent signs, empty or impossible \
                 ports, IPv6 zones",
            ),
            ("A6", "a path in absolute form, or `//host`"),
            (
                "A7",
                "a name that resolves to a loopback, private, link-local, shared, unique local, \
                 multicast or reserved address",
            ),
            (
                "A8",
                "metadata addresses, directly or inside IPv6 addresses, even if `networks` lists \
                 them",
            ),
            ("A9", "a DNS response with both public and private addresses"),
            ("A10", "DNS rebinding: the second DNS response differs from the one that was checked"),
            ("A11", "IPv4 addresses in unusual notation: decimal, octal, hexadecimal, shortened"),
            ("A12", "redirects"),
            ("A13", "proxy variables in the environment"),
            ("A14", "a region or endpoint in the settings that injects a host"),
            ("A15", "a `host` header that differs from the authority"),
            ("A16", "a pooled connection of another datasource, identity or origin"),
        ],
    },
    Family {
        title: "B. What a request may say",
        rows: &[
            (
                "B1",
                "another operation than the running action, none, two, or one in the wrong case",
            ),
            ("B2", "a method or path that is not on the list"),
            ("B3", "forbidden and hop-by-hop headers, and line breaks in headers"),
            (
                "B4",
                "no signature, or one by another identity or for another region, service or day",
            ),
            (
                "B5",
                "two requests at once, more requests than the limit, requests after the export \
                 has returned",
            ),
            (
                "B6",
                "requests in `connect` or `describe`, or an operation that the manifest does not \
                 assign to the export",
            ),
            (
                "B7",
                "a write hidden in a read, duplicate fields, a table that is not on the list, a \
                 table named by its ARN",
            ),
        ],
    },
    Family {
        title: "C. Secrets",
        rows: &[
            ("C1", "the long-lived secret in the memory of the sandbox"),
            (
                "C2",
                "a signing key for another service or region, or for a day more than one day away",
            ),
            ("C3", "secrets in `Debug` or `Display` output, trace logs, audit records or errors"),
            ("C4", "a plugin that puts its key or token into a response, an error or a log"),
            ("C5", "fetching credentials for a call that the policy denies"),
            ("C6", "keys and tokens that stay in memory, and expired credentials that are used"),
        ],
    },
    Family {
        title: "D. Time and space",
        rows: &[
            ("D1", "an endless loop in the start function, `connect`, `execute` or `describe`"),
            ("D2", "an endless loop of host calls, or of computing and sleeping in turn"),
            ("D3", "deep recursion"),
            (
                "D4",
                "growing memory, many memories or tables, many resources, many headers, one huge \
                 header, and the memory of all calls together",
            ),
            (
                "D5",
                "bodies over the limit, endless and slow responses, slow TLS, slow connections, \
                 timeouts set by the plugin",
            ),
            ("D6", "huge or deeply nested JSON from the caller, the plugin or the service"),
            ("D7", "a flood of calls on one datasource"),
            ("D8", "traps, panics, `unreachable`"),
            ("D9", "futures that are dropped at any point"),
            ("D10", "decompression bombs"),
            ("D12", "thousands of faults, long texts and large results that a plugin returns"),
            (
                "D13",
                "what the host holds for an instance outside its memory: authorities, paths, \
                 fields, bodies that are written ahead and not sent",
            ),
            (
                "D14",
                "long values that are passed to the host again and again, while others want the \
                 processor",
            ),
            ("D15", "large bodies that must be checked"),
        ],
    },
    Family {
        title: "E. Loading",
        rows: &[
            ("E1", "a component that imports more than the world offers"),
            (
                "E2",
                "a core module, a truncated file, another version of the world, a missing export",
            ),
            ("E3", "a tampered component, and tampered or foreign compiled code"),
            ("E4", "a component that is slow to compile, very large, or traps when it starts"),
            ("E5", "a component that nests so deeply that a parser overflows its stack"),
            ("E6", "a component that is compiled or kept before its imports are checked"),
        ],
    },
];
