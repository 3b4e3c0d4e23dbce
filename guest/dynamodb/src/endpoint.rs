//! Resolves the endpoint of the service: scheme, authority and signing region.
//!
//! The rules are those of the API's endpoint rule set. The host's egress rules have the last word.
//! <https://docs.aws.amazon.com/general/latest/gr/ddb.html>
//!
//! ```
//! use dynamodb_plugin::endpoint::{Endpoint, Service};
//! use dynamodb_plugin::settings::Settings;
//!
//! let settings = Settings::parse(r#"{"region": "cn-north-1"}"#).unwrap();
//! let endpoint = Endpoint::from_settings(&settings, Service::Data).unwrap();
//! assert_eq!(endpoint.authority, "dynamodb.cn-north-1.amazonaws.com.cn");
//! ```

use crate::catalogue::{self, Partition};
use crate::settings::{AccountIdMode, Settings};
use crate::transcode::Diagnostic;
use alloc::format;
use alloc::string::{String, ToString};

/// The destination of requests, and the region for which they are signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Whether to use TLS.
    pub https: bool,
    /// The value of the `host` header: the host, and the port if it is not the default of the
    /// scheme.
    pub authority: String,
    /// The region of the credential scope.
    pub signing_region: String,
    /// Whether it is AWS itself. A server that the settings name usually has no regions and
    /// accounts.
    pub is_aws: bool,
}

/// A part of the service that has its own host names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// Items and tables: `dynamodb.{region}`.
    Data,
    /// Vector search: `search-dynamodb.{region}`.
    Search,
}

impl Endpoint {
    /// Resolves the endpoint for `settings`.
    ///
    /// # Errors
    /// Returns a diagnostic for the setting to change if the combination has no endpoint.
    pub fn from_settings(settings: &Settings, service: Service) -> Result<Self, Diagnostic> {
        let region = settings.region.as_str();
        let signing_region = if region == "local" { "us-east-1" } else { region }.to_string();
        let partition = catalogue::partition(region);
        let (name, short) = match service {
            Service::Data => ("dynamodb", "ddb"),
            Service::Search => ("search-dynamodb", "search-ddb"),
        };
        let fixed = match &settings.endpoint {
            Some(custom) => Some((custom.https, custom.authority.clone(), "a custom endpoint")),
            None if region == "local" => {
                Some((false, "localhost:8000".to_string(), "region local"))
            }
            None => None,
        };
        if let Some((https, authority, what)) = fixed {
            if settings.use_fips {
                return Err(Diagnostic::new(
                    "/useFips",
                    format!("{what} has no FIPS variant; remove useFips"),
                ));
            }
            if settings.use_dual_stack {
                return Err(Diagnostic::new(
                    "/useDualStack",
                    format!("{what} has no dual-stack variant; remove useDualStack"),
                ));
            }
            let dual_stack =
                |name: &str| format!("{name}.{region}.{}", partition.dual_stack_dns_suffix);
            if authority == dual_stack("dynamodb") || authority == dual_stack(name) {
                return Err(Diagnostic::new(
                    "/endpoint",
                    "this is the region's dual-stack endpoint; set useDualStack to true instead",
                ));
            }
            let is_aws = is_aws(&authority);
            return Ok(Self { https, authority, signing_region, is_aws });
        }
        let suffix = if settings.use_dual_stack {
            partition.dual_stack_dns_suffix
        } else {
            partition.dns_suffix
        };
        let authority = match account(settings, partition)? {
            Some(account) => format!("{account}.{short}.{region}.{suffix}"),
            // The standard endpoint of GovCloud is a FIPS endpoint; its dual-stack endpoint is not.
            None if settings.use_fips
                && (settings.use_dual_stack || partition.name != "aws-us-gov") =>
            {
                format!("{name}-fips.{region}.{suffix}")
            }
            None => format!("{name}.{region}.{suffix}"),
        };
        Ok(Self { https: true, authority, signing_region, is_aws: true })
    }
}

/// Returns whether a host is in a domain of AWS.
fn is_aws(authority: &str) -> bool {
    let host = authority.split(':').next().unwrap_or_default();
    catalogue::PARTITIONS.iter().any(|partition| {
        [partition.dns_suffix, partition.dual_stack_dns_suffix]
            .iter()
            .any(|suffix| host.strip_suffix(suffix).is_some_and(|before| before.ends_with('.')))
    })
}

/// Returns the account whose endpoint is used, or `None` for the region's endpoint.
fn account<'s>(
    settings: &'s Settings,
    partition: &Partition,
) -> Result<Option<&'s str>, Diagnostic> {
    let required = settings.account_id_mode == AccountIdMode::Required;
    let refuse = |message: &str| {
        if required { Err(Diagnostic::new("/accountIdEndpointMode", message)) } else { Ok(None) }
    };
    if settings.account_id_mode == AccountIdMode::Disabled {
        return Ok(None);
    }
    if settings.use_fips {
        return refuse(
            "an account endpoint is required, but there is none with FIPS; remove useFips",
        );
    }
    let Some(account) = settings.account_id.as_deref() else {
        return refuse("an account endpoint is required, but accountId is missing");
    };
    if !has_account_endpoints(partition, &settings.region) {
        return refuse("an account endpoint is required, but this region has none");
    }
    Ok(Some(account))
}

