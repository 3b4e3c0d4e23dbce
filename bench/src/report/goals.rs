//! The goals, and whether they are met.

use crate::cases::Case;
use crate::clients::{ClientKind, Format, Transport};
use crate::constants::IDLE_DATASOURCES;
use crate::memory::Memory;
use crate::programs::Startup;
use crate::report::figure::Figure;
use crate::report::results::{Run, micros};
use crate::report::{Report, TEXT};
use crate::serve::{Peak, Program};
use std::fmt::Write;
use std::time::Duration;

/// One row of the table.
struct Goal {
    what: String,
    unit: &'static str,
    decimals: usize,
    /// What must be reached. `None`: the figure is only reported.
    must: Option<f64>,
    stretch: Option<f64>,
    at_least: bool,
    figure: Option<Figure>,
    /// More about the figure.
    detail: String,
}

/// The number of connections and of callers that the goals are about.
const MANY: u32 = 64;
const MOST: u32 = 512;

impl Report {
    /// Returns the table of goals.
    pub(super) fn goals(&self) -> String {
        let mut text = String::from("### Goals\n\n| | goal | measured | |\n|---|---|---|---|\n");
        let goals = [self.library_goals(), self.server_goals(), self.memory_goals()];
        for goal in goals.into_iter().flatten() {
            text.push_str(&goal.row());
        }
        text.push_str(&self.startup_row());
        text
    }

    /// Goals of the library, for one caller and for many.
    fn library_goals(&self) -> Vec<Goal> {
        let processor =
            |case, kind| self.runs.figure(|run| run.processor(Transport::Http, case, kind));
        let to_sdk = |case, kind| {
            self.runs.figure(|run| {
                let of = |kind| run.processor(Transport::Http, case, kind);
                Some(of(kind)? / of(ClientKind::Sdk)?)
            })
        };
        let many = |kind| {
            move |run: &Run| {
                run.throughput(Transport::Http, MANY, kind).map(|sample| micros(sample.processor))
            }
        };
        let fresh = self.runs.figure(|run| {
            let rate = |kind| Some(run.throughput(Transport::Http, MANY, kind)?.rate);
            Some(rate(ClientKind::Fresh)? / rate(ClientKind::Sdk)?)
        });
        let (get, query, write) = (Case::GetItem, Case::Query, Case::BatchWrite);
        let (relay, typed, plain) = (ClientKind::Relay, ClientKind::Typed, ClientKind::Plain);
        vec![
            Goal::at_most("GetItem 300 B, one caller, warm `typed`", 68.0, processor(get, typed))
                .stretch(62.0),
            Goal::at_most(
                "GetItem 300 B, one caller, fresh",
                120.0,
                processor(get, ClientKind::Fresh),
            ),
            Goal::reported("the same, bare hyper", processor(get, ClientKind::Bare)),
            Goal::reported("the same, SDK", processor(get, ClientKind::Sdk)),
            Goal::at_most(
                "GetItem 300 B, 64 callers, warm `typed`",
                58.0,
                self.runs.figure(many(typed)),
            ),
            Goal::ratio("BatchWriteItem 400 KB, `relay` ÷ SDK", 0.55, to_sdk(write, relay)),
            Goal::ratio("BatchWriteItem 400 KB, `typed` ÷ SDK", 0.75, to_sdk(write, typed)),
            Goal::at_most("Query 100 KB, `relay`", 125.0, processor(query, relay)),
            Goal::at_most("Query 100 KB, `typed`", 290.0, processor(query, typed)),
            Goal::ratio("Query 100 KB, `typed` ÷ SDK", 0.15, to_sdk(query, typed)),
            Goal::at_most("Query 100 KB, `plain`", 575.0, processor(query, plain)),
            Goal::ratio("Query 100 KB, `plain` ÷ SDK", 0.30, to_sdk(query, plain)),
            Goal::ratio("calls/s with fresh instances, 64 callers ÷ SDK", 1.2, fresh).at_least(),
        ]
    }

