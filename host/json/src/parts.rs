//! Splits a template at its placeholders.

use crate::string::string_length;

/// A part of a template. The parts of a template, one after the other, are the template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part<'t> {
    /// Text without a string, a comment or a placeholder.
    Plain(&'t str),
    /// A comment.
    Comment(&'t str),
    /// A string with its quotes.
    Quoted(&'t str),
    /// A placeholder `{{ name }}`, with its name.
    Placeholder(&'t str),
}

/// The parts of a template. Whatever it contains, each byte is looked at only a few times.
pub(crate) struct Parts<'t>(&'t str);

impl<'t> Parts<'t> {
    pub(crate) fn new(template: &'t str) -> Self {
        Self(template)
    }

    /// Takes this many bytes off the front.
    fn take(&mut self, length: usize) -> &'t str {
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        taken
    }
}

impl<'t> Iterator for Parts<'t> {
    type Item = Part<'t>;

    fn next(&mut self) -> Option<Part<'t>> {
        let text = self.0;
        let first = *text.as_bytes().first()?;
        Some(match (first, placeholder(text)) {
            (b'"', _) => Part::Quoted(self.take(string_length(text))),
            (b'/', _) => match comment_length(text) {
                Some(length) => Part::Comment(self.take(length)),
                None => Part::Plain(self.take(1)),
            },
            (_, Some((name, length))) => {
                self.take(length);
                Part::Placeholder(name)
            }
            (b'{', None) => Part::Plain(self.take(1)),
            _ => {
                let length = text.find(['"', '/', '{']).unwrap_or(text.len());
                Part::Plain(self.take(length))
            }
        })
    }
}

/// The names that look like placeholders in a string, in their order.
pub(crate) fn names_within(quoted: &str) -> impl Iterator<Item = &str> {
    quoted.match_indices("{{").filter_map(|(at, _)| Some(placeholder(&quoted[at..])?.0))
}

/// The name of the placeholder `{{ name }}` at the start of `text`, and its length. In JSON, two
/// braces are never followed by a bare name.
fn placeholder(text: &str) -> Option<(&str, usize)> {
    let inner = text.strip_prefix("{{")?;
    let is_outside = |c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
    let named = inner.trim_start_matches(' ');
    let (name, rest) = named.split_at(named.find(is_outside)?);
    let rest = rest.trim_start_matches(' ').strip_prefix("}}")?;
    (!name.is_empty()).then_some((name, text.len() - rest.len()))
}

/// The length of the comment at the start of `text`.
fn comment_length(text: &str) -> Option<usize> {
    if text.starts_with("//") {
        return Some(text.find('\n').unwrap_or(text.len()));
    }
    let inner = text.strip_prefix("/*")?;
    Some(inner.find("*/").map_or(text.len(), |end| end + 4))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_split_at_strings_comments_and_placeholders() {
        let template = "{\"a{{b}}\": {{ c }}, // {{d}}\n/*\"{{e}}*/ {{f";
        let parts: Vec<Part<'_>> = Parts::new(template).collect();
        assert_eq!(
            parts,
            [
                Part::Plain("{"),
                Part::Quoted("\"a{{b}}\""),
                Part::Plain(": "),
                Part::Placeholder("c"),
                Part::Plain(", "),
                Part::Comment("// {{d}}"),
                Part::Plain("\n"),
                Part::Comment("/*\"{{e}}*/"),
                Part::Plain(" "),
                Part::Plain("{"),
                Part::Plain("{"),
                Part::Plain("f"),
            ]
        );
    }

    #[test]
    fn names_in_a_string_are_those_that_look_like_placeholders() {
        let names: Vec<&str> = names_within("\"{{a}} {{ b }} {{c d}} {{{{e}}\"").collect();
        assert_eq!(names, ["a", "b", "e"]);
    }
}
