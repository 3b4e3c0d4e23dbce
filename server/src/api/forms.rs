//! What forms need: the settings of plugins and templates as JSON Schema, and the actions of a
//! datasource.

use super::handlers::{Names, json_response, path};
use super::problem::{Problem, ProblemKind};
use crate::auth::Caller;
use crate::deployment::PluginSlot;
use crate::server::Server;
use crate::source::Source;
use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use portcullis::policy::{AllowedValues, Choice, MAX_TEXT_BYTES, TemplateCredentials};
use portcullis::{Plugin, Policy, Template};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// Describes a plugin: its settings, options and actions, and how it authenticates.
pub(super) async fn plugin(
    State(server): State<Arc<Server>>,
    Extension(caller): Extension<Caller>,
    names: Names<String>,
) -> Result<Response, Problem> {
    let name = path(names)?;
    let slot = caller.plugin(&name).ok_or_else(|| {
        Problem::new(ProblemKind::NotFound, format!("there is no plugin {name:?}"))
            .remedy("GET /v1/datasources and GET /v1/templates name the plugins that may be used")
    })?;
    let (plugin, mut description) = described(&server, &caller, slot).await?;
    description["authentication"] = authentication(&plugin);
    Ok(json_response(description.to_string()))
}

/// Describes a template: the settings that a tenant may give, and what the datasource may then do.
pub(super) async fn template(
    State(server): State<Arc<Server>>,
    Extension(caller): Extension<Caller>,
    names: Names<String>,
) -> Result<Response, Problem> {
    let name = path(names)?;
    let template = caller.template(&name)?;
    let (plugin, description) = described(&server, &caller, template.plugin()).await?;
    let rules = template.entry().template.rules();
    let credentials = match &rules.credentials {
        None => json!({"from": "nowhere"}),
        Some(TemplateCredentials::Caller) => {
            json!({"from": "caller", "accepts": authentication(&plugin)})
        }
        Some(_) => json!({"from": "operator"}),
    };
    let mut described = json!({
        "name": name,
        "plugin": plugin.manifest().name(),
        "title": description["title"],
        "tenant": template.entry().template.needs_tenant(),
        "settings": narrowed(&description["settings"], &template.entry().template),
        "credentials": credentials,
        "access": rules.access.to_string(),
        "actions": rules.actions,
        "tables": rules.tables.as_ref().map(|tables| {
            tables.iter().map(ToString::to_string).collect::<Vec<_>>()
        }),
    });
    if caller.is_operator() {
        let egress = rules.egress.iter().map(ToString::to_string);
        described["egress"] = egress.collect::<Vec<_>>().into();
    }
    Ok(json_response(described.to_string()))
}

/// Lists the actions of a datasource: which of them it may run, and why it may not run others.
pub(super) async fn datasource_actions(
    State(server): State<Arc<Server>>,
    Extension(caller): Extension<Caller>,
    names: Names<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let name = path(names)?;
    let source = Source::find(&server, &caller, &name, &headers).await;
    let source = source.map_err(|error| Problem::from_no_source(error, &caller))?;
    let plugin = source.plugin_slot().get(&server.host).await;
    let plugin = plugin.map_err(|error| Problem::unavailable(&error, &caller))?;
    let policy = source.policy();
    let actions: Vec<Value> = plugin
        .manifest()
        .actions()
        .map(|(action, known)| {
            let denial = policy.check_action(action, Some(known.min_access())).err();
            let is_of_token = caller.check_action(&name, action.as_str()).is_ok();
            let reason = match denial {
                Some(denial) => Some(denial.message),
                None if !is_of_token => Some("the token does not list this action".to_string()),
                None => None,
            };
            json!({
                "name": action.as_str(),
                "access": known.access().to_string(),
                "allowed": reason.is_none(),
                "reason": reason,
            })
        })
        .collect();
    let effective = effective(policy, &caller);
    Ok(json_response(json!({"actions": actions, "policy": effective}).to_string()))
}

/// What a policy allows, for people who use it. Only operators see where requests go: the names of
/// internal hosts are theirs.
fn effective(policy: &Policy, caller: &Caller) -> Value {
    let mut effective = json!({
        "access": policy.access.to_string(),
        "tables": policy.tables.as_ref().map(|tables| {
            tables.iter().map(ToString::to_string).collect::<Vec<_>>()
        }),
        "observe": policy.report_only,
    });
    if caller.is_operator() {
        let egress = policy.egress.iter().map(ToString::to_string);
        effective["egress"] = egress.collect::<Vec<_>>().into();
    }
    effective
}

/// A plugin, and what it says about itself.
async fn described(
    server: &Server,
    caller: &Caller,
    slot: &PluginSlot,
) -> Result<(Plugin, Value), Problem> {
    let unavailable = |error: Arc<_>| Problem::unavailable(&error, caller);
    let plugin = slot.get(&server.host).await.map_err(unavailable)?;
    let description = slot.description(&server.host).await.map_err(unavailable)?;
    Ok((plugin, Value::clone(&description)))
}

