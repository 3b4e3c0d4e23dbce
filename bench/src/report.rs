//! Writes the results as tables, and says which goals are met.

use crate::cases::Case;
use crate::clients::{ClientKind, Format, Transport};
use crate::constants::{CALLERS, IDLE_DATASOURCES};
use crate::growth::Point;
use crate::memory::Memory;
use crate::programs::{OtherLanguage, Startup};
use crate::{latency, throughput};
use serde::{Deserialize, Serialize};
use std::fmt::Write;
use std::time::Duration;

/// The results of one run.
#[derive(Default, Serialize, Deserialize)]
pub struct Run {
    /// The results for one caller.
    pub latency: Vec<(Transport, Case, ClientKind, latency::Sample)>,
    /// The results for many callers of `GetItem`, over HTTP and TLS.
    pub throughput: Vec<(Transport, u32, ClientKind, throughput::Sample)>,
}

impl Run {
    fn latency(&self, transport: Transport, case: Case, kind: ClientKind) -> &latency::Sample {
        let found = self
            .latency
            .iter()
            .find(|entry| (entry.0, entry.1, entry.2) == (transport, case, kind));
        &found.expect("every client was measured").3
    }

    /// Returns the results of a client for this many callers.
    pub fn throughput(
        &self,
        transport: Transport,
        callers: u32,
        kind: ClientKind,
    ) -> &throughput::Sample {
        let found = self
            .throughput
            .iter()
            .find(|entry| (entry.0, entry.1, entry.2) == (transport, callers, kind));
        &found.expect("every client was measured").3
    }
}

/// All results.
pub struct Report {
    /// The results of each run. The tables show the medians of all runs.
    pub runs: Vec<Run>,
    /// How time and memory grow with the response.
    pub growth: Vec<Point>,
    /// The memory of warm instances and idle datasources.
    pub memory: Memory,
    /// The results of clients in other languages.
    pub other_languages: Vec<OtherLanguage>,
    /// How long command lines take. `None` if ours is not built.
    pub startup: Option<Startup>,
}

impl Report {
    /// Returns the median of a value over all runs.
    pub fn median(&self, value: impl Fn(&Run) -> f64) -> f64 {
        let mut values: Vec<f64> = self.runs.iter().map(value).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    }

    /// Returns the median latency of a client, in microseconds.
    pub fn p50(&self, transport: Transport, case: Case, kind: ClientKind) -> f64 {
        self.median(|run| micros(run.latency(transport, case, kind).p50))
    }

    fn ratio(&self, transport: Transport, case: Case, kind: ClientKind, to: ClientKind) -> f64 {
        self.median(|run| {
            run.latency(transport, case, kind).p50.as_secs_f64()
                / run.latency(transport, case, to).p50.as_secs_f64()
        })
    }

    fn cpu_ratio(&self, transport: Transport) -> f64 {
        self.median(|run| {
            let processor =
                |kind| run.latency(transport, Case::GetItem, kind).processor.as_secs_f64();
            processor(ClientKind::Typed) / processor(ClientKind::Sdk)
        })
    }

    fn rate_ratio(&self, transport: Transport, callers: u32) -> f64 {
        self.median(|run| {
            run.throughput(transport, callers, ClientKind::Typed).rate
                / run.throughput(transport, callers, ClientKind::Sdk).rate
        })
    }

    /// Returns all tables as Markdown.
    pub fn markdown(&self) -> String {
        [
            self.goals(),
            self.latency_tables(),
            self.throughput_table(),
            self.growth_table(),
            self.other_languages_table(),
        ]
        .join("\n")
    }

