//! The region in the settings.

use crate::transcode::Diagnostic;
use alloc::format;
use alloc::string::{String, ToString};

/// Checks a region. It becomes part of a host name, so it must be one DNS label (RFC 1035, section
/// 2.3.1).
///
/// With an endpoint of their own, services choose the names of their regions, so only without one
/// an availability zone or the name of a FIPS endpoint is refused.
///
/// # Errors
/// Returns a diagnostic for `/region` that says what to write, as far as that is known.
pub(crate) fn check(region: &str, has_endpoint: bool) -> Result<(), Diagnostic> {
    let shown: String = region.chars().take(70).collect();
    if is_label(region) {
        if has_endpoint {
            return Ok(());
        }
        let message = if let Some(region) = fips(region) {
            format!("{shown} is not a region; write {region}, and set useFips to true")
        } else if let Some((kind, region)) = zone(region) {
            format!("{shown} is {kind}, not a region; write {region}")
        } else {
            return Ok(());
        };
        return Err(Diagnostic::new("/region", message));
    }
    let remedy = if region.contains("://") {
        "; an address belongs in endpoint, next to the region".to_string()
    } else {
        written(region).map_or_else(String::new, |region| format!("; write {region}"))
    };
    let message = format!(
        "{shown:?} is not a region; expected lower-case letters, digits and hyphens, as in \
         eu-west-1{remedy}"
    );
    Err(Diagnostic::new("/region", message))
}

fn is_label(region: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&region.len())
        && region.bytes().all(allowed)
        && !region.starts_with('-')
        && !region.ends_with('-')
}

/// Returns the region in the name of a FIPS endpoint, as older tools write it in place of a region:
/// `us-gov-west-1-fips` or `fips-us-east-1`.
fn fips(name: &str) -> Option<&str> {
    let region = name.strip_suffix("-fips").or_else(|| name.strip_prefix("fips-"))?;
    split_region(region).is_some_and(|(_, rest)| rest.is_empty()).then_some(region)
}

/// Returns what a zone is, and what to write for its region.
/// <https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-availability-zones.html>
fn zone(name: &str) -> Option<(&'static str, &str)> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // `euw1-az2`
    if let Some((start, number)) = name.rsplit_once("-az")
        && digits(number)
        && !start.contains('-')
    {
        return Some(("the ID of an availability zone", "the name of its region, as in eu-west-1"));
    }
    let (region, rest) = split_region(name)?;
    match rest.as_bytes() {
        [b'a'..=b'z'] => Some(("an availability zone", region)),
        // `us-west-2-lax-1a`, `us-east-1-wl1-bos-wlz-1`
        [b'-', ..] => Some(("a local zone", region)),
        _ => None,
    }
}

/// Splits a name after a region such as `us-gov-east-1`: at least two words, and a number.
fn split_region(name: &str) -> Option<(&str, &str)> {
    let mut end = 0;
    for (index, part) in name.split('-').enumerate() {
        let digits = part.len() - part.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        if digits > 0 {
            return (index >= 2).then(|| name.split_at(end + digits));
        }
        if part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_lowercase()) {
            return None;
        }
        end += part.len() + 1;
    }
    None
}

/// Returns the region that somebody wrote in another way: `EU_WEST_1`, or the name of an endpoint.
fn written(text: &str) -> Option<String> {
    let lower = text.trim().to_ascii_lowercase().replace(['_', ' '], "-");
    lower
        .split(['.', '/'])
        .find(|part| is_label(part) && split_region(part).is_some_and(|(_, rest)| rest.is_empty()))
        .map(ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(region: &str) -> String {
        let error = check(region, false).unwrap_err();
        assert_eq!(error.pointer, "/region");
        error.message
    }

    #[test]
    fn an_availability_zone_gets_its_region_as_the_remedy() {
        for (zone, region) in [
            ("eu-west-1a", "eu-west-1"),
            ("us-gov-east-1b", "us-gov-east-1"),
            ("ap-southeast-12c", "ap-southeast-12"),
            ("us-west-2-lax-1a", "us-west-2"),
            ("us-east-1-wl1-bos-wlz-1", "us-east-1"),
        ] {
            let message = message(zone);
            assert!(message.contains("zone, not a region"), "{message}");
            assert!(message.ends_with(&format!("; write {region}")), "{message}");
            assert_eq!(check(zone, true), Ok(()), "other services have other names");
        }
        assert!(message("euw1-az2").contains("the ID of an availability zone"));
    }

    #[test]
    fn the_name_of_a_fips_endpoint_gets_its_region_and_the_setting_as_the_remedy() {
        for (name, region) in [
            ("us-gov-west-1-fips", "us-gov-west-1"),
            ("us-east-1-fips", "us-east-1"),
            ("fips-us-east-1", "us-east-1"),
        ] {
            let expected =
                format!("{name} is not a region; write {region}, and set useFips to true");
            assert_eq!(message(name), expected);
            assert_eq!(check(name, true), Ok(()), "other services have other names");
        }
    }

    #[test]
    fn a_region_in_another_form_gets_the_right_form_as_the_remedy() {
        for (wrong, region) in [
            ("EU-WEST-1", "eu-west-1"),
            ("EU_WEST_1", "eu-west-1"),
            ("eu west 1", "eu-west-1"),
            ("dynamodb.us-east-2.amazonaws.com", "us-east-2"),
        ] {
            assert!(message(wrong).ends_with(&format!("; write {region}")), "{}", message(wrong));
        }
        assert!(message("http://localhost:8000").contains("belongs in endpoint"));
        assert!(message("Ireland").ends_with("as in eu-west-1"));
    }

    #[test]
    fn regions_of_all_partitions_and_of_the_future_are_accepted() {
        for region in [
            "eu-west-1",
            "us-gov-west-1",
            "us-isob-east-1",
            "cn-northwest-1",
            "eusc-de-east-1",
            "mars-north-10",
            "local",
            "eu-1",
            "ru-central1",
        ] {
            assert_eq!(check(region, false), Ok(()), "{region}");
        }
    }
}
