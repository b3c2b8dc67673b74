//! Figures the way people read them: every one with its unit, digits grouped by thin spaces.

use std::{fmt::Display, time::Duration};

use jiff::{Timestamp, tz::TimeZone};

/// Groups the digits of a count by thin spaces.
#[must_use]
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len());
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            grouped.push('\u{2009}');
        }
        grouped.push(digit);
    }
    grouped
}

/// `1 session`, `2 sessions`.
#[must_use]
pub fn counted(number: u64, noun: &str) -> String {
    if number == 1 {
        format!("1 {noun}")
    } else {
        format!("{} {noun}s", count(number))
    }
}

/// Milliseconds of waiting: `612 ms`, `1.4 s`, `23 s`.
#[must_use]
pub fn latency(milliseconds: u32) -> String {
    match milliseconds {
        0..1_000 => format!("{milliseconds} ms"),
        1_000..10_000 => format!("{}.{} s", milliseconds / 1_000, milliseconds % 1_000 / 100),
        _ => format!("{} s", milliseconds / 1_000),
    }
}

/// A span of time in its two largest units: `12 s`, `4 min 5 s`, `7 h 52 min`, `3 d 2 h`.
#[must_use]
pub fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..600 if !seconds.is_multiple_of(60) => format!("{minutes} min {} s", seconds % 60),
        60..3_600 => format!("{minutes} min"),
        3_600..86_400 if !minutes.is_multiple_of(60) => format!("{hours} h {} min", minutes % 60),
        3_600..86_400 => format!("{hours} h"),
        _ if !hours.is_multiple_of(24) => format!("{days} d {} h", hours % 24),
        _ => format!("{days} d"),
    }
}

/// The age at which [`span`] next reads differently.
#[must_use]
pub fn next_span(age: Duration) -> Duration {
    let seconds = age.as_secs();
    let step = match seconds {
        0..600 => 1,
        600..86_400 => 60,
        _ => 3_600,
    };
    Duration::from_secs((seconds / step + 1).saturating_mul(step))
}

/// From `earlier` to `later`; nothing if the clocks disagree.
#[must_use]
pub fn between(earlier: Timestamp, later: Timestamp) -> Duration {
    Duration::try_from(later.duration_since(earlier)).unwrap_or_default()
}

/// The time of day, like `12:41:07`.
#[must_use]
pub fn clock(time: Timestamp, zone: &TimeZone) -> String {
    let zoned = time.to_zoned(zone.clone());
    format!("{:02}:{:02}:{:02}", zoned.hour(), zoned.minute(), zoned.second())
}

/// Day and time of day, like `14 Mar 12:41:07`.
#[must_use]
pub fn day_and_clock(time: Timestamp, zone: &TimeZone) -> String {
    let zoned = time.to_zoned(zone.clone());
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let month = usize::try_from(zoned.month() - 1)
        .ok()
        .and_then(|month| MONTHS.get(month))
        .unwrap_or(&"");
    format!("{} {month} {}", zoned.day(), clock(time, zone))
}

/// Bytes in decimal units: `812 MB`, `7.1 GB`.
#[must_use]
pub fn bytes(number: u64) -> String {
    scaled(number, &["B", "kB", "MB", "GB", "TB", "PB", "EB"])
}

/// Pixels: `210 Mpx`.
#[must_use]
pub fn pixels(number: u64) -> String {
    scaled(number, &["px", "kpx", "Mpx", "Gpx", "Tpx", "Ppx", "Epx"])
}

/// Bits per second: `2.5 Mbit/s`.
#[must_use]
pub fn bitrate(bits: u32) -> String {
    scaled(u64::from(bits), &["bit/s", "kbit/s", "Mbit/s", "Gbit/s"])
}

/// Two numbers of the same unit: `7.1 of 24 GB`.
#[must_use]
pub fn part_of(part: u64, whole: u64) -> String {
    let mut step = 1u64;
    let mut unit = "B";
    for (index, name) in ["kB", "MB", "GB", "TB"].iter().enumerate() {
        let next = 1_000u64.pow(u32::try_from(index).unwrap_or(0) + 1);
        if whole >= next {
            (step, unit) = (next, name);
        }
    }
    format!("{} of {} {unit}", tenths(part, step), tenths(whole, step))
}

