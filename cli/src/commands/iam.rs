//! `portcullis iam`: prints the minimal IAM policy for a datasource.

use crate::args::{Iam, Output};
use crate::compiler::small_host;
use crate::failure::Failure;
use crate::json;
use crate::target::find_datasource;
use portcullis::{IamScope, Plugin, iam_document};
use portcullis_config::{DatasourceEntry, SettingsSource};
use portcullis_server::setup::{load, open_host, read_policy};

pub(crate) fn run(arguments: &Iam) -> Result<(), Failure> {
    let is_account = |text: &str| {
        text == "*" || (text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit()))
    };
    if !is_account(&arguments.account) {
        return Err(Failure::usage(format!(
            "--account {:?} is not the number of an AWS account, which has 12 digits",
            arguments.account
        )));
    }
    let source_ip = arguments.source_ip.as_deref().map(str::parse).transpose();
    let source_ip = source_ip
        .map_err(|_| Failure::usage("--source-ip must be a CIDR block, as in 203.0.113.0/24"))?;
    let policy = arguments.policy.location();
    let file = read_policy(policy.path())?;
    let (name, config) = find_datasource(&file, arguments.name.as_deref())?;
    let plugin = load(&open_host(small_host)?, &config.plugin, policy.folder())?;
    let regions = regions(&plugin, config)?;
    let mut scope = IamScope::new(&arguments.account, regions);
    scope.source_ip = source_ip;
    let document = iam_document(plugin.manifest(), &config.policy, &scope).ok_or_else(|| {
        Failure::configuration(format!("the manifest of {name}'s plugin describes no IAM actions"))
    })?;
    if document["Statement"].as_array().is_some_and(Vec::is_empty) {
        return Err(Failure::configuration(format!(
            "the policy of {name} allows no action that IAM can grant"
        ))
        .with("`portcullis check` shows its actions, and its access, which limits them"));
    }
    let text = serde_json::to_string_pretty(&document)
        .map_err(|error| Failure::other(error.to_string()))?;
    json::print(&text, Some(Output::Pretty))
}

/// Returns the regions for which signing keys may be derived.
fn regions(plugin: &Plugin, config: &DatasourceEntry) -> Result<Vec<String>, Failure> {
    let none = || {
        Failure::configuration("this datasource may not sign for any region").with(
            "set one in the policy's settings, or list it: signing = [\"eu-west-1/dynamodb\"]",
        )
    };
    if let Some(scopes) = &config.policy.signing {
        let regions: Vec<String> = scopes.iter().map(|scope| scope.region().to_string()).collect();
        return if regions.is_empty() { Err(none()) } else { Ok(regions) };
    }
    let SettingsSource::Inline(settings) = &config.settings else { return Err(none()) };
    let signing = plugin.manifest().signing().ok_or_else(none)?;
    let region = settings.get(signing.region_setting()).and_then(|region| region.as_str());
    let scope = region.and_then(|region| signing.scope(region)).ok_or_else(none)?;
    Ok(vec![scope.region().to_string()])
}
