//! The auth layer: who is asking, and what they may use.

use crate::connections::Peer;
use crate::deployment::{Deployment, PluginSlot, Served, ServedTemplate};
use crate::headers::{REQUEST_ID, TENANT, only};
use crate::quotas::{Admitted, Exceeded, Quotas, Whose};
use crate::refusals::{Refused, Who};
use crate::server::Server;
use crate::tokens::Principal;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::uri::Authority;
use http::{HeaderMap, HeaderName, header};
use portcullis::policy::TenantNameError;
use portcullis::{ActionName, TenantName};
use portcullis_config::{ServerConfig, Token};
use portcullis_memory::Account;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::SystemTime;

/// Whoever makes a request, and the deployment that serves it to its end.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) deployment: Arc<Deployment>,
    pub(crate) request_id: Arc<str>,
    /// The address of its machine.
    pub(crate) peer: IpAddr,
    /// The memory that is held for it.
    pub(crate) account: Arc<Account>,
    /// The requests that its call sent to a service.
    pub(crate) attempts: Arc<AtomicU32>,
    /// None if the server has no tokens and trusts this machine.
    principal: Option<Principal>,
}

/// Why a request is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AuthError {
    /// There is no token.
    #[error("a token is needed")]
    Missing,
    /// The token is unknown.
    #[error("nobody has this token")]
    Wrong,
    /// The time of the token is over.
    #[error("this token has expired")]
    Expired,
    /// The server has no tokens, and the request names a host that is not this machine: a page in a
    /// browser may have sent it (DNS rebinding).
    #[error(
        "this server has no tokens and responds only to this machine's own names: localhost, or its \
         address on loopback"
    )]
    Host,
    /// The server has no tokens, and a page in a browser sent the request.
    #[error(
        "this server has no tokens and does not respond to pages of other sites (the request has \
         their Origin, or Sec-Fetch-Site)"
    )]
    Page,
    /// The server has no tokens, and a proxy passes on what others send, who would all be operators.
    #[error(
        "this server has no tokens and does not respond to what a proxy passes on (the request has \
         {0})"
    )]
    Proxy(&'static str),
}

/// Headers that proxies add. <https://www.rfc-editor.org/rfc/rfc7239#section-4>
/// <https://www.rfc-editor.org/rfc/rfc9110#section-7.6.3>
const PROXY_HEADERS: [&str; 5] =
    ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"];

impl AuthError {
    /// Whether the token is the problem.
    pub(crate) fn is_about_token(self) -> bool {
        matches!(self, Self::Missing | Self::Wrong | Self::Expired)
    }

    pub(crate) fn remedy(self) -> &'static str {
        if self == Self::Expired {
            "an operator can create another one, or give this one more time: \
             server.tokens.NAME.expires"
        } else if self.is_about_token() {
            "send Authorization: Bearer TOKEN; an AWS SDK sends the token as its access key id. \
             `portcullis token NAME` creates one"
        } else {
            "give the server tokens: `portcullis token NAME` creates one"
        }
    }
}

/// Something that a token does not allow, or that does not exist.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Refusal {
    pub(crate) status: RefusalStatus,
    pub(crate) refused: Box<Refused>,
    pub(crate) message: String,
    pub(crate) remedy: String,
}

/// What kind of refusal it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RefusalStatus {
    /// It does not exist.
    NotFound,
    /// The token does not allow it.
    Forbidden,
    /// Something else has the name.
    Conflict,
}

impl Refusal {
    /// A name that something else has.
    pub(crate) fn conflict(
        reason: &'static str,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        let refused = Refused::new("conflict").because(reason).into();
        let (message, remedy) = (message.into(), remedy.into());
        Self { status: RefusalStatus::Conflict, refused, message, remedy }
    }
}

