//! Reads the text of a profile file, as people and editors write it: with a byte order mark, with
//! any line ends, indented, with text after a header. What is wrong in one section does not matter
//! to others.
//! <https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html>

use zeroize::Zeroizing;

/// The sections of a profile file, in their order.
#[derive(Default)]
pub(super) struct ProfileText {
    pub(super) sections: Vec<Section>,
    /// A line before the first header that belongs to no section.
    pub(super) outside: Option<usize>,
}

/// A section.
pub(super) struct Section {
    pub(super) kind: Kind,
    pub(super) name: String,
    /// The line of its header, counted from 1.
    pub(super) line: usize,
    pub(super) properties: Vec<Property>,
    /// Its first line that cannot be read.
    pub(super) broken: Option<Broken>,
}

/// What the header of a section says that it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `[profile dev]`
    Prefixed,
    /// `[dev]`
    Bare,
    /// `[sso-session dev]`
    SsoSession,
    /// `[services dev]`
    Services,
    /// Another word and a name.
    Other,
}

/// A line `key = value`, and the indented lines below it.
pub(super) struct Property {
    /// In lower case.
    pub(super) key: String,
    pub(super) value: Zeroizing<String>,
    pub(super) line: usize,
    pub(super) below: Vec<Zeroizing<String>>,
}

/// A line that cannot be read, and why.
#[derive(Clone, Copy, Debug)]
pub(super) struct Broken {
    pub(super) line: usize,
    pub(super) reason: &'static str,
}

impl ProfileText {
    /// Reads a text.
    pub(super) fn read(bytes: &[u8]) -> Self {
        let text = decode(bytes);
        let mut read = Self::default();
        // How far the line of the last property is indented. What is further in belongs to it.
        let mut property_indent = None;
        for (index, line) in text.split(['\n', '\r']).enumerate() {
            let number = index + 1;
            let content = line.trim();
            let indent = line.chars().take_while(|char| char.is_whitespace()).count();
            if content.is_empty() || content.starts_with(['#', ';']) {
                continue;
            }
            if let Some(header) = content.strip_prefix('[') {
                read.sections.push(Section::from_header(header, number));
                property_indent = None;
                continue;
            }
            let Some(section) = read.sections.last_mut() else {
                read.outside.get_or_insert(number);
                continue;
            };
            if property_indent.is_some_and(|property| indent > property) {
                if let Some(property) = section.properties.last_mut() {
                    property.below.push(Zeroizing::new(content.to_string()));
                }
                continue;
            }
            match Property::parse(content, number) {
                Ok(property) => {
                    section.properties.push(property);
                    property_indent = Some(indent);
                }
                Err(reason) => {
                    section.broken.get_or_insert(Broken { line: number, reason });
                    property_indent = None;
                }
            }
        }
        read
    }
}

/// The text without its byte order mark, and with one character at the end of each line. Windows
/// PowerShell writes UTF-16. What is not UTF-8 is replaced: it is usually in a comment.
fn decode(bytes: &[u8]) -> Zeroizing<String> {
    let wide = |read: fn([u8; 2]) -> u16| {
        let units = bytes[2..].chunks_exact(2).map(|pair| read([pair[0], pair[1]]));
        char::decode_utf16(units).map(|char| char.unwrap_or('\u{fffd}')).collect::<String>()
    };
    let text = match bytes {
        [0xff, 0xfe, ..] => wide(u16::from_le_bytes),
        [0xfe, 0xff, ..] => wide(u16::from_be_bytes),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    };
    let text = Zeroizing::new(text);
    Zeroizing::new(text.trim_start_matches('\u{feff}').replace("\r\n", "\n"))
}

impl Section {
    /// Reads what follows the `[` of a header. What follows its `]` is ignored, as a comment.
    fn from_header(header: &str, line: usize) -> Self {
        let (inner, broken) = match header.split_once(']') {
            Some((inner, _)) => (inner, None),
            None => (header, Some(Broken { line, reason: "the header does not end with ]" })),
        };
        let inner = inner.trim();
        let (kind, name) = match inner.split_once(char::is_whitespace) {
            Some(("profile", name)) => (Kind::Prefixed, name),
            Some(("sso-session", name)) => (Kind::SsoSession, name),
            Some(("services", name)) => (Kind::Services, name),
            Some(_) => (Kind::Other, inner),
            None => (Kind::Bare, inner),
        };
        let name = name.trim();
        let unquoted = ['"', '\'']
            .into_iter()
            .find_map(|quote| name.strip_prefix(quote)?.strip_suffix(quote))
            .unwrap_or(name);
        Self { kind, name: unquoted.to_string(), line, properties: Vec::new(), broken }
    }
}