/// Returns whether a region has endpoints for accounts, by the API's endpoint rule set.
fn has_account_endpoints(partition: &Partition, region: &str) -> bool {
    match partition.name {
        "aws" => true,
        "aws-cn" => matches!(region, "cn-north-1" | "cn-northwest-1"),
        "aws-us-gov" => matches!(region, "us-gov-east-1" | "us-gov-west-1"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// Resolves a published case with its parameters as settings.
    fn resolve(params: &Value) -> Result<String, Vec<Diagnostic>> {
        let mut settings = json!({});
        for (param, setting) in [
            ("Region", "region"),
            ("Endpoint", "endpoint"),
            ("AccountId", "accountId"),
            ("AccountIdEndpointMode", "accountIdEndpointMode"),
            ("UseFIPS", "useFips"),
            ("UseDualStack", "useDualStack"),
        ] {
            if let Some(value) = params.get(param) {
                settings[setting] = value.clone();
            }
        }
        let settings = Settings::parse(&settings.to_string())?;
        let service =
            if params["IsSearchOperation"] == true { Service::Search } else { Service::Data };
        let endpoint =
            Endpoint::from_settings(&settings, service).map_err(|diagnostic| vec![diagnostic])?;
        Ok(format!("{}://{}", if endpoint.https { "https" } else { "http" }, endpoint.authority))
    }

    /// Returns why a published case does not apply here. `docs/endpoints.md` documents each reason.
    fn exception(params: &Value) -> Option<&'static str> {
        let names_arn =
            ["ResourceArn", "ResourceArnList"].iter().any(|name| !params[name].is_null());
        if names_arn && params["AccountIdEndpointMode"] != "disabled" {
            return Some(
                "the account of an ARN in the input does not select the host: the operator lists \
                 origins, and they must not depend on a query",
            );
        }
        if params["AccountId"] == "" {
            return Some("an empty accountId is invalid in every mode");
        }
        if params.get("Region").is_none() && params.get("Endpoint").is_some() {
            return Some("a region is required, because a request cannot be signed without one");
        }
        None
    }

    #[test]
    fn the_published_endpoint_cases_pass() {
        let cases: Vec<Value> =
            serde_json::from_str(include_str!("../tests/fixtures/endpoint-tests.json")).unwrap();
        assert_eq!(cases.len(), 433);
        let (mut passed, mut exceptions) = (0, 0);
        let mut wrong = Vec::new();
        for case in &cases {
            let result = resolve(&case["params"]);
            let matches = match case["expect"].as_str() {
                Some(url) => result.as_deref().ok() == Some(url),
                None => result.is_err(),
            };
            match (matches, exception(&case["params"])) {
                (true, _) => passed += 1,
                (false, Some(_)) => exceptions += 1,
                (false, None) => wrong.push(format!("{case} gave {result:?}")),
            }
        }
        assert!(wrong.is_empty(), "{} of 433:\n{}", wrong.len(), wrong.join("\n"));
        assert_eq!((passed, exceptions), (382, 51));
    }

    #[test]
    fn local_and_custom_endpoints_have_a_signing_region() {
        let endpoint = |settings: &str| {
            Endpoint::from_settings(&Settings::parse(settings).unwrap(), Service::Data).unwrap()
        };
        assert_eq!(endpoint(r#"{"region":"local"}"#).signing_region, "us-east-1");
        assert_eq!(
            endpoint(r#"{"region":"eu-west-1","endpoint":"http://127.0.0.1:9999"}"#).signing_region,
            "eu-west-1"
        );
    }

    #[test]
    fn only_domains_of_aws_are_aws() {
        for (endpoint, is_aws) in [
            ("https://dynamodb.eu-west-1.amazonaws.com", true),
            ("https://vpce-1-a.dynamodb.us-east-1.vpce.amazonaws.com:443", true),
            ("https://dynamodb.cn-north-1.amazonaws.com.cn", true),
            ("http://localhost:8000", false),
            ("https://amazonaws.com.example", false),
            ("https://notamazonaws.com", false),
        ] {
            let settings = format!(r#"{{"region":"eu-west-1","endpoint":"{endpoint}"}}"#);
            let settings = Settings::parse(&settings).unwrap();
            let found = Endpoint::from_settings(&settings, Service::Data).unwrap();
            assert_eq!(found.is_aws, is_aws, "{endpoint}");
        }
        let region = |region: &str| {
            let settings = Settings::parse(&format!(r#"{{"region":"{region}"}}"#)).unwrap();
            Endpoint::from_settings(&settings, Service::Data).unwrap().is_aws
        };
        assert!(region("eu-west-1") && !region("local"));
    }
}