impl Caller {
    /// Lets a request in, by the token that it presents.
    fn authenticate(
        deployment: Arc<Deployment>,
        headers: &HeaderMap,
        presented: Option<&str>,
        peer: Peer,
        request_id: Arc<str>,
    ) -> Result<Self, AuthError> {
        let principal = if deployment.tokens.is_empty() {
            if !is_local(headers, &deployment.server) {
                return Err(AuthError::Host);
            }
            if !is_own_page(headers, deployment.server.tls.is_some()) {
                return Err(AuthError::Page);
            }
            // A server without tokens listens on this machine, so a proxy has said that.
            if !peer.0.to_canonical().is_loopback() {
                return Err(AuthError::Proxy(
                    "an address of another machine in the PROXY protocol",
                ));
            }
            let added = PROXY_HEADERS.into_iter().find(|name| headers.contains_key(*name));
            if let Some(name) = added {
                return Err(AuthError::Proxy(name));
            }
            None
        } else {
            let presented = presented.ok_or(AuthError::Missing)?;
            let principal = deployment.tokens.principal(presented).ok_or(AuthError::Wrong)?;
            if principal.token.is_expired(SystemTime::now()) {
                return Err(AuthError::Expired);
            }
            Some(principal.clone())
        };
        let account = match &principal {
            Some(principal) => principal.account.clone(),
            None => deployment.tokens.nobody.clone(),
        };
        let (peer, attempts) = (peer.0, Arc::default());
        Ok(Self { deployment, request_id, peer, account, attempts, principal })
    }

    /// The name of the token; empty if the server has none.
    pub(crate) fn name(&self) -> &str {
        self.principal.as_ref().map_or("", |principal| &principal.name)
    }

