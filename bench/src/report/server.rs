//! The tables of `portcullis serve` next to other programs.

use crate::clients::Transport;
use crate::constants::CALLERS;
use crate::report::figure::text;
use crate::report::results::{Run, micros};
use crate::report::{Report, TEXT};
use crate::serve::{Load, Program, nginx_version};
use std::fmt::Write;

impl Report {
    /// Returns the tables of all programs, and how they compare.
    pub(super) fn server_tables(&self) -> String {
        let mut tables = String::from("### `portcullis serve`, GetItem 300 B\n\n");
        match nginx_version() {
            Some(version) => writeln!(tables, "nginx has version {version}.\n"),
            None => writeln!(tables, "nginx is not installed: `SETUP=yes make servers`.\n"),
        }
        .expect(TEXT);
        tables.push_str(
            "| | connections | | CPU µs | p50 µs | p99 µs | p99 ÷ p50 | calls/s | memory MB, idle → loaded |\n\
             |---|---|---|---|---|---|---|---|---|\n",
        );
        for transport in [Transport::Http, Transport::Tls] {
            for connections in CALLERS {
                for program in Program::ALL {
                    self.load_row(&mut tables, transport, connections, program);
                }
            }
        }
        tables.push('\n');
        tables + &self.comparison_table() + "\n" + &self.tenant_table()
    }

    fn load_row(
        &self,
        table: &mut String,
        transport: Transport,
        connections: u32,
        program: Program,
    ) {
        let of = |value: fn(&Load) -> f64| {
            self.runs.figure(|run| run.load(program, transport, connections).map(value))
        };
        let Some(processor) = of(|load| micros(load.sample.processor)) else { return };
        writeln!(
            table,
            "| {} | {connections} | {} | {} | {} | {} | {} | {} | {:.1} → {} |",
            name(transport),
            program.title(),
            processor.text(0),
            text(of(|load| micros(load.sample.p50)), 0),
            text(of(|load| micros(load.sample.p99)), 0),
            text(of(|load| load.sample.p99.as_secs_f64() / load.sample.p50.as_secs_f64()), 2),
            text(of(|load| load.sample.rate), 0),
            self.runs.median(|run| run.memory_before(program, transport)) / 1e6,
            text(of(|load| load.memory as f64 / 1e6), 1),
        )
        .expect(TEXT);
    }

    /// Returns the table of ratios and differences of CPU time.
    fn comparison_table(&self) -> String {
        let mut table = String::from(
            "CPU time of `serve` compared with nginx and with the library, in DynamoDB's protocol \
             (`relay`) and by the JSON API (`typed`), which call the upstream by HTTP:\n\n\
             | | connections | ÷ nginx, DynamoDB's protocol | ÷ nginx, JSON API \
             | − library µs, DynamoDB's protocol | − library µs, JSON API |\n\
             |---|---|---|---|---|---|\n",
        );
        for transport in [Transport::Http, Transport::Tls] {
            for connections in CALLERS {
                let processor = move |run: &Run, program: Program| {
                    run.load_processor(program, transport, connections)
                };
                let to_nginx = |program| {
                    self.runs.figure(|run| {
                        Some(processor(run, program)? / processor(run, Program::Nginx)?)
                    })
                };
                let more = |program, library| {
                    self.runs.figure(|run| {
                        let library = run.load_processor(library, Transport::Http, connections);
                        Some(processor(run, program)? - library?)
                    })
                };
                writeln!(
                    table,
                    "| {} | {connections} | {} | {} | {} | {} |",
                    name(transport),
                    text(to_nginx(Program::ServeWire), 2),
                    text(to_nginx(Program::ServeJson), 2),
                    text(more(Program::ServeWire, Program::Relay), 0),
                    text(more(Program::ServeJson, Program::Typed), 0),
                )
                .expect(TEXT);
            }
        }
        table
    }
}

impl Report {
    /// Returns the table of what it costs to find a tenant's datasource.
    fn tenant_table(&self) -> String {
        let mut table = String::from(
            "CPU time of a call of a tenant's datasource ÷ that of a call of one of the policy, both by \
             the JSON API:\n\n\
             | connections | datasource in the call | saved datasource |\n|---|---|---|\n",
        );
        for connections in [1, 64] {
            let ratio = |program| {
                self.runs.figure(|run| {
                    let of = |program| run.load_processor(program, Transport::Http, connections);
                    Some(of(program)? / of(Program::ServeJson)?)
                })
            };
            let (inline, saved) = (ratio(Program::ServeInline), ratio(Program::ServeSaved));
            writeln!(table, "| {connections} | {} | {} |", text(inline, 2), text(saved, 2))
                .expect(TEXT);
        }
        table
    }
}

fn name(transport: Transport) -> &'static str {
    match transport {
        Transport::Http => "HTTP",
        Transport::Tls | Transport::Cold => "TLS",
    }
}
