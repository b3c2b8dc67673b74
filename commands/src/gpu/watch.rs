//! `lpctl gpu watch`: the devices, again and again.

use std::{fmt, time::Duration};

use clap::Args;
use engine::view::gpu::GpuList;
use jiff::{Zoned, tz::TimeZone};
use serde::Serialize;

use super::{DriverArgs, rig::Rig};
use crate::{
    context::Context,
    shell::{Report, Style},
};

/// Show the GPUs and the CPU live
///
/// On a terminal the table is drawn anew in its place; with --json each reading is an object on a line of its own.
/// Ctrl-C ends it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl gpu watch
  lpctl gpu watch --interval 0.5
  lpctl gpu watch --json --count 60 | jq -c '.devices[] | [.id, .encoder_percent]'")]
pub struct WatchArgs {
    /// Time between readings
    #[arg(long, value_name = "SECONDS", default_value = "2", value_parser = parse_interval)]
    interval: Duration,
    /// End after so many readings
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    #[command(flatten)]
    driver: DriverArgs,
}

/// From 0.1 seconds to an hour.
fn parse_interval(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text
        .parse()
        .map_err(|_| "write seconds, like 2 or 0.5".to_string())?;
    if (0.1..=3600.0).contains(&seconds) {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err("from 0.1 to 3600 seconds".to_string())
    }
}

/// A reading as a line or a picture.
#[derive(Serialize)]
struct Frame<'a> {
    #[serde(flatten)]
    list: &'a GpuList,
    #[serde(skip)]
    text: String,
}

impl fmt::Display for Frame<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Shows them.
///
/// # Errors
/// As `lpctl gpu list`.
pub async fn run(args: WatchArgs, context: &mut Context) -> eyre::Result<()> {
    let mut rig = Rig::new(&args.driver, context)?;
    let is_live = context.shell.is_terminal() && !context.shell.is_json();
    let mut ticks = tokio::time::interval(args.interval);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut drawn = 0;
    let mut left = args.count;
    while left != Some(0) {
        ticks.tick().await;
        let list = rig.read().await?;
        let text = picture(&list, &context.shell.out_style());
        if is_live {
            let width = crossterm::terminal::size().map_or(80, |(width, _)| width);
            context.shell.raw(in_place(&text, drawn).as_bytes())?;
            drawn = rows(&text, width);
        } else {
            context.shell.event(&Frame { list: &list, text })?;
        }
        left = left.map(|left| left - 1);
    }
    Ok(())
}

fn picture(list: &GpuList, style: &Style) -> String {
    let time = Zoned::new(list.time, TimeZone::system()).strftime("%H:%M:%S");
    format!("{}\n{}", style.dim(&time.to_string()), list.text(style))
}

/// The text over the last one, which took so many rows.
fn in_place(text: &str, rows: usize) -> String {
    let up = if rows > 0 {
        format!("\x1b[{rows}A\r\x1b[J")
    } else {
        String::new()
    };
    format!("{up}{text}\n")
}

/// Rows the text takes on a terminal of this width.
fn rows(text: &str, width: u16) -> usize {
    let width = usize::from(width.max(1));
    let of_line = |line: &str| cells_of(line).div_ceil(width).max(1);
    text.lines().map(of_line).sum()
}

/// Cells of a line: colour takes none. The rest of what is printed here is one cell a character.
fn cells_of(line: &str) -> usize {
    let mut cells = 0;
    let mut is_colour = false;
    for c in line.chars() {
        match c {
            '\x1b' => is_colour = true,
            'm' if is_colour => is_colour = false,
            _ if is_colour => {}
            _ => cells += 1,
        }
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_drawn_over_the_last_one() {
        assert_eq!(in_place("a", 0), "a\n");
        assert_eq!(in_place("a", 3), "\x1b[3A\r\x1b[Ja\n");
        let line = "\x1b[32mready\x1b[0m";
        assert_eq!(cells_of(line), 5);
        assert_eq!(rows(&format!("{line}\n\n{}", "x".repeat(21)), 10), 5);
    }

    #[test]
    fn an_interval_is_a_time_one_can_wait_for() {
        assert_eq!(parse_interval("0.5"), Ok(Duration::from_millis(500)));
        for bad in ["", "-1", "0", "nan", "inf", "4000", "1s"] {
            assert!(parse_interval(bad).is_err(), "{bad}");
        }
    }
}
