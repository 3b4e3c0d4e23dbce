//! What the body of a request does: the tables that it names, and the PartiQL statements in it.

use crate::statement;
use crate::unique_json::parse_object;
use portcullis_policy::{
    Action, ActionName, Denial, JsonPath, JsonStep, Manifest, Policy, Rule, TableName,
    TableNameError,
};
use serde_json::Value;

/// Reports a denial instead of enforcing it, if the policy says so.
pub type EnforceBody<'e> = &'e dyn Fn(Result<(), Denial>) -> Result<(), Denial>;

/// The rules for bodies of one datasource.
pub(crate) struct BodyRules<'r> {
    pub(crate) manifest: &'r Manifest,
    pub(crate) policy: &'r Policy,
}

impl BodyRules<'_> {
    /// Whether the policy must see the body of `operation`.
    pub(crate) fn reads(&self, operation: &ActionName) -> bool {
        let may_write = self.manifest.action(operation).is_some_and(|action| {
            !action.statements().is_empty() && self.policy.access < action.access()
        });
        may_write || self.policy.tables.is_some()
    }

    /// Checks the statements and the tables of a body.
    pub(crate) fn check(
        &self,
        operation: &ActionName,
        body: &[u8],
        enforce: EnforceBody<'_>,
    ) -> Result<(), Denial> {
        let Some(action) = self.manifest.action(operation) else {
            let message = format!(
                "the plugin's manifest does not list {operation}, so the tables that it uses are \
                 unknown"
            );
            let remedy = "remove tables from this datasource's policy, or use an action that the \
                          manifest lists";
            return enforce(Err(Denial::new(Rule::Tables, operation.as_str(), message, remedy)));
        };
        if action.statements().is_empty() && action.tables().is_empty() {
            return Ok(());
        }
        // Writes are always enforced; tables may be report-only.
        let may_write = !action.statements().is_empty() && self.policy.access < action.access();
        let rule = if may_write { Rule::Access } else { Rule::Tables };
        let body = match parse_object(body) {
            Ok(body) => body,
            Err(error) => {
                let remedy = "send one JSON object in which no field occurs twice";
                let denial = Denial::new(rule, operation.as_str(), error.to_string(), remedy);
                return enforce(Err(denial));
            }
        };
        let statements = self.check_statements(action, operation, &body)?;
        if self.policy.tables.is_none() {
            return Ok(());
        }
        enforce(self.check_tables(action, operation, &body, &statements, enforce))
    }

    /// Checks what the statements of a body do, and returns them.
    fn check_statements<'b>(
        &self,
        action: &Action,
        operation: &ActionName,
        body: &'b Value,
    ) -> Result<Vec<&'b str>, Denial> {
        let mut statements = Vec::new();
        collect(body, action.statements(), &mut statements).map_err(Denial::always_enforced)?;
        let all_read = statements.iter().all(|statement| statement::only_reads(statement));
        if !action.statements().is_empty() && (statements.is_empty() || !all_read) {
            self.policy.check_access(operation, action.access())?;
        }
        Ok(statements)
    }

    /// Checks each table that a body names.
    fn check_tables(
        &self,
        action: &Action,
        operation: &ActionName,
        body: &Value,
        statements: &[&str],
        enforce: EnforceBody<'_>,
    ) -> Result<(), Denial> {
        let mut tables = Vec::new();
        collect(body, action.tables(), &mut tables)?;
        if tables.is_empty() && !action.tables().is_empty() {
            let message = format!("{operation} names no table here, and would apply to all tables");
            let remedy = "name a table in the input";
            enforce(Err(Denial::new(Rule::Tables, operation.as_str(), message, remedy)))?;
        }
        for table in tables {
            enforce(check_table(self.policy, table))?;
        }
        for statement in statements {
            let table = statement::table(statement).ok_or_else(|| {
                let message = "the table of a PartiQL statement cannot be determined";
                let remedy = "write the statement with one table, in double quotes, after FROM, INTO \
                              or UPDATE";
                Denial::new(Rule::Tables, operation.as_str(), message, remedy)
            });
            enforce(table.and_then(|table| check_table(self.policy, table)))?;
        }
        Ok(())
    }
}

/// Checks one table, as a request names it.
fn check_table(policy: &Policy, given: &str) -> Result<(), Denial> {
    match TableName::parse(given) {
        Ok(table) => policy.check_table(table),
        Err(error) => {
            let remedy = match error {
                TableNameError::Arn(_) => {
                    "name the table by its name, or by an ARN that contains table/"
                }
                _ => "name the table by its name, 1 to 255 of A-Z a-z 0-9 _ . -, or by its ARN",
            };
            let shown: String = given.chars().take(200).collect();
            Err(Denial::new(Rule::Tables, shown, error.to_string(), remedy))
        }
    }
}

/// Collects the texts at `paths` of a body. Another value there could hide a text.
fn collect<'v>(
    body: &'v Value,
    paths: &[JsonPath],
    found: &mut Vec<&'v str>,
) -> Result<(), Denial> {
    paths.iter().try_for_each(|path| walk(body, path.steps(), found))
}

fn walk<'v>(value: &'v Value, steps: &[JsonStep], found: &mut Vec<&'v str>) -> Result<(), Denial> {
    match (steps.split_first(), value) {
        (_, Value::Null) => Ok(()),
        (None, Value::String(text)) => {
            found.push(text);
            Ok(())
        }
        (Some((JsonStep::Field(name), rest)), Value::Object(fields)) => {
            fields.get(name).map_or(Ok(()), |field| walk(field, rest, found))
        }
        (Some((JsonStep::Each, rest)), Value::Array(elements)) => {
            elements.iter().try_for_each(|element| walk(element, rest, found))
        }
        (Some((JsonStep::Each, rest)), Value::Object(fields)) => {
            fields.values().try_for_each(|field| walk(field, rest, found))
        }
        (Some((JsonStep::Keys, _)), Value::Object(fields)) => {
            found.extend(fields.keys().map(String::as_str));
            Ok(())
        }
        _ => Err(Denial::new(
            Rule::Tables,
            "",
            "the body does not have the form of the action's input, so its tables are unknown",
            "send the action's own input",
        )),
    }
}

#[cfg(test)]
#[path = "body_tests.rs"]
mod tests;
