//! What the body of a request does: the tables that it names, and the PartiQL statements in it.

use crate::named::{JsonText, Named};
use crate::places::Place;
use crate::statement;
use portcullis_policy::{
    Action, ActionName, Denial, Manifest, Policy, Rule, TableName, TableNameError,
};

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
        let root = Place::root(action, self.policy.tables.is_some());
        let named = match Named::read(body, &root) {
            Ok(named) => named,
            Err(error) => {
                let message = error.to_string();
                let denial = Denial::new(rule, operation.as_str(), message, error.remedy());
                return enforce(Err(denial));
            }
        };
        if named.malformed.statements {
            return Err(malformed().always_enforced());
        }
        self.check_statements(action, operation, &named.statements)?;
        if self.policy.tables.is_none() {
            return Ok(());
        }
        enforce(self.check_tables(action, operation, &named, enforce))
    }

    /// Checks what the statements of a body do.
    fn check_statements(
        &self,
        action: &Action,
        operation: &ActionName,
        statements: &[JsonText<'_>],
    ) -> Result<(), Denial> {
        if action.statements().is_empty() || action.access() <= self.policy.access {
            return Ok(());
        }
        let all_read = statements.iter().all(|text| statement::only_reads(&text.unescape()));
        if statements.is_empty() || !all_read {
            self.policy.check_access(operation, action.access())?;
        }
        Ok(())
    }

    /// Checks each table that a body names.
    fn check_tables(
        &self,
        action: &Action,
        operation: &ActionName,
        named: &Named<'_>,
        enforce: EnforceBody<'_>,
    ) -> Result<(), Denial> {
        if named.malformed.tables {
            return Err(malformed());
        }
        if named.tables.is_empty() && !action.tables().is_empty() {
            let message = format!("{operation} names no table here, and would apply to all tables");
            let remedy = "name a table in the input";
            enforce(Err(Denial::new(Rule::Tables, operation.as_str(), message, remedy)))?;
        }
        if named.statements.is_empty() && !action.statements().is_empty() {
            let message =
                format!("{operation} contains no statement here, so its tables are unknown");
            let remedy = "send the action's own input, with a statement";
            enforce(Err(Denial::new(Rule::Tables, operation.as_str(), message, remedy)))?;
        }
        for table in &named.tables {
            enforce(check_table(self.policy, &table.unescape()))?;
        }
        for text in &named.statements {
            let statement = text.unescape();
            let table = statement::table(&statement).ok_or_else(|| {
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

/// The denial of a body with another form than the action's input. It could hide a table.
fn malformed() -> Denial {
    Denial::new(
        Rule::Tables,
        "",
        "the body does not have the form of the action's input, so its tables are unknown",
        "send the action's own input",
    )
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

#[cfg(test)]
#[path = "body_tests.rs"]
mod tests;
