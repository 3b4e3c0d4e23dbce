//! One call for a caller, as both APIs make it.

use crate::auth::Caller;
use crate::deployment::{Disabled, Served, ServedTemplate, Unavailable};
use crate::memory::Held;
use crate::quotas::{Admitted, Exceeded, Whose};
use crate::server::Server;
use crate::setup::SetupError;
use crate::source::Source;
use crate::stored::Connected;
use axum::body::Body;
use http_body::Body as _;
use portcullis::{Datasource, Denial, Error, Limit, LimitKind, Tenant, TenantError, TenantName};
use portcullis_memory::Account;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A call without a result.
pub(crate) enum CallError {
    /// An operator has disabled the datasource.
    Disabled(Disabled),
    /// The datasource cannot be connected.
    Unavailable(Arc<SetupError>),
    /// The datasource is still being connected at the end of the call's time.
    Late(Limit),
    /// It is one call too many.
    Exceeded(Exceeded),
    /// The call failed.
    Failed(Error),
}

/// A call without a result, of a datasource that the caller describes.
pub(crate) enum TenantCallError {
    /// The template cannot be loaded.
    Unavailable(Arc<SetupError>),
    /// It is one call too many.
    Exceeded(Exceeded),
    /// The datasource cannot be made, or the call failed.
    Tenant(TenantError),
}

/// Makes a call of a datasource, which is connected if it is not yet. `time` limits the call.
pub(crate) async fn call<T>(
    server: &Server,
    caller: &Caller,
    source: &Source,
    time: Option<Duration>,
    run: impl AsyncFnOnce(&Datasource) -> Result<T, Error>,
) -> Result<T, CallError> {
    match source {
        Source::Policy(known) => call_served(server, caller, known, time, run).await,
        Source::Stored(stored) => call_stored(server, caller, stored, time, run).await,
    }
}

async fn call_served<T>(
    server: &Server,
    caller: &Caller,
    source: &Arc<Served>,
    time: Option<Duration>,
    run: impl AsyncFnOnce(&Datasource) -> Result<T, Error>,
) -> Result<T, CallError> {
    let _admitted = caller.admit(&server.quotas).map_err(CallError::Exceeded)?;
    let began = Instant::now();
    let datasource =
        source.datasource(&server.host, time).await.map_err(|unavailable| match unavailable {
            Unavailable::Disabled(disabled) => CallError::Disabled(disabled),
            Unavailable::Failed(error) => CallError::Unavailable(error),
            Unavailable::Late(limit) => CallError::Late(limit),
        })?;
    // The time that connecting took counts. Less is not worth a deadline of its own in messages.
    let time = match began.elapsed() {
        waited if waited < Duration::from_millis(100) => time,
        waited => {
            let policy = source.policy().limits.deadline;
            Some(time.map_or(policy, |time| time.min(policy)).saturating_sub(waited))
        }
    };
    let datasource = prepared(datasource, caller, time);
    let result = source.switch.guard(run(&datasource)).await;
    let result = result.map_err(CallError::Disabled)?;
    note_denial(server, caller, source.name(), None, result.as_ref().err());
    result.map_err(CallError::Failed)
}

async fn call_stored<T>(
    server: &Server,
    caller: &Caller,
    stored: &Connected,
    time: Option<Duration>,
    run: impl AsyncFnOnce(&Datasource) -> Result<T, Error>,
) -> Result<T, CallError> {
    let admitted = admit_tenant(server, caller, &stored.template, &stored.owner);
    let _admitted = admitted.map_err(CallError::Exceeded)?;
    let datasource = prepared(stored.datasource.clone(), caller, time);
    let call = counted(server, stored.tenant.as_ref(), run(&datasource));
    let result = stored.switch.guard(call).await.map_err(CallError::Disabled)?;
    let result = result.map_err(|error| of_template(error, stored.template.name()));
    let (name, tenant) = (stored.name.as_str(), stored.tenant.as_ref());
    note_denial(server, caller, name, tenant, result.as_ref().err());
    result.map_err(CallError::Failed)
}

/// Makes a call of a datasource that the caller describes: it fills in a template.
pub(crate) async fn call_tenant<T>(
    server: &Server,
    caller: &Caller,
    template: &ServedTemplate,
    tenant: &Tenant,
    time: Option<Duration>,
    run: impl AsyncFnOnce(&Datasource) -> Result<T, Error>,
) -> Result<T, TenantCallError> {
    let admitted = admit_tenant(server, caller, template, tenant.owner());
    let _admitted = admitted.map_err(TenantCallError::Exceeded)?;
    let loaded = template.loaded(&server.host).await.map_err(TenantCallError::Unavailable)?;
    let tenants = &server.tenants;
    let datasource = tenants.datasource(&loaded, tenant).map_err(TenantCallError::Tenant)?;
    let datasource = prepared(datasource, caller, time);
    let result = counted(server, tenant.name.as_ref(), run(&datasource)).await;
    let result = result.map_err(|error| of_template(error, template.name()));
    note_denial(server, caller, template.name(), tenant.name.as_ref(), result.as_ref().err());
    result.map_err(|error| TenantCallError::Tenant(error.into()))
}

