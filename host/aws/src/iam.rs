//! The IAM document that matches a datasource's policy: the second line of defence, on the
//! service's side.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html>

use crate::partitions::PARTITIONS;
use portcullis_policy::{Access, Action, ActionName, Manifest, Policy, TablePattern};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The account and the regions that an IAM document is for.
///
/// ```
/// use portcullis_aws::IamScope;
///
/// // Any account, and requests from one network only.
/// let mut scope = IamScope::new("*", ["eu-west-1", "eu-central-1"]);
/// scope.source_ip = Some("203.0.113.0/24".parse()?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct IamScope {
    /// The number of the account, 12 digits; `*` for any account.
    pub account: String,
    /// The regions.
    pub regions: Vec<String>,
    /// The only network from which requests may come; none for any network.
    pub source_ip: Option<ipnet::IpNet>,
}

impl IamScope {
    /// An account and its regions, from any network.
    #[must_use]
    pub fn new<R: Into<String>>(
        account: impl Into<String>,
        regions: impl IntoIterator<Item = R>,
    ) -> Self {
        let regions = regions.into_iter().map(Into::into).collect();
        Self { account: account.into(), regions, source_ip: None }
    }
}

/// The minimal IAM document for everything that `policy` allows; none if the manifest of the plugin
/// does not mention IAM.
#[must_use]
pub fn iam_document(manifest: &Manifest, policy: &Policy, scope: &IamScope) -> Option<Value> {
    let iam = manifest.iam()?;
    // Actions by the resources that they are granted on, so that they share one statement.
    let mut statements: BTreeMap<Vec<String>, BTreeSet<String>> = BTreeMap::new();
    for (name, action) in manifest.actions() {
        if policy.check_action(name, Some(action.min_access())).is_err() {
            continue;
        }
        let tables = ["table".to_string()];
        let kinds = action.resources().unwrap_or(&tables);
        let mut on: Vec<String> = kinds
            .iter()
            .filter_map(|kind| iam.resources.get(kind))
            .flat_map(|arn| resources(arn, policy, scope))
            .collect();
        if kinds.is_empty() {
            on.push("*".to_string());
        }
        let granted = statements.entry(on).or_default();
        let names = names(name.as_str(), action, policy.access);
        granted.extend(names.map(|name| format!("{}:{name}", iam.prefix)));
    }
    let condition =
        scope.source_ip.map(|block| json!({ "IpAddress": { "aws:SourceIp": block.to_string() } }));
    let statements = statements.into_iter().map(|(on, actions)| {
        let mut statement = json!({ "Effect": "Allow", "Action": actions, "Resource": on });
        if let Some(condition) = &condition {
            statement["Condition"] = condition.clone();
        }
        statement
    });
    Some(json!({ "Version": "2012-10-17", "Statement": statements.collect::<Vec<_>>() }))
}

/// The names of an action in IAM, which has a name for each kind of statement. A reader is only
/// granted those that select.
fn names<'n>(name: &'n str, action: &'n Action, access: Access) -> impl Iterator<Item = &'n str> {
    let own = action.iam_names().is_none().then_some(name);
    let only_reads = !action.statements().is_empty() && access < action.access();
    let listed = action.iam_names().into_iter().flatten().map(ActionName::as_str);
    own.into_iter().chain(listed.filter(move |name| !only_reads || name.ends_with("Select")))
}

/// The ARNs of one kind of resource, for each region and table.
fn resources(arn: &str, policy: &Policy, scope: &IamScope) -> BTreeSet<String> {
    let tables: Vec<String> = match &policy.tables {
        Some(tables) => tables.iter().map(TablePattern::to_string).collect(),
        None => vec!["*".to_string()],
    };
    let mut all = BTreeSet::new();
    for region in &scope.regions {
        let filled = arn
            .replace("{partition}", partition(region))
            .replace("{region}", region)
            .replace("{account}", &scope.account);
        for table in &tables {
            // A table that is listed by its ARN is that table, in whatever account and region.
            let table_at = filled.find("{table}");
            all.insert(match table_at {
                Some(at) if table.starts_with("arn:") => {
                    format!("{table}{}", &filled[at + "{table}".len()..])
                }
                _ => filled.replace("{table}", table),
            });
        }
    }
    all
}

/// The partition of a region.
fn partition(region: &str) -> &'static str {
    let found = PARTITIONS.iter().find(|(prefix, _)| region.starts_with(prefix));
    found.map_or("aws", |(_, partition)| partition)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(policy: &str, region: &str) -> Value {
        let manifest = Manifest::parse(dynamodb_component::MANIFEST).unwrap();
        let scope = IamScope::new("123456789012", [region]);
        iam_document(&manifest, &toml::from_str(policy).unwrap(), &scope).unwrap()
    }

    #[test]
    fn a_reader_of_one_table_is_granted_only_that() {
        let document = document(
            "actions = [\"GetItem\", \"Query\", \"ListTables\"]\ntables = [\"orders\"]",
            "eu-west-1",
        );
        assert_eq!(
            document["Statement"],
            json!([
                { "Effect": "Allow", "Action": ["dynamodb:ListTables"], "Resource": ["*"] },
                { "Effect": "Allow", "Action": ["dynamodb:GetItem"], "Resource": [
                    "arn:aws:dynamodb:eu-west-1:123456789012:table/orders"
                ] },
                { "Effect": "Allow", "Action": ["dynamodb:Query"], "Resource": [
                    "arn:aws:dynamodb:eu-west-1:123456789012:table/orders",
                    "arn:aws:dynamodb:eu-west-1:123456789012:table/orders/index/*"
                ] }
            ])
        );
    }

    #[test]
    fn statements_and_transactions_are_granted_by_their_effects() {
        let reader = document("access = \"read\"", "cn-north-1").to_string();
        assert!(
            reader.contains("PartiQLSelect")
                && !reader.contains("PartiQLDelete")
                && !reader.contains("ExecuteStatement")
        );
        assert!(
            reader.contains("arn:aws-cn:dynamodb:cn-north-1:123456789012:table/*")
                && !reader.contains("PutItem")
        );
        let writer = document(
            "access = \"write\"\nactions = [\"TransactWriteItems\", \"ExecuteStatement\"]",
            "eu-west-1",
        )
        .to_string();
        for granted in
            ["ConditionCheckItem", "PutItem", "UpdateItem", "DeleteItem", "PartiQLInsert"]
        {
            assert!(writer.contains(granted), "{granted}");
        }
        assert!(!writer.contains("TransactWriteItems") && !writer.contains("CreateTable"));
    }

    #[test]
    fn a_table_listed_by_arn_keeps_its_arn() {
        let arn = "arn:aws:dynamodb:us-east-1:999999999999:table/theirs-*";
        let document =
            document(&format!("actions = [\"Query\"]\ntables = [\"{arn}\"]"), "eu-west-1");
        assert_eq!(document["Statement"][0]["Resource"], json!([arn, format!("{arn}/index/*")]));
    }
}
