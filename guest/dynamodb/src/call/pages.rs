//! All pages of an answer as one, and batches sent until nothing is left.

use super::merge::Part;
use super::{Connection, Error, Platform};
use crate::catalogue::{Operation, Paging};
use crate::json::{Malformed, Scanner, unescape};
use crate::retry::{Reason, delay_ms};
use crate::settings::Options;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use serde_json::json;

impl<P: Platform> Connection<P> {
    /// Fetches pages until there are no more, or a bound of the options is met. The answer then has the cursor, and a
    /// member `Paging` that says how many pages there were and why it ended.
    pub(super) fn all_pages(
        &self,
        operation: &Operation,
        paging: &Paging,
        body: &str,
        options: &Options,
    ) -> Result<String, Error> {
        let mut body = body.to_string();
        let mut all: Option<Part> = None;
        let mut pages = 0u32;
        let mut slowest_ns = 0;
        loop {
            let started = self.platform.now().remaining_ns;
            let page = self
                .exchange(operation.name, body.as_bytes(), options.format)
                .and_then(|answer| part(answer.body));
            let mut page = match (page, &mut all) {
                (Ok(page), _) => page,
                (Err(error), None) => return Err(error),
                // What has been fetched is not lost, and the cursor says where to go on.
                (Err(error), Some(fetched)) => {
                    let cursor = member(&body, paging.input).map_err(not_json)?;
                    return Ok(finish(fetched, paging, cursor, pages, &failure(&error)));
                }
            };
            let remaining_ns = self.platform.now().remaining_ns;
            slowest_ns = slowest_ns.max(started.saturating_sub(remaining_ns));
            pages += 1;
            let cursor = page.take(paging.output).filter(|cursor| cursor != "null");
            match &mut all {
                Some(all) => all.add(page),
                None => all = Some(page),
            }
            let Some(fetched) = &mut all else { continue };
            let Some(cursor) = cursor else {
                return Ok(finish(fetched, paging, None, pages, "the last page"));
            };
            let stop = if items(fetched, paging) >= options.max_items {
                Some("maxItems")
            } else if fetched.len() as u64 >= options.max_bytes {
                Some("maxBytes")
            } else if remaining_ns < slowest_ns.saturating_mul(2) {
                Some("the deadline")
            } else {
                None
            };
            if let Some(stop) = stop {
                return Ok(finish(fetched, paging, Some(cursor), pages, stop));
            }
            body = with_member(&body, paging.input, &cursor).map_err(not_json)?;
        }
    }

    /// Sends a batch, and what was left of it again with growing delays, until nothing is left or the attempts or the
    /// time are used up. What is left then stands in the answer.
    pub(super) fn whole_batch(
        &self,
        operation: &Operation,
        left_member: &str,
        body: &str,
        options: &Options,
    ) -> Result<String, Error> {
        let mut body = body.to_string();
        let mut all: Option<Part> = None;
        let mut sent = 0;
        loop {
            let answer = self
                .exchange(operation.name, body.as_bytes(), options.format)
                .and_then(|answer| part(answer.body));
            let mut answer = match (answer, &mut all) {
                (Ok(answer), _) => answer,
                (Err(error), None) => return Err(error),
                (Err(error), Some(done)) => {
                    let left = member(&body, "RequestItems")
                        .map_err(not_json)?
                        .unwrap_or_else(|| "{}".to_string());
                    done.set(left_member, left);
                    done.set(
                        "Resubmission",
                        json!({"Requests": sent + 1, "StoppedBy": failure(&error)}).to_string(),
                    );
                    return Ok(done.to_json());
                }
            };
            sent += 1;
            let left = answer.take(left_member).unwrap_or_else(|| "{}".to_string());
            match &mut all {
                Some(all) => all.add(answer),
                None => all = Some(answer),
            }
            let Some(done) = &mut all else { continue };
            let nothing_left =
                matches!(Part::read(&left), Ok(Part::Object(members)) if members.is_empty());
            let delay = delay_ms(Reason::Transient, sent - 1, self.platform.random(), None);
            let out_of_time = delay.saturating_mul(1_000_000) >= self.platform.now().remaining_ns;
            if nothing_left || sent >= MAX_RESUBMISSIONS || out_of_time {
                done.set(left_member, left);
                let stopped = if nothing_left {
                    "nothing is left"
                } else if out_of_time {
                    "the deadline"
                } else {
                    "the most requests"
                };
                done.set(
                    "Resubmission",
                    json!({"Requests": sent, "StoppedBy": stopped}).to_string(),
                );
                return Ok(done.to_json());
            }
            self.platform.sleep_ms(delay);
            body = with_member(&body, "RequestItems", &left).map_err(not_json)?;
        }
    }
}

