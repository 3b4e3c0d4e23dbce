//! Handles one request.

use super::Front;
use super::exports::wasi::http::incoming_handler::Guest;
use super::http::{BodyError, body, header, headers, method, send};
use super::portcullis::datasource::connector::{self, Connection};
use super::wasi::cli::environment::get_environment;
use super::wasi::http::types::{IncomingRequest, ResponseOutparam};
use crate::caller::Caller;
use crate::failure::{Failure, Kind, problem, wire};
use crate::reply::Reply;
use crate::route::Route;
use crate::token::Token;
use crate::variables::{Variables, too_large};
use alloc::format;
use alloc::string::{String, ToString};
use zeroize::Zeroize;

impl Guest for Front {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        send(reply(&request).unwrap_or_else(|refused| refused), out);
    }
}

/// Both are responses; an error is one without a call.
fn reply(request: &IncomingRequest) -> Result<Reply, Reply> {
    let path = request.path_with_query().unwrap_or_default();
    let target = header(request, "x-amz-target");
    let media_type = header(request, "content-type");
    let route = Route::parse(method(request), &path, target.as_deref(), media_type.as_deref());
    let route = route.map_err(|error| error.reply())?;
    match route {
        Route::Health => return Ok(Reply::json(200, "{\"ok\": true}")),
        Route::Ready => return ready(),
        _ => {}
    }
    let is_wire = matches!(route, Route::Relay(_));
    let Admitted { settings, max_body } = admit(request, is_wire)?;
    match route {
        Route::Health | Route::Ready => Ok(Reply::json(200, "{\"ok\": true}")),
        Route::Describe => Ok(Reply::json(200, connector::describe())),
        Route::Relay(action) => {
            let body = body(request, max_body).map_err(|error| unread(&error, max_body, true))?;
            let relayed = connect(&settings).and_then(|it| Ok(it.relay(action, &body)?));
            let relayed = relayed.map_err(|failure| failure.wire())?;
            Ok(Reply::passed_on(relayed.status, relayed.headers, relayed.body))
        }
        Route::Action(action) => {
            let body = body(request, max_body).map_err(|error| unread(&error, max_body, false))?;
            let input = String::from_utf8(body).map_err(|_| {
                problem(400, "bad-request", "the body is not UTF-8", "send JSON as UTF-8")
            })?;
            let result = connect(&settings).and_then(|it| Ok(it.execute(action, &input)?));
            result.map(|json| Reply::json(200, json)).map_err(|failure| failure.problem())
        }
    }
}

/// What a request that was let in may use.
struct Admitted {
    /// The plugin's settings.
    settings: String,
    /// The largest body.
    max_body: u64,
}

/// Checks the client's token or, without one, that the client is on this machine.
fn admit(request: &IncomingRequest, is_wire: bool) -> Result<Admitted, Reply> {
    let variables = variables();
    let wrong = |message: String| {
        let failure = Failure::new(Kind::InvalidSettings, message);
        if is_wire { failure.wire() } else { failure.problem() }
    };
    let variables = variables.map_err(wrong)?;
    let token = Token::parse(variables.token.as_deref()).map_err(|it| wrong(it.to_string()))?;
    if token.is_set() {
        token.check(&headers(request, "authorization")).map_err(|error| error.reply(is_wire))?;
    } else {
        let authority = request.authority();
        let caller = Caller {
            authority: authority.as_deref(),
            hosts: &headers(request, "host"),
            origins: &headers(request, "origin"),
            sites: &headers(request, "sec-fetch-site"),
        };
        caller.check().map_err(|error| error.reply(is_wire))?;
    }
    let max_body = variables.max_body();
    Ok(Admitted { settings: variables.settings.unwrap_or_default(), max_body })
}

/// Reads the variables of this component.
fn variables() -> Result<Variables, String> {
    let mut environment = get_environment();
    let variables = Variables::take(&mut environment);
    // The secret is the platform's, and does not stay in this component's memory.
    environment.iter_mut().for_each(|(_, value)| value.zeroize());
    variables
}

/// Checks that settings and credentials are there and can be read. Nothing is sent. Anyone may ask, so
/// that the response does not say what is wrong.
fn ready() -> Result<Reply, Reply> {
    let is_ready = variables().is_ok_and(|variables| {
        let settings = variables.settings.as_deref().unwrap_or_default();
        variables.has_credentials
            && Token::parse(variables.token.as_deref()).is_ok()
            && connect(settings).is_ok()
    });
    if is_ready {
        return Ok(Reply::json(200, "{\"ok\": true}"));
    }
    let message = "the settings or the credentials of this service are missing or wrong";
    Err(problem(503, "not-ready", message, "call any action: its error says what is wrong"))
}

fn connect(settings: &str) -> Result<Connection, Failure> {
    connector::connect(settings).map_err(|error| {
        let mut failure = Failure::from(error);
        if failure.kind == Kind::InvalidSettings && !failure.message.contains("PORTCULLIS_") {
            failure.message = format!("PORTCULLIS_SETTINGS: {}", failure.message);
        }
        failure
    })
}

fn unread(error: &BodyError, max_body: u64, is_wire: bool) -> Reply {
    match (error, is_wire) {
        (BodyError::TooLarge, _) => too_large(max_body, is_wire),
        (BodyError::Broken, true) => wire(400, "SerializationException", ""),
        (BodyError::Broken, false) => {
            problem(400, "bad-request", "the body did not arrive completely", "send it again")
        }
    }
}
