//! Fetches all pages of a result, and sends batches until every entry is processed.

use super::connection::{Connection, response_text};
use super::error::{Error, NO_REQUESTS_LEFT};
use super::fields::{count_elements, field, with_field};
use super::merge::MergedJson;
use super::platform::Platform;
use crate::catalogue::{Operation, Paging};
use crate::cursor::{is_end, is_same};
use crate::json::SyntaxError;
use crate::retry::{Reason, delay_ms};
use crate::settings::Options;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use serde_json::{Value, json};

impl<P: Platform> Connection<P> {
    /// Fetches pages until there are no more, or a limit of the options is reached.
    ///
    /// The result has a field `Paging` with the number of pages and the reason why paging stopped.
    /// If pages are left, it also has the cursor of the next page. If a page failed, `Paging` has
    /// a field `Error` too.
    pub(super) fn fetch_all_pages(
        &self,
        operation: &Operation,
        paging: &Paging,
        body: &str,
        options: &Options,
    ) -> Result<String, Error> {
        let mut body = body.to_string();
        let mut all: Option<MergedJson> = None;
        let mut pages = 0u32;
        let mut slowest_ns = 0;
        loop {
            let started = self.platform.now().remaining_ns;
            let page = self
                .send_with_retries(operation.name, body.as_bytes(), options.format)
                .and_then(|response| parse_body(response.body));
            let mut page = match (page, &mut all) {
                (Ok(page), _) => page,
                (Err(error), None) => return Err(error),
                // Keep the pages fetched so far. The cursor lets the caller continue.
                (Err(error), Some(fetched)) => {
                    let cursor = field(&body, paging.input).map_err(invalid_json)?;
                    return Ok(finish(fetched, paging, cursor, pages, &Stop::Failed(&error)));
                }
            };
            let remaining_ns = self.platform.now().remaining_ns;
            slowest_ns = slowest_ns.max(started.saturating_sub(remaining_ns));
            pages += 1;
            let cursor = page.take(paging.output).filter(|cursor| !is_end(cursor));
            match &mut all {
                Some(all) => {
                    // It belongs to a page: ExecuteStatement has it next to its cursor.
                    all.take("LastEvaluatedKey");
                    all.merge(page);
                }
                None => all = Some(page),
            }
            let Some(fetched) = &mut all else { continue };
            let Some(cursor) = cursor else {
                return Ok(finish(fetched, paging, None, pages, &Stop::LastPage));
            };
            let before = field(&body, paging.input).map_err(invalid_json)?;
            let stop = if before.is_some_and(|before| is_same(&before, &cursor)) {
                Some(Stop::SameCursor)
            } else if items(fetched, operation) >= options.max_items {
                Some(Stop::MaxItems)
            } else if fetched.len() as u64 >= options.max_bytes {
                Some(Stop::MaxBytes)
            } else if remaining_ns < slowest_ns.saturating_mul(2) {
                Some(Stop::Deadline)
            } else {
                None
            };
            if let Some(stop) = stop {
                return Ok(finish(fetched, paging, Some(cursor), pages, &stop));
            }
            body = with_field(&body, paging.input, &cursor).map_err(invalid_json)?;
        }
    }

    /// Sends a batch, then sends unprocessed entries again with growing delays.
    ///
    /// Stops when all entries are processed, or when the requests or the time are used up. The
    /// result then lists the entries that are left.
    pub(super) fn resubmit_batch(
        &self,
        operation: &Operation,
        unprocessed_field: &str,
        body: &str,
        options: &Options,
    ) -> Result<String, Error> {
        let mut body = body.to_string();
        let mut all: Option<MergedJson> = None;
        let mut sent = 0;
        loop {
            let response = self
                .send_with_retries(operation.name, body.as_bytes(), options.format)
                .and_then(|response| parse_body(response.body));
            let mut response = match (response, &mut all) {
                (Ok(response), _) => response,
                (Err(error), None) => return Err(error),
                (Err(error), Some(done)) => {
                    let left = field(&body, "RequestItems")
                        .map_err(invalid_json)?
                        .unwrap_or_else(|| "{}".to_string());
                    done.set(unprocessed_field, left);
                    let stopped = Stop::Failed(&error).words();
                    let described = json!({
                        "Requests": sent + 1, "StoppedBy": stopped, "Error": failure(&error)
                    });
                    done.set("Resubmission", described.to_string());
                    return Ok(done.to_json());
                }
            };
            sent += 1;
            let left = response.take(unprocessed_field).unwrap_or_else(|| "{}".to_string());
            match &mut all {
                Some(all) => all.merge(response),
                None => all = Some(response),
            }
            let Some(done) = &mut all else { continue };
            let nothing_left = MergedJson::parse(&left).is_ok_and(|left| has_no_entries(&left));
            let left = if nothing_left { "{}".to_string() } else { left };
            let delay = delay_ms(Reason::Transient, sent - 1, self.platform.random(), None);
            let out_of_time = delay.saturating_mul(1_000_000) >= self.platform.now().remaining_ns;
            if nothing_left || sent >= MAX_RESUBMISSIONS || out_of_time {
                done.set(unprocessed_field, left);
                let stopped = if nothing_left {
                    "nothing is left"
                } else if out_of_time {
                    "the deadline"
                } else {
                    "the maximum number of requests"
                };
                done.set(
                    "Resubmission",
                    json!({"Requests": sent, "StoppedBy": stopped}).to_string(),
                );
                return Ok(done.to_json());
            }
            self.platform.sleep_ms(delay);
            body = with_field(&body, "RequestItems", &left).map_err(invalid_json)?;
        }
    }
}

