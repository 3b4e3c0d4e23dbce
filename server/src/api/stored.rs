//! Datasources that callers save: they read, save, delete and test them.

use super::conditions::Conditions;
use super::draft::Given;
use super::handlers::{Names, admit, finish, json_response, path};
use super::list;
use super::managed::{Managed, described, read};
use super::problem::Problem;
use crate::auth::Caller;
use crate::calls;
use crate::deployment::ServedTemplate;
use crate::server::Server;
use crate::source;
use axum::Extension;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use portcullis::{Datasource, Tenant, TenantName};
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
    let mut filled = Tenant {
        name: tenant.clone(),
        settings: draft.settings.clone(),
        credentials: None,
        holder: format!("token:{}", caller.name()),
        datasource: None,
    };
    let result = match (&draft.name, &draft.credentials) {
        (Some(name), Given::Kept) => {
            let managed = Managed::new(&server, &caller, name, tenant)?;
            // For the record.
            filled.datasource = Some(name.clone());
            let testing = async {
                filled.credentials = managed.kept_credentials(&draft).await?;
                test_filled(&server, &caller, template, &filled).await
            };
            // Whoever disables it disables its saved credentials.
            managed.guard(testing).await
        }
        (_, Given::New(credentials, _)) => {
            filled.credentials = Some(credentials.clone());
            test_filled(&server, &caller, template, &filled).await
        }
        (_, Given::Kept | Given::Removed) => test_filled(&server, &caller, template, &filled).await,
    };
    finish(&server, &caller, &account, result).await
}

async fn test_filled(
    server: &Server,
    caller: &Caller,
    template: &ServedTemplate,
    filled: &Tenant,
) -> Result<String, Problem> {
    let testing = async |datasource: &Datasource| datasource.test().await;
    let result = calls::call_tenant(server, caller, template, filled, None, testing).await;
    result.map_err(|error| {
        Problem::from_tenant_call(&error, caller).about(template.name(), filled.name.as_ref())
    })
}
