//! The policy of a command that names a region or an endpoint, and no policy: it allows this one
//! endpoint, with the credentials of AWS's environment.

use crate::args::{Access, ImpliedArgs};
use crate::environment::{text_variable, variable};
use crate::failure::Failure;
use dynamodb_plugin::endpoint::{Endpoint, Service};
use dynamodb_plugin::settings::Settings;
use portcullis_config::PolicyFile;
use std::fmt::Write;
use std::path::PathBuf;

/// The name of the datasource.
pub(crate) const NAME: &str = "implied";

/// Networks that an endpoint may be in if the user names it: this machine and private ones.
/// Metadata services are refused all the same.
const NETWORKS: &str = "[\"127.0.0.0/8\", \"::1/128\", \"10.0.0.0/8\", \"172.16.0.0/12\", \
                        \"192.168.0.0/16\", \"fc00::/7\"]";

/// The policy that the arguments imply, as text and parsed. None if they name no region, endpoint or
/// profile.
///
/// # Errors
/// Returns an error if they are not enough, or not valid.
pub(crate) fn policy(arguments: &ImpliedArgs) -> Result<Option<(String, PolicyFile)>, Failure> {
    let ImpliedArgs { region, endpoint, profile, access } = arguments;
    if region.is_none() && endpoint.is_none() && profile.is_none() {
        return match access {
            Some(_) => Err(Failure::usage("--access needs --region, --endpoint or --profile")
                .with("a policy file has its own: access = \"…\"")),
            None => Ok(None),
        };
    }
    let from_environment =
        || text_variable("AWS_REGION").or_else(|| text_variable("AWS_DEFAULT_REGION"));
    // Servers other than AWS's have no regions, and take any.
    let any = || endpoint.as_ref().map(|_| "us-east-1".to_string());
    let Some(region) = region.clone().or_else(from_environment).or_else(any) else {
        return Err(Failure::usage("which region? name it with --region or AWS_REGION"));
    };
    let mut settings = serde_json::Map::from_iter([("region".to_string(), region.into())]);
    if let Some(endpoint) = endpoint {
        settings.insert("endpoint".to_string(), endpoint.clone().into());
    }
    let origin = origin(&serde_json::Value::Object(settings.clone()).to_string())?;
    // The strings of JSON are also strings of TOML, but for a few that TOML refuses.
    let text = |value: &str| serde_json::Value::from(value).to_string();
    let fields: Vec<String> = settings
        .iter()
        .map(|(key, value)| format!("{key} = {}", text(value.as_str().unwrap_or_default())))
        .collect();
    let mut policy = format!(
        "[datasources.{NAME}]\nplugin = \"dynamodb\"\nsettings = {{ {} }}\ncredentials = {}\n\
         egress = [{}]\naccess = \"{}\"\n",
        fields.join(", "),
        credentials(profile.as_deref()),
        text(&origin),
        access.unwrap_or(Access::Read).name(),
    );
    if endpoint.is_some() {
        // Writing to a string cannot fail.
        let _ = writeln!(policy, "networks = {{ {} = {NETWORKS} }}", text(&origin));
    }
    let parsed = PolicyFile::parse(&policy)
        .map_err(|error| Failure::usage(format!("these options make no policy: {error}")))?;
    Ok(Some((policy, parsed)))
}

/// Where requests with these settings go.
fn origin(settings: &str) -> Result<String, Failure> {
    let wrong = |message: &str| Failure::usage(message.to_string());
    let settings = Settings::parse(settings).map_err(|problems| {
        let problem = problems.first();
        let option = problem.map_or("", |problem| problem.pointer.trim_start_matches('/'));
        wrong(&format!("--{option}: {}", problem.map_or("", |problem| problem.message.as_str())))
    })?;
    let endpoint = Endpoint::from_settings(&settings, Service::Data)
        .map_err(|problem| wrong(&problem.message))?;
    let scheme = if endpoint.https { "https" } else { "http" };
    Ok(format!("{scheme}://{}", endpoint.authority))
}

/// The source of credentials, in the order of AWS's tools: a profile that is named, variables, a web
/// identity, the default profile, and the container.
/// <https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html>
fn credentials(profile: Option<&str>) -> String {
    let of_profile =
        |name: &str| format!("{{ from = \"profile\", name = {} }}", serde_json::Value::from(name));
    if let Some(profile) = profile {
        return of_profile(profile);
    }
    if variable("AWS_ACCESS_KEY_ID").is_some() {
        return "{ from = \"env\" }".to_string();
    }
    if let Some(profile) = text_variable("AWS_PROFILE") {
        return of_profile(&profile);
    }
    if variable("AWS_WEB_IDENTITY_TOKEN_FILE").is_some() {
        return "{ from = \"web-identity\" }".to_string();
    }
    let home = variable("HOME").map(PathBuf::from);
    let has_profiles =
        [("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials"), ("AWS_CONFIG_FILE", ".aws/config")]
            .iter()
            .any(|(name, default)| {
                let file = variable(name).map(PathBuf::from);
                file.or_else(|| Some(home.as_ref()?.join(default)))
                    .is_some_and(|file| file.exists())
            });
    if has_profiles {
        return of_profile("default");
    }
    let container =
        ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"];
    if container.iter().any(|name| variable(name).is_some()) {
        return "{ from = \"container\" }".to_string();
    }
    // Its error names the variables.
    "{ from = \"env\" }".to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn implied(region: Option<&str>, endpoint: Option<&str>) -> Result<String, Failure> {
        let text = |text: Option<&str>| text.map(str::to_string);
        let arguments = ImpliedArgs {
            region: text(region),
            endpoint: text(endpoint),
            profile: Some("dev".to_string()),
            access: None,
        };
        policy(&arguments).map(|policy| policy.unwrap().0)
    }

    #[test]
    fn a_region_implies_its_endpoint_and_read_access() {
        for (region, origin) in [
            ("eu-west-1", "https://dynamodb.eu-west-1.amazonaws.com"),
            ("cn-north-1", "https://dynamodb.cn-north-1.amazonaws.com.cn"),
        ] {
            let policy = implied(Some(region), None).unwrap();
            assert!(policy.contains(&format!("egress = [\"{origin}\"]")), "{policy}");
            assert!(policy.contains("access = \"read\""), "{policy}");
            assert!(!policy.contains("networks"), "{policy}");
        }
        let local = implied(None, Some("http://localhost:8000")).unwrap();
        assert!(local.contains("egress = [\"http://localhost:8000\"]"), "{local}");
    }

    #[test]
    fn wrong_values_are_refused_and_cannot_change_the_policy() {
        for (region, endpoint) in [
            (Some("eu-west-1\"]\naccess = \"admin"), None),
            (Some("eu-west-1.evil.example/#"), None),
            (Some("eu-west-1a"), None),
            (Some("eu-west-1"), Some("http://user@host/path")),
            (Some("eu-west-1"), Some("no address")),
        ] {
            assert!(implied(region, endpoint).is_err(), "{region:?} {endpoint:?}");
        }
    }

    #[test]
    fn no_option_implies_nothing() {
        assert!(policy(&ImpliedArgs::default()).unwrap().is_none());
        let only_access = ImpliedArgs { access: Some(Access::Admin), ..ImpliedArgs::default() };
        assert!(policy(&only_access).is_err());
    }
}
