//! A name under which the caller may save a datasource, and what can be done with it.

use super::conditions::Conditions;
use super::conditions::tag;
use super::draft::{Draft, Given, give_again};
use super::handlers::{admit, json_response};
use super::input::MediaType;
use super::list::complete;
use super::problem::{Problem, ProblemKind};
use crate::auth::{Caller, Refusal};
use crate::body::{self, Received};
use crate::calls::{self, CallError};
use crate::credentials;
use crate::deployment::ServedTemplate;
use crate::memory;
use crate::server::Server;
use crate::source::{absent, hidden};
use crate::stored::{OpenStore, Opened, Owned, StoreFailure, StoredError};
use axum::extract::Request;
use axum::response::Response;
use http::{HeaderMap, StatusCode, header};
use portcullis::{Credentials, Diagnostic, Tenant, TenantName, TenantSettings};
use portcullis_memory::{Account, Charge};
use portcullis_store as store;
use portcullis_store::{DatasourceName, Saved, Sealed, Sealing, StoreError};
use serde_json::{Map, Value};
use std::cell::Cell;
use std::sync::Arc;
use zeroize::Zeroizing;

/// A name under which the caller may save a datasource.
pub(super) struct Managed<'r> {
    server: &'r Arc<Server>,
    caller: &'r Caller,
    store: &'r OpenStore,
    name: DatasourceName,
    tenant: Option<TenantName>,
}

impl<'r> Managed<'r> {
    /// Checks what is known before the body: the token, the name and the tenant.
    pub(super) fn check(
        server: &'r Arc<Server>,
        caller: &'r Caller,
        name: &str,
        headers: &HeaderMap,
    ) -> Result<Self, Problem> {
        let tenant = caller.tenant(headers)?;
        let managed = Self::new(server, caller, name, tenant)?;
        if caller.deployment.datasources.contains_key(name) {
            return Err(about_name(hidden(name)));
        }
        Ok(managed)
    }

    /// Like [`Self::check`], for a name that the policy may have.
    pub(super) fn new(
        server: &'r Arc<Server>,
        caller: &'r Caller,
        name: &str,
        tenant: Option<TenantName>,
    ) -> Result<Self, Problem> {
        caller.check_managing(name).map_err(about_name)?;
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
        let account = self.caller.account_of(self.server, self.tenant.as_ref());
        let read = read(self.caller, &account, request).await;
        read.map_err(|problem| problem.about(self.name.as_str(), self.tenant.as_ref()))
    }

    /// The template of a draft.
    pub(super) fn template(&self, draft: &Draft) -> Result<&'r Arc<ServedTemplate>, Problem> {
        Ok(self.caller.template(&draft.template)?)
    }

    /// Does something with what is saved, unless an operator disables it.
    pub(super) async fn guard<T>(
        &self,
        work: impl Future<Output = Result<T, Problem>>,
    ) -> Result<T, Problem> {
        let switch = self.server.stored.switch(&self.name);
        switch.guard(work).await.unwrap_or_else(|disabled| {
            Err(Problem::from_call(&CallError::Disabled(disabled), self.caller))
        })
    }

    /// The saved credentials that a draft keeps.
    pub(super) async fn kept_credentials(
        &self,
        draft: &Draft,
    ) -> Result<Option<Credentials>, Problem> {
        let of_stored = |error: StoredError| Problem::of_stored(&error, self.caller);
        let owned = self.server.stored.read(&self.name, self.tenant.as_ref()).await;
        let Owned { saved, secret, .. } = match owned {
            Err(StoredError::NotFound) => return Ok(None),
            owned => owned.map_err(of_stored)?,
        };
        let Some(secret) = secret else { return Ok(None) };
        if saved.template != draft.template {
            return Err(give_again());
        }
        let credentials = credentials::parse(&secret);
        credentials.map(Some).map_err(|_| of_stored(StoredError::Unreadable))
    }

    /// Saves a draft, and responds with what was saved.
    pub(super) async fn save(
        &self,
        draft: Draft,
        template: &ServedTemplate,
        conditions: Conditions,
    ) -> Result<Response, Problem> {
        self.check_audit()?;
        let credentials = match &draft.credentials {
            Given::New(credentials, _) => Some(credentials.clone()),
            Given::Removed => None,
            Given::Kept => self.kept_credentials(&draft).await?,
        };
        self.check_connects(&draft, template, credentials).await?;
        let row = store::Draft {
            name: self.name.clone(),
            template: draft.template,
            tenant: self.tenant.clone(),
            settings: text(&draft.settings),
            per_tenant: self.store.per_tenant(),
        };
        let (record, given) = (self.record(), draft.credentials);
        let put = self.store.change(move |opened| {
            let existed = Cell::new(false);
            let saved = opened.store.put(&row, &|sealing, before| {
                existed.set(before.is_some());
                check(before, row.tenant.as_ref(), &conditions)?;
                sealed(opened, &given, sealing, before)
            });
            // Here, since nobody may be waiting for the end.
            record.write("save", saved.as_ref());
            Ok((saved?, existed.get()))
        });
        let (saved, existed) = put.await.map_err(|failure| self.refused(&failure))?;
        let status = if existed { StatusCode::OK } else { StatusCode::CREATED };
        Ok(described(self.server, self.caller, &saved, true, status))
    }

    /// Deletes what is saved.
    pub(super) async fn delete(&self, conditions: Conditions) -> Result<(), Problem> {
        self.check_audit()?;
        let _admitted = admit(self.server, self.caller)?;
        let (record, name, tenant) = (self.record(), self.name.clone(), self.tenant.clone());
        let holds_for_none = conditions.hold(None);
        let delete = self.store.change(move |opened| {
            let decide = |before: &Saved| check(Some(before), tenant.as_ref(), &conditions);
            match opened.store.delete(&name, &decide) {
                Ok(None) => {
                    record.forget();
                    check(None, tenant.as_ref(), &conditions)?;
                    Ok(false)
                }
                Ok(Some(deleted)) => {
                    record.write("delete", Ok(&deleted));
                    Ok(true)
                }
                Err(error) => {
                    record.write("delete", Err(&error));
                    Err(error)
                }
            }
        });
        match delete.await {
            Ok(true) => Ok(()),
            Ok(false) => Err(self.absent()),
            // Another tenant's is none.
            Err(failure) if matches!(failure.error(), Some(StoreError::Taken)) => {
                Err(if holds_for_none { self.absent() } else { Conditions::problem(None) })
            }
            Err(failure) => Err(self.refused(&failure)),
        }
    }

    fn absent(&self) -> Problem {
        absent(self.name.as_str(), self.caller, self.tenant.as_ref()).into()
    }

    /// The problem of a change that was not made.
    fn refused(&self, failure: &StoreFailure) -> Problem {
        let problem = match failure.error() {
            Some(StoreError::Conflict { found }) => Conditions::problem(*found),
            Some(StoreError::OtherTemplate) => give_again(),
            Some(StoreError::Taken) => about_name(Refusal::conflict(
                "a name of others",
                format!("the name {:?} is taken", self.name.as_str()),
                "choose another name: the tenants of a server share one space of names",
            )),
            Some(StoreError::Seal(error)) => {
                Problem::of_stored(&StoredError::Sealed(error.clone()), self.caller)
            }
            _ => Problem::of_change(failure, self.caller),
        };
        problem.about(self.name.as_str(), self.tenant.as_ref())
    }

    /// A change needs a record.
    fn check_audit(&self) -> Result<(), Problem> {
        self.server.host.check_audit().map_err(|error| Problem::from(&error))
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

    fn record(&self) -> Record {
        Record {
            server: self.server.clone(),
            caller: self.caller.clone(),
            name: self.name.clone(),
            tenant: self.tenant.clone(),
        }
    }
}