    /// The caller, for a record.
    pub(crate) fn who(&self) -> Who<'_> {
        Who::new(&self.request_id, self.name(), Peer(self.peer))
    }

    /// Whether the caller may use a datasource of that name, whether it exists or not.
    pub(crate) fn may_use(&self, datasource: &str) -> bool {
        self.principal.as_ref().is_none_or(|principal| principal.token.allows(datasource))
    }

    /// Whether the caller may save, read and delete a datasource of that name, whether it exists or
    /// not.
    pub(crate) fn may_manage(&self, datasource: &str) -> bool {
        self.principal.as_ref().is_none_or(|principal| principal.token.allows_managing(datasource))
    }

    /// Whether the caller may use any saved datasource, whether one exists or not.
    pub(crate) fn may_use_saved(&self) -> bool {
        self.principal.as_ref().is_none_or(|principal| {
            !principal.token.manage.is_empty() || !principal.token.datasources.is_empty()
        })
    }

    /// Checks that the caller may save, read and delete a datasource of that name.
    pub(crate) fn check_managing(&self, name: &str) -> Result<(), Refusal> {
        if self.may_manage(name) {
            return Ok(());
        }
        let refused = Refused::new("forbidden").because("a datasource that others manage");
        Err(self.forbidden(refused, "manage a datasource", "manage", name))
    }

    /// Whether the caller may reload the policy and read the metrics.
    pub(crate) fn is_operator(&self) -> bool {
        self.principal.as_ref().is_none_or(|principal| principal.token.operator)
    }

    /// The datasource of that name.
    pub(crate) fn datasource(&self, name: &str) -> Result<&Arc<Served>, Refusal> {
        if !self.may_use(name) {
            // The message does not say whether it exists.
            let known = self.deployment.datasources.get_key_value(name);
            let mut refused = Refused::new("forbidden").because("a datasource of others");
            refused.datasource = known.map(|(name, _)| name.clone());
            return Err(self.forbidden(refused, "use a datasource", "datasources", name));
        }
        self.deployment.datasources.get(name).ok_or_else(|| Refusal {
            status: RefusalStatus::NotFound,
            refused: Refused::new("not-found").because("a datasource that does not exist").into(),
            message: format!("there is no datasource {name:?}"),
            remedy: "GET /v1/datasources lists those that may be used".to_string(),
        })
    }

    /// Counts a call of the caller's token.
    pub(crate) fn admit(&self, quotas: &Quotas) -> Result<Admitted, Exceeded> {
        let Some(principal) = &self.principal else { return Ok(None) };
        quotas.admit(principal.token.calls, || Whose::Token(principal.name.clone()))
    }

    /// Whether the caller names its tenant with each request.
    pub(crate) fn is_platform(&self) -> bool {
        self.principal.as_ref().is_some_and(|principal| principal.token.tenants.is_some())
    }

    /// Whether the caller may fill in a template of that name, whether it exists or not.
    pub(crate) fn may_fill_in(&self, template: &str) -> bool {
        self.principal.as_ref().is_none_or(|principal| principal.token.allows_template(template))
    }

    /// The plugin of that name, if a datasource or a template that the caller may use has it.
    pub(crate) fn plugin(&self, name: &str) -> Option<&PluginSlot> {
        let datasources = self.deployment.datasources.iter();
        let of_datasource = datasources
            .filter(|(datasource, _)| self.may_use(datasource))
            .find(|(_, source)| source.plugin_name() == Some(name))
            .map(|(_, source)| source.plugin_slot());
        let templates = self.deployment.templates.iter();
        let of_template = templates
            .filter(|(template, _)| self.may_fill_in(template))
            .find(|(_, template)| template.plugin_name() == Some(name))
            .map(|(_, template)| template.plugin());
        of_datasource.or(of_template)
    }

    /// The template of that name.
    pub(crate) fn template(&self, name: &str) -> Result<&Arc<ServedTemplate>, Refusal> {
        if !self.may_fill_in(name) {
            // The message does not say whether it exists.
            let refused = Refused::new("forbidden").because("a template of others");
            return Err(self.forbidden(refused, "use a template", "templates", name));
        }
        self.deployment.templates.get(name).ok_or_else(|| Refusal {
            status: RefusalStatus::NotFound,
            refused: Refused::new("not-found").because("a template that does not exist").into(),
            message: format!("there is no template {name:?}"),
            remedy: "GET /v1/templates lists those that may be used".to_string(),
        })
    }

    /// The account that the bodies of a tenant's requests are charged to; without a tenant, that of
    /// the token.
    pub(crate) fn account_of(&self, server: &Server, tenant: Option<&TenantName>) -> Arc<Account> {
        let Some(tenant) = tenant else { return self.account.clone() };
        let nobody = || "".into();
        let token = self.principal.as_ref().map_or_else(nobody, |principal| principal.name.clone());
        server.accounts.of_tenant(&token, &self.account, tenant)
    }

    /// The tenant for whom the caller acts: that of its token, or, if the token is a platform's,
    /// the one that it names.
    pub(crate) fn tenant(&self, headers: &HeaderMap) -> Result<Option<TenantName>, Refusal> {
        let refuse = |message: String, remedy: &str| {
            let mut refused = Refused::new("forbidden").because("a tenant of others");
            refused.tenant = self.own_tenant().cloned();
            Refusal {
                status: RefusalStatus::Forbidden,
                refused: refused.into(),
                message,
                remedy: remedy.to_string(),
            }
        };
        let named = if headers.contains_key(&TENANT) {
            let only = only(headers, &TENANT).ok_or_else(|| {
                refuse(format!("the header {TENANT} is not one text"), "send it once")
            })?;
            let remedy = "name the tenant as the platform knows it";
            Some(only.parse().map_err(|error: TenantNameError| refuse(error.to_string(), remedy))?)
        } else {
            None
        };
        let Some(principal) = &self.principal else { return Ok(named) };
        let Token { tenant, tenants, .. } = &*principal.token;
        match (tenant, tenants, named) {
            (Some(own), _, Some(named)) if *own != named => Err(refuse(
                format!("the token of {:?} is that of another tenant", self.name()),
                "leave out the header x-portcullis-tenant: the token says whose it is",
            )),
            (Some(own), _, _) => Ok(Some(own.clone())),
            (None, None, Some(_)) => Err(refuse(
                format!("the token of {:?} may not name a tenant", self.name()),
                "ask the operator of this server for tenants = \"any\"",
            )),
            (None, _, named) => Ok(named),
        }
    }

    /// The actions that the token lists; all are allowed if `None`.
    pub(crate) fn actions(&self) -> Option<&Arc<[ActionName]>> {
        self.principal.as_ref()?.actions.as_ref()
    }

    /// Checks that the token allows one of the actions that an export of the plugin may send. The
    /// host lets it send no others.
    pub(crate) async fn check_export(
        &self,
        server: &Server,
        datasource: &str,
        plugin: &PluginSlot,
        export: &str,
    ) -> Result<(), Refusal> {
        if self.actions().is_none() {
            return Ok(());
        }
        // A plugin that cannot be loaded is reported by the call.
        let Ok(plugin) = plugin.get(&server.host).await else { return Ok(()) };
        let checked = plugin.manifest().export(export).iter();
        let mut checked = checked.map(|action| self.check_action(datasource, action.as_str()));
        match checked.next() {
            Some(Err(first)) if !checked.any(|checked| checked.is_ok()) => Err(first),
            _ => Ok(()),
        }
    }

    /// The tenant whose token it is.
    fn own_tenant(&self) -> Option<&TenantName> {
        self.principal.as_ref()?.token.tenant.as_ref()
    }

    /// Checks that the token allows an action of a datasource that it may use.
    pub(crate) fn check_action(&self, datasource: &str, action: &str) -> Result<(), Refusal> {
        if self.principal.as_ref().is_none_or(|principal| principal.token.allows_action(action)) {
            return Ok(());
        }
        let mut refused =
            Refused::new("forbidden").because("an action that the token does not list");
        refused.datasource = Some(datasource.to_string());
        refused.action = action.parse().ok();
        refused.tenant = self.own_tenant().cloned();
        Err(self.forbidden(refused, "use the action", "actions", action))
    }

    /// What the token does not allow: its list `field` lacks `name`. An operator is told so, and
    /// others whom to ask.
    fn forbidden(&self, mut refused: Refused, what: &str, field: &str, name: &str) -> Refusal {
        let token = self.name();
        let change = format!("server.tokens.{token}.{field} must list {name:?}");
        refused.remedy = Some(change.clone());
        Refusal {
            status: RefusalStatus::Forbidden,
            refused: refused.into(),
            message: format!("the token of {token:?} may not {what} {name:?}"),
            remedy: if self.is_operator() {
                change
            } else {
                "ask the operator of this server".to_string()
            },
        }
    }
}