fn scaled(number: u64, units: &[&str]) -> String {
    let mut step = 1u64;
    let mut unit = 0;
    while number / step >= 1_000 && unit + 1 < units.len() {
        step = step.saturating_mul(1_000);
        unit += 1;
    }
    format!("{} {}", tenths(number, step), units[unit])
}

/// `number / step` with one digit after the point below ten, rounded down; none for whole units.
fn tenths(number: u64, step: u64) -> String {
    let whole = number / step;
    let tenth = number % step / (step / 10).max(1);
    if whole >= 100 || step == 1 || tenth == 0 {
        whole.to_string()
    } else {
        format!("{whole}.{tenth}")
    }
}

/// Thousandths as a factor: `3.1×`.
#[must_use]
pub fn factor(permille: u64) -> String {
    match permille {
        0..1_000 => format!("{}.{:02}×", permille / 1_000, permille % 1_000 / 10),
        1_000..100_000 => format!("{}.{}×", permille / 1_000, permille % 1_000 / 100),
        _ => format!("{}×", count(permille / 1_000)),
    }
}

/// A rate with one digit after the point below a hundred.
#[must_use]
pub fn rate(per_second: f64) -> String {
    if per_second < 100.0 {
        format!("{per_second:.1}")
    } else {
        format!("{per_second:.0}")
    }
}

/// How many of all went well, rounded down so that 100 % means all: `99.98 % ok`.
#[must_use]
pub fn share_ok(done: u64, failed: u64) -> Option<String> {
    let all = u128::from(done) + u128::from(failed);
    let hundredths = (u128::from(done) * 10_000).checked_div(all)?;
    Some(match (hundredths / 100, hundredths % 100) {
        (whole, 0) => format!("{whole} % ok"),
        (whole, rest) => format!("{whole}.{rest:02} % ok"),
    })
}

/// An address as screens show it: `0x7099…79C8`.
#[must_use]
pub fn address(address: &impl Display) -> String {
    let whole = address.to_string();
    match (whole.get(..6), whole.get(whole.len().saturating_sub(4)..)) {
        (Some(head), Some(tail)) if whole.len() > 12 => format!("{head}…{tail}"),
        _ => whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_show_their_two_largest_units() {
        for (seconds, shown) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (245, "4 min 5 s"),
            (600, "10 min"),
            (28_320, "7 h 52 min"),
            (7_200, "2 h"),
            (266_400, "3 d 2 h"),
            (172_800, "2 d"),
        ] {
            assert_eq!(span(Duration::from_secs(seconds)), shown);
        }
    }

    #[test]
    fn an_age_reads_the_same_until_its_next_change() {
        for seconds in [
            0, 1, 59, 60, 245, 599, 600, 601, 3_599, 28_321, 86_399, 86_400, 266_400,
        ] {
            let age = Duration::from_secs(seconds);
            let next = next_span(age);
            assert_ne!(span(next), span(age), "{seconds}");
            assert_eq!(span(next - Duration::from_millis(1)), span(age), "{seconds}");
        }
    }

    #[test]
    fn figures_carry_their_unit() {
        assert_eq!(latency(612), "612 ms");
        assert_eq!(latency(1_449), "1.4 s");
        assert_eq!(latency(23_900), "23 s");
        assert_eq!(bytes(7_130_000_000), "7.1 GB");
        assert_eq!(bytes(999), "999 B");
        assert_eq!(part_of(7_130_000_000, 24_000_000_000), "7.1 of 24 GB");
        assert_eq!(part_of(0, 0), "0 of 0 B");
        assert_eq!(pixels(210_400_000), "210 Mpx");
        assert_eq!(bitrate(2_500_000), "2.5 Mbit/s");
        assert_eq!(factor(3_149), "3.1×");
        assert_eq!(factor(640), "0.64×");
        assert_eq!(count(18_993_201), "18\u{2009}993\u{2009}201");
        assert_eq!(bytes(u64::MAX), "18.4 EB");
    }

    #[test]
    fn one_failure_is_never_rounded_away() {
        assert_eq!(share_ok(999_999, 1).unwrap(), "99.99 % ok");
        assert_eq!(share_ok(5, 0).unwrap(), "100 % ok");
        assert_eq!(share_ok(0, 0), None);
    }

    #[test]
    fn addresses_are_shortened() {
        assert_eq!(
            address(&"0x70997970C51812dc3A010C7d01b50e0d17dc79C8"),
            "0x7099…79C8"
        );
    }
}
