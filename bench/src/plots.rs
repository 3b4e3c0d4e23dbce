//! Draws the results as SVG plots.

use crate::cases::Case;
use crate::clients::{ClientKind, Format, Transport};
use crate::constants::CALLERS;
use crate::report::{Report, Run, micros};
use anyhow::{Result, anyhow};
use plotters::coord::CoordTranslate;
use plotters::coord::ranged1d::IntoSegmentedCoord;
use plotters::prelude::*;
use std::path::Path;

/// Writes all plots to a folder, and creates the folder if necessary.
pub fn draw(report: &Report, folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    processor(report, &folder.join("processor.svg"))?;
    throughput(report, &folder.join("throughput.svg"))?;
    growth(report, &folder.join("growth.svg"))
}

fn color(index: usize) -> RGBColor {
    const COLORS: [RGBColor; 6] = [
        RGBColor(120, 120, 120),
        RGBColor(86, 180, 233),
        RGBColor(0, 114, 178),
        RGBColor(0, 158, 115),
        RGBColor(230, 159, 0),
        RGBColor(213, 94, 0),
    ];
    COLORS[index % COLORS.len()]
}

/// Draws bars: the CPU time of each client, relative to the SDK's.
fn processor(report: &Report, file: &Path) -> Result<()> {
    let area = SVGBackend::new(file, (900, 420)).into_drawing_area();
    area.fill(&WHITE).map_err(broken)?;
    let cases = Case::ALL;
    let per_case = ClientKind::ALL.len() + 1;
    let share = |case, kind| {
        report.runs.median(|run| {
            let processor = |kind| run.processor(Transport::Http, case, kind);
            Some(processor(kind)? / processor(ClientKind::Sdk)?)
        })
    };
    let most = cases
        .iter()
        .flat_map(|case| ClientKind::ALL.map(|kind| share(*case, kind)))
        .fold(1.0, f64::max);
    let mut chart = ChartBuilder::on(&area)
        .caption(
            "CPU time of a call relative to aws-sdk-dynamodb: one caller, HTTP",
            ("sans-serif", 18),
        )
        .margin(12)
        .x_label_area_size(30)
        .y_label_area_size(45)
        .build_cartesian_2d((0..cases.len() * per_case).into_segmented(), 0.0..most * 1.25)
        .map_err(broken)?;
    let label = |value: &SegmentValue<usize>| match value {
        SegmentValue::CenterOf(at) if at % per_case == per_case / 2 => {
            cases.get(at / per_case).map_or("", |case| case.title()).to_string()
        }
        _ => String::new(),
    };
    chart
        .configure_mesh()
        .disable_x_mesh()
        .x_labels(cases.len() * per_case)
        .x_label_formatter(&label)
        .y_label_formatter(&|share| format!("{share:.1}"))
        .draw()
        .map_err(broken)?;
    for (index, kind) in ClientKind::ALL.into_iter().enumerate() {
        let bars = cases.iter().enumerate().map(|(number, case)| {
            let at = number * per_case + index;
            let corners =
                [(SegmentValue::Exact(at), 0.0), (SegmentValue::Exact(at + 1), share(*case, kind))];
            Rectangle::new(corners, color(index).filled())
        });
        chart
            .draw_series(bars)
            .map_err(broken)?
            .label(kind.title().replace('`', ""))
            .legend(move |at| swatch(at, index));
    }
    legend(&mut chart)?;
    area.present().map_err(broken)
}

/// Draws lines: calls per second by the number of callers.
fn throughput(report: &Report, file: &Path) -> Result<()> {
    let area = SVGBackend::new(file, (900, 420)).into_drawing_area();
    area.fill(&WHITE).map_err(broken)?;
    let rate = |callers: u32, kind: ClientKind| {
        let rate = |run: &Run| Some(run.throughput(Transport::Http, callers, kind)?.rate);
        report.runs.median(rate)
    };
    let most = CALLERS
        .iter()
        .flat_map(|callers| ClientKind::ALL.map(|kind| rate(*callers, kind)))
        .fold(1.0, f64::max);
    let mut chart = ChartBuilder::on(&area)
        .caption("Calls per second: GetItem, 300 B, HTTP", ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(60)
        .build_cartesian_2d((1u32..600).log_scale(), 0.0..most * 1.3)
        .map_err(broken)?;
    chart
        .configure_mesh()
        .x_desc("concurrent callers")
        .y_label_formatter(&|rate| format!("{rate:.0}"))
        .draw()
        .map_err(broken)?;
    for kind in ClientKind::ALL {
        let index = ClientKind::ALL.iter().position(|known| *known == kind).unwrap_or(0);
        let line = LineSeries::new(
            CALLERS.map(|callers| (callers, rate(callers, kind))),
            color(index).stroke_width(2),
        )
        .point_size(3);
        chart
            .draw_series(line)
            .map_err(broken)?
            .label(kind.title().replace('`', ""))
            .legend(move |at| swatch(at, index));
    }
    legend(&mut chart)?;
    area.present().map_err(broken)
}

/// Draws lines: latency by the size of the response.
fn growth(report: &Report, file: &Path) -> Result<()> {
    let area = SVGBackend::new(file, (900, 420)).into_drawing_area();
    area.fill(&WHITE).map_err(broken)?;
    let most = report.growth.iter().map(|point| micros(point.p50)).fold(1.0, f64::max);
    let mut chart = ChartBuilder::on(&area)
        .caption("Latency by the size of the response: Scan, HTTP", ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(70)
        .build_cartesian_2d((200f64..20e6).log_scale(), (50f64..most * 2.0).log_scale())
        .map_err(broken)?;
    chart
        .configure_mesh()
        .x_desc("bytes")
        .y_desc("µs")
        .x_label_formatter(&|bytes| format!("{bytes:.0}"))
        .y_label_formatter(&|micros| format!("{micros:.0}"))
        .draw()
        .map_err(broken)?;
    for (index, format) in [(1, Format::Relay), (2, Format::Typed), (3, Format::Plain)] {
        let points = report
            .growth
            .iter()
            .filter(|point| point.format == format)
            .map(|point| (point.bytes as f64, micros(point.p50)));
        let line = LineSeries::new(points, color(index).stroke_width(2)).point_size(3);
        chart
            .draw_series(line)
            .map_err(broken)?
            .label(format.title())
            .legend(move |at| swatch(at, index));
    }
    legend(&mut chart)?;
    area.present().map_err(broken)
}

/// Returns the coloured square before a name in the legend.
fn swatch((x, y): (i32, i32), index: usize) -> Rectangle<(i32, i32)> {
    Rectangle::new([(x, y - 5), (x + 12, y + 5)], color(index).filled())
}

fn legend<'a, DB: DrawingBackend + 'a, CT: CoordTranslate>(
    chart: &mut ChartContext<'a, DB, CT>,
) -> Result<()> {
    let mut labels = chart.configure_series_labels();
    labels
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK)
        .position(SeriesLabelPosition::UpperLeft)
        .draw()
        .map_err(broken)
}

fn broken(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow!("cannot draw a plot: {error}")
}
