//! Latency for each number of sessions as bars that fit into 80 columns.

use engine::view::bench::{BenchReport, Spread};

use crate::shell::Style;

/// Cells of the longest bar.
const WIDTH: usize = 46;

/// One bar for each run and side: dark up to the median, light up to the 90th percentile. Empty without latencies.
pub fn latency(report: &BenchReport, style: &Style) -> String {
    let mut bars: Vec<(String, Spread)> = Vec::new();
    for run in &report.runs {
        let mut add = |side: &str, spread: Option<Spread>| {
            bars.extend(spread.map(|spread| (format!("{:>3} {side}", run.sessions), spread)));
        };
        let has_bare = run.bare.is_some();
        add(if has_bare { "lpctl" } else { "" }, run.engine.latency_ms);
        add("bare", run.bare.as_ref().and_then(|bare| bare.latency_ms));
    }
    let longest = bars.iter().map(|(_, spread)| spread.p90).fold(0.0, f64::max);
    if longest <= 0.0 {
        return String::new();
    }
    let (dark, light) = if style.unicode { ('█', '░') } else { ('#', '.') };
    let label = bars
        .iter()
        .map(|(label, _)| label.trim_end().len())
        .max()
        .unwrap_or(0);
    let mut lines = vec![format!(
        "latency by sessions, in ms: {dark} half of the segments, {light} nine in ten"
    )];
    for (name, spread) in &bars {
        let (half, most) = (cells(spread.median, longest), cells(spread.p90, longest));
        let bar: String = (0..most)
            .map(|cell| if cell < half { dark } else { light })
            .collect();
        let name = name.trim_end();
        lines.push(format!(
            "{name:<label$} {bar} {:.0}, {:.0}",
            spread.median, spread.p90
        ));
    }
    lines.join("\n")
}

/// At least one cell, so that every bar can be seen.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a part of a small width"
)]
fn cells(value: f64, longest: f64) -> usize {
    let cells = (value / longest * WIDTH as f64).round();
    cells.clamp(1.0, WIDTH as f64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::report::tests::report;

    #[test]
    fn bars_fit_a_terminal() {
        let chart = latency(&report(), &Style::plain());
        insta::assert_snapshot!(chart);
        assert!(chart.lines().all(|line| line.chars().count() <= 80), "{chart}");
        let ascii = Style {
            colour: false,
            unicode: false,
        };
        assert!(latency(&report(), &ascii).is_ascii());
    }

    #[test]
    fn nothing_measured_is_no_chart() {
        let mut nothing = report();
        nothing.runs.clear();
        assert_eq!(latency(&nothing, &Style::plain()), "");
    }
}