    /// Goals of `portcullis serve` with 64 connections over HTTP.
    fn server_goals(&self) -> Vec<Goal> {
        let processor = |run: &Run, program| run.load_processor(program, Transport::Http, MANY);
        let mut goals = Vec::new();
        for (server, library) in
            [(Program::ServeWire, Program::Relay), (Program::ServeJson, Program::Typed)]
        {
            let more =
                self.runs.figure(|run| Some(processor(run, server)? - processor(run, library)?));
            let [of_server, of_library] =
                [server, library].map(|program| self.runs.median(|run| processor(run, program)));
            let what =
                format!("GetItem 300 B, 64 connections, {} − {}", server.title(), library.title());
            let goal = Goal::at_most(&what, 25.0, more).stretch(18.0);
            goals.push(goal.detail(format!("medians {of_server:.0} and {of_library:.0}")));
        }
        for server in [Program::ServeWire, Program::ServeJson] {
            let ratio = self
                .runs
                .figure(|run| Some(processor(run, server)? / processor(run, Program::Nginx)?));
            let what = format!("the same, {} ÷ nginx", server.title());
            goals.push(Goal { decimals: 2, ..Goal::reported(&what, ratio) }.in_unit(""));
        }
        for server in [Program::ServeWire, Program::ServeJson] {
            let spread = self.runs.figure(|run| {
                let sample = &run.load(server, Transport::Http, MANY)?.sample;
                Some(sample.p99.as_secs_f64() / sample.p50.as_secs_f64())
            });
            let what = format!("p99 ÷ p50, 64 connections, {}", server.title());
            goals.push(Goal::ratio(&what, 1.8, spread));
        }
        goals
    }

    /// Goals about memory.
    fn memory_goals(&self) -> Vec<Goal> {
        let mut goals = Vec::new();
        let more = |run: &Run, program| {
            let load = run.load(program, Transport::Http, MOST)?;
            Some(load.memory as f64 - run.memory_before(program, Transport::Http)?)
        };
        for program in [Program::Relay, Program::Typed] {
            let ratio =
                self.runs.figure(|run| Some(more(run, program)? / more(run, Program::Sdk)?));
            let [ours, sdk] = [program, Program::Sdk]
                .map(|program| self.runs.median(|run| more(run, program)) / 1e6);
            let what = format!("anonymous memory of 512 callers, {} ÷ SDK", program.title());
            goals.push(
                Goal::ratio(&what, 2.0, ratio).detail(format!("medians {ours:.1} and {sdk:.1} MB")),
            );
        }
        let what = "anonymous memory of `serve` 90 s after a peak of large calls ÷ before";
        let (ratio, detail) = match self.peak {
            None => (None, "`target/debug/portcullis` is not built".to_string()),
            Some(Peak { before, after, peak, .. }) => {
                let [before, after, peak] = [before, after, peak].map(|bytes| bytes as f64 / 1e6);
                let detail = format!("{after:.1} MB ÷ {before:.1} MB, {peak:.0} MB at the peak");
                (Figure::of([after / before]), detail)
            }
        };
        goals.push(Goal::ratio(what, 1.2, ratio).detail(detail));
        let Memory { instance, idle } = self.memory;
        let what = "memory of each additional warm instance";
        goals.push(
            Goal::at_most(what, 600.0, Figure::of([instance as f64 / 1e3]))
                .stretch(300.0)
                .in_unit(" KB"),
        );
        let what = format!("{IDLE_DATASOURCES} configured, idle datasources");
        goals.push(Goal::at_most(&what, 60.0, Figure::of([idle as f64 / 1e6])).in_unit(" MB"));
        for (name, format) in [("relay", Format::Relay), ("typed", Format::Typed)] {
            let points = self
                .growth
                .iter()
                .filter(|point| point.format == format && point.bytes >= 1_000_000);
            let copies = points
                .map(|point| (point.peak as f64 - point.bytes as f64) / point.bytes as f64)
                .reduce(f64::max);
            let what = format!("`{name}`: peak memory in addition to the response, 1 to 16 MB");
            goals.push(Goal::ratio(&what, 1.5, Figure::of(copies)).in_unit(" copies"));
        }
        goals
    }

