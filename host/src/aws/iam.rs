//! The IAM policy that a datasource's own policy comes to: the second wall, on the service's side.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html>

use crate::manifest::{Action, Manifest};
use portcullis_policy::{Access, Policy, TablePattern};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Where the tables are.
#[derive(Clone, Debug)]
pub struct IamAccount<'a> {
    /// The account's number; `*` for any.
    pub account: &'a str,
    /// The regions.
    pub regions: Vec<String>,
    /// The only network that requests may come from, as a CIDR block.
    pub source_ip: Option<ipnet::IpNet>,
}

/// The least that IAM must grant for all that `policy` allows; none for a plugin whose manifest knows nothing of IAM.
#[must_use]
pub fn iam_document(manifest: &Manifest, policy: &Policy, at: &IamAccount<'_>) -> Option<Value> {
    let iam = manifest.iam.as_ref()?;
    // Actions by what they are granted on, so that one statement serves all that have it in common.
    let mut statements: BTreeMap<Vec<String>, BTreeSet<String>> = BTreeMap::new();
    for (name, action) in manifest.stated() {
        if policy.judge_action(name, Some(action.least_access())).is_err() {
            continue;
        }
        let tables = ["table".to_string()];
        let kinds = action.resources.as_deref().unwrap_or(&tables);
        let mut on: Vec<String> = kinds
            .iter()
            .filter_map(|kind| iam.resources.get(kind))
            .flat_map(|arn| resources(arn, policy, at))
            .collect();
        if kinds.is_empty() {
            on.push("*".to_string());
        }
        let granted = statements.entry(on).or_default();
        granted.extend(
            names(name.as_str(), action, policy.access)
                .map(|name| format!("{}:{name}", iam.prefix)),
        );
    }
    let condition =
        at.source_ip.map(|block| json!({ "IpAddress": { "aws:SourceIp": block.to_string() } }));
    let statements = statements.into_iter().map(|(on, actions)| {
        let mut statement = json!({ "Effect": "Allow", "Action": actions, "Resource": on });
        if let Some(condition) = &condition {
            statement["Condition"] = condition.clone();
        }
        statement
    });
    Some(json!({ "Version": "2012-10-17", "Statement": statements.collect::<Vec<_>>() }))
}

/// What IAM calls an action. A reader's statements are those that IAM calls so: it has a name for each kind.
fn names<'n>(name: &'n str, action: &'n Action, access: Access) -> impl Iterator<Item = &'n str> {
    let own = action.iam.is_none().then_some(name);
    let reads_only = !action.statements.is_empty() && access < action.access();
    let listed = action.iam.iter().flatten().map(portcullis_policy::ActionName::as_str);
    own.into_iter().chain(listed.filter(move |name| !reads_only || name.ends_with("Select")))
}

/// The ARNs of a kind, for each region and table.
fn resources(arn: &str, policy: &Policy, at: &IamAccount<'_>) -> BTreeSet<String> {
    let tables: Vec<String> = policy.tables.as_ref().map_or_else(
        || vec!["*".to_string()],
        |tables| tables.iter().map(TablePattern::to_string).collect(),
    );
    let mut all = BTreeSet::new();
    for region in &at.regions {
        let filled = arn
            .replace("{partition}", partition(region))
            .replace("{region}", region)
            .replace("{account}", at.account);
        for table in &tables {
            // A table that is listed by its ARN is that table, wherever it is.
            let table_at = filled.find("{table}");
            all.insert(match table_at {
                Some(place) if table.starts_with("arn:") => {
                    format!("{table}{}", &filled[place + "{table}".len()..])
                }
                _ => filled.replace("{table}", table),
            });
        }
    }
    all
}

/// The partition of a region.
/// <https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html>
fn partition(region: &str) -> &'static str {
    const PARTITIONS: [(&str, &str); 7] = [
        ("cn-", "aws-cn"),
        ("us-gov-", "aws-us-gov"),
        ("us-isob-", "aws-iso-b"),
        ("us-isof-", "aws-iso-f"),
        ("us-iso-", "aws-iso"),
        ("eu-isoe-", "aws-iso-e"),
        ("eusc-", "aws-eusc"),
    ];
    PARTITIONS
        .iter()
        .find(|(prefix, _)| region.starts_with(prefix))
        .map_or("aws", |(_, partition)| partition)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(policy: &str, region: &str) -> Value {
        let manifest = Manifest::parse(dynamodb_component::MANIFEST).unwrap();
        let at = IamAccount {
            account: "123456789012",
            regions: vec![region.to_string()],
            source_ip: None,
        };
        iam_document(&manifest, &toml::from_str(policy).unwrap(), &at).unwrap()
    }

    #[test]
    fn a_reader_of_one_table_is_granted_that_and_no_more() {
        let document = document(
            "actions = [\"GetItem\", \"Query\", \"ListTables\"]\ntables = [\"orders\"]",
            "eu-west-1",
        );
        assert_eq!(
            document["Statement"],
            json!([
                { "Effect": "Allow", "Action": ["dynamodb:ListTables"], "Resource": ["*"] },
                { "Effect": "Allow", "Action": ["dynamodb:GetItem"], "Resource": ["arn:aws:dynamodb:eu-west-1:123456789012:table/orders"] },
                { "Effect": "Allow", "Action": ["dynamodb:Query"], "Resource": [
                    "arn:aws:dynamodb:eu-west-1:123456789012:table/orders",
                    "arn:aws:dynamodb:eu-west-1:123456789012:table/orders/index/*"
                ] }
            ])
        );
    }

    #[test]
    fn statements_and_transactions_are_granted_by_what_they_do() {
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
    fn tables_by_arn_stay_where_they_are() {
        let arn = "arn:aws:dynamodb:us-east-1:999999999999:table/theirs-*";
        let document =
            document(&format!("actions = [\"Query\"]\ntables = [\"{arn}\"]"), "eu-west-1");
        assert_eq!(document["Statement"][0]["Resource"], json!([arn, format!("{arn}/index/*")]));
    }
}
