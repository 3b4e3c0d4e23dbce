//! The AWS IAM policy that the owner of a datasource grants: what it needs, and no more.

use super::handlers::{Names, json_response, path};
use super::input::{Pairs, fields, wrong_field};
use super::problem::{Problem, ProblemKind};
use super::templates::Inline;
use crate::auth::Caller;
use crate::server::Server;
use axum::Extension;
use axum::extract::{Request, State};
use axum::response::Response;
use ipnet::IpNet;
use portcullis::{IamScope, TenantError, iam_document};
use std::sync::Arc;

/// Returns the IAM policy for a datasource that the request describes. It contains no secret.
pub(super) async fn template(
    State(server): State<Arc<Server>>,
    Extension(caller): Extension<Caller>,
    names: Names<String>,
    query: Pairs,
    request: Request,
) -> Result<Response, Problem> {
    let name = path(names)?;
    let (account, source_ip) = scope(query)?;
    let inline = Inline::read(&server, &caller, &name, request).await?;
    inline.check_only(&[])?;
    let loaded = inline.template.loaded(&server.host).await;
    let loaded = loaded.map_err(|error| Problem::unavailable(&error, &caller))?;
    let tenant = &inline.tenant;
    let filled = loaded.template().fill(tenant.name.as_ref(), &tenant.settings);
    let filled = filled.map_err(|error| Problem::of_tenant(&TenantError::Fill(error), &caller))?;
    let scopes = filled.policy.signing.iter().flatten();
    let regions: Vec<String> = scopes.map(|scope| scope.region().to_string()).collect();
    let mut scope = IamScope::new(&account, regions);
    scope.source_ip = source_ip;
    let document = iam_document(loaded.plugin().manifest(), &filled.policy, &scope);
    let document = document.ok_or_else(|| {
        Problem::new(ProblemKind::NotFound, "the plugin of this template has no IAM actions")
            .remedy("its manifest would list them")
    })?;
    Ok(json_response(document.to_string()))
}

/// The account and the network for which the policy is.
fn scope(query: Pairs) -> Result<(String, Option<IpNet>), Problem> {
    let [account, source_ip] = fields(query, ["account", "sourceIp"])?;
    let is_account =
        |text: &str| text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    let account = account.unwrap_or_else(|| "*".to_string());
    if !is_account(&account) && account != "*" {
        return Err(wrong_field("account", "expected the 12 digits of an AWS account"));
    }
    let network = |text: String| {
        let wrong = || wrong_field("sourceIp", "expected a CIDR block, as in 203.0.113.0/24");
        text.parse::<IpNet>().map_err(|_| wrong())
    };
    Ok((account, source_ip.map(network).transpose()?))
}