/// The kinds of credentials that the host has for a plugin, each with the fields of a form.
fn authentication(plugin: &Plugin) -> Value {
    if plugin.manifest().signing().is_none() {
        return json!([]);
    }
    let secret = |title: &str| json!({"type": "string", "title": title, "writeOnly": true});
    json!([{
        "type": "aws",
        "title": "AWS access key",
        "schema": {
            "type": "object",
            "additionalProperties": false,
            "required": ["accessKeyId", "secretAccessKey"],
            "properties": {
                "accessKeyId": {"type": "string", "title": "Access key ID", "examples": ["AKIDEXAMPLE"]},
                "secretAccessKey": secret("Secret access key"),
                "sessionToken": secret("Session token, of temporary credentials"),
            },
        },
    }])
}

/// The JSON Schema of a plugin's settings, narrowed to what a template allows.
fn narrowed(settings: &Value, template: &Template) -> Value {
    let rules = template.rules();
    let of_plugin = &settings["properties"];
    let required_by_plugin: Vec<&str> =
        settings["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let properties: Map<String, Value> = rules
        .settings
        .iter()
        .map(|(name, allowed)| (name.clone(), property(&of_plugin[name], allowed)))
        .collect();
    let required: Vec<&String> = rules
        .settings
        .keys()
        .filter(|name| template.is_required(name) || required_by_plugin.contains(&name.as_str()))
        .collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

/// The schema of one setting: what people read is the plugin's, and what is allowed is the template's.
fn property(of_plugin: &Value, allowed: &AllowedValues) -> Value {
    let mut property = Map::new();
    for key in ["title", "description", "default"] {
        if let Some(value) = of_plugin.get(key) {
            property.insert(key.to_string(), value.clone());
        }
    }
    match allowed {
        AllowedValues::Texts(choices) => {
            property.insert("type".to_string(), "string".into());
            property.insert("anyOf".to_string(), choices_of(of_plugin, choices).into());
        }
        AllowedValues::Numbers(range) => {
            let kind = if range.is_whole() { "integer" } else { "number" };
            let end = |number: f64| {
                #[expect(clippy::cast_possible_truncation, reason = "the range has whole ends")]
                if range.is_whole() { json!(number as i64) } else { json!(number) }
            };
            property.insert("type".to_string(), kind.into());
            property.insert("minimum".to_string(), end(range.min()));
            property.insert("maximum".to_string(), end(range.max()));
        }
        AllowedValues::Boolean => {
            property.insert("type".to_string(), "boolean".into());
        }
    }
    property.into()
}

/// The texts that a template allows, with the plugin's names for those that it knows. Texts that the
/// plugin suggests and a prefix allows come before the prefix.
fn choices_of(of_plugin: &Value, choices: &[Choice]) -> Vec<Value> {
    let known: Vec<&Value> = of_plugin["anyOf"].as_array().into_iter().flatten().collect();
    let mut result = Vec::new();
    for choice in choices {
        let suggested = known
            .iter()
            .filter(|option| option["const"].as_str().is_some_and(|text| choice.matches(text)));
        let before = result.len();
        result.extend(suggested.map(|option| Value::clone(option)));
        match choice {
            Choice::Text(text) if result.len() == before => result.push(json!({"const": text})),
            Choice::Text(_) => {}
            Choice::Prefix(prefix) => {
                let pattern = format!("^{}.+$", escaped(prefix));
                result.push(
                    json!({"type": "string", "pattern": pattern, "maxLength": MAX_TEXT_BYTES}),
                );
            }
        }
    }
    result
}

/// A text as part of a regular expression (ECMA-262), as JSON Schema has them.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        if "\\^$.|?*+()[]{}/".contains(character) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_narrows_the_schema_of_its_plugin() {
        let template: Template = toml::from_str(
            "settings = { region = ['eu-west-1', 'us-*'], tries = { min = 1, max = 5 }, on = 'boolean' }\n\
             fixed-settings = { endpoint = 'http://a' }\n\
             egress = ['https://db.{region}.example']",
        )
        .unwrap();
        let plugin = json!({
            "required": ["region", "on", "endpoint"],
            "properties": {
                "region": {"title": "Region", "type": "string", "anyOf": [
                    {"const": "eu-west-1", "title": "Ireland"}, {"const": "us-east-1", "title": "Virginia"},
                    {"const": "us-west-2", "title": "Oregon"}, {"const": "eu-west-3", "title": "Paris"},
                    {"type": "string"},
                ]},
                "endpoint": {"type": "string"},
            },
        });
        let schema = narrowed(&plugin, &template);
        assert_eq!(schema["required"], json!(["on", "region"]));
        let region = &schema["properties"]["region"];
        assert_eq!(region["title"], "Region");
        assert_eq!(
            region["anyOf"],
            json!([
                {"const": "eu-west-1", "title": "Ireland"},
                {"const": "us-east-1", "title": "Virginia"}, {"const": "us-west-2", "title": "Oregon"},
                {"type": "string", "pattern": "^us-.+$", "maxLength": 1024},
            ])
        );
        assert_eq!(
            schema["properties"]["tries"],
            json!({"type": "integer", "minimum": 1, "maximum": 5})
        );
        assert_eq!(schema["properties"]["endpoint"], Value::Null);
    }
}