/// The error of a call of a tenant. A remedy is a line of the policy that is filled in for this tenant: in
/// the template it would allow the same to all of them.
fn of_template(mut error: Error, template: &str) -> Error {
    if let Error::Denied(denial) = &mut error
        && denial.is_remedied_by_policy()
    {
        denial.fix = None;
        denial.remedy = format!(
            "[templates.{template}] does not allow this to any of its tenants: change its rule {} only \
             if all of them may do it",
            denial.rule
        );
    }
    error
}

/// Keeps a denial for operators who look at the latest ones.
fn note_denial(
    server: &Server,
    caller: &Caller,
    datasource: &str,
    tenant: Option<&TenantName>,
    error: Option<&Error>,
) {
    if let Some(Error::Denied(denial)) = error {
        let tenant = tenant.map(TenantName::as_str);
        server.recent.denied(caller.name(), datasource, tenant, denial);
    }
}

/// Counts a call for the figures of its tenant.
async fn counted<T>(
    server: &Server,
    tenant: Option<&TenantName>,
    call: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let began = Instant::now();
    let result = call.await;
    server.metrics.by_tenant.count(tenant, result.is_ok(), began.elapsed());
    result
}

/// Counts a call of a tenant of a template. First the narrowest quota, so that a tenant who has used
/// up its own does not use up that of all.
pub(crate) fn admit_tenant(
    server: &Server,
    caller: &Caller,
    template: &ServedTemplate,
    owner: &str,
) -> Result<[Admitted; 3], Exceeded> {
    let (name, entry, quotas) = (template.name(), template.entry(), &server.quotas);
    let of_tenant = || Whose::Tenant(name.into(), owner.into());
    Ok([
        quotas.admit(entry.tenant_calls, of_tenant)?,
        caller.admit(quotas)?,
        quotas.admit(entry.calls, || Whose::Template(name.into()))?,
    ])
}

/// The datasource for one call of a caller.
fn prepared(datasource: Datasource, caller: &Caller, time: Option<Duration>) -> Datasource {
    let peer = Some(caller.peer);
    let datasource = datasource
        .for_request(&caller.request_id)
        .for_caller(caller.name(), peer)
        .counting_attempts(&caller.attempts);
    let datasource = match caller.actions() {
        Some(actions) => datasource.sending_only(actions.clone()),
        None => datasource,
    };
    match time {
        Some(time) => datasource.within(time),
        None => datasource,
    }
}

/// Refuses a body whose stated length is larger than the input that the datasource accepts.
pub(crate) fn check_length(source: &Source, body: &Body) -> Result<(), Error> {
    let limit = source.policy().limits.request_bytes;
    if body.size_hint().lower() <= limit.as_u64() {
        return Ok(());
    }
    Err(Error::Limit(Limit::new(LimitKind::RequestBytes, limit.to_string(), false)))
}

/// Charges an account for a result of so many bytes, until it was sent.
pub(crate) fn hold(account: &Arc<Account>, bytes: usize) -> Result<Held, CallError> {
    let charge = account.charge(bytes as u64).map_err(|_| {
        let bound = format!("{} MiB for one token or tenant", account.limit() >> 20);
        CallError::Failed(Error::Limit(Limit::new(LimitKind::ProcessMemory, bound, true)))
    })?;
    Ok(charge.into())
}

impl Disabled {
    pub(crate) fn message(self) -> &'static str {
        if self.maybe_applied {
            "an operator has disabled this datasource, which ended the call"
        } else {
            "an operator has disabled this datasource"
        }
    }
}

/// What a caller who is not an operator is told instead of a denial's remedy, which quotes the policy.
pub(crate) fn ask(denial: &Denial) -> String {
    format!(
        "ask the operator of this server: the rule {} of this datasource does not allow {:?}",
        denial.rule, denial.subject
    )
}

/// The rule of a call that did not begin, because its datasource could not be connected.
pub(crate) const NOT_CONNECTED: &str = "not-connected";

/// The remedy for a disabled datasource.
pub(crate) const ENABLE: &str = "an operator can enable it again: POST /v1/datasources/NAME:enable";

/// What a caller who is not an operator is told about a datasource that cannot be connected: the reason
/// may name files.
pub(crate) const UNUSABLE: &str =
    "the settings, the plugin or other files of this datasource cannot be used";

/// Where an operator finds the reason: it is that of the datasource, or of its template.
pub(crate) const REASON: &str =
    "an operator sees the reason in GET /v1/datasources or GET /v1/templates";
