//! The log, and with the feature `opentelemetry` spans of the server's requests for a collector (OTLP over HTTP).
//! <https://opentelemetry.io/docs/specs/otel/protocol/exporter/>

use crate::args::{Command, Log};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt};

/// Refusals are part of an answer, so a command logs only what is asked for; a server logs what it does.
pub(crate) fn begin(command: &Command) {
    let log = if let Command::Serve(serve) = command { Some(serve.log) } else { None };
    let usual = if log.is_some() { "info" } else { "off" };
    let filter =
        EnvFilter::try_from_env("PORTCULLIS_LOG").unwrap_or_else(|_| EnvFilter::new(usual));
    let filter = filter.add_directive("portcullis::span=off".parse().expect("this is a directive"));
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
}

/// Sends what is still kept for a collector.
pub(crate) fn end() {
    #[cfg(feature = "opentelemetry")]
    export::end();
}

#[cfg(feature = "opentelemetry")]
pub(crate) mod export {
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

    /// The layer that exports, where the environment names a collector.
    pub(crate) fn layer<S>() -> Option<impl Layer<S>>
    where
        S: tracing::Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
    {
        let named = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        if !named("OTEL_EXPORTER_OTLP_ENDPOINT") && !named("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") {
            return None;
        }
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(10)))
            .build();
        let exporter =
            SpanExporter::builder().with_http().with_http_client(Collector(agent.into())).build();
        let exporter =
            exporter.inspect_err(|error| eprintln!("spans are not sent: {error}")).ok()?;
        let resource = Resource::builder().with_service_name("portcullis").build();
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource)
            .build();
        let tracer = provider.tracer("portcullis");
        // There is one log of a process, and one of these.
        let _ = PROVIDER.set(provider);
        let wanted = Targets::new().with_target(SPANS, LevelFilter::INFO);
        Some(tracing_opentelemetry::layer().with_tracer(tracer).with_filter(wanted))
    }

    pub(super) fn end() {
        if let Some(Err(error)) = PROVIDER.get().map(SdkTracerProvider::shutdown) {
            eprintln!("some spans were not sent: {error}");
        }
    }

    /// The collector. The SDK asks it from a thread of its own, which may wait.
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
