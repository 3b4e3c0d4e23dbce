//! What was measured → tables of ratios, and whether the goals are met.

use crate::cases::Case;
use crate::clients::{Format, Path, Wire};
use crate::growth::Point;
use crate::memory::{IDLE, Memory};
use crate::programs::{Foreign, Startup};
use crate::throughput::CALLERS;
use crate::{latency, throughput};
use serde::{Deserialize, Serialize};
use std::fmt::Write;
use std::time::Duration;

/// One run of all comparisons between paths.
#[derive(Default, Serialize, Deserialize)]
pub struct Run {
    /// One caller.
    pub latency: Vec<(Wire, Case, Path, latency::Sample)>,
    /// Many callers of `GetItem`, by HTTP and TLS.
    pub throughput: Vec<(Wire, u32, Path, throughput::Sample)>,
}

impl Run {
    fn latency(&self, wire: Wire, case: Case, path: Path) -> &latency::Sample {
        let found =
            self.latency.iter().find(|entry| (entry.0, entry.1, entry.2) == (wire, case, path));
        &found.expect("each path was measured").3
    }

    /// What was measured of many callers.
    pub fn crowd(&self, wire: Wire, callers: u32, path: Path) -> &throughput::Sample {
        let found = self
            .throughput
            .iter()
            .find(|entry| (entry.0, entry.1, entry.2) == (wire, callers, path));
        &found.expect("each path was measured").3
    }
}

/// All that was measured.
pub struct Report {
    /// Runs; tables show the medians over them.
    pub runs: Vec<Run>,
    /// How time and memory grow.
    pub growth: Vec<Point>,
    /// What waits costs memory.
    pub memory: Memory,
    /// Other languages.
    pub foreign: Vec<Foreign>,
    /// Command lines.
    pub startup: Option<Startup>,
}

impl Report {
    /// The median over the runs of what `value` takes from each.
    pub fn median(&self, value: impl Fn(&Run) -> f64) -> f64 {
        let mut values: Vec<f64> = self.runs.iter().map(value).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    }

    /// The median latency of a path, in microseconds.
    pub fn p50(&self, wire: Wire, case: Case, path: Path) -> f64 {
        self.median(|run| micros(run.latency(wire, case, path).p50))
    }

    fn ratio(&self, wire: Wire, case: Case, path: Path, to: Path) -> f64 {
        self.median(|run| {
            run.latency(wire, case, path).p50.as_secs_f64()
                / run.latency(wire, case, to).p50.as_secs_f64()
        })
    }

    fn cpu_ratio(&self, wire: Wire) -> f64 {
        self.median(|run| {
            let processor = |path| run.latency(wire, Case::GetItem, path).processor.as_secs_f64();
            processor(Path::Typed) / processor(Path::Sdk)
        })
    }

    fn rate_ratio(&self, wire: Wire, callers: u32) -> f64 {
        self.median(|run| {
            run.crowd(wire, callers, Path::Typed).rate / run.crowd(wire, callers, Path::Sdk).rate
        })
    }

    /// The whole as Markdown.
    pub fn markdown(&self) -> String {
        [self.goals(), self.latencies(), self.crowds(), self.growth_table(), self.others()]
            .join("\n")
    }

    fn goals(&self) -> String {
        let mut rows =
            String::from("### Goals\n\n| | goal | HTTP | TLS | |\n|---|---|---|---|---|\n");
        let mut row = |what: &str,
                       must: f64,
                       stretch: Option<f64>,
                       at_least: bool,
                       value: &dyn Fn(Wire) -> f64| {
            let (http, tls) = (value(Wire::Http), value(Wire::Tls));
            let holds =
                |value: f64, goal: f64| if at_least { value >= goal } else { value <= goal };
            let sign = if at_least { "≥" } else { "≤" };
            // Over TLS a tenth more is allowed.
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
            writeln!(rows, "| {what} | must {sign} {must:.2}{stretch_text} | {http:.2} | {tls:.2} | {verdict}{tls_verdict} |").expect(TEXT);
        };
        let get = Case::GetItem;
        row("GetItem 300 B, warm, `typed` ÷ SDK", 0.60, Some(0.50), false, &|wire| {
            self.ratio(wire, get, Path::Typed, Path::Sdk)
        });
        row("GetItem 300 B, warm, `typed` ÷ bare hyper", 1.6, Some(1.35), false, &|wire| {
            self.ratio(wire, get, Path::Typed, Path::Bare)
        });
        row("GetItem 300 B, fresh instance ÷ SDK", 0.90, Some(0.75), false, &|wire| {
            self.ratio(wire, get, Path::Fresh, Path::Sdk)
        });
        row("Query 100 KB, warm, `typed` ÷ SDK", 0.50, Some(0.40), false, &|wire| {
            self.ratio(wire, Case::Query, Path::Typed, Path::Sdk)
        });
        row("Query 100 KB, warm, `plain` ÷ SDK", 0.90, Some(0.60), false, &|wire| {
            self.ratio(wire, Case::Query, Path::Plain, Path::Sdk)
        });
        row("throughput at 64 callers, `typed` ÷ SDK", 1.5, None, true, &|wire| {
            self.rate_ratio(wire, 64)
        });
        row("processor time of a GetItem, `typed` ÷ SDK", 0.65, None, false, &|wire| {
            self.cpu_ratio(wire)
        });
        self.plain_goals(&mut rows);
        rows
    }