/// Requests for one batch: with delays that double from 25 ms, about 25 s in all, if the deadline allows.
const MAX_RESUBMISSIONS: u32 = 11;

/// The member of a batch's answer that holds what was not done.
pub(super) fn left_member(action: &str) -> Option<&'static str> {
    match action {
        "BatchGetItem" => Some("UnprocessedKeys"),
        "BatchWriteItem" => Some("UnprocessedItems"),
        _ => None,
    }
}

fn finish(
    all: &mut Part,
    paging: &Paging,
    cursor: Option<String>,
    pages: u32,
    stopped: &str,
) -> String {
    if let Some(cursor) = cursor {
        all.set(paging.output, cursor);
    }
    all.set("Paging", json!({"Pages": pages, "StoppedBy": stopped}).to_string());
    all.to_json()
}

/// How many results there are: what the service counted, or the elements of the list.
fn items(all: &Part, paging: &Paging) -> u64 {
    match (all.member("Count"), all.member(paging.results)) {
        // With Select COUNT there is a count and no item.
        (Some(Part::Number(count)), Some(Part::Array(elements))) if !elements.is_empty() => {
            count.parse().unwrap_or(u64::MAX)
        }
        (_, Some(Part::Array(elements))) => count_elements(elements),
        _ => 0,
    }
}

fn count_elements(elements: &str) -> u64 {
    let mut scanner = Scanner::new(elements);
    let mut count = 0;
    while scanner.peek().is_some() && scanner.skip().is_ok() {
        count += 1;
        scanner.space();
        if scanner.peek() == Some(b',') {
            scanner.pos += 1;
            scanner.space();
        }
    }
    count
}

fn failure(error: &Error) -> String {
    match error {
        Error::Service(error) => format!("{}: {}", error.code, error.message),
        Error::Transport(end) | Error::Timeout(end) => end.message.clone(),
        Error::Refused(message)
        | Error::Credentials(message)
        | Error::Other(message)
        | Error::UnknownAction(message) => message.clone(),
        Error::InvalidInput(_) | Error::InvalidSettings(_) => {
            "the input cannot be sent".to_string()
        }
    }
}

fn part(body: Vec<u8>) -> Result<Part, Error> {
    let text = String::from_utf8(body)
        .map_err(|_| Error::Other("the service's answer is not UTF-8".to_string()))?;
    Part::read(&text).map_err(not_json)
}

#[expect(clippy::needless_pass_by_value, reason = "made for map_err")]
fn not_json(malformed: Malformed) -> Error {
    Error::Other(format!(
        "the service's answer is not JSON: at byte {}, {}",
        malformed.at, malformed.message
    ))
}

/// A member of an object, as JSON.
fn member(object: &str, name: &str) -> Result<Option<String>, Malformed> {
    Ok(Part::read(object)?.take(name))
}

/// The object with a member set to `json`, in place of one that may be there.
pub(super) fn with_member(object: &str, name: &str, json: &str) -> Result<String, Malformed> {
    let mut scanner = Scanner::new(object);
    scanner.space();
    let mut out = String::with_capacity(object.len() + json.len() + name.len() + 4);
    out.push_str("{\"");
    out.push_str(name);
    out.push_str("\":");
    out.push_str(json);
    let mut more = scanner.first(b'}')?;
    while more {
        let start = scanner.pos;
        let span = scanner.name()?;
        let known = unescape(scanner.slice(span.start + 1..span.end - 1)) == name;
        scanner.skip()?;
        if !known {
            out.push(',');
            out.push_str(scanner.slice(start..scanner.pos));
        }
        more = scanner.next(b'}')?;
    }
    out.push('}');
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_set_in_place_of_another() {
        assert_eq!(with_member(r#"{"a": 1, "b":[2]}"#, "b", "3").unwrap(), r#"{"b":3,"a": 1}"#);
        assert_eq!(with_member("{}", "b", "3").unwrap(), r#"{"b":3}"#);
    }

    #[test]
    fn elements_are_counted_at_their_own_level() {
        assert_eq!(count_elements(r#"{"a":[1,2]}, "x,y" ,[3]"#), 3);
        assert_eq!(count_elements(""), 0);
    }
}