/// The problem of a name that cannot be used, with the place for a form.
fn about_name(refusal: Refusal) -> Problem {
    let fault = Diagnostic::new("/name", format!("{}; {}", refusal.message, refusal.remedy));
    Problem::from(refusal).faults(&[fault])
}

/// Who changes what: for the audit log, and to forget what is in use.
struct Record {
    server: Arc<Server>,
    caller: Caller,
    name: DatasourceName,
    tenant: Option<TenantName>,
}

impl Record {
    /// Nothing that was saved before is used from now on.
    fn forget(&self) {
        self.server.stored.forget(&self.name);
    }

    /// Records a change that was made, or that failed. What was refused changes nothing.
    fn write(&self, action: &'static str, result: Result<&Saved, &StoreError>) {
        use StoreError::{Conflict, OtherTemplate, Taken, TooMany};
        if let Err(Conflict { .. } | OtherTemplate | Taken | TooMany(_)) = result {
            return;
        }
        self.forget();
        let tenant = self.tenant.as_ref().map(|tenant| format!(" of tenant {tenant}"));
        let what =
            result.map(|saved| format!(", template {}, version {}", saved.template, saved.version));
        let (tenant, detail) = (tenant.unwrap_or_default(), what.unwrap_or_default());
        let subject = format!("datasource {}{tenant}{detail}", self.name);
        self.server.record_operator(Some(&self.caller.who()), action, &subject, result.is_ok());
    }
}

/// Checks that what is saved is the tenant's, and as the request expects.
fn check(
    before: Option<&Saved>,
    tenant: Option<&TenantName>,
    conditions: &Conditions,
) -> Result<(), StoreError> {
    if before.is_some_and(|before| before.tenant.as_ref() != tenant) {
        return Err(StoreError::Taken);
    }
    let found = before.map(|before| before.version);
    if conditions.hold(found) { Ok(()) } else { Err(StoreError::Conflict { found }) }
}

/// The secret to save: a new one, or the one before, sealed for the new version.
fn sealed(
    opened: &Opened,
    given: &Given,
    sealing: &Sealing<'_>,
    before: Option<&Saved>,
) -> Result<Option<(Sealed, store::Given)>, StoreError> {
    match given {
        Given::Removed => Ok(None),
        Given::New(_, text) => {
            Ok(Some((opened.keys.seal(sealing, text.as_bytes())?, store::Given::Now)))
        }
        Given::Kept => {
            let before = before.and_then(|saved| Some((saved, saved.sealed.as_ref()?)));
            let Some((before, secret)) = before else { return Ok(None) };
            if before.template != sealing.template {
                return Err(StoreError::OtherTemplate);
            }
            let secret = opened.keys.open(&before.sealing(), secret)?;
            Ok(Some((opened.keys.seal(sealing, &secret)?, store::Given::Before)))
        }
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

/// Settings as JSON, without what does not matter.
fn text(settings: &TenantSettings) -> String {
    let fields: Map<String, Value> = settings
        .iter()
        .map(|(name, value)| (name.to_string(), serde_json::to_value(value).unwrap_or_default()))
        .collect();
    Value::Object(fields).to_string()
}

/// A response that describes what is saved.
pub(super) fn described(
    server: &Server,
    caller: &Caller,
    saved: &Saved,
    readable: bool,
    status: StatusCode,
) -> Response {
    let mut response = json_response(complete(server, caller, saved, readable).to_string());
    *response.status_mut() = status;
    response.headers_mut().insert(header::ETAG, tag(saved.version));
    response
}
