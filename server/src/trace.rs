//! Spans of requests, for a collector.

/// The target of spans. They are for collectors, and not part of the log.
pub const SPANS: &str = "portcullis::span";

/// Makes a span a part of the caller's trace, from the header `traceparent`.
/// <https://www.w3.org/TR/trace-context/>
#[cfg(feature = "opentelemetry")]
pub(crate) fn follow(span: &tracing::Span, headers: &http::HeaderMap) {
    use opentelemetry::propagation::TextMapPropagator;
    use opentelemetry_sdk::propagation::TraceContextPropagator;
    use tracing_opentelemetry::OpenTelemetrySpanExt;
    let parent =
        TraceContextPropagator::new().extract(&opentelemetry_http::HeaderExtractor(headers));
    // Fails if no collector is set up, and then nobody reads the span.
    let _ = span.set_parent(parent);
}
