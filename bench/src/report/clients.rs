//! The tables of clients: one caller, and many.

use crate::cases::Case;
use crate::clients::{ClientKind, Transport};
use crate::constants::CALLERS;
use crate::latency;
use crate::report::figure::text;
use crate::report::results::micros;
use crate::report::{Report, TEXT};
use crate::throughput;
use std::fmt::Write;

impl Report {
    /// Returns the tables for one caller.
    pub(super) fn latency_tables(&self) -> String {
        let mut tables = String::new();
        for transport in Transport::ALL {
            writeln!(tables, "### One caller, {}\n", transport.title()).expect(TEXT);
            tables.push_str(
                "| | client | CPU µs | ÷ SDK | ÷ bare | p50 µs | p99 µs | allocations |\n\
                 |---|---|---|---|---|---|---|---|\n",
            );
            for case in Case::ALL {
                for kind in ClientKind::ALL {
                    self.latency_row(&mut tables, transport, case, kind);
                }
            }
            tables.push('\n');
        }
        tables
    }

    fn latency_row(&self, table: &mut String, transport: Transport, case: Case, kind: ClientKind) {
        let of = |value: fn(&latency::Sample) -> f64| {
            self.runs.figure(|run| run.latency(transport, case, kind).map(value))
        };
        let Some(processor) = of(|sample| micros(sample.processor)) else { return };
        let to = |other| {
            self.runs.figure(|run| {
                let processor = |kind| run.processor(transport, case, kind);
                Some(processor(kind)? / processor(other)?)
            })
        };
        writeln!(
            table,
            "| {} | {} | {} | {} | {} | {} | {} | {} |",
            case.title(),
            kind.title(),
            processor.text(0),
            text(to(ClientKind::Sdk), 2),
            text(to(ClientKind::Bare), 2),
            text(of(|sample| micros(sample.p50)), 0),
            text(of(|sample| micros(sample.p99)), 0),
            text(of(|sample| sample.allocations), 0),
        )
        .expect(TEXT);
    }

    /// Returns the table that compares the two placements of client and server.
    pub(super) fn placement_table(&self) -> String {
        let mut table = String::from(
            "### Placement of client and server, one caller, HTTP\n\n\
             | | client | p50 µs, a core each | p50 µs, one core | CPU µs, a core each \
             | CPU µs, one core |\n|---|---|---|---|---|---|\n",
        );
        for case in [Case::GetItem, Case::Query] {
            for kind in ClientKind::ALL {
                let apart = |value: fn(&latency::Sample) -> f64| {
                    self.runs.figure(|run| run.latency(Transport::Http, case, kind).map(value))
                };
                let together = |value: fn(&latency::Sample) -> f64| {
                    self.runs.figure(|run| run.together(case, kind).map(value))
                };
                writeln!(
                    table,
                    "| {} | {} | {} | {} | {} | {} |",
                    case.title(),
                    kind.title(),
                    text(apart(|sample| micros(sample.p50)), 0),
                    text(together(|sample| micros(sample.p50)), 0),
                    text(apart(|sample| micros(sample.processor)), 0),
                    text(together(|sample| micros(sample.processor)), 0),
                )
                .expect(TEXT);
            }
        }
        table
    }

    /// Returns the table for many callers.
    pub(super) fn throughput_table(&self) -> String {
        let mut table = String::from(
            "### Many callers, GetItem 300 B\n\n\
             | | callers | client | CPU µs | calls/s | ÷ SDK | p50 µs | p99 µs |\n\
             |---|---|---|---|---|---|---|---|\n",
        );
        for transport in [Transport::Http, Transport::Tls] {
            for callers in CALLERS {
                for kind in ClientKind::ALL {
                    let of = |value: fn(&throughput::Sample) -> f64| {
                        self.runs.figure(|run| run.throughput(transport, callers, kind).map(value))
                    };
                    let to_sdk = self.runs.figure(|run| {
                        let rate = |kind| Some(run.throughput(transport, callers, kind)?.rate);
                        Some(rate(kind)? / rate(ClientKind::Sdk)?)
                    });
                    writeln!(
                        table,
                        "| {} | {callers} | {} | {} | {} | {} | {} | {} |",
                        transport.title(),
                        kind.title(),
                        text(of(|sample| micros(sample.processor)), 0),
                        text(of(|sample| sample.rate), 0),
                        text(to_sdk, 2),
                        text(of(|sample| micros(sample.p50)), 0),
                        text(of(|sample| micros(sample.p99)), 0),
                    )
                    .expect(TEXT);
                }
            }
        }
        table
    }
}
