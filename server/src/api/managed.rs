//! A name under which the caller may save a datasource, and what can be done with it.

use super::conditions::Conditions;
use super::conditions::tag;
use super::draft::{Draft, Given, give_again};
use super::handlers::json_response;
use super::input::MediaType;
use super::list::describe;
use super::problem::{Problem, ProblemKind};
use crate::auth::Caller;
use crate::body::{self, Received};
use crate::calls;
use crate::deployment::ServedTemplate;
use crate::memory;
use crate::server::Server;
use crate::source::{absent, hidden};
use crate::stored::{OpenStore, Owned, StoreFailure, StoredError};
use axum::extract::Request;
use axum::response::Response;
use http::{HeaderMap, StatusCode, header};
use portcullis::{Credentials, Tenant, TenantName, TenantSettings};
use portcullis_memory::{Account, Charge};
use portcullis_store as store;
use portcullis_store::{Condition, DatasourceName, Saved, StoreError};
use serde_json::{Map, Value};
use std::sync::Arc;
use zeroize::Zeroizing;

/// A name under which the caller may save a datasource.
pub(super) struct Managed<'r> {
    server: &'r Server,
    caller: &'r Caller,
    store: &'r OpenStore,
    name: DatasourceName,
    tenant: Option<TenantName>,
}

impl<'r> Managed<'r> {
    /// Checks what is known before the body: the token, the name and the tenant.
    pub(super) fn check(
        server: &'r Server,
        caller: &'r Caller,
        name: &str,
        headers: &HeaderMap,
    ) -> Result<Self, Problem> {
        caller.check_managing(name)?;
        if caller.deployment.datasources.contains_key(name) {
            return Err(hidden(name).into());
        }
        Self::check_hidden(server, caller, name, headers)
    }

    /// Like [`Self::check`], for a name that the policy may have.
    pub(super) fn check_hidden(
        server: &'r Server,
        caller: &'r Caller,
        name: &str,
        headers: &HeaderMap,
    ) -> Result<Self, Problem> {
        let tenant = caller.tenant(headers)?;
        Self::new(server, caller, name, tenant)
    }

    pub(super) fn new(
        server: &'r Server,
        caller: &'r Caller,
        name: &str,
        tenant: Option<TenantName>,
    ) -> Result<Self, Problem> {
        caller.check_managing(name)?;
        let name = name.parse::<DatasourceName>().map_err(|error| {
            Problem::new(ProblemKind::BadRequest, error.to_string()).remedy("choose another name")
        })?;
        let store = server.stored.store().ok_or_else(|| {
            Problem::new(ProblemKind::NotFound, "this server does not save datasources")
                .remedy("an operator can give it a store: [server.store] in the policy file")
        })?;
        Ok(Self { server, caller, store, name, tenant })
    }

    /// Reads the document.
    pub(super) async fn read(&self, request: Request) -> Result<(Draft, Charge), Problem> {
        let account = account(self.server, self.caller, self.tenant.as_ref());
        let read = read(self.caller, &account, request).await;
        read.map_err(|problem| problem.about(self.name.as_str(), self.tenant.as_ref()))
    }

