//! Datasources that callers save: they read, save, delete and test them.

use super::conditions::Conditions;
use super::draft::Given;
use super::handlers::{Names, admit, finish, json_response, path};
use super::list;
use super::managed::{Managed, described, read};
use super::problem::Problem;
use crate::auth::Caller;
use crate::calls;
use crate::server::Server;
use crate::source;
use axum::Extension;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use portcullis::{Tenant, TenantName};
use portcullis_store::DatasourceName;
use std::sync::Arc;

/// Returns what is known about a datasource, of the policy or saved. Of credentials it says only
/// whether there are some, and since when.
pub(super) async fn get(
    State(server): State<Arc<Server>>,
    Extension(caller): Extension<Caller>,
    names: Names<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let name = path(names)?;
    if let Some(served) = caller.deployment.datasources.get(&name)
        && caller.may_use(&name)
    {
        return Ok(json_response(list::of_policy(&name, served, &caller).to_string()));
    }
    if !caller.may_use(&name) && !caller.may_manage(&name) {
        caller.datasource(&name)?;
    }
    let tenant = caller.tenant(&headers)?;
    let absent = || Problem::from(source::absent(&name, &caller, tenant.as_ref()));
    let (Some(store), Ok(parsed)) = (server.stored.store(), name.parse::<DatasourceName>()) else {
        return Err(absent());
    };
    let _admitted = admit(&server, &caller)?;
    let saved = store.saved(&parsed).await;
    let saved = saved.map_err(|failure| Problem::of_store(&failure, &caller))?;
    // An operator sees those of all tenants.
    let sees_all = caller.is_operator() && tenant.is_none();
    let is_visible = |owner: Option<&TenantName>| sees_all || owner == tenant.as_ref();
    match saved.filter(|(saved, _)| is_visible(saved.tenant.as_ref())) {
        Some((saved, readable)) => {
            Ok(described(&server, &caller, &saved, readable, StatusCode::OK))
        }
        None => Err(absent()),
    }
}

/// Saves a datasource: a new one, or another version of one that exists.
pub(super) async fn put(
    State(server): State<Arc<Server>>,
    Extension(caller): Extension<Caller>,
    names: Names<String>,
    request: Request,
) -> Result<Response, Problem> {
    let name = path(names)?;
    let managed = Managed::check(&server, &caller, &name, request.headers())?;
    let conditions = Conditions::from_headers(request.headers())?;
    let (draft, _charge) = managed.read(request).await?;
    draft.check_name(&name)?;
    let template = managed.template(&draft)?;
    managed.save(draft, template, conditions).await
}

/// Deletes a datasource. One that the policy hides can be deleted, too.
pub(super) async fn delete(
    State(server): State<Arc<Server>>,
    Extension(caller): Extension<Caller>,
    names: Names<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let name = path(names)?;
    let tenant = caller.tenant(&headers)?;
    let managed = Managed::new(&server, &caller, &name, tenant)?;
    managed.delete(Conditions::from_headers(&headers)?).await?;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    Ok(response)
}

/// Tests a datasource before it is saved: the service must be reached, and accept the credentials.
pub(super) async fn test(
    State(server): State<Arc<Server>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, Problem> {
    let tenant = caller.tenant(request.headers())?;
    let account = caller.account_of(&server, tenant.as_ref());
    let (draft, _charge) = read(&caller, &account, request).await?;
    let template = caller.template(&draft.template)?;
    caller.check_export(&server, template.name(), template.plugin(), "test").await?;
    // Whose saved credentials are used, for the record.
    let mut saved_as = None;
    let kept = match (&draft.name, &draft.credentials) {
        (Some(name), Given::Kept) => {
            let managed = Managed::new(&server, &caller, name, tenant.clone())?;
            managed.check_enabled()?;
            saved_as = Some(name.clone());
            managed.kept_credentials(&draft).await?
        }
        _ => None,
    };
    let tenant = Tenant {
        name: tenant,
        settings: draft.settings,
        credentials: match draft.credentials {
            Given::New(credentials, _) => Some(credentials),
            Given::Kept => kept,
            Given::Removed => None,
        },
        holder: format!("token:{}", caller.name()),
        datasource: saved_as,
    };
    let result =
        calls::call_tenant(&server, &caller, template, &tenant, None, async |datasource| {
            datasource.test().await
        });
    let result = result.await.map_err(|error| {
        Problem::from_tenant_call(&error, &caller).about(template.name(), tenant.name.as_ref())
    });
    finish(&server, &caller, &account, result).await
}