impl Property {
    /// Reads a line. A comment starts at `#` or `;` after whitespace.
    fn parse(content: &str, line: usize) -> Result<Self, &'static str> {
        let (key, value) = content.split_once('=').ok_or("the line has no =")?;
        let key = key.trim().to_lowercase();
        if key.is_empty() {
            return Err("there is no key before the =");
        }
        let mut after_space = false;
        let comment = value.char_indices().find_map(|(at, char)| {
            let starts = after_space && (char == '#' || char == ';');
            after_space = char.is_whitespace();
            starts.then_some(at)
        });
        let value = value[..comment.unwrap_or(value.len())].trim();
        Ok(Self { key, value: Zeroizing::new(value.to_string()), line, below: Vec::new() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Shows the sections as `kind name: key=value`, with `!line` for what is broken.
    fn show(bytes: &[u8]) -> String {
        let read = ProfileText::read(bytes);
        let section = |section: &Section| {
            let properties: Vec<String> = section
                .properties
                .iter()
                .map(|property| {
                    let below: Vec<&str> =
                        property.below.iter().map(|line| line.as_str()).collect();
                    let below = below.join("/");
                    format!("{}={}{below}", property.key, property.value.as_str())
                })
                .collect();
            let broken =
                section.broken.map(|broken| format!("!{}", broken.line)).unwrap_or_default();
            format!("{:?} {}: {}{broken}", section.kind, section.name, properties.join(","))
        };
        read.sections.iter().map(section).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn all_ways_of_writing_a_profile_read_the_same() {
        let plain = "[profile dev]\nkey = a\nother = b\n";
        let expected = "Prefixed dev: key=a,other=b";
        for text in [
            plain.to_string(),
            format!("\u{feff}{plain}"),
            plain.replace('\n', "\r\n"),
            plain.replace('\n', "\r"),
            "  [profile dev]\n  key = a\n  other = b".to_string(),
            "\t[profile\tdev]\n\tkey\t=\ta\n\tother=b\t".to_string(),
            "[profile dev] # of the team\nkey = a # comment\nother = b ; comment".to_string(),
            "[profile dev] of the team\nKEY=a\n\n# comment\n  # comment\nOther =b".to_string(),
            "[ profile  dev ]\n  key = a\nother = b".to_string(),
            "[profile \"dev\"]\nkey = a\nother = b".to_string(),
        ] {
            assert_eq!(show(text.as_bytes()), expected, "{text:?}");
        }
        let wide = |to: fn(u16) -> [u8; 2]| {
            format!("\u{feff}{plain}").encode_utf16().flat_map(to).collect::<Vec<u8>>()
        };
        assert_eq!(show(&wide(u16::to_le_bytes)), expected);
        assert_eq!(show(&wide(u16::to_be_bytes)), expected);
    }

    #[test]
    fn a_broken_section_does_not_touch_others() {
        let text = "[profile broken\nkey = x\n[a]\nkey = 1\nnonsense\n= 2\n[b]\nkey = 3\nÿ = 4";
        assert_eq!(
            show(text.as_bytes()),
            "Prefixed broken: key=x!1; Bare a: key=1!5; Bare b: key=3,\u{ff}=4"
        );
        assert!(show(b"[b]\n# \xe9\nkey = 3").contains("Bare b: key=3"));
    }

    #[test]
    fn indented_lines_below_a_property_belong_to_it() {
        let text = "[services s]\nsts =\n  endpoint_url = http://a\nkey = v\n";
        assert_eq!(show(text.as_bytes()), "Services s: sts=endpoint_url = http://a,key=v");
    }

    #[test]
    fn a_value_may_contain_the_signs_of_a_comment() {
        assert_eq!(show(b"[a]\nkey = a#b;c=d"), "Bare a: key=a#b;c=d");
    }

    #[test]
    fn lines_before_the_first_header_are_reported() {
        assert_eq!(ProfileText::read(b"\n# comment\nkey = v\n[a]").outside, Some(3));
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            show(&bytes);
        }
    }
}
