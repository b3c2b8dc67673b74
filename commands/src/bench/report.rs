//! What was measured, for people.

use engine::view::bench::{BenchPace, BenchReport, Capacity, CapacityBasis, Figures};

use super::chart;
use crate::{
    shell::{Report, Style, escape, table},
    wording::counted,
};

impl Report for BenchReport {
    fn text(&self, style: &Style) -> String {
        let mut parts = vec![verdict(self, style), runs(self, style)];
        if self.settings.against.is_some() {
            parts.push(ratios(self));
        }
        parts.push(chart::latency(self, style));
        parts.push(notes(self, style));
        parts.retain(|part| !part.is_empty());
        parts.join("\n\n")
    }
}

/// The first lines answer the question.
fn verdict(report: &BenchReport, style: &Style) -> String {
    let first = match report.capacity {
        None => format!(
            "{} the runs do not tell how many sessions this machine carries",
            style.warn_mark()
        ),
        Some(Capacity { sessions: 0, .. }) => format!(
            "{} this machine carries not even one such session in real time",
            style.bad_mark()
        ),
        Some(Capacity { sessions, basis }) => {
            let sessions = counted(
                usize::try_from(sessions).unwrap_or(usize::MAX),
                "real-time session",
            );
            let mark = style.good_mark();
            match basis {
                CapacityBasis::Live => format!("{mark} this machine carries {sessions}"),
                CapacityBasis::LiveAtLeast => format!("{mark} this machine carries at least {sessions}"),
                CapacityBasis::Speed => format!(
                    "{mark} at this speed the machine would carry about {sessions}; `--live --sessions auto` measures it"
                ),
            }
        }
    };
    format!("{first}\n{}", origin(report))
}

fn origin(report: &BenchReport) -> String {
    let (input, settings) = (&report.input, &report.settings);
    let size = input.size.as_deref().unwrap_or("unknown size");
    let rungs: Vec<String> = settings.ladder.iter().map(|rung| escape(&rung.name)).collect();
    let pace = match settings.pace {
        BenchPace::FlatOut => "one after the other without pause".to_string(),
        BenchPace::Live { arrive_ms } => format!("live, each arriving over {} s", arrive_ms / 1000.0),
    };
    let threads = settings.encoder_threads.map_or_else(String::new, |threads| {
        format!(
            ", {} an encoder",
            counted(usize::try_from(threads).unwrap_or(usize::MAX), "thread")
        )
    });
    format!(
        "  {} ({size}), segments of {:.1} s, {pace}\n  to {}\n  preset {}{threads}, ffmpeg {}, {}",
        escape(&input.name),
        input.segment_ms / 1000.0,
        rungs.join(", "),
        settings.preset,
        escape(&report.ffmpeg),
        counted(report.cores, "core"),
    )
}

fn runs(report: &BenchReport, style: &Style) -> String {
    let mut rows = table();
    rows.set_header([
        "sessions", "segments", "failed", "median", "p90", "max", "frames/s", "speed", "warm", "",
    ]);
    for run in &report.runs {
        let figures = &run.engine;
        let [median, p90, max] = latency(figures);
        let verdict = match run.keeps_real_time {
            None => String::new(),
            Some(true) => style.good_mark(),
            Some(false) => style.bad_mark(),
        };
        rows.add_row([
            run.sessions.to_string(),
            figures.segments.to_string(),
            figures.failed.to_string(),
            median,
            p90,
            max,
            format!("{:.1}", figures.frames_per_second),
            format!("{:.2}x", figures.real_time_factor),
            figures
                .warm
                .map_or_else(String::new, |warm| format!("{:.0} %", warm * 100.0)),
            verdict,
        ]);
    }
    rows.trim_fmt()
}

fn latency(figures: &Figures) -> [String; 3] {
    let ms = |value: Option<f64>| value.map_or_else(|| "-".to_string(), |value| format!("{value:.0} ms"));
    let spread = figures.latency_ms;
    [
        ms(spread.map(|it| it.median)),
        ms(spread.map(|it| it.p90)),
        ms(spread.map(|it| it.max)),
    ]
}

fn ratios(report: &BenchReport) -> String {
    let mut rows = table();
    rows.set_header(["sessions", "", "lpctl", "bare ffmpeg", "ratio"]);
    let ratio = |ratio: Option<f64>| ratio.map_or_else(|| "-".to_string(), |ratio| format!("{ratio:.3}"));
    for run in &report.runs {
        let (Some(bare), Some(ratios)) = (&run.bare, run.ratio) else {
            continue;
        };
        let [ours, ..] = latency(&run.engine);
        let [theirs, ..] = latency(bare);
        let sessions = run.sessions.to_string();
        rows.add_row([
            &sessions,
            "median latency",
            &ours,
            &theirs,
            &ratio(ratios.latency),
        ]);
        let speed = |figures: &Figures| format!("{:.1}", figures.frames_per_second);
        let speeds = [speed(&run.engine), speed(bare)];
        rows.add_row([
            "",
            "frames/s",
            &speeds[0],
            &speeds[1],
            &ratio(ratios.frames_per_second),
        ]);
    }
    let mut text = rows.trim_fmt();
    if let Some(against) = &report.settings.against {
        text = format!(
            "{text}\n  bare: ffmpeg {}, {}",
            escape(&against.version),
            against.runs
        );
    }
    if let Some(same) = &report.comparison {
        text = format!(
            "{text}\n  equal among {} renditions: frames {}, time stamps {}, sizes {}, bytes {}",
            same.renditions, same.same_frames, same.same_timestamps, same.same_size, same.same_bytes
        );
    }
    text
}

