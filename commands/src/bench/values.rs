//! How the options of `lpctl bench` are written.

use std::{path::Path, time::Duration};

use engine::{
    bench::capacity::{Counts, MOST_SESSIONS},
    media::ladder::Ladder,
};

use crate::failure::{Failure, Kind};

/// Longest time that can be given.
const LONGEST: Duration = Duration::from_secs(60);
/// A ladder's file is not larger.
const LADDER_BYTES: u64 = 1 << 20;

/// `1.5s`, `300ms`, `0`, at most a minute; without a unit seconds.
pub fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || {
        format!(
            "`{text}` is not a time like 1.5s or 300ms, at most {} s",
            LONGEST.as_secs()
        )
    };
    let (number, micros) = match (text.strip_suffix("ms"), text.strip_suffix('s')) {
        (Some(number), _) => (number, 1000),
        (None, Some(number)) => (number, 1_000_000),
        (None, None) => (text, 1_000_000),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let digits =
        |part: &str, most| (1..=most).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole, 5) || !digits(fraction, 3) {
        return Err(wrong());
    }
    // Thousandths of the unit.
    let parts: u64 = format!("{whole}{fraction:0<3}").parse().map_err(|_| wrong())?;
    let time = Duration::from_micros(parts * micros / 1000);
    (time <= LONGEST).then_some(time).ok_or_else(wrong)
}

/// `auto`, or numbers like `1,2,4,8`.
pub fn counts(text: &str) -> Result<Counts, String> {
    if text == "auto" {
        return Ok(Counts::Auto);
    }
    let wrong =
        || format!("`{text}` is neither auto nor a list like 1,2,4 of numbers from 1 to {MOST_SESSIONS}");
    let counts = text.split(',').map(|number| {
        let count = number.trim().parse().ok();
        count
            .filter(|count| (1..=MOST_SESSIONS).contains(count))
            .ok_or_else(wrong)
    });
    let counts = counts.collect::<Result<Vec<u32>, _>>()?;
    match counts.len() {
        1..=32 => Ok(Counts::These(counts)),
        _ => Err(wrong()),
    }
}

/// A ladder as it is written everywhere, or the name of a file with one in JSON.
///
/// # Errors
/// A usage failure.
pub fn ladder(text: &str) -> Result<Ladder, Failure> {
    let bad = |what: String| {
        Failure::new(Kind::Usage, "bad_ladder", what).hint(
            "give presets, WIDTHxHEIGHT@BITRATE[@FPS], JSON, or a file with JSON; `--help` shows examples",
        )
    };
    let path = Path::new(text);
    let is_file = path.extension().is_some_and(|ending| ending == "json");
    if !is_file {
        return Ladder::parse(text).map_err(|error| bad(error.to_string()));
    }
    let read = || {
        let size = std::fs::metadata(path)?.len();
        if size > LADDER_BYTES {
            return Err(std::io::Error::other("larger than 1 MiB"));
        }
        std::fs::read_to_string(path)
    };
    let written = read().map_err(|error| bad(format!("{}: {error}", path.display())))?;
    let ladder = match written.trim_start().starts_with('[') {
        true => Ladder::parse(&written),
        false => {
            return Err(bad(format!(
                "{}: it holds no JSON array of profiles",
                path.display()
            )));
        }
    };
    ladder.map_err(|error| {
        let error = crate::run::failure::with_cause(&error);
        bad(format!("{}: {error}", path.display()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        let millis = |text| duration(text).map(|time| time.as_millis());
        assert_eq!(millis("1.5s"), Ok(1500));
        assert_eq!(millis("300ms"), Ok(300));
        assert_eq!(millis("2"), Ok(2000));
        assert_eq!(millis("0"), Ok(0));
        assert_eq!(duration("0.5ms"), Ok(Duration::from_micros(500)));
        assert_eq!(millis("60s"), Ok(60_000));
        for bad in [
            "",
            "s",
            "-1s",
            "61",
            "1e1",
            "1.s",
            ".5s",
            "1 s",
            "1m",
            "99999999s",
            "1.2345s",
        ] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn session_counts_are_a_list_or_found_out() {
        assert_eq!(counts("auto"), Ok(Counts::Auto));
        assert_eq!(counts("1, 2,8"), Ok(Counts::These(vec![1, 2, 8])));
        for bad in ["", "0", "513", "1,,2", "a", "-1", "Auto"] {
            assert!(counts(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_ladder_may_be_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ladder.json");
        std::fs::write(
            &path,
            r#"[{"name":"a","width":256,"height":144,"bitrate":1000,"gop":"1"}]"#,
        )
        .unwrap();
        assert_eq!(ladder(path.to_str().unwrap()).unwrap().profiles()[0].name, "a");
        assert_eq!(ladder("P144p30fps16x9").unwrap().profiles().len(), 1);
        std::fs::write(&path, "P144p30fps16x9").unwrap();
        for bad in [path.to_str().unwrap(), "nothing.json", "P1p"] {
            assert_eq!(ladder(bad).unwrap_err().kind, Kind::Usage, "{bad}");
        }
    }
}