/// Lets a request through with its [`Caller`]. `presented` finds the token in the headers, and
/// `refuse` writes the error in the form of the API. The response carries the caller's name for the
/// access log.
pub(crate) async fn pass(
    server: &Server,
    mut request: Request<Body>,
    next: Next,
    presented: impl Fn(&HeaderMap) -> Option<&str>,
    refuse: impl Fn(AuthError) -> Response,
) -> Response {
    let caller = caller(server, &request, presented);
    match caller {
        Ok(caller) => {
            let name = CallerName(caller.name().to_string());
            tracing::Span::current().record("holder", &*name.0);
            request.extensions_mut().insert(caller);
            let mut response = next.run(request).await;
            response.extensions_mut().insert(name);
            response
        }
        Err(error) => refuse(error),
    }
}

/// Finds out who makes a request.
pub(crate) fn caller(
    server: &Server,
    request: &Request<Body>,
    presented: impl Fn(&HeaderMap) -> Option<&str>,
) -> Result<Caller, AuthError> {
    let headers = request.headers();
    let request_id: Arc<str> = only(headers, &REQUEST_ID).unwrap_or_default().into();
    let peer = Peer::of(request);
    Caller::authenticate(server.current(), headers, presented(headers), peer, request_id)
}

/// The name of the caller's token, for the access log.
#[derive(Clone)]
pub(crate) struct CallerName(pub(crate) String);

/// The token that the JSON API accepts.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    bearer_of(authorization(headers)?)
}

/// The token that the endpoint for AWS SDKs accepts: a bearer token, too, or the access key id of a
/// signature, which is ignored.
pub(crate) fn bearer_or_key(headers: &HeaderMap) -> Option<&str> {
    let value = authorization(headers)?;
    bearer_of(value).or_else(|| value.split_once("Credential=")?.1.split('/').next())
}

