//! The results of the runs, and how to look them up.

use crate::cases::Case;
use crate::clients::{ClientKind, Transport};
use crate::latency;
use crate::report::figure::Figure;
use crate::serve::{Load, Program, ServeRun};
use crate::throughput;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The results of all clients in one run. They run on the first core, and the server on the last.
#[derive(Default, Serialize, Deserialize)]
pub struct Apart {
    /// The results for one caller.
    pub latency: Vec<(Transport, Case, ClientKind, latency::Sample)>,
    /// The results for many callers of `GetItem`, over HTTP and TLS.
    pub throughput: Vec<(Transport, u32, ClientKind, throughput::Sample)>,
}

/// The results of all clients in one run, for one caller and HTTP. They share a core with the server.
pub type Together = Vec<(Case, ClientKind, latency::Sample)>;

/// The results of one run.
pub struct Run {
    /// Clients and server on different cores.
    pub apart: Apart,
    /// Clients and server on one core.
    pub together: Together,
    /// `portcullis serve` next to other programs.
    pub serve: ServeRun,
}

/// The results of all runs.
pub struct Runs(pub Vec<Run>);

impl Runs {
    /// Returns a figure over all runs. `None` if no run has it.
    pub fn figure(&self, value: impl Fn(&Run) -> Option<f64>) -> Option<Figure> {
        Figure::of(self.0.iter().filter_map(value))
    }

    /// Returns the median of a figure over all runs.
    pub fn median(&self, value: impl Fn(&Run) -> Option<f64>) -> f64 {
        self.figure(value).map_or(f64::NAN, |figure| figure.median)
    }
}

impl Run {
    /// Returns the results of a client for one caller.
    pub fn latency(
        &self,
        transport: Transport,
        case: Case,
        kind: ClientKind,
    ) -> Option<&latency::Sample> {
        find(&self.apart.latency, (transport, case, kind))
    }

    /// Returns the processor time of a call of a client for one caller, in microseconds.
    pub fn processor(&self, transport: Transport, case: Case, kind: ClientKind) -> Option<f64> {
        self.latency(transport, case, kind).map(|sample| micros(sample.processor))
    }

    /// Returns the results of a client that shares a core with the server.
    pub fn together(&self, case: Case, kind: ClientKind) -> Option<&latency::Sample> {
        let found = self.together.iter().find(|entry| (entry.0, entry.1) == (case, kind));
        found.map(|entry| &entry.2)
    }

    /// Returns the results of a client for this many callers.
    pub fn throughput(
        &self,
        transport: Transport,
        callers: u32,
        kind: ClientKind,
    ) -> Option<&throughput::Sample> {
        find(&self.apart.throughput, (transport, callers, kind))
    }

    /// Returns the results of a program under load.
    pub fn load(&self, program: Program, transport: Transport, connections: u32) -> Option<&Load> {
        find(&self.serve.loads, (program, transport, connections))
    }

    /// Returns the processor time of a call of a program under load, in microseconds.
    pub fn load_processor(
        &self,
        program: Program,
        transport: Transport,
        connections: u32,
    ) -> Option<f64> {
        self.load(program, transport, connections).map(|load| micros(load.sample.processor))
    }

    /// Returns the anonymous memory of a program after its first call, in bytes.
    pub fn memory_before(&self, program: Program, transport: Transport) -> Option<f64> {
        let found =
            self.serve.before.iter().find(|entry| (entry.0, entry.1) == (program, transport));
        found.map(|entry| entry.2 as f64)
    }
}

/// Returns the result with this key, which has three parts.
fn find<A: PartialEq, B: PartialEq, C: PartialEq, R>(
    results: &[(A, B, C, R)],
    key: (A, B, C),
) -> Option<&R> {
    let has_key = |(a, b, c, _): &&(A, B, C, R)| *a == key.0 && *b == key.1 && *c == key.2;
    results.iter().find(has_key).map(|(.., result)| result)
}

/// Returns a duration in microseconds.
pub fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