fn notes(report: &BenchReport, style: &Style) -> String {
    let mut lines = Vec::new();
    for run in &report.runs {
        let sides = [Some(&run.engine), run.bare.as_ref()];
        for (reason, count) in sides.into_iter().flatten().flat_map(|side| &side.failures) {
            lines.push(format!(
                "{} with {}, {count} failed: {}",
                style.warn_mark(),
                counted(usize::try_from(run.sessions).unwrap_or(usize::MAX), "session"),
                escape(reason)
            ));
        }
    }
    if let Some(same) = &report.comparison {
        lines.extend(
            same.differences
                .iter()
                .map(|it| format!("{} {}", style.bad_mark(), escape(it))),
        );
    }
    if let Some(place) = &report.stored_in {
        lines.push(format!(
            "{} {} now, and `lpctl run` keeps to it",
            style.good_mark(),
            escape(place)
        ));
    }
    lines.join("\n")
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeMap;

    use engine::view::{
        bench::{BareFfmpeg, BenchInput, BenchRun, BenchSettings, Comparison, Ratio, Spread},
        node::Rung,
    };

    use super::*;

    fn figures(median: f64, warm: Option<f64>) -> Figures {
        Figures {
            segments: 16,
            failed: 0,
            failures: BTreeMap::new(),
            latency_ms: Some(Spread {
                min: median / 2.0,
                median,
                p90: median * 1.5,
                p99: median * 1.9,
                max: median * 2.0,
            }),
            frames_per_second: 88.24,
            real_time_factor: 2.94,
            warm,
        }
    }

    /// A report with everything in it.
    pub fn report() -> BenchReport {
        let run = |sessions: u32, keeps| BenchRun {
            sessions,
            engine: figures(310.0 * f64::from(sessions), Some(0.97)),
            bare: Some(figures(402.0 * f64::from(sessions), None)),
            ratio: Some(Ratio {
                latency: Some(0.771),
                frames_per_second: Some(1.103),
            }),
            keeps_real_time: keeps,
        };
        let mut failing = run(4, Some(false));
        failing.engine.failed = 2;
        failing.engine.failures.insert("OrchestratorBusy".into(), 2);
        BenchReport {
            version: "0.1.0".into(),
            cores: 2,
            ffmpeg: "5.1.9".into(),
            input: BenchInput {
                name: "clip\u{1b}.mp4".into(),
                segments: 8,
                segment_ms: 2000.0,
                bytes: 4_000_000,
                size: Some("1280x720".into()),
                frames: 480,
            },
            settings: BenchSettings {
                ladder: vec![Rung {
                    name: "P240p30fps16x9".into(),
                    width: 426,
                    height: 240,
                    fps: 30,
                    bitrate: 600_000,
                }],
                preset: "veryfast".into(),
                encoder_threads: Some(1),
                segments: 8,
                pace: BenchPace::Live { arrive_ms: 500.0 },
                gap_ms: 250.0,
                turn: 1,
                against: Some(BareFfmpeg {
                    version: "5.1.9".into(),
                    runs: "cold".into(),
                }),
            },
            runs: vec![run(1, Some(true)), run(2, Some(true)), failing],
            capacity: Some(Capacity {
                sessions: 2,
                basis: CapacityBasis::Live,
            }),
            comparison: Some(Comparison {
                renditions: 8,
                same_frames: 8,
                same_timestamps: 7,
                same_size: 8,
                same_bytes: 0,
                differences: vec!["segment 3, rendition 0: a frame at 2, not 3".into()],
            }),
            stored_in: Some("max_sessions of the defaults is 2".into()),
        }
    }

    #[test]
    fn a_report_with_everything_fits_a_terminal() {
        let text = report().text(&Style::plain());
        insta::assert_snapshot!(text);
        assert!(!text.contains('\u{1b}'));
    }

    #[test]
    fn the_first_line_says_how_many() {
        let first = |capacity| {
            let text = BenchReport { capacity, ..report() }.text(&Style::plain());
            text.lines().next().unwrap().to_string()
        };
        let capacity = |sessions, basis| Some(Capacity { sessions, basis });
        assert_eq!(
            first(capacity(1, CapacityBasis::LiveAtLeast)),
            "✓ this machine carries at least 1 real-time session"
        );
        assert!(first(capacity(0, CapacityBasis::Live)).contains("not even one"));
        assert!(first(capacity(3, CapacityBasis::Speed)).contains("about 3 real-time sessions"));
        assert!(first(None).contains("do not tell"));
    }
}
