//! Templates, and calls that bring their datasource along.

use super::handlers::{Names, finish, json_response, path, run_action};
use super::inline::InlineCall;
use super::input::MediaType;
use super::problem::{Problem, ProblemKind};
use crate::auth::Caller;
use crate::body::{self, Received};
use crate::calls::{self, TenantCallError};
use crate::deployment::ServedTemplate;
use crate::memory;
use crate::server::Server;
use axum::Extension;
use axum::extract::{Request, State};
use axum::response::Response;
use portcullis::{Datasource, Error, PluginError, Tenant, TenantError};
use portcullis_memory::{Account, Charge};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroizing;

/// Lists the templates that the caller may fill in. An operator sees why some cannot be used.
pub(super) async fn templates(Extension(caller): Extension<Caller>) -> Response {
    let usable = caller.deployment.templates.values();
    let usable = usable.filter(|template| caller.may_fill_in(template.name()));
    let list: Vec<Value> = usable.map(|template| listed(template, &caller)).collect();
    json_response(json!({"templates": list}).to_string())
}

fn listed(template: &ServedTemplate, caller: &Caller) -> Value {
    let rules = template.entry().template.rules();
    let mut listed = json!({
        "name": template.name(),
        "plugin": template.plugin_name(),
        "access": rules.access.to_string(),
        "actions": rules.actions,
        "state": template.state(),
    });
    if let Some(error) = template.failure().filter(|_| caller.is_operator()) {
        listed["reason"] = error.to_string().into();
    }
    listed
}

/// Runs an action on a datasource that the request describes.
pub(super) async fn execute(
    State(server): State<Arc<Server>>,
    Extension(caller): Extension<Caller>,
    names: Names<(String, String)>,
    request: Request,
) -> Result<Response, Problem> {
    let (name, action) = path(names)?;
    let mut inline = Inline::read(&server, &caller, &name, request).await?;
    caller.check_action(&name, &action)?;
    let input = std::mem::take(&mut inline.call.input);
    let options = std::mem::take(&mut inline.call.options.plugin);
    inline
        .respond(&server, &caller, async |datasource| {
            run_action(datasource, &action, &input, options).await
        })
        .await
}

/// Checks that the service can be reached, and accepts the credentials.
pub(super) async fn test(
    State(server): State<Arc<Server>>,
    Extension(caller): Extension<Caller>,
    names: Names<String>,
    request: Request,
) -> Result<Response, Problem> {
    let name = path(names)?;
    let inline = Inline::read(&server, &caller, &name, request).await?;
    inline.check_only(&[])?;
    caller.check_export(&server, &name, inline.template.plugin(), "test").await?;
    inline.respond(&server, &caller, async |datasource| datasource.test().await).await
}

/// Returns the tables with their keys and indexes.
pub(super) async fn structure(
    State(server): State<Arc<Server>>,
    Extension(caller): Extension<Caller>,
    names: Names<String>,
    request: Request,
) -> Result<Response, Problem> {
    let name = path(names)?;
    let mut inline = Inline::read(&server, &caller, &name, request).await?;
    inline.check_only(&["prefix", "limit"])?;
    caller.check_export(&server, &name, inline.template.plugin(), "structure").await?;
    let options = Value::Object(std::mem::take(&mut inline.call.options.plugin)).to_string();
    inline.respond(&server, &caller, async |datasource| datasource.structure(&options).await).await
}

/// A call that brings its datasource along, with what is held for it.
pub(super) struct Inline {
    pub(super) template: Arc<ServedTemplate>,
    pub(super) tenant: Tenant,
    call: InlineCall,
    /// The names of its options.
    options: Vec<String>,
    account: Arc<Account>,
    /// The memory of the document, and then of the input.
    _charge: Charge,
}

impl Inline {
    /// Reads a call. What is known before the body is checked before it: the token, the template,
    /// the tenant and the media type.
    pub(super) async fn read(
        server: &Server,
        caller: &Caller,
        name: &str,
        request: Request,
    ) -> Result<Self, Problem> {
        let template = caller.template(name)?.clone();
        let tenant = caller.tenant(request.headers())?;
        let account = caller.account_of(server, tenant.as_ref());
        // A tenant's name has no colon.
        let holder = format!("token:{}", caller.name());
        let read = async {
            MediaType::check_call(request.headers())?;
            let config = &caller.deployment.server;
            let Received { bytes, mut charge } = body::read(request.into_body(), config, &account)
                .await
                .map_err(|error| Problem::from_body_error(error, config))?;
            // It contains credentials.
            let text = portcullis_json::text(bytes).map(Zeroizing::new).map_err(|error| {
                Problem::new(ProblemKind::BadRequest, format!("the body cannot be read: {error}"))
            })?;
            let grow = |charge: &mut Charge, bytes: usize| {
                let grown = charge.grow(bytes as u64);
                grown.map_err(|exceeded| Problem::no_memory(memory::refusal(exceeded)))
            };
            // The input is copied out of the document, which is dropped then.
            grow(&mut charge, text.len())?;
            let limit = template.entry().template.rules().limits.request_bytes.as_u64();
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            let call = InlineCall::parse(&text, limit)?;
            grow(&mut charge, call.input.len().saturating_sub(text.len()))?;
            Ok((call, charge))
        };
        let (mut call, charge) =
            read.await.map_err(|problem: Problem| problem.about(name, tenant.as_ref()))?;
        let settings = std::mem::take(&mut call.settings);
        let credentials = call.credentials.take();
        let tenant = Tenant { name: tenant, settings, credentials, holder, datasource: None };
        let options = call.options.plugin.keys().cloned().collect();
        Ok(Self { template, tenant, call, options, account, _charge: charge })
    }

    /// Refuses input, and options that are not in `known`.
    pub(super) fn check_only(&self, known: &[&str]) -> Result<(), Problem> {
        self.call.check_no_input()?;
        self.call.options.check_only(known)
    }

    /// Makes the call, and responds with its result.
    async fn respond(
        &self,
        server: &Server,
        caller: &Caller,
        run: impl AsyncFnOnce(&Datasource) -> Result<String, Error>,
    ) -> Result<Response, Problem> {
        let Self { template, tenant, call, account, .. } = self;
        let time: Option<Duration> = call.options.time;
        let result = calls::call_tenant(server, caller, template, tenant, time, run).await;
        let result = result.map_err(|mut error| {
            self.place_faults(&mut error);
            Problem::from_tenant_call(&error, caller).about(template.name(), tenant.name.as_ref())
        });
        finish(server, caller, account, result).await
    }

    /// Says of the faults that the plugin found where they are in the document.
    fn place_faults(&self, error: &mut TenantCallError) {
        let TenantCallError::Tenant(TenantError::Host(error)) = error else { return };
        if let Error::Plugin(PluginError::InvalidInput(faults)) = error {
            for fault in faults {
                fault.pointer = self.call.place(&self.options, &fault.pointer);
            }
        }
    }
}
