//! Figures for Prometheus.
//!
//! | module | role |
//! |---|---|
//! | `datasources` | what the datasources count |
//! | `by_tenant` | what the calls of each tenant add up to |
//! | `tenants` | what the cache of tenants' datasources counts |
//! | `text` | the format |

mod by_tenant;
mod datasources;
mod tenants;
mod text;

use crate::connections::Connections;
use crate::deployment::Deployment;
use by_tenant::ByTenant;
use parking_lot::Mutex;
use portcullis::{CacheFigures, Histogram, Host, MemoryLimit};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use text::Text;

/// What the server itself counts. The host and the datasources count their calls.
#[derive(Default)]
pub(crate) struct Metrics {
    /// By route and status.
    requests: Mutex<BTreeMap<(&'static str, u16), u64>>,
    durations: Mutex<BTreeMap<&'static str, Histogram>>,
    /// By rule.
    refused_connections: Mutex<BTreeMap<&'static str, u64>>,
    reloads: AtomicU64,
    failed_reloads: AtomicU64,
    pub(crate) by_tenant: ByTenant,
}

impl Metrics {
    pub(crate) fn count(&self, route: &'static str, status: u16, elapsed: Duration) {
        *self.requests.lock().entry((route, status)).or_default() += 1;
        self.durations.lock().entry(route).or_default().record(elapsed);
    }

    pub(crate) fn count_refused_connection(&self, rule: &'static str) {
        *self.refused_connections.lock().entry(rule).or_default() += 1;
    }

    pub(crate) fn count_reload(&self, succeeded: bool) {
        let counter = if succeeded { &self.reloads } else { &self.failed_reloads };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// All figures as text.
    pub(crate) fn text(
        &self,
        host: &Host,
        connections: &Connections,
        deployment: &Deployment,
        tenants: (&CacheFigures, usize),
    ) -> String {
        let mut text = Text::default();
        memory(host.memory(), &mut text);
        self.write_connections(connections, &mut text);
        self.write_requests(&mut text);
        text.family("portcullis_reloads_total", "counter", "Reloads of the policy.");
        for (result, counter) in [("ok", &self.reloads), ("failed", &self.failed_reloads)] {
            let count = counter.load(Ordering::Relaxed);
            text.sample("portcullis_reloads_total", &[("result", result)], count);
        }
        text.family(
            "portcullis_call_duration_seconds",
            "histogram",
            "Time of calls, by action and outcome.",
        );
        for (action, outcome, histogram) in host.latencies() {
            text.histogram(
                "portcullis_call_duration_seconds",
                &[("action", &action), ("outcome", outcome.as_str())],
                &histogram,
            );
        }
        datasources::write(deployment, &mut text);
        tenants::write(tenants.0, tenants.1, &mut text);
        self.by_tenant.write(&mut text);
        text.0
    }

    fn write_connections(&self, connections: &Connections, text: &mut Text) {
        let figures = connections.figures();
        text.family("portcullis_connections", "gauge", "Connections of clients, by state.");
        for (state, count) in [("open", figures.open), ("waiting", figures.waiting)] {
            text.sample("portcullis_connections", &[("state", state)], count);
        }
        text.family(
            "portcullis_evicted_connections_total",
            "counter",
            "Connections without a request that were closed to make room for others.",
        );
        text.sample("portcullis_evicted_connections_total", &[], figures.evicted);
        text.family(
            "portcullis_refused_connections_total",
            "counter",
            "Connections that were closed before their first request was complete, by rule.",
        );
        for (rule, count) in &*self.refused_connections.lock() {
            text.sample("portcullis_refused_connections_total", &[("rule", rule)], count);
        }
    }

    fn write_requests(&self, text: &mut Text) {
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
            text.histogram(
                "portcullis_http_request_duration_seconds",
                &[("route", route)],
                durations,
            );
        }
    }
}

/// The memory limit of the host, and how much of it is used.
fn memory(memory: &MemoryLimit, text: &mut Text) {
    for (name, kind, help, value) in [
        (
            "portcullis_memory_limit_bytes",
            "gauge",
            "Memory limit of all calls and bodies.",
            memory.limit(),
        ),
        (
            "portcullis_memory_bytes",
            "gauge",
            "Memory reserved for calls, instances and bodies.",
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