    /// The template of a draft.
    pub(super) fn template(&self, draft: &Draft) -> Result<&'r Arc<ServedTemplate>, Problem> {
        Ok(self.caller.template(&draft.template)?)
    }

    pub(super) fn absent(&self) -> Problem {
        absent(self.name.as_str()).into()
    }

    pub(super) async fn saved(&self) -> Result<Option<Saved>, Problem> {
        let saved = saved(self.store, &self.name, self.tenant.as_ref()).await;
        saved.map_err(|failure| Problem::of_store(&failure, self.caller))
    }

    /// The saved credentials that a draft keeps.
    pub(super) async fn kept_credentials(
        &self,
        draft: &Draft,
    ) -> Result<Option<Credentials>, Problem> {
        Ok(self.kept(draft).await?.map(|(credentials, _)| credentials))
    }

    /// The saved credentials that a draft keeps, as such and as JSON.
    async fn kept(
        &self,
        draft: &Draft,
    ) -> Result<Option<(Credentials, Zeroizing<String>)>, Problem> {
        let stored = &self.server.stored;
        let of_stored = |error: StoredError| Problem::of_stored(&error, self.caller);
        let Owned { saved, secret } = match stored.read(&self.name, self.tenant.as_ref()).await {
            Err(StoredError::NotFound) => return Ok(None),
            owned => owned.map_err(of_stored)?,
        };
        let Some(secret) = secret else { return Ok(None) };
        if saved.template != draft.template {
            return Err(give_again());
        }
        let credentials = crate::credentials::parse(&secret);
        let credentials = credentials.map_err(|_| of_stored(StoredError::Unreadable))?;
        Ok(Some((credentials, secret)))
    }

    /// Saves a draft. Returns nothing if somebody else has changed the datasource meanwhile.
    pub(super) async fn save(
        &self,
        draft: &Draft,
        template: &ServedTemplate,
        conditions: &Conditions,
    ) -> Result<Option<Response>, Problem> {
        let before = self.saved().await?;
        conditions.check(before.as_ref().map(|before| before.version))?;
        let (credentials, secret) = match &draft.credentials {
            Given::New(credentials, text) => {
                (Some(credentials.clone()), Some((text.clone(), store::Given::Now)))
            }
            Given::Removed => (None, None),
            Given::Kept => match self.kept(draft).await? {
                Some((credentials, text)) => {
                    (Some(credentials), Some((text, store::Given::Before)))
                }
                None => (None, None),
            },
        };
        self.check_connects(draft, template, credentials).await?;
        let condition = match &before {
            Some(before) => Condition::Version(before.version),
            None => Condition::Absent,
        };
        let row = store::Draft {
            name: self.name.clone(),
            template: draft.template.clone(),
            tenant: self.tenant.clone(),
            settings: text(&draft.settings),
            per_tenant: self.store.per_tenant(),
        };
        let put = self.store.run(move |opened| {
            opened.store.put(&row, condition, &|sealing, _| {
                let seal = |(text, given): &(Zeroizing<String>, store::Given)| {
                    Ok((opened.keys.seal(sealing, text.as_bytes())?, *given))
                };
                secret.as_ref().map(seal).transpose()
            })
        });
        let saved = put.await;
        // It may have been saved also if there was no answer.
        self.server.stored.forget(&self.name);
        let saved = match saved {
            Err(failure) if is_conflict(&failure) && conditions.is_empty() => return Ok(None),
            Err(failure) if is_conflict(&failure) => {
                let message = "the datasource was changed at the same time";
                return Err(Problem::new(ProblemKind::Precondition, message)
                    .remedy("GET it, decide again, and send its ETag in If-Match"));
            }
            saved => saved.map_err(|failure| {
                self.record("save", None, false);
                Problem::of_store(&failure, self.caller)
            })?,
        };
        self.record("save", Some(&saved), true);
        let status = if before.is_some() { StatusCode::OK } else { StatusCode::CREATED };
        Ok(Some(described(self.server, self.caller, &saved, status)))
    }

    /// Checks that the template can be filled in, and that the plugin accepts the settings. Nothing
    /// is sent.
    async fn check_connects(
        &self,
        draft: &Draft,
        template: &ServedTemplate,
        credentials: Option<Credentials>,
    ) -> Result<(), Problem> {
        let host = &self.server.host;
        let tenant = Tenant {
            name: self.tenant.clone(),
            settings: draft.settings.clone(),
            credentials,
            holder: format!("datasource:{}", self.name),
            datasource: Some(self.name.to_string()),
        };
        let admitted = calls::admit_tenant(self.server, self.caller, template, tenant.owner());
        let _admitted = admitted.map_err(|exceeded| Problem::exceeded(&exceeded, self.caller))?;
        let loaded = template.loaded(host).await;
        let loaded = loaded.map_err(|error| Problem::unavailable(&error, self.caller))?;
        let connected = host.connect_template(&loaded, &tenant).await;
        connected.map(drop).map_err(|error| {
            Problem::of_tenant(&error, self.caller).about(self.name.as_str(), self.tenant.as_ref())
        })
    }

    /// Deletes what was found. Returns whether nobody else had changed it meanwhile.
    pub(super) async fn delete(&self, saved: &Saved) -> Result<bool, Problem> {
        let (name, condition) = (self.name.clone(), Condition::Version(saved.version));
        let deleted = self.store.run(move |opened| opened.store.delete(&name, condition)).await;
        self.server.stored.forget(&self.name);
        match deleted {
            Err(failure) if is_conflict(&failure) => Ok(false),
            Err(failure) => {
                self.record("delete", None, false);
                Err(Problem::of_store(&failure, self.caller))
            }
            Ok(_) => {
                self.record("delete", Some(saved), true);
                Ok(true)
            }
        }
    }

    /// Records a change in the audit log.
    fn record(&self, action: &'static str, saved: Option<&Saved>, is_ok: bool) {
        let tenant = self.tenant.as_ref().map(|tenant| format!(" of tenant {tenant}"));
        let what =
            saved.map(|saved| format!(", template {}, version {}", saved.template, saved.version));
        let (tenant, what) = (tenant.unwrap_or_default(), what.unwrap_or_default());
        let subject = format!("datasource {}{tenant}{what}", self.name);
        self.server.record_operator(Some(&self.caller.who()), action, &subject, is_ok);
    }
}

