//! Figures for Prometheus.
//! <https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>

use crate::deployment::Deployment;
use parking_lot::Mutex;
use portcullis::{Counters, MemoryLimit};
use std::collections::BTreeMap;
use std::fmt::{Display, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds of the histogram of requests, in seconds: from a warm call to the default deadline.
const BOUNDS: [f64; 9] = [0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1.0, 5.0, 30.0];

/// What the server itself counts. The datasources count their calls.
#[derive(Default)]
pub(crate) struct Metrics {
    /// By route and status.
    requests: Mutex<BTreeMap<(&'static str, u16), u64>>,
    durations: Mutex<BTreeMap<&'static str, Durations>>,
    reloads: AtomicU64,
    failed_reloads: AtomicU64,
}

#[derive(Default)]
struct Durations {
    buckets: [u64; BOUNDS.len()],
    count: u64,
    seconds: f64,
}

impl Metrics {
    pub(crate) fn count(&self, route: &'static str, status: u16, elapsed: Duration) {
        *self.requests.lock().entry((route, status)).or_default() += 1;
        let mut durations = self.durations.lock();
        let durations = durations.entry(route).or_default();
        let seconds = elapsed.as_secs_f64();
        for (bucket, _) in
            durations.buckets.iter_mut().zip(BOUNDS).filter(|(_, bound)| seconds <= *bound)
        {
            *bucket += 1;
        }
        durations.count += 1;
        durations.seconds += seconds;
    }

    pub(crate) fn count_reload(&self, succeeded: bool) {
        let counter = if succeeded { &self.reloads } else { &self.failed_reloads };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// All figures as text.
    pub(crate) fn text(&self, deployment: &Deployment, memory: &MemoryLimit) -> String {
        let mut text = Text::default();
        memory_figures(memory, &mut text);
        text.family("portcullis_http_requests_total", "counter", "Requests by route and status.");
        for ((route, status), count) in &*self.requests.lock() {
            text.sample(
                "portcullis_http_requests_total",
                &[("route", route), ("status", &status.to_string())],
                count,
            );
        }
        text.family(
            "portcullis_http_request_duration_seconds",
            "histogram",
            "Time from the headers of a request to those of its response.",
        );
        for (route, durations) in &*self.durations.lock() {
            for (count, bound) in durations.buckets.iter().zip(BOUNDS) {
                text.sample(
                    "portcullis_http_request_duration_seconds_bucket",
                    &[("route", route), ("le", &bound.to_string())],
                    count,
                );
            }
            text.sample(
                "portcullis_http_request_duration_seconds_bucket",
                &[("route", route), ("le", "+Inf")],
                durations.count,
            );
            text.sample(
                "portcullis_http_request_duration_seconds_sum",
                &[("route", route)],
                durations.seconds,
            );
            text.sample(
                "portcullis_http_request_duration_seconds_count",
                &[("route", route)],
                durations.count,
            );
        }
        text.family("portcullis_reloads_total", "counter", "Reloads of the policy.");
        text.sample(
            "portcullis_reloads_total",
            &[("result", "ok")],
            self.reloads.load(Ordering::Relaxed),
        );
        text.sample(
            "portcullis_reloads_total",
            &[("result", "failed")],
            self.failed_reloads.load(Ordering::Relaxed),
        );
        let all: Vec<(&str, Counters)> = deployment
            .datasources
            .iter()
            .map(|(name, served)| (name.as_str(), served.datasource.counters()))
            .collect();
        text.family("portcullis_calls_total", "counter", "Calls that have ended, by outcome.");
        for (name, counters) in &all {
            for (outcome, count) in &counters.calls {
                text.sample(
                    "portcullis_calls_total",
                    &[("datasource", name), ("outcome", outcome.as_str())],
                    count,
                );
            }
        }
        text.family("portcullis_refusals_total", "counter", "Refusals by rule of the policy.");
        for (name, counters) in &all {
            for (rule, count) in &counters.refusals {
                text.sample(
                    "portcullis_refusals_total",
                    &[("datasource", name), ("rule", rule)],
                    count,
                );
            }
        }
        for (metric, kind, help, value) in FIGURES {
            text.family(metric, kind, help);
            for (name, counters) in &all {
                text.sample(metric, &[("datasource", name)], value(counters));
            }
        }
        text.0
    }
}

/// The memory limit of the host, and how much of it is used.
fn memory_figures(memory: &MemoryLimit, text: &mut Text) {
    for (name, kind, help, value) in [
        ("portcullis_memory_limit_bytes", "gauge", "Memory limit of all calls.", memory.limit()),
        (
            "portcullis_memory_bytes",
            "gauge",
            "Memory reserved for calls and instances.",
            memory.used(),
        ),
        (
            "portcullis_memory_refusals_total",
            "counter",
            "Reservations that the memory limit refused.",
            memory.refused(),
        ),
    ] {
        text.family(name, kind, help);
        text.sample(name, &[], value);
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

#[derive(Default)]
struct Text(String);

impl Text {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let labels: Vec<String> =
            labels.iter().map(|(label, value)| format!("{label}=\"{}\"", escaped(value))).collect();
        let _ = match labels.join(",") {
            none if none.is_empty() => writeln!(self.0, "{name} {value}"),
            labels => writeln!(self.0, "{name}{{{labels}}} {value}"),
        };
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_value_cannot_start_another_line_or_label() {
        let mut text = Text::default();
        text.sample("m", &[("datasource", "a\"} 1\nx{b=\"\\")], 1);
        assert_eq!(text.0, "m{datasource=\"a\\\"} 1\\nx{b=\\\"\\\\\"} 1\n");
    }
}
