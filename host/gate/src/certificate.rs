//! Reads the names in a certificate (RFC 5280), for messages about certificates that cannot be
//! verified. Nothing here decides whether one is trusted.

/// Who issued a certificate, and for whom.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Names<'c> {
    /// The issuer's distinguished name, in DER.
    pub(crate) issuer: &'c [u8],
    /// The subject's distinguished name, in DER.
    pub(crate) subject: &'c [u8],
}

/// The tags of DER that are read (X.690, section 8).
const INTEGER: u8 = 0x02;
const OBJECT_IDENTIFIER: u8 = 0x06;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
/// The version of a certificate, `[0]`.
const VERSION: u8 = 0xa0;

/// The attribute types that name somebody best, the best first: `CN`, `O` and `OU` of X.520.
const NAMING: [&[u8]; 3] = [&[0x55, 0x04, 0x03], &[0x55, 0x04, 0x0a], &[0x55, 0x04, 0x0b]];
/// The longest name that is shown, in characters: X.520 allows 64.
const MAX_NAME: usize = 64;

/// Reads the names in a certificate; none if it is malformed.
pub(crate) fn names(certificate: &[u8]) -> Option<Names<'_>> {
    let (outer, _) = value(certificate, SEQUENCE)?;
    let (mut rest, _) = value(outer, SEQUENCE)?;
    if let Some((_, after)) = value(rest, VERSION) {
        rest = after;
    }
    let (_, rest) = value(rest, INTEGER)?;
    let (_, rest) = value(rest, SEQUENCE)?;
    let (issuer, rest) = value(rest, SEQUENCE)?;
    let (_, rest) = value(rest, SEQUENCE)?;
    let (subject, _) = value(rest, SEQUENCE)?;
    Some(Names { issuer, subject })
}

/// The common name in a distinguished name; without one, the organisation. What cannot be printed
/// is left out.
pub(crate) fn common_name(name: &[u8]) -> Option<String> {
    NAMING.iter().find_map(|wanted| attribute(name, wanted))
}

/// Text of a peer as messages show it: without control characters, and short.
pub(crate) fn shown(text: &str, max: usize) -> String {
    let printable = |character: &char| !character.is_control() && !is_invisible(*character);
    text.chars().filter(printable).take(max).collect()
}

/// Characters that change how the text around them is shown.
fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
    )
}

fn attribute(name: &[u8], wanted: &[u8]) -> Option<String> {
    let mut rest = name;
    while let Some((set, after)) = value(rest, SET) {
        rest = after;
        let (pair, _) = value(set, SEQUENCE)?;
        let (kind, text) = value(pair, OBJECT_IDENTIFIER)?;
        if kind == wanted {
            let (text, _) = any_value(text)?;
            let text = shown(&String::from_utf8_lossy(text), MAX_NAME);
            return (!text.is_empty()).then_some(text);
        }
    }
    None
}

/// The content of the first value in `der`, if it has this tag, and what follows it.
fn value(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    if der.first() == Some(&tag) { any_value(der) } else { None }
}

/// The content of the first value in `der`, and what follows it.
fn any_value(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&first, rest) = der.get(1..)?.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        // Three bytes count 16 MB, more than any certificate has.
        let count = usize::from(first & 0x7f);
        if !(1..=3).contains(&count) {
            return None;
        }
        let (digits, rest) = rest.split_at_checked(count)?;
        (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
    };
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A value in DER.
    fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
        let content = parts.concat();
        let length = match content.len() {
            short @ 0..=0x7f => vec![short as u8],
            long => vec![0x82, (long >> 8) as u8, long as u8],
        };
        [vec![tag], length, content].concat()
    }

    fn name(attributes: &[(&[u8], &str)]) -> Vec<u8> {
        let sets = attributes.iter().map(|(kind, text)| {
            let pair = [der(OBJECT_IDENTIFIER, &[kind]), der(0x0c, &[text.as_bytes()])].concat();
            der(SET, &[&der(SEQUENCE, &[&pair])])
        });
        der(SEQUENCE, &[&sets.collect::<Vec<_>>().concat()])
    }

    fn certificate(version: &[u8], issuer: &[u8], subject: &[u8]) -> Vec<u8> {
        let empty = der(SEQUENCE, &[]);
        let serial = der(INTEGER, &[&[1]]);
        let signed = der(SEQUENCE, &[version, &serial, &empty, issuer, &empty, subject, &empty]);
        der(SEQUENCE, &[&signed, &empty])
    }

    #[test]
    fn issuer_and_subject_are_found_in_every_version() {
        let (issuer, subject) =
            (name(&[(NAMING[1], "Corp"), (NAMING[0], "Root CA")]), name(&[(NAMING[0], "a.test")]));
        for version in [vec![], der(VERSION, &[&der(INTEGER, &[&[2]])])] {
            let certificate = certificate(&version, &issuer, &subject);
            let found = names(&certificate).unwrap();
            assert_eq!(common_name(found.issuer).as_deref(), Some("Root CA"));
            assert_eq!(common_name(found.subject).as_deref(), Some("a.test"));
        }
    }

    #[test]
    fn every_prefix_of_a_certificate_is_read_without_panic() {
        let long = "x".repeat(300);
        let issuer = name(&[(NAMING[0], &long)]);
        let certificate = certificate(&[], &issuer, &issuer);
        for end in 0..certificate.len() {
            if let Some(names) = names(&certificate[..end]) {
                panic!("{end} bytes are no certificate: {names:?}");
            }
        }
        let found = names(&certificate).unwrap();
        assert_eq!(common_name(found.issuer).unwrap().len(), MAX_NAME);
        assert!(names(&[SEQUENCE, 0x84, 0xff, 0xff, 0xff, 0xff]).is_none());
    }

    #[test]
    fn names_are_shown_without_what_changes_a_terminal() {
        let issuer = name(&[(NAMING[0], "a\u{1b}[31m\u{202e}b\n")]);
        let certificate = certificate(&[], &issuer, &issuer);
        assert_eq!(common_name(names(&certificate).unwrap().issuer).as_deref(), Some("a[31mb"));
        assert_eq!(common_name(&name(&[])[2..]), None);
    }
}
