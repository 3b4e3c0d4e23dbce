//! Where the service is: region and settings → scheme, authority and signing region.
//!
//! The rules are those of the API's endpoint rule set. The host's egress rules stay the last word.
//! <https://docs.aws.amazon.com/general/latest/gr/ddb.html>

use crate::settings::Settings;
use alloc::format;
use alloc::string::{String, ToString};

/// Where requests go, and the region that signs them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Whether by TLS.
    pub https: bool,
    /// Host, and port where it is not the scheme's: the value of the `host` header.
    pub authority: String,
    /// The region of the credential scope.
    pub signing_region: String,
}

/// A set of regions with domain names of its own.
struct Partition {
    /// How its regions' names start; the first that fits is taken.
    prefix: &'static str,
    suffix: &'static str,
    dual_stack_suffix: Option<&'static str>,
}

const PARTITIONS: [Partition; 8] = [
    Partition { prefix: "cn-", suffix: "amazonaws.com.cn", dual_stack_suffix: Some("api.amazonwebservices.com.cn") },
    Partition { prefix: "us-gov-", suffix: "amazonaws.com", dual_stack_suffix: Some("api.aws") },
    Partition { prefix: "us-isob-", suffix: "sc2s.sgov.gov", dual_stack_suffix: None },
    Partition { prefix: "us-isof-", suffix: "csp.hci.ic.gov", dual_stack_suffix: None },
    Partition { prefix: "us-iso-", suffix: "c2s.ic.gov", dual_stack_suffix: None },
    Partition { prefix: "eu-isoe-", suffix: "cloud.adc-e.uk", dual_stack_suffix: None },
    Partition { prefix: "eusc-", suffix: "amazonaws.eu", dual_stack_suffix: None },
    Partition { prefix: "", suffix: "amazonaws.com", dual_stack_suffix: Some("api.aws") },
];

impl Endpoint {
    /// The endpoint that `settings` ask for.
    ///
    /// # Errors
    /// A combination that has no endpoint, as text.
    pub fn of(settings: &Settings) -> Result<Self, String> {
        let region = settings.region.as_str();
        let signing_region = if region == "local" { "us-east-1" } else { region }.to_string();
        if let Some(custom) = &settings.endpoint {
            return Ok(Self { https: custom.https, authority: custom.authority.clone(), signing_region });
        }
        if region == "local" {
            return Ok(Self { https: false, authority: "localhost:8000".to_string(), signing_region });
        }
        let partition = PARTITIONS.iter().find(|partition| region.starts_with(partition.prefix));
        let partition = partition.unwrap_or(&PARTITIONS[PARTITIONS.len() - 1]);
        let host = match (settings.use_fips, settings.use_dual_stack, partition.dual_stack_suffix) {
            (_, true, None) => return Err(format!("there is no dual-stack endpoint for {region}; set useDualStack to false")),
            // GovCloud's ordinary endpoint is the FIPS one.
            (true, false, _) if partition.prefix == "us-gov-" => format!("dynamodb.{region}.{}", partition.suffix),
            (true, false, _) => format!("dynamodb-fips.{region}.{}", partition.suffix),
            (true, true, Some(suffix)) => format!("dynamodb-fips.{region}.{suffix}"),
            (false, true, Some(suffix)) => format!("dynamodb.{region}.{suffix}"),
            (false, false, _) => match &settings.account_id {
                Some(account) => format!("{account}.ddb.{region}.{}", partition.suffix),
                None => format!("dynamodb.{region}.{}", partition.suffix),
            },
        };
        Ok(Self { https: true, authority: host, signing_region })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(settings: &str) -> Result<(bool, String, String), String> {
        let settings = Settings::parse(settings).unwrap();
        Endpoint::of(&settings).map(|endpoint| (endpoint.https, endpoint.authority, endpoint.signing_region))
    }

    #[test]
    fn each_partition_has_its_domain() {
        for (settings, host) in [
            (r#"{"region":"eu-west-1"}"#, "dynamodb.eu-west-1.amazonaws.com"),
            (r#"{"region":"cn-north-1"}"#, "dynamodb.cn-north-1.amazonaws.com.cn"),
            (r#"{"region":"us-iso-east-1"}"#, "dynamodb.us-iso-east-1.c2s.ic.gov"),
            (r#"{"region":"us-isob-east-1"}"#, "dynamodb.us-isob-east-1.sc2s.sgov.gov"),
            (r#"{"region":"eusc-de-east-1"}"#, "dynamodb.eusc-de-east-1.amazonaws.eu"),
            (r#"{"region":"us-east-1","useFips":true}"#, "dynamodb-fips.us-east-1.amazonaws.com"),
            (r#"{"region":"us-gov-west-1","useFips":true}"#, "dynamodb.us-gov-west-1.amazonaws.com"),
            (r#"{"region":"eu-west-1","useDualStack":true}"#, "dynamodb.eu-west-1.api.aws"),
            (r#"{"region":"us-east-1","useDualStack":true,"useFips":true}"#, "dynamodb-fips.us-east-1.api.aws"),
            (r#"{"region":"us-east-1","accountId":"123456789012"}"#, "123456789012.ddb.us-east-1.amazonaws.com"),
        ] {
            let (https, authority, _) = endpoint(settings).unwrap();
            assert!(https);
            assert_eq!(authority, host);
        }
    }

    #[test]
    fn local_and_custom_endpoints_sign_for_a_region() {
        assert_eq!(endpoint(r#"{"region":"local"}"#).unwrap(), (false, "localhost:8000".into(), "us-east-1".into()));
        assert_eq!(
            endpoint(r#"{"region":"eu-west-1","endpoint":"http://127.0.0.1:9999"}"#).unwrap(),
            (false, "127.0.0.1:9999".into(), "eu-west-1".into())
        );
        assert!(endpoint(r#"{"region":"us-iso-east-1","useDualStack":true}"#).is_err());
    }
}
