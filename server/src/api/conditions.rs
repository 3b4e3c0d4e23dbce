//! What a request expects of the datasource that it changes: `If-Match` and `If-None-Match`.
//! <https://www.rfc-editor.org/rfc/rfc9110#section-13.1>

use super::problem::{Problem, ProblemKind};
use http::{HeaderMap, HeaderName, HeaderValue, header};

/// What a request expects of a datasource.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Conditions {
    matches: Option<Tags>,
    differs: Option<Tags>,
}

/// Entity tags.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Tags {
    /// `*`: whatever exists.
    Any,
    /// Those of these versions. Tags that are none of ours are left out: they match nothing.
    Versions(Vec<u64>),
}

impl Conditions {
    /// Reads the headers of a request.
    pub(super) fn from_headers(headers: &HeaderMap) -> Result<Self, Problem> {
        Ok(Self {
            matches: tags(headers, &header::IF_MATCH)?,
            differs: tags(headers, &header::IF_NONE_MATCH)?,
        })
    }

    /// Whether the version that is saved is as expected; `None` if there is none.
    pub(super) fn hold(&self, saved: Option<u64>) -> bool {
        let among = |tags: &Tags| match (tags, saved) {
            (Tags::Any, saved) => saved.is_some(),
            (Tags::Versions(versions), Some(saved)) => versions.contains(&saved),
            (Tags::Versions(_), None) => false,
        };
        self.matches.as_ref().is_none_or(among) && !self.differs.as_ref().is_some_and(among)
    }

    /// The problem of a version that is not as expected.
    pub(super) fn problem(saved: Option<u64>) -> Problem {
        let Some(version) = saved else {
            let message = "there is no such datasource, and If-Match expects one";
            return Problem::new(ProblemKind::Precondition, message)
                .remedy("GET /v1/datasources lists those that may be used");
        };
        let message = format!(
            "the datasource has the ETag \"{version}\", which is not what If-Match or If-None-Match \
             expects"
        );
        Problem::new(ProblemKind::Precondition, message)
            .remedy("GET it, decide again, and send its ETag in If-Match")
    }
}

/// The entity tag of a version.
pub(super) fn tag(version: u64) -> HeaderValue {
    HeaderValue::try_from(format!("\"{version}\"")).unwrap_or(HeaderValue::from_static("\"\""))
}

fn tags(headers: &HeaderMap, name: &HeaderName) -> Result<Option<Tags>, Problem> {
    if !headers.contains_key(name) {
        return Ok(None);
    }
    let mut versions = Vec::new();
    for value in headers.get_all(name) {
        let malformed = || {
            let message = format!("the header {name} has no list of entity tags");
            Problem::new(ProblemKind::BadRequest, message)
                .remedy("send the ETag of a response, with its quotation marks, or *")
        };
        let text = value.to_str().map_err(|_| malformed())?;
        for tag in text.split(',').map(str::trim).filter(|tag| !tag.is_empty()) {
            if tag == "*" {
                return Ok(Some(Tags::Any));
            }
            let opaque = tag.strip_prefix("W/").unwrap_or(tag);
            let inner = opaque.strip_prefix('"').and_then(|tag| tag.strip_suffix('"'));
            let version = inner.ok_or_else(malformed)?;
            // Weak tags are those of others.
            versions.extend(version.parse::<u64>().ok().filter(|_| opaque == tag));
        }
    }
    Ok(Some(Tags::Versions(versions)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conditions(pairs: &[(HeaderName, &'static str)]) -> Result<Conditions, Problem> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(name.clone(), HeaderValue::from_static(value));
        }
        Conditions::from_headers(&headers)
    }

    #[test]
    fn a_change_is_made_only_if_the_version_is_the_expected_one() {
        let (matches, differs) = (header::IF_MATCH, header::IF_NONE_MATCH);
        for (pairs, saved, expected) in [
            (vec![], None, true),
            (vec![(matches.clone(), "\"3\"")], Some(3), true),
            (vec![(matches.clone(), "\"3\"")], Some(4), false),
            (vec![(matches.clone(), "\"3\"")], None, false),
            (vec![(matches.clone(), "\"2\", \"3\"")], Some(3), true),
            (vec![(matches.clone(), "\"2\""), (matches.clone(), "\"3\"")], Some(3), true),
            (vec![(matches.clone(), "W/\"3\"")], Some(3), false),
            (vec![(matches.clone(), "\"other\"")], Some(3), false),
            (vec![(matches.clone(), "*")], Some(3), true),
            (vec![(matches.clone(), "*")], None, false),
            (vec![(differs.clone(), "*")], None, true),
            (vec![(differs.clone(), "*")], Some(1), false),
            (vec![(differs.clone(), "\"1\"")], Some(2), true),
            (vec![(matches.clone(), "\"1\""), (differs, "\"1\"")], Some(1), false),
        ] {
            let Ok(conditions) = conditions(&pairs) else { panic!("{pairs:?}") };
            assert_eq!(conditions.hold(saved), expected, "{pairs:?} {saved:?}");
        }
        for wrong in ["3", "\"3", "3\"", "\"1\" \"2"] {
            assert!(conditions(&[(matches.clone(), wrong)]).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_tag_of_a_version_matches_that_version() {
        let mut headers = HeaderMap::new();
        headers.insert(header::IF_MATCH, tag(u64::MAX));
        let Ok(conditions) = Conditions::from_headers(&headers) else { panic!("it is a tag") };
        assert!(conditions.hold(Some(u64::MAX)) && !conditions.hold(Some(1)));
    }
}
