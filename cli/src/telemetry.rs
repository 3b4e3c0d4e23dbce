//! The log. With the feature `opentelemetry`, spans of the server's requests are exported too (OTLP
//! over HTTP): <https://opentelemetry.io/docs/specs/otel/protocol/exporter/>

use crate::args::{Command, Log};
use crate::environment::text_variable;
use crate::failure::Failure;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt};

/// The log of commands that print their failures themselves. Only why there are no credentials is
/// not in their message: who calls a server must not see it, and who runs a command must.
const COMMAND: &str = "off,portcullis::credentials=warn";

/// Starts the log. A server logs its requests. For other commands `PORTCULLIS_LOG` can be set.
///
/// # Errors
/// Returns an error if `PORTCULLIS_LOG` cannot be understood.
pub(crate) fn start(command: &Command) -> Result<(), Failure> {
    let log = if let Command::Serve(serve) = command { Some(serve.log) } else { None };
    let default = if log.is_some() { "info" } else { COMMAND };
    let filter = match text_variable("PORTCULLIS_LOG") {
        None => EnvFilter::new(default),
        Some(wanted) => EnvFilter::try_new(&wanted).map_err(|_| {
            Failure::usage(format!("PORTCULLIS_LOG={wanted:?} is not a log filter")).with(
                "write a level, as in debug, or levels of targets, as in portcullis::serve=debug",
            )
        })?,
    };
    // Spans are for the collector. The log has a line for each request.
    let filter = filter.add_directive("portcullis::span=off".parse().expect("a valid directive"));
    let lines = fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()));
    let lines = if log == Some(Log::Json) {
        lines.json().flatten_event(true).boxed()
    } else {
        lines.boxed()
    };
    let registry = tracing_subscriber::registry().with(lines.with_filter(filter));
    #[cfg(feature = "opentelemetry")]
    let registry = registry.with(log.and_then(|_| export::layer()));
    registry.init();
    Ok(())
}

/// Exports the spans that are still buffered.
pub(crate) fn shut_down() {
    #[cfg(feature = "opentelemetry")]
    export::shut_down();
}

#[cfg(feature = "opentelemetry")]
pub(crate) mod export {
    use crate::environment::variable;
    use bytes::Bytes;
    use http::{Request, Response};
    use opentelemetry::trace::TracerProvider;
    use opentelemetry_http::{HttpClient, HttpError};
    use opentelemetry_otlp::{SpanExporter, WithHttpConfig};
    use opentelemetry_sdk::Resource;
    use opentelemetry_sdk::trace::SdkTracerProvider;
    use portcullis_server::trace::SPANS;
    use std::sync::OnceLock;
    use std::time::Duration;
    use tracing_subscriber::filter::Targets;
    use tracing_subscriber::registry::LookupSpan;
    use tracing_subscriber::{Layer, filter::LevelFilter};

    static PROVIDER: OnceLock<SdkTracerProvider> = OnceLock::new();

    /// The time limit for one export.
    const EXPORT_TIMEOUT: Duration = Duration::from_secs(10);

    /// Returns the layer that exports spans, if the environment names a collector.
    pub(crate) fn layer<S>() -> Option<impl Layer<S>>
    where
        S: tracing::Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
    {
        let is_set = |name| variable(name).is_some();
        if !is_set("OTEL_EXPORTER_OTLP_ENDPOINT") && !is_set("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") {
            return None;
        }
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(EXPORT_TIMEOUT))
            .build();
        let exporter =
            SpanExporter::builder().with_http().with_http_client(Collector(agent.into())).build();
        let exporter =
            exporter.inspect_err(|error| eprintln!("spans are not exported: {error}")).ok()?;
        let resource = Resource::builder().with_service_name("portcullis").build();
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource)
            .build();
        let tracer = provider.tracer("portcullis");
        // Cannot fail: the log starts once per process.
        let _ = PROVIDER.set(provider);
        let wanted = Targets::new().with_target(SPANS, LevelFilter::INFO);
        Some(tracing_opentelemetry::layer().with_tracer(tracer).with_filter(wanted))
    }

    pub(super) fn shut_down() {
        if let Some(Err(error)) = PROVIDER.get().map(SdkTracerProvider::shutdown) {
            eprintln!("some spans were not exported: {error}");
        }
    }

    /// The HTTP client of the exporter. It may block, because the SDK exports from its own thread.
    #[derive(Debug)]
    struct Collector(ureq::Agent);

    #[async_trait::async_trait]
    impl HttpClient for Collector {
        async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
            let mut response = self.0.run(request.map(|body| body.to_vec()))?;
            let body = response.body_mut().read_to_vec()?;
            Ok(response.map(|_| body.into()))
        }
    }
}
