//! What `portcullis check` checks of a template: whether tenants can use it.

use super::listed_actions::check_actions;
use crate::failure::Failure;
use portcullis::policy::{AllowedValues, Choice, FilledTemplate, TemplateCredentials};
use portcullis::{
    Credentials, Error, Host, Plugin, PluginError, Secret, Template, Tenant, TenantError,
};
use portcullis_config::TemplateEntry;
use portcullis_server::setup::{PLACEHOLDER_ID, PolicyLocation, load_template};

/// Fills in an example, and connects it. Nothing is sent, and no credentials are fetched.
pub(super) async fn check(
    host: &Host,
    plugin: &Plugin,
    name: &str,
    entry: &TemplateEntry,
    policy: &PolicyLocation,
) -> Result<(), Failure> {
    let template = &entry.template;
    let (tenant, settings) = (Template::example_tenant(), template.example());
    let filled = template.fill(Some(&tenant), &settings);
    let FilledTemplate { policy: filled, .. } =
        filled.map_err(|error| Failure::configuration(error.to_string()))?;
    check_actions(plugin, &filled)?;
    let loaded = load_template(host, plugin, name, entry, policy).await?;
    let credentials = match template.rules().credentials {
        Some(TemplateCredentials::Caller) => {
            let secret = Secret::new("placeholder");
            Credentials::from_caller(PLACEHOLDER_ID, secret, None).ok()
        }
        _ => None,
    };
    let tenant = Tenant { name: Some(tenant), settings, credentials, ..Tenant::default() };
    match host.connect_template(&loaded, &tenant).await {
        Err(TenantError::Host(Error::Plugin(PluginError::InvalidSettings(faults)))) => {
            // What stands for a prefix need not exist.
            let is_made_up = |pointer: &str| {
                let allowed = template.rules().settings.get(pointer.trim_start_matches('/'));
                matches!(allowed, Some(AllowedValues::Texts(choices))
                    if matches!(choices.first(), Some(Choice::Prefix(_))))
            };
            match faults.iter().find(|fault| !is_made_up(&fault.pointer)) {
                None => Ok(()),
                Some(fault) => Err(Failure::configuration(format!(
                    "the plugin does not accept the settings of the example: {}: {}",
                    fault.pointer, fault.message
                ))),
            }
        }
        Err(error) => Err(Failure::configuration(error.to_string())),
        Ok(_) => Ok(()),
    }
}
