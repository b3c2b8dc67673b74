//! Every segment as a line of a CSV file.

use std::fmt::Write as _;

use engine::bench::{Run, figures::Tally};

/// The column names.
const HEADER: &str = "side,sessions,session,segment,piece,playing_ms,latency_ms,frames,warm,failure\n";

/// The file's text.
pub fn text(runs: &[Run]) -> String {
    let mut text = HEADER.to_string();
    for run in runs {
        lines(&mut text, "engine", run.sessions, &run.engine);
        if let Some(bare) = &run.bare {
            lines(&mut text, "bare", run.sessions, bare);
        }
    }
    text
}

fn lines(text: &mut String, side: &str, sessions: u32, tally: &Tally) {
    for sample in &tally.samples {
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{side},{sessions},{},{},{},{},{}.{:03},{},{},{}",
            sample.session,
            sample.segment,
            sample.piece,
            sample.playing.as_millis(),
            sample.latency.as_millis(),
            sample.latency.as_micros() % 1000,
            sample.frames,
            sample.warm,
            sample.failure.as_deref().map(quoted).unwrap_or_default(),
        );
    }
}

/// A field in quotes, on one line.
fn quoted(text: &str) -> String {
    let text: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    format!("\"{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use engine::bench::load::{Sample, Turn};

    use super::*;

    #[test]
    fn every_segment_is_a_line() {
        let mut engine = Tally::default();
        let sample = Sample {
            session: 1,
            segment: 7,
            piece: 3,
            playing: Duration::from_secs(2),
            latency: Duration::from_micros(712_045),
            frames: 60,
            warm: true,
            failure: None,
            renditions: Vec::new(),
        };
        let failed = Sample {
            failure: Some("it said \"no\",\nand left".into()),
            ..sample.clone()
        };
        engine.add(Turn {
            samples: vec![sample, failed],
            wall: Duration::ZERO,
        });
        let run = Run {
            sessions: 2,
            engine,
            bare: Some(Tally::default()),
            keeps_real_time: None,
        };
        let text = text(&[run]);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[1], "engine,2,1,7,3,2000,712.045,60,true,");
        assert_eq!(
            lines[2],
            "engine,2,1,7,3,2000,712.045,60,true,\"it said \"\"no\"\", and left\""
        );
        assert_eq!(lines.len(), 3);
    }
}