/// Reads the document of a datasource. What is known before the body is checked before it.
pub(super) async fn read(
    caller: &Caller,
    account: &Arc<Account>,
    request: Request,
) -> Result<(Draft, Charge), Problem> {
    MediaType::check_json(request.headers())?;
    let config = &caller.deployment.server;
    let received = body::read(request.into_body(), config, account).await;
    let Received { bytes, mut charge } =
        received.map_err(|error| Problem::from_body_error(error, config))?;
    // It contains credentials.
    let text = portcullis_json::text(bytes).map(Zeroizing::new).map_err(|error| {
        Problem::new(ProblemKind::BadRequest, format!("the body cannot be read: {error}"))
    })?;
    // Settings and credentials are copied out of it.
    charge
        .grow(text.len() as u64)
        .map_err(|exceeded| Problem::no_memory(memory::refusal(exceeded)))?;
    Ok((Draft::parse(&text)?, charge))
}

/// The account of a tenant, or of the token.
pub(super) fn account(
    server: &Server,
    caller: &Caller,
    tenant: Option<&TenantName>,
) -> Arc<Account> {
    tenant.map_or_else(|| caller.account.clone(), |tenant| server.accounts.of_tenant(tenant))
}

/// What is saved under a name for a tenant.
pub(super) async fn saved(
    store: &OpenStore,
    name: &DatasourceName,
    tenant: Option<&TenantName>,
) -> Result<Option<Saved>, StoreFailure> {
    let (name, tenant) = (name.clone(), tenant.cloned());
    let found = store.run(move |opened| opened.store.get(&name)).await?;
    Ok(found.filter(|saved| saved.tenant == tenant))
}

/// Settings as JSON, without what does not matter.
fn text(settings: &TenantSettings) -> String {
    let fields: Map<String, Value> = settings
        .iter()
        .map(|(name, value)| (name.to_string(), serde_json::to_value(value).unwrap_or_default()))
        .collect();
    Value::Object(fields).to_string()
}

fn is_conflict(failure: &StoreFailure) -> bool {
    matches!(failure, StoreFailure::Store(error) if matches!(**error, StoreError::Conflict { .. }))
}

pub(super) fn described(
    server: &Server,
    caller: &Caller,
    saved: &Saved,
    status: StatusCode,
) -> Response {
    let mut response = json_response(describe(server, caller, saved, true).to_string());
    *response.status_mut() = status;
    response.headers_mut().insert(header::ETAG, tag(saved.version));
    response
}
