//! What the datasources count.

use super::text::Text;
use crate::deployment::{Condition, Deployment};
use portcullis::Counters;
use std::cmp::Reverse;

/// The datasources with a histogram of their own: those with most calls. A histogram has 17 lines.
const BUSIEST: usize = 100;

/// Writes the figures of all datasources and templates that were used, and which cannot be.
pub(super) fn write(deployment: &Deployment, text: &mut Text) {
    text.family("portcullis_datasources", "gauge", "Datasources by state.");
    for (condition, count) in deployment.conditions() {
        text.sample("portcullis_datasources", &[("state", condition)], count);
    }
    text.family(
        "portcullis_datasource_unavailable",
        "gauge",
        "1 for each datasource that could not be connected.",
    );
    for (name, served) in &deployment.datasources {
        if served.condition() == Condition::Unavailable {
            text.sample("portcullis_datasource_unavailable", &[("datasource", name)], 1);
        }
    }
    let datasources = deployment.datasources.iter();
    let datasources = datasources
        .filter_map(|(name, served)| Some((("datasource", name.as_str()), served.counters()?)));
    // The datasources of all tenants together: there may be any number of tenants.
    let templates = deployment.templates.iter();
    let templates = templates
        .filter_map(|(name, served)| Some((("template", name.as_str()), served.counters()?)));
    let all: Vec<((&str, &str), Counters)> = datasources.chain(templates).collect();
    text.family("portcullis_calls_total", "counter", "Calls that have ended, by outcome.");
    for (name, counters) in &all {
        for (outcome, count) in &counters.calls {
            text.sample("portcullis_calls_total", &[*name, ("outcome", outcome.as_str())], count);
        }
    }
    text.family("portcullis_refusals_total", "counter", "Refusals by rule of the policy.");
    for (name, counters) in &all {
        for (rule, count) in &counters.refusals {
            text.sample("portcullis_refusals_total", &[*name, ("rule", rule)], count);
        }
    }
    for (metric, kind, help, value) in FIGURES {
        text.family(metric, kind, help);
        for (name, counters) in &all {
            // How much of a template runs now is not counted.
            if kind == "counter" || name.0 == "datasource" {
                text.sample(metric, &[*name], value(counters));
            }
        }
    }
    let mut busiest: Vec<_> = all.iter().collect();
    busiest.sort_by_key(|(_, counters)| Reverse(counters.latency.count()));
    text.family(
        "portcullis_datasource_call_duration_seconds",
        "histogram",
        "Time of calls, for the 100 datasources with most calls.",
    );
    for (name, counters) in busiest.into_iter().take(BUSIEST) {
        text.histogram("portcullis_datasource_call_duration_seconds", &[*name], &counters.latency);
    }
}

/// One figure of each datasource: its name, its type, its meaning, and how to read it.
type Figure = (&'static str, &'static str, &'static str, fn(&Counters) -> f64);

#[expect(clippy::cast_precision_loss, reason = "Prometheus has no other numbers")]
const FIGURES: [Figure; 8] = [
    ("portcullis_requests_total", "counter", "Requests sent to the service.", |counters| {
        counters.requests as f64
    }),
    ("portcullis_sent_bytes_total", "counter", "Bytes of request bodies sent.", |counters| {
        counters.bytes_sent as f64
    }),
    ("portcullis_warm_bytes", "gauge", "Memory of idle instances.", |counters| {
        counters.warm_bytes as f64
    }),
    (
        "portcullis_received_bytes_total",
        "counter",
        "Bytes of response bodies received.",
        |counters| counters.bytes_received as f64,
    ),
    ("portcullis_call_seconds_total", "counter", "Total time of all calls.", |counters| {
        counters.micros as f64 / 1e6
    }),
    ("portcullis_running_calls", "gauge", "Calls that are running.", |counters| {
        f64::from(counters.running)
    }),
    ("portcullis_waiting_calls", "gauge", "Calls that are waiting.", |counters| {
        f64::from(counters.waiting)
    }),
    ("portcullis_warm_instances", "gauge", "Idle instances.", |counters| f64::from(counters.warm)),
];
