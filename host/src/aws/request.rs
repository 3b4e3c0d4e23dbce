//! Binds a request to the running call: the operation that it carries, and what its body does.

use super::{is_current, statement};
use crate::call::Call;
use crate::datasource::state::Shared;
use crate::imports::outgoing_handler::Outgoing;
use crate::manifest::{Action, Binding, Place, Step};
use portcullis_policy::{Access, ActionName, Denial, Policy, Rule};
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::fmt;
use time::OffsetDateTime;

/// The operation that a request carries, if the running export may send it.
pub(crate) fn operation(
    shared: &Shared,
    call: &Call,
    request: &Outgoing,
) -> Result<ActionName, Denial> {
    let binding = &shared.manifest.binding;
    let path = request.path.as_str();
    let found =
        call.operations.iter().find(|operation| carries(binding, operation.as_str(), request));
    if let Some(found) = found {
        return Ok(found.clone());
    }
    // One that the manifest gives to this export, and the policy does not: the policy says why.
    let own = shared
        .manifest
        .export(call.export)
        .iter()
        .find(|operation| carries(binding, operation.as_str(), request));
    if let Some(own) = own {
        shared.policy.judge_action(own, known_access(shared, own))?;
    }
    let allowed: Vec<&str> = call.operations.iter().map(ActionName::as_str).collect();
    let allowed = if allowed.is_empty() { "nothing".to_string() } else { allowed.join(", ") };
    let sent = binding
        .header
        .as_ref()
        .and_then(|name| request.headers.get(name))
        .and_then(|value| value.to_str().ok());
    let shown: String = sent.unwrap_or(path).chars().take(100).collect();
    let message = format!(
        "the plugin sent {} {shown:?} while {} may send {allowed}",
        request.method, call.export
    );
    Err(Denial::new(
        Rule::Binding,
        shown,
        message,
        "nothing allows this; if the action should run, call it by its name",
    ))
}

fn carries(binding: &Binding, operation: &str, request: &Outgoing) -> bool {
    let header = binding.header.as_ref().is_none_or(|name| {
        let mut values = request.headers.get_all(name).iter();
        values.next().is_some_and(|value| binding.value.is(operation, value.as_bytes()))
            && values.next().is_none()
    });
    request.method.as_str() == binding.method
        && binding.path.is(operation, request.path.as_str().as_bytes())
        && header
}

/// Whether a request of a plugin that signs is signed by the datasource's own identity: with a key that the host handed
/// out, for a scope that it allowed. Another signature would be another account's.
pub(crate) fn identity(
    shared: &Shared,
    operation: &ActionName,
    headers: &http::HeaderMap,
) -> Result<(), Denial> {
    if shared.manifest.signing.is_none() {
        return Ok(());
    }
    let mut signatures = headers.get_all(http::header::AUTHORIZATION).iter();
    let signature = signatures.next().and_then(|value| value.to_str().ok());
    let credential = signature.and_then(credential);
    let mut tokens = headers.get_all("x-amz-security-token").iter();
    let token = tokens.next().map(|value| value.to_str().unwrap_or_default());
    let single = signatures.next().is_none() && tokens.next().is_none();
    let today = OffsetDateTime::now_utc();
    let is_current =
        |credential: &str| credential.split('/').nth(1).is_some_and(|date| is_current(date, today));
    if single
        && credential.is_some_and(|credential| {
            is_current(credential) && shared.issued.has(credential, token)
        })
    {
        return Ok(());
    }
    let message = format!(
        "the plugin sent {operation} with another signature than this datasource's identity gives"
    );
    Err(Denial::new(
        Rule::Signing,
        operation.as_str(),
        message,
        "nothing allows this; report the plugin to its publisher",
    ))
}

/// The credential of an `authorization` header that has the three parts of such a header, each once, and nothing more:
/// a service might read a second one.
fn credential(header: &str) -> Option<&str> {
    let (credential, rest) =
        header.strip_prefix("AWS4-HMAC-SHA256 Credential=")?.split_once(',')?;
    let (signed, rest) = rest.strip_prefix(" SignedHeaders=")?.split_once(',')?;
    let signature = rest.strip_prefix(" Signature=")?;
    let plain = |text: &str, more: &[u8]| {
        text.bytes().all(|byte| byte.is_ascii_alphanumeric() || more.contains(&byte))
    };
    let whole = plain(credential, b"/-_")
        && plain(signed, b";-")
        && signature.len() == 64
        && plain(signature, b"");
    whole.then_some(credential)
}

/// Whether the policy must see into the body of `operation`.
pub(crate) fn needs_body(shared: &Shared, operation: &ActionName) -> bool {
    let statements = shared.manifest.action(operation).is_some_and(|action| {
        !action.statements.is_empty() && shared.policy.access < action.access()
    });
    statements || shared.policy.tables.is_some()
}

/// Judges what a body does: its statements and its tables.
pub(crate) fn judge_body(
    shared: &Shared,
    call: &Call,
    operation: &ActionName,
    body: &[u8],
) -> Result<(), Denial> {
    let policy = &shared.policy;
    let Some(action) = shared.manifest.action(operation) else {
        let message = format!(
            "the plugin's manifest does not know {operation}, so which tables it names cannot be told"
        );
        let remedy =
            "take tables out of this datasource's policy, or use an action that the manifest knows";
        return call.weigh(Err(Denial::new(Rule::Tables, operation.as_str(), message, remedy)));
    };
    if action.statements.is_empty() && action.tables.is_empty() {
        return Ok(());
    }
    // What a body writes is always judged; tables may be observed only.
    let writes_unseen = !action.statements.is_empty() && policy.access < action.access();
    let rule = if writes_unseen { Rule::Access } else { Rule::Tables };
    let body = match parse(body) {
        Ok(body) => body,
        Err(message) => {
            let remedy = "send one JSON object whose members have different names";
            return call.weigh(Err(Denial::new(rule, operation.as_str(), message, remedy)));
        }
    };
    let statements = judge_statements(policy, action, operation, &body)?;
    if policy.tables.is_some() {
        call.weigh(judge_tables(policy, call, action, operation, &body, &statements))
    } else {
        Ok(())
    }
}

