//! Datasources that callers save: they read, save, delete and test them.

use super::conditions::Conditions;
use super::draft::Given;
use super::handlers::{Names, finish, json_response, path};
use super::list;
use super::managed::{Managed, account, described, read, saved};
use super::problem::{Problem, ProblemKind};
use crate::auth::{Caller, Refusal};
use crate::calls;
use crate::server::Server;
use crate::source::absent;
use axum::Extension;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use portcullis::Tenant;
use portcullis_store::DatasourceName;
use std::sync::Arc;

/// How often a change is tried again that somebody else's change prevented.
const TRIES: usize = 5;

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
    let (Some(store), Ok(parsed)) = (server.stored.store(), name.parse::<DatasourceName>()) else {
        return Err(absent(&name).into());
    };
    let tenant = caller.tenant(&headers)?;
    let saved = saved(store, &parsed, tenant.as_ref()).await;
    let saved = saved.map_err(|failure| Problem::of_store(&failure, &caller))?;
    let saved = saved.ok_or_else(|| absent(&name))?;
    Ok(described(&server, &caller, &saved, StatusCode::OK))
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
    for _ in 0..TRIES {
        if let Some(response) = managed.save(&draft, template, &conditions).await? {
            return Ok(response);
        }
    }
    Err(Refusal::conflict(
        "a name of others",
        format!("the name {name:?} is taken, or changes all the time"),
        "choose another name, or try again",
    )
    .into())
}

/// Deletes a datasource.
pub(super) async fn delete(
    State(server): State<Arc<Server>>,
    Extension(caller): Extension<Caller>,
    names: Names<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let name = path(names)?;
    let managed = Managed::check(&server, &caller, &name, &headers);
    // One that the policy hides can still be deleted.
    let managed = match managed {
        Err(_) if caller.may_manage(&name) => {
            Managed::check_hidden(&server, &caller, &name, &headers)
        }
        managed => managed,
    }?;
    let conditions = Conditions::from_headers(&headers)?;
    for _ in 0..TRIES {
        let saved = managed.saved().await?;
        conditions.check(saved.as_ref().map(|saved| saved.version))?;
        let saved = saved.ok_or_else(|| managed.absent())?;
        if managed.delete(&saved).await? {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NO_CONTENT;
            return Ok(response);
        }
    }
    Err(Problem::new(
        ProblemKind::Conflict,
        format!("the datasource {name:?} changes all the time"),
    )
    .remedy("try again"))
}

/// Tests a datasource before it is saved: the service must be reached, and accept the credentials.
pub(super) async fn test(
    State(server): State<Arc<Server>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, Problem> {
    let tenant = caller.tenant(request.headers())?;
    let account = account(&server, &caller, tenant.as_ref());
    let (draft, _charge) = read(&caller, &account, request).await?;
    let template = caller.template(&draft.template)?;
    let kept = match (&draft.name, &draft.credentials) {
        (Some(name), Given::Kept) => {
            let managed = Managed::new(&server, &caller, name, tenant.clone())?;
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
        datasource: None,
    };
    let result =
        calls::call_tenant(&server, &caller, template, &tenant, None, async |datasource| {
            datasource.test().await
        });
    let result = result.await.map_err(|error| {
        Problem::from_tenant_call(&error, &caller).about(template.name(), tenant.name.as_ref())
    });
    finish(&caller, &account, result)
}