/// The maximum number of requests for one batch. The delays double from 25 ms, so all of them take
/// about 25 s if the deadline allows.
const MAX_RESUBMISSIONS: u32 = 11;

/// Why paging stopped.
enum Stop<'e> {
    LastPage,
    MaxItems,
    MaxBytes,
    Deadline,
    /// The service returned the cursor that it got, and would do so again.
    SameCursor,
    Failed(&'e Error),
}

impl Stop<'_> {
    /// The reason in words, for the field `StoppedBy`.
    fn words(&self) -> &'static str {
        match self {
            Self::LastPage => "the last page",
            Self::MaxItems => "the limit maxItems",
            Self::MaxBytes => "the limit maxBytes",
            Self::Deadline => "the deadline",
            Self::SameCursor => "a cursor that did not move",
            Self::Failed(_) => "an error",
        }
    }
}

/// Adds the cursor and the field `Paging`, and returns the result as JSON.
fn finish(
    all: &mut MergedJson,
    paging: &Paging,
    cursor: Option<String>,
    pages: u32,
    stop: &Stop<'_>,
) -> String {
    if let Some(cursor) = cursor {
        all.set(paging.output, cursor);
    }
    let mut described = json!({"Pages": pages, "StoppedBy": stop.words()});
    if let Stop::Failed(error) = stop {
        described["Error"] = failure(error);
    }
    all.set("Paging", described.to_string());
    all.to_json()
}

/// Returns the number of results: the service's count, or the number of elements in the list.
fn items(all: &MergedJson, operation: &Operation) -> u64 {
    match (all.field("Count"), operation.rows.and_then(|rows| all.field(rows.field()))) {
        // With `Select: COUNT` the response has a count but no items.
        (Some(MergedJson::Number(count)), Some(MergedJson::Array(elements)))
            if !elements.is_empty() =>
        {
            count.parse().unwrap_or(u64::MAX)
        }
        (_, Some(MergedJson::Array(elements))) => count_elements(elements),
        _ => 0,
    }
}

/// Returns whether a list of unprocessed entries names none: `{}`, null, and tables without entries.
/// `BatchWriteItem` lists the entries of a table, and `BatchGetItem` has a list `Keys` for each table.
fn has_no_entries(unprocessed: &MergedJson) -> bool {
    let has_none = |entries: &MergedJson| match entries {
        MergedJson::Array(entries) => entries.is_empty(),
        MergedJson::Other(text) => text == "null",
        MergedJson::Object(_) | MergedJson::Number(_) => false,
    };
    let MergedJson::Object(tables) = unprocessed else { return has_none(unprocessed) };
    tables.iter().all(|(_, entries)| match entries {
        MergedJson::Object(_) => entries.field("Keys").is_none_or(has_none),
        _ => has_none(entries),
    })
}

/// The error that stopped paging or resubmission, with the names of the API's problem documents.
fn failure(error: &Error) -> Value {
    let (case, message) = match error {
        Error::Service(error) => {
            return json!({"case": "service", "code": error.code, "message": error.message});
        }
        Error::Transport(error) => ("transport", error.message.as_str()),
        Error::Timeout(error) => ("timeout", error.message.as_str()),
        Error::Refused(message) => ("refused", message.as_str()),
        Error::Credentials(message) => ("credentials", message.as_str()),
        Error::Other(message) => ("other", message.as_str()),
        Error::UnknownAction(message) => ("unknown-action", message.as_str()),
        Error::NoRequestsLeft => ("limit", NO_REQUESTS_LEFT),
        Error::InvalidInput(_) => ("invalid-input", "the input cannot be sent"),
        Error::InvalidSettings(_) => ("invalid-settings", "the settings cannot be used"),
    };
    json!({"case": case, "message": message})
}

fn parse_body(body: Vec<u8>) -> Result<MergedJson, Error> {
    MergedJson::parse(&response_text(body)?).map_err(invalid_json)
}

#[expect(clippy::needless_pass_by_value, reason = "this is the signature that map_err needs")]
fn invalid_json(error: SyntaxError) -> Error {
    Error::Other(format!(
        "the service's response is not JSON: at byte {}, {}",
        error.offset, error.message
    ))
}