/// Judges what the statements of a body do, and returns them.
fn judge_statements<'b>(
    policy: &Policy,
    action: &Action,
    operation: &ActionName,
    body: &'b Value,
) -> Result<Vec<&'b str>, Denial> {
    let mut statements = Vec::new();
    collect(body, &action.statements, &mut statements).map_err(Denial::firm)?;
    let all_read = statements.iter().all(|statement| statement::reads_only(statement));
    if !action.statements.is_empty() && (statements.is_empty() || !all_read) {
        policy.judge_access(operation, action.access())?;
    }
    Ok(statements)
}

/// Judges each table that a body names.
fn judge_tables(
    policy: &Policy,
    call: &Call,
    action: &Action,
    operation: &ActionName,
    body: &Value,
    statements: &[&str],
) -> Result<(), Denial> {
    let mut tables = Vec::new();
    collect(body, &action.tables, &mut tables)?;
    if tables.is_empty() && !action.tables.is_empty() {
        let message = format!("{operation} names no table here, and would concern them all");
        call.weigh(Err(Denial::new(
            Rule::Tables,
            operation.as_str(),
            message,
            "name a table in the input",
        )))?;
    }
    for table in tables {
        call.weigh(table_name(table).and_then(|name| policy.judge_table(name)))?;
    }
    for statement in statements {
        let table = statement::table(statement).ok_or_else(|| {
            let message = "the table of a PartiQL statement cannot be told";
            let remedy =
                "write the statement with one table, in double quotes, behind FROM, INTO or UPDATE";
            Denial::new(Rule::Tables, operation.as_str(), message, remedy)
        });
        call.weigh(table.and_then(|table| policy.judge_table(&table)))?;
    }
    Ok(())
}

/// The table as a policy names it: the name that was given, or the ARN as far as the table's name.
/// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html>
fn table_name(given: &str) -> Result<&str, Denial> {
    if !given.starts_with("arn:") {
        return Ok(given);
    }
    let name_at = given.splitn(6, ':').nth(5).and_then(|resource| {
        let name = resource.strip_prefix("table/")?;
        Some(given.len() - name.len())
    });
    name_at.map(|at| &given[..at + given[at..].find('/').unwrap_or(given.len() - at)]).ok_or_else(
        || {
            let shown: String = given.chars().take(200).collect();
            Denial::new(
                Rule::Tables,
                shown.clone(),
                format!("the table of {shown:?} cannot be told"),
                "name the table by its name or by an ARN with table/ in it",
            )
        },
    )
}

/// The texts at `places` of a body. A place that holds something else than a text could hide one.
fn collect<'v>(body: &'v Value, places: &[Place], found: &mut Vec<&'v str>) -> Result<(), Denial> {
    for place in places {
        walk(body, &place.0, found)?;
    }
    Ok(())
}

fn walk<'v>(value: &'v Value, steps: &[Step], found: &mut Vec<&'v str>) -> Result<(), Denial> {
    match (steps.split_first(), value) {
        (_, Value::Null) => Ok(()),
        (None, Value::String(text)) => {
            found.push(text);
            Ok(())
        }
        (Some((Step::Name(name), rest)), Value::Object(members)) => {
            members.get(name).map_or(Ok(()), |member| walk(member, rest, found))
        }
        (Some((Step::Each, rest)), Value::Array(elements)) => {
            elements.iter().try_for_each(|element| walk(element, rest, found))
        }
        (Some((Step::Each, rest)), Value::Object(members)) => {
            members.values().try_for_each(|member| walk(member, rest, found))
        }
        (Some((Step::Keys, _)), Value::Object(members)) => {
            found.extend(members.keys().map(String::as_str));
            Ok(())
        }
        _ => Err(Denial::new(
            Rule::Tables,
            "",
            "the body has another form than the action's, so what it names cannot be told",
            "send the action's own input",
        )),
    }
}

/// Reads a body, refusing duplicate members: the service might read the one that was not judged.
fn parse(body: &[u8]) -> Result<Value, String> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let value = Unique
        .deserialize(&mut deserializer)
        .map_err(|error| format!("the body cannot be judged: {error}"))?;
    deserializer.end().map_err(|error| format!("the body cannot be judged: {error}"))?;
    if value.is_object() {
        Ok(value)
    } else {
        Err("the body cannot be judged: it is no JSON object".to_string())
    }
}

struct Unique;

impl<'de> DeserializeSeed<'de> for Unique {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Unique {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(element) = elements.next_element_seed(Unique)? {
            list.push(element);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(Unique)?;
            if map.insert(name, value).is_some() {
                return Err(A::Error::custom("a member stands twice in its object"));
            }
        }
        Ok(Value::Object(map))
    }
}

/// The access class of an action whose body was not seen: what a policy is asked before an instance is used.
pub(crate) fn known_access(shared: &Shared, action: &ActionName) -> Option<Access> {
    shared.manifest.action(action).map(crate::manifest::Action::least_access)
}

#[cfg(test)]
mod tests;