    /// The goals that are no comparison of paths.
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
            writeln!(rows, "| `execute --local FILE`, start to exit ÷ AWS CLI | must ≤ 0.10, stretch ≤ 25 ms | {found} | | {verdict} |")
                .expect(TEXT);
        }
        let Memory { instance, idle } = self.memory;
        let kb = instance as f64 / 1e3;
        writeln!(
            rows,
            "| memory for each further warm instance | must ≤ 600 KB, stretch ≤ 300 KB | {kb:.0} KB | | {} |",
            verdict(kb <= 600.0, kb <= 300.0)
        )
        .expect(TEXT);
        let mb = idle as f64 / 1e6;
        writeln!(
            rows,
            "| {IDLE} configured, idle datasources | must ≤ 60 MB | {mb:.0} MB | | {} |",
            verdict(mb <= 60.0, false)
        )
        .expect(TEXT);
        let beside = |format| {
            let points = self
                .growth
                .iter()
                .filter(|point| point.format == format && point.bytes >= 1_000_000);
            points
                .map(|point| (point.peak as f64 - point.bytes as f64) / point.bytes as f64)
                .fold(0.0, f64::max)
        };
        for (name, format) in [("relay", Format::Relay), ("typed", Format::Typed)] {
            let copies = beside(format);
            writeln!(
                rows,
                "| `{name}`: most memory beside the answer, 1 to 16 MB | must ≤ 1.5 copies | {copies:.2} | | {} |",
                verdict(copies <= 1.5, false)
            )
            .expect(TEXT);
        }
    }

    fn latencies(&self) -> String {
        let mut text = String::new();
        for wire in Wire::ALL {
            writeln!(text, "### One caller, {}\n", wire.title()).expect(TEXT);
            text.push_str(
                "| | path | p50 µs | p99 µs | ÷ SDK | ÷ bare | processor µs | allocations |\n|---|---|---|---|---|---|---|---|\n",
            );
            for case in Case::ALL {
                if !self.runs[0].latency.iter().any(|entry| (entry.0, entry.1) == (wire, case)) {
                    continue;
                }
                for path in Path::ALL {
                    let of = |value: fn(&latency::Sample) -> f64| {
                        self.median(|run| value(run.latency(wire, case, path)))
                    };
                    writeln!(
                        text,
                        "| {} | {} | {:.0} | {:.0} | {:.2} | {:.2} | {:.0} | {:.0} |",
                        case.title(),
                        path.title(),
                        of(|sample| micros(sample.p50)),
                        of(|sample| micros(sample.p99)),
                        self.ratio(wire, case, path, Path::Sdk),
                        self.ratio(wire, case, path, Path::Bare),
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

    fn crowds(&self) -> String {
        let mut text = String::from("### Many callers, GetItem 300 B\n\n");
        text.push_str("| | callers | path | calls/s | ÷ SDK | p99 µs | processor µs | memory KB |\n|---|---|---|---|---|---|---|---|\n");
        for wire in [Wire::Http, Wire::Tls] {
            for callers in CALLERS {
                for path in Path::ALL {
                    let of = |value: fn(&throughput::Sample) -> f64| {
                        self.median(|run| value(run.crowd(wire, callers, path)))
                    };
                    let ratio = self.median(|run| {
                        run.crowd(wire, callers, path).rate
                            / run.crowd(wire, callers, Path::Sdk).rate
                    });
                    let (rate, p99) = (of(|sample| sample.rate), of(|sample| micros(sample.p99)));
                    let processor = of(|sample| micros(sample.processor));
                    let memory = of(|sample| sample.memory as f64 / 1e3);
                    let (wire, path) = (wire.title(), path.title());
                    writeln!(text, "| {wire} | {callers} | {path} | {rate:.0} | {ratio:.2} | {p99:.0} | {processor:.0} | {memory:.0} |")
                        .expect(TEXT);
                }
            }
        }
        text
    }

    fn growth_table(&self) -> String {
        let mut text = String::from("### As the answer grows (`Scan`, HTTP)\n\n");
        text.push_str("| answer | format | p50 µs | ns for each byte | most memory, in answers |\n|---|---|---|---|---|\n");
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

    fn others(&self) -> String {
        let mut text = String::from(
            "### Other languages, HTTP, one caller\n\n| | path | p50 µs | × the sandbox, `typed` |\n|---|---|---|---|\n",
        );
        for foreign in &self.foreign {
            for (case, p50) in &foreign.p50 {
                let times = micros(*p50) / self.p50(Wire::Http, *case, Path::Typed);
                writeln!(
                    text,
                    "| {} | {} | {:.0} | {times:.1} |",
                    case.title(),
                    foreign.name,
                    micros(*p50)
                )
                .expect(TEXT);
            }
            if foreign.p50.is_empty() {
                writeln!(text, "| | {} | not installed: `make servers` | |", foreign.name)
                    .expect(TEXT);
            }
        }
        text
    }
}

const TEXT: &str = "writing to a text cannot fail";

/// The name of a format, for tables.
pub fn name(format: Format) -> &'static str {
    match format {
        Format::Relay => "relay",
        Format::Typed => "typed",
        Format::Plain => "plain",
    }
}

/// Microseconds.
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