    fn goals(&self) -> String {
        let mut rows =
            String::from("### Goals\n\n| | goal | HTTP | TLS | |\n|---|---|---|---|---|\n");
        let mut row = |what: &str,
                       must: f64,
                       stretch: Option<f64>,
                       at_least: bool,
                       value: &dyn Fn(Transport) -> f64| {
            let (http, tls) = (value(Transport::Http), value(Transport::Tls));
            let holds =
                |value: f64, goal: f64| if at_least { value >= goal } else { value <= goal };
            let sign = if at_least { "≥" } else { "≤" };
            // TLS may cost a tenth more.
            let tls_goal = if at_least { http / 1.1 } else { http * 1.1 };
            let stretch_text =
                stretch.map_or(String::new(), |stretch| format!(", stretch {sign} {stretch:.2}"));
            let verdict =
                match (holds(http, must), stretch.is_some_and(|stretch| holds(http, stretch))) {
                    (true, true) => "met, stretch too",
                    (true, false) => "met",
                    _ => "**missed**",
                };
            let tls_verdict =
                if holds(tls, tls_goal) { "" } else { "; **TLS beyond 1.1 × HTTP**" };
            writeln!(
                rows,
                "| {what} | must {sign} {must:.2}{stretch_text} | {http:.2} | {tls:.2} \
                 | {verdict}{tls_verdict} |"
            )
            .expect(TEXT);
        };
        let get = Case::GetItem;
        row("GetItem 300 B, warm, `typed` ÷ SDK", 0.60, Some(0.50), false, &|transport| {
            self.ratio(transport, get, ClientKind::Typed, ClientKind::Sdk)
        });
        row("GetItem 300 B, warm, `typed` ÷ bare hyper", 1.6, Some(1.35), false, &|transport| {
            self.ratio(transport, get, ClientKind::Typed, ClientKind::Bare)
        });
        row("GetItem 300 B, fresh instance ÷ SDK", 0.90, Some(0.75), false, &|transport| {
            self.ratio(transport, get, ClientKind::Fresh, ClientKind::Sdk)
        });
        row("Query 100 KB, warm, `typed` ÷ SDK", 0.50, Some(0.40), false, &|transport| {
            self.ratio(transport, Case::Query, ClientKind::Typed, ClientKind::Sdk)
        });
        row("Query 100 KB, warm, `plain` ÷ SDK", 0.90, Some(0.60), false, &|transport| {
            self.ratio(transport, Case::Query, ClientKind::Plain, ClientKind::Sdk)
        });
        row("throughput at 64 callers, `typed` ÷ SDK", 1.5, None, true, &|transport| {
            self.rate_ratio(transport, 64)
        });
        row("processor time of a GetItem, `typed` ÷ SDK", 0.65, None, false, &|transport| {
            self.cpu_ratio(transport)
        });
        self.plain_goals(&mut rows);
        rows
    }

    /// Adds the goals that do not compare clients.
    fn plain_goals(&self, rows: &mut String) {
        let verdict = |met: bool, stretch: bool| match (met, stretch) {
            (true, true) => "met, stretch too",
            (true, false) => "met",
            _ => "**missed**",
        };
        if let Some(Startup { ours, aws }) = self.startup {
            let ratio = aws.map_or(f64::NAN, |aws| ours.as_secs_f64() / aws.as_secs_f64());
            let found = aws.map_or("the AWS CLI is not installed".to_string(), |aws| {
                format!("{ratio:.3} ({} ÷ {})", ms(ours), ms(aws))
            });
            let verdict = verdict(ratio <= 0.1, ours <= Duration::from_millis(25));
            writeln!(
                rows,
                "| `execute --local FILE`, start to exit ÷ AWS CLI | must ≤ 0.10, stretch ≤ 25 ms \
                 | {found} | | {verdict} |"
            )
            .expect(TEXT);
        }
        let Memory { instance, idle } = self.memory;
        let kb = instance as f64 / 1e3;
        writeln!(
            rows,
            "| memory of each additional warm instance | must ≤ 600 KB, stretch ≤ 300 KB \
             | {kb:.0} KB | | {} |",
            verdict(kb <= 600.0, kb <= 300.0)
        )
        .expect(TEXT);
        let mb = idle as f64 / 1e6;
        writeln!(
            rows,
            "| {IDLE_DATASOURCES} configured, idle datasources | must ≤ 60 MB | {mb:.0} MB | \
             | {} |",
            verdict(mb <= 60.0, false)
        )
        .expect(TEXT);
        let extra_copies = |format| {
            let points = self
                .growth
                .iter()
                .filter(|point| point.format == format && point.bytes >= 1_000_000);
            points
                .map(|point| (point.peak as f64 - point.bytes as f64) / point.bytes as f64)
                .fold(0.0, f64::max)
        };
        for (name, format) in [("relay", Format::Relay), ("typed", Format::Typed)] {
            let copies = extra_copies(format);
            writeln!(
                rows,
                "| `{name}`: peak memory in addition to the response, 1 to 16 MB \
                 | must ≤ 1.5 copies | {copies:.2} | | {} |",
                verdict(copies <= 1.5, false)
            )
            .expect(TEXT);
        }
    }