fn bearer_of(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

fn authorization(headers: &HeaderMap) -> Option<&str> {
    only(headers, &header::AUTHORIZATION)
}

/// Checks the host that a request names, for what needs no token. A server without tokens responds only
/// to names of this machine.
pub(crate) fn check_host(deployment: &Deployment, headers: &HeaderMap) -> Result<(), AuthError> {
    if deployment.tokens.is_empty() && !is_local(headers, &deployment.server) {
        return Err(AuthError::Host);
    }
    Ok(())
}

/// Whether the request names this machine as its host. Another name may resolve to this machine now
/// and to another one later (DNS rebinding).
fn is_local(headers: &HeaderMap, server: &ServerConfig) -> bool {
    let Some(host) = only(headers, &header::HOST) else { return false };
    let Ok(authority) = host.parse::<Authority>() else { return false };
    if host.contains('@') {
        return false;
    }
    let name = authority.host().trim_matches(['[', ']']);
    let mut addresses = std::iter::once(&server.listen).chain(server.wire.keys());
    let listens = addresses.any(|address| name.parse() == Ok(address.ip()));
    let is_loopback = name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    name.eq_ignore_ascii_case("localhost") || listens || is_loopback
}

/// Whether no page of another site has sent the request. Browsers add `Origin` to what pages send,
/// but not to what they load, such as images; `Sec-Fetch-Site` they add to both.
/// <https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header>
fn is_own_page(headers: &HeaderMap, is_encrypted: bool) -> bool {
    let scheme = if is_encrypted { "https" } else { "http" };
    let own = only(headers, &header::HOST).map(|host| format!("{scheme}://{host}"));
    let origin = only(headers, &header::ORIGIN);
    let is_own_origin = !headers.contains_key(header::ORIGIN)
        || own.zip(origin).is_some_and(|(own, origin)| own.eq_ignore_ascii_case(origin));
    let is_own_site = !headers.contains_key(FETCH_SITE)
        || matches!(only(headers, &FETCH_SITE), Some("same-origin" | "none"));
    is_own_origin && is_own_site
}

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap()))
            .collect()
    }

    #[test]
    fn a_token_is_a_bearer_token_or_an_access_key_id() {
        let authorization = |value: &str| headers(&[(header::AUTHORIZATION, value)]);
        assert_eq!(bearer(&authorization("bearer  pcl_1 ")), Some("pcl_1"));
        let signed = authorization(
            "AWS4-HMAC-SHA256 Credential=pcl_1/20260101/x/dynamodb/aws4_request, SignedHeaders=host, Signature=0",
        );
        assert_eq!((bearer(&signed), bearer_or_key(&signed)), (None, Some("pcl_1")));
        for wrong in ["", "Bearer", "Basic cGNsXzE=", "pcl_1"] {
            assert_eq!(bearer_or_key(&authorization(wrong)), None, "{wrong}");
        }
        let mut two = authorization("Bearer a");
        two.append(header::AUTHORIZATION, HeaderValue::from_static("Bearer b"));
        assert_eq!(bearer(&two), None);
    }

    #[test]
    fn without_tokens_the_server_responds_only_to_names_of_this_machine() {
        let server = ServerConfig::default();
        for local in ["localhost", "LOCALHOST:8700", "127.0.0.1:1", "127.9.9.9", "[::1]:8700"] {
            assert!(is_local(&headers(&[(header::HOST, local)]), &server), "{local}");
        }
        for other in [
            "evil.example",
            "localhost.evil.example:8700",
            "10.0.0.1",
            "[::2]",
            "a@127.0.0.1.evil.example",
            "evil.example@localhost",
            "",
        ] {
            assert!(!is_local(&headers(&[(header::HOST, other)]), &server), "{other}");
        }
        let mut two = headers(&[(header::HOST, "localhost")]);
        two.append(header::HOST, HeaderValue::from_static("evil.example"));
        assert!(!is_local(&two, &server));
    }

    #[test]
    fn without_tokens_pages_of_other_sites_are_refused_also_when_they_only_load() {
        let host = (header::HOST, "localhost:8700");
        let own = |more: &[(HeaderName, &str)]| {
            is_own_page(&headers(&[std::slice::from_ref(&host), more].concat()), false)
        };
        assert!(own(&[]));
        for (name, accepted, refused) in [
            (
                header::ORIGIN,
                &["http://localhost:8700"][..],
                &["https://localhost:8700", "http://localhost", "null", "http://evil.example", ""]
                    [..],
            ),
            (FETCH_SITE, &["same-origin", "none"], &["cross-site", "same-site", "", "x"]),
        ] {
            for value in accepted {
                assert!(own(&[(name.clone(), value)]), "{name}: {value}");
            }
            for value in refused {
                assert!(!own(&[(name.clone(), value)]), "{name}: {value}");
            }
        }
        assert!(!own(&[(FETCH_SITE, "none"), (FETCH_SITE, "cross-site")]));
        assert!(!is_own_page(&headers(&[(header::ORIGIN, "http://localhost:8700")]), false));
    }
}