    /// The row about the time that a command takes. It has two goals of different kinds.
    fn startup_row(&self) -> String {
        let Some(Startup { ours, aws }) = self.startup else { return String::new() };
        let ratio = aws.map(|aws| ours.as_secs_f64() / aws.as_secs_f64());
        let found = match (ratio, aws) {
            (Some(ratio), Some(aws)) => format!("{ratio:.3} ({} ÷ {})", ms(ours), ms(aws)),
            _ => format!("{}; the AWS CLI is not installed: `make servers`", ms(ours)),
        };
        let verdict = match (ratio, ours <= Duration::from_millis(25)) {
            (None, _) => "",
            (Some(..=0.1), true) => "met, stretch too",
            (Some(..=0.1), false) => "met",
            (Some(_), _) => "**missed**",
        };
        format!(
            "| `execute --local FILE`, start to exit ÷ AWS CLI | must ≤ 0.10, stretch ≤ 25 ms \
             | {found} | {verdict} |\n"
        )
    }
}

impl Goal {
    /// A figure that must not be exceeded, in microseconds.
    fn at_most(what: &str, must: f64, figure: Option<Figure>) -> Self {
        Self { must: Some(must), ..Self::reported(what, figure) }
    }

    /// A ratio that must not be exceeded.
    fn ratio(what: &str, must: f64, figure: Option<Figure>) -> Self {
        Self { unit: "", decimals: 2, ..Self::at_most(what, must, figure) }
    }

    /// A figure in microseconds without a goal.
    fn reported(what: &str, figure: Option<Figure>) -> Self {
        let (must, stretch, detail) = (None, None, String::new());
        let what = what.to_string();
        Self { what, unit: " µs", decimals: 0, must, stretch, at_least: false, figure, detail }
    }

    fn stretch(self, stretch: f64) -> Self {
        Self { stretch: Some(stretch), ..self }
    }

    fn in_unit(self, unit: &'static str) -> Self {
        Self { unit, ..self }
    }

    fn at_least(self) -> Self {
        Self { at_least: true, ..self }
    }

    fn detail(self, detail: String) -> Self {
        Self { detail, ..self }
    }

    fn row(&self) -> String {
        let Self { what, unit, decimals, .. } = self;
        let sign = if self.at_least { "≥" } else { "≤" };
        let mut goal = self.must.map_or("report only".to_string(), |must| {
            format!("must {sign} {must:.decimals$}{unit}")
        });
        if let Some(stretch) = self.stretch {
            write!(goal, ", stretch {sign} {stretch:.decimals$}{unit}").expect(TEXT);
        }
        let mut found = self.figure.map_or(String::new(), |figure| figure.text(*decimals) + unit);
        if !self.detail.is_empty() {
            let mark = if found.is_empty() { "" } else { ": " };
            write!(found, "{mark}{}", self.detail).expect(TEXT);
        }
        if found.is_empty() {
            found.push('–');
        }
        format!("| {what} | {goal} | {found} | {} |\n", self.verdict())
    }

    /// Says whether the goal is met, and if not, by how much it is missed.
    fn verdict(&self) -> String {
        let (Some(figure), Some(must)) = (self.figure, self.must) else { return String::new() };
        let Self { unit, decimals, .. } = self;
        let holds = |goal: f64| {
            if self.at_least { figure.median >= goal } else { figure.median <= goal }
        };
        if self.stretch.is_some_and(holds) {
            return "met, stretch too".to_string();
        }
        if holds(must) {
            return "met".to_string();
        }
        let by = (figure.median - must).abs();
        format!("**missed** by {by:.decimals$}{unit} ({:.0} %)", by / must * 100.0)
    }
}

fn ms(time: Duration) -> String {
    format!("{:.0} ms", time.as_secs_f64() * 1e3)
}