    fn latency_tables(&self) -> String {
        let mut text = String::new();
        for transport in Transport::ALL {
            writeln!(text, "### One caller, {}\n", transport.title()).expect(TEXT);
            text.push_str(
                "| | client | p50 µs | p99 µs | ÷ SDK | ÷ bare | processor µs | allocations |\n\
                 |---|---|---|---|---|---|---|---|\n",
            );
            for case in Case::ALL {
                if !self.runs[0].latency.iter().any(|entry| (entry.0, entry.1) == (transport, case))
                {
                    continue;
                }
                for kind in ClientKind::ALL {
                    let of = |value: fn(&latency::Sample) -> f64| {
                        self.median(|run| value(run.latency(transport, case, kind)))
                    };
                    writeln!(
                        text,
                        "| {} | {} | {:.0} | {:.0} | {:.2} | {:.2} | {:.0} | {:.0} |",
                        case.title(),
                        kind.title(),
                        of(|sample| micros(sample.p50)),
                        of(|sample| micros(sample.p99)),
                        self.ratio(transport, case, kind, ClientKind::Sdk),
                        self.ratio(transport, case, kind, ClientKind::Bare),
                        of(|sample| micros(sample.processor)),
                        of(|sample| sample.allocations),
                    )
                    .expect(TEXT);
                }
            }
            text.push('\n');
        }
        text
    }

    fn throughput_table(&self) -> String {
        let mut text = String::from("### Many callers, GetItem 300 B\n\n");
        text.push_str(
            "| | callers | client | calls/s | ÷ SDK | p99 µs | processor µs | memory KB |\n\
             |---|---|---|---|---|---|---|---|\n",
        );
        for transport in [Transport::Http, Transport::Tls] {
            for callers in CALLERS {
                for kind in ClientKind::ALL {
                    let of = |value: fn(&throughput::Sample) -> f64| {
                        self.median(|run| value(run.throughput(transport, callers, kind)))
                    };
                    let ratio = self.median(|run| {
                        run.throughput(transport, callers, kind).rate
                            / run.throughput(transport, callers, ClientKind::Sdk).rate
                    });
                    let (rate, p99) = (of(|sample| sample.rate), of(|sample| micros(sample.p99)));
                    let processor = of(|sample| micros(sample.processor));
                    let memory = of(|sample| sample.memory as f64 / 1e3);
                    let (transport, kind) = (transport.title(), kind.title());
                    writeln!(
                        text,
                        "| {transport} | {callers} | {kind} | {rate:.0} | {ratio:.2} | {p99:.0} \
                         | {processor:.0} | {memory:.0} |"
                    )
                    .expect(TEXT);
                }
            }
        }
        text
    }

    fn growth_table(&self) -> String {
        let mut text = String::from("### Growth with the size of the response (`Scan`, HTTP)\n\n");
        text.push_str(
            "| response | format | p50 µs | ns per byte | peak memory ÷ response |\n\
             |---|---|---|---|---|\n",
        );
        for point in &self.growth {
            let (bytes, p50) = (point.bytes as f64, micros(point.p50));
            let peak = if point.bytes >= 1_000_000 {
                format!("{:.2}", point.peak as f64 / bytes)
            } else {
                "–".to_string()
            };
            writeln!(
                text,
                "| {} | {} | {p50:.0} | {:.2} | {peak} |",
                size(point.bytes),
                name(point.format),
                p50 * 1e3 / bytes
            )
            .expect(TEXT);
        }
        text
    }

    fn other_languages_table(&self) -> String {
        let mut text = String::from(
            "### Other languages, HTTP, one caller\n\n\
             | | client | p50 µs | ÷ the sandbox, `typed` |\n\
             |---|---|---|---|\n",
        );
        for language in &self.other_languages {
            for (case, p50) in &language.p50 {
                let times = micros(*p50) / self.p50(Transport::Http, *case, ClientKind::Typed);
                writeln!(
                    text,
                    "| {} | {} | {:.0} | {times:.1} |",
                    case.title(),
                    language.name,
                    micros(*p50)
                )
                .expect(TEXT);
            }
            if language.p50.is_empty() {
                writeln!(text, "| | {} | not installed: `make servers` | |", language.name)
                    .expect(TEXT);
            }
        }
        text
    }
}

/// Why `writeln!` to a `String` is not handled.
const TEXT: &str = "writing to a string cannot fail";

/// Returns the name of a format for tables.
pub fn name(format: Format) -> &'static str {
    match format {
        Format::Relay => "relay",
        Format::Typed => "typed",
        Format::Plain => "plain",
    }
}

/// Returns a duration in microseconds.
pub fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

fn ms(time: Duration) -> String {
    format!("{:.0} ms", time.as_secs_f64() * 1e3)
}

fn size(bytes: usize) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{} KB", bytes / 1_000),
        _ => format!("{} MB", bytes / 1_000_000),
    }
}
