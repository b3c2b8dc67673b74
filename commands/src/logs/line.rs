//! A line of a log as facts: lpctl's own, human or JSON, go-livepeer's (`glog` with `clog`'s names,
//! `go-livepeer clog/clog.go`), with what journald and Docker put before or around them.

use std::collections::BTreeMap;

use engine::{
    config::LogLevel,
    node::{LogLine, LogQuery},
};
use jiff::{SignedDuration, Timestamp, civil::DateTime, tz::TimeZone};
use serde::Serialize;
use serde_json::Value;

/// Fields of one line at most.
const MOST_FIELDS: usize = 64;

/// Whose line it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    Lpctl,
    GoLivepeer,
    Unknown,
}

/// A line as facts. Texts are as they came: escape before drawing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    pub origin: Origin,
    pub time: Option<Timestamp>,
    pub level: Option<LogLevel>,
    pub target: Option<String>,
    pub message: String,
    pub segment: Option<String>,
    pub session: Option<String>,
    pub manifest: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, String>,
}

impl From<LogLine> for Line {
    fn from(line: LogLine) -> Self {
        Self {
            origin: Origin::Lpctl,
            time: Some(line.time),
            level: Some(line.level),
            target: Some(line.target),
            message: line.message,
            segment: line.segment,
            session: line.session,
            manifest: line.manifest,
            fields: line.fields,
        }
    }
}

impl Line {
    fn plain(text: &str) -> Self {
        Self {
            origin: Origin::Unknown,
            time: None,
            level: None,
            target: None,
            message: text.to_string(),
            segment: None,
            session: None,
            manifest: None,
            fields: BTreeMap::new(),
        }
    }

    /// Takes the names out of the fields that have places of their own.
    fn settle(mut self) -> Self {
        self.segment = self.fields.remove("segment");
        self.session = self.fields.remove("session");
        self.manifest = self.fields.remove("manifest");
        self
    }

    /// Whether it is what is asked for. A line without a level has any.
    pub fn fits(&self, query: &LogQuery) -> bool {
        let is = |wanted: &Option<String>, value: &Option<String>| {
            wanted
                .as_ref()
                .is_none_or(|wanted| value.as_ref() == Some(wanted))
        };
        let says = |text: &str| {
            self.message.contains(text)
                || self.target.as_ref().is_some_and(|target| target.contains(text))
                || self
                    .fields
                    .iter()
                    .any(|(name, value)| name == text || value.contains(text))
        };
        query
            .level
            .is_none_or(|least| self.level.is_none_or(|level| level <= least))
            && is(&query.session, &self.session)
            && is(&query.segment, &self.segment)
            && is(&query.manifest, &self.manifest)
            && query.text.as_deref().is_none_or(says)
    }
}

/// Reads a line, whatever it looks like. go-livepeer writes no year: `now` tells which one it is.
pub fn read(text: &str, now: Timestamp) -> Line {
    let text = without_colour(text);
    let text = text.trim_end();
    unwrapped(text, now, 0).unwrap_or_else(|| {
        // What a service manager puts before a line ends in a colon.
        text.match_indices(": ")
            .take(3)
            .find_map(|(at, _)| unwrapped(&text[at + 2..], now, 0))
            .unwrap_or_else(|| Line::plain(text))
    })
}

fn unwrapped(text: &str, now: Timestamp, depth: u8) -> Option<Line> {
    if text.starts_with('{') {
        let whole: Value = serde_json::from_str(text).ok()?;
        // journald's export, and Docker's log file.
        let inner = ["MESSAGE", "log"].iter().find_map(|name| whole[*name].as_str());
        return match inner {
            Some(inner) if depth == 0 => {
                let inner = inner.trim_end();
                Some(unwrapped(inner, now, 1).unwrap_or_else(|| Line::plain(inner)))
            }
            _ => own_json(&whole),
        };
    }
    own_human(text).or_else(|| go(text, now))
}

/// Without the sequences that colour it.
fn without_colour(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("\u{1b}[") {
        plain.push_str(&rest[..at]);
        let after = &rest[at + 2..];
        let end = after.find(|c: char| !(c.is_ascii_digit() || c == ';'));
        match end {
            Some(end) if after[end..].starts_with('m') => rest = &after[end + 1..],
            // Not a colour: kept, to be escaped.
            _ => {
                plain.push_str("\u{1b}[");
                rest = after;
            }
        }
    }
    plain.push_str(rest);
    plain
}

fn level_named(name: &str) -> Option<LogLevel> {
    name.to_ascii_lowercase().parse().ok()
}

fn own_json(whole: &Value) -> Option<Line> {
    let time = whole["timestamp"].as_str()?.parse().ok()?;
    let level = level_named(whole["level"].as_str()?)?;
    let mut fields = BTreeMap::new();
    let mut put = |object: &Value| {
        for (name, value) in object.as_object().into_iter().flatten().take(MOST_FIELDS) {
            let text = match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            fields.insert(name.clone(), text);
        }
    };
    for span in whole["spans"].as_array().into_iter().flatten().take(16) {
        put(span);
    }
    fields_of_spans(&mut put, whole);
    put(&whole["fields"]);
    // The span's own name is none of the event's.
    fields.remove("name");
    let message = fields.remove("message").unwrap_or_default();
    Some(
        Line {
            origin: Origin::Lpctl,
            time: Some(time),
            level: Some(level),
            target: whole["target"].as_str().map(str::to_string),
            message,
            fields,
            ..Line::plain("")
        }
        .settle(),
    )
}

fn fields_of_spans(put: &mut impl FnMut(&Value), whole: &Value) {
    if whole["spans"].is_null() {
        put(&whole["span"]);
    }
}

/// `TIME LEVEL span{name=value …}: message name=value …`
fn own_human(text: &str) -> Option<Line> {
    let (time, rest) = text.split_once(' ')?;
    let time: Timestamp = time.parse().ok()?;
    let (level, mut rest) = rest.trim_start().split_once(' ')?;
    let level = level_named(level)?;
    let mut fields = BTreeMap::new();
    // Spans stand before the message, each with a colon behind it.
    while let Some((head, _)) = rest.split_once('{') {
        let is_name = !head.is_empty()
            && head
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let Some(end) = rest.find("}:").filter(|_| is_name) else {
            break;
        };
        for (name, value) in pairs(&rest[head.len() + 1..end]).0 {
            fields.insert(name, value);
        }
        rest = rest[end + 2..].trim_start();
    }
    fields.remove("name");
    let (found, message) = pairs(rest);
    fields.extend(found);
    Some(
        Line {
            origin: Origin::Lpctl,
            time: Some(time),
            level: Some(level),
            message,
            fields,
            ..Line::plain("")
        }
        .settle(),
    )
}

/// `Lmmdd hh:mm:ss.uuuuuu PID file:line] name=value … message`
fn go(text: &str, now: Timestamp) -> Option<Line> {
    let level = match text.as_bytes().first()? {
        b'I' => LogLevel::Info,
        b'W' => LogLevel::Warn,
        b'E' | b'F' => LogLevel::Error,
        _ => return None,
    };
    let (head, rest) = text
        .split_once("] ")
        .or_else(|| Some((text.strip_suffix(']')?, "")))?;
    let mut words = head.get(1..)?.split_ascii_whitespace();
    let (date, clock, _pid, place) = (words.next()?, words.next()?, words.next()?, words.next()?);
    if date.len() != 4 || !place.contains(':') || words.next().is_some() {
        return None;
    }
    let time = go_time(date, clock, now)?;
    let rest = rest.strip_prefix("[PublicLogs] ").unwrap_or(rest);
    let (mut fields, message) = pairs(rest);
    for (from, to) in [
        ("manifestID", "manifest"),
        ("orchSessionID", "session"),
        ("seqNo", "seq"),
    ] {
        if let Some(value) = fields.remove(from) {
            fields.insert(to.to_string(), value);
        }
    }
    if let (Some(session), Some(seq)) = (fields.get("session"), fields.get("seq")) {
        let id = format!("{session}/{seq}");
        fields.insert("segment".to_string(), id);
    }
    Some(
        Line {
            origin: Origin::GoLivepeer,
            time: Some(time),
            level: Some(level),
            target: Some(place.to_string()),
            message,
            fields,
            ..Line::plain("")
        }
        .settle(),
    )
}

/// It says neither year nor time zone: this machine's, and the newest year that is not in the future.
fn go_time(date: &str, clock: &str, now: Timestamp) -> Option<Timestamp> {
    let (month, day) = (date.get(..2)?, date.get(2..)?);
    let zone = TimeZone::system();
    let year = now.to_zoned(zone.clone()).year();
    let at = |year: i16| {
        let text = format!("{year:04}-{month}-{day}T{clock}");
        let civil: DateTime = text.parse().ok()?;
        Some(civil.to_zoned(zone.clone()).ok()?.timestamp())
    };
    let limit = now.checked_add(SignedDuration::from_hours(24)).ok()?;
    // On a 29th of February last year had none.
    at(year).filter(|time| *time <= limit).or_else(|| at(year - 1))
}

/// `name=value` pairs of a text, and the rest of it. Values may be quoted, with `\"` inside.
fn pairs(text: &str) -> (BTreeMap<String, String>, String) {
    let mut fields = BTreeMap::new();
    let mut words = String::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let end = rest.find(' ').unwrap_or(rest.len());
        let word = &rest[..end];
        let name = word
            .split_once('=')
            .map(|(name, _)| name)
            .filter(|name| is_name(name));
        let Some(name) = name.filter(|_| fields.len() < MOST_FIELDS) else {
            if !words.is_empty() {
                words.push(' ');
            }
            words.push_str(word);
            rest = rest[end..].trim_start_matches(' ');
            continue;
        };
        let value = &rest[name.len() + 1..];
        let (value, beyond) = match value.strip_prefix('"') {
            Some(quoted) => unquoted(quoted),
            None => {
                let end = value.find(' ').unwrap_or(value.len());
                (value[..end].to_string(), &value[end..])
            }
        };
        fields.insert(name.to_string(), value);
        rest = beyond.trim_start_matches(' ');
    }
    (fields, words)
}

fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes
        .next()
        .is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.'))
}

/// The text up to the closing quote, and what follows it.
fn unquoted(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (value, &text[at + 1..]),
            '\\' => match chars.next() {
                Some((_, 'n')) => value.push('\n'),
                Some((_, 't')) => value.push('\t'),
                Some((_, next @ ('"' | '\\'))) => value.push(next),
                Some((_, next)) => {
                    value.push('\\');
                    value.push(next);
                }
                None => value.push('\\'),
            },
            c => value.push(c),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-01-10T00:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_segment_has_the_same_id_in_lines_of_either_node() {
        let human = "2026-01-02T03:04:05.678901Z  WARN segment{segment=3f2a91bc/17 session=3f2a91bc seq=17 manifest=\"a cat\"}: a segment failed error=\"it \\\"broke\\\"\" total_ms=12";
        let json = r#"{"timestamp":"2026-01-02T03:04:05.678901Z","level":"WARN","fields":{"message":"a segment failed","error":"it \"broke\"","total_ms":12},"target":"engine::node::segment","span":{"name":"segment","segment":"3f2a91bc/17","session":"3f2a91bc","seq":17,"manifest":"a cat"},"spans":[{"name":"segment","segment":"3f2a91bc/17","session":"3f2a91bc","seq":17,"manifest":"a cat"}]}"#;
        for text in [human, json] {
            let line = read(text, now());
            assert_eq!(line.origin, Origin::Lpctl, "{text}");
            assert_eq!(line.level, Some(LogLevel::Warn));
            assert_eq!(line.segment.as_deref(), Some("3f2a91bc/17"));
            assert_eq!(line.session.as_deref(), Some("3f2a91bc"));
            assert_eq!(line.manifest.as_deref(), Some("a cat"));
            assert_eq!(line.message, "a segment failed");
            assert_eq!(line.fields["error"], "it \"broke\"");
            assert_eq!(
                (line.fields["total_ms"].as_str(), line.fields["seq"].as_str()),
                ("12", "17")
            );
        }
        let go = "E0102 03:04:05.678901       1 segment_rpc.go:216] manifestID=cat sessionID=abc nonce=12 seqNo=17 orchSessionID=3f2a91bc clientIP=10.0.0.1 Could not transcode err=\"TranscoderBusy\"";
        let line = read(go, now());
        assert_eq!(
            (line.origin, line.level),
            (Origin::GoLivepeer, Some(LogLevel::Error))
        );
        assert_eq!(line.segment.as_deref(), Some("3f2a91bc/17"));
        assert_eq!(line.manifest.as_deref(), Some("cat"));
        assert_eq!(line.message, "Could not transcode");
        assert_eq!(line.target.as_deref(), Some("segment_rpc.go:216"));
        assert_eq!(line.fields["err"], "TranscoderBusy");
        assert!(line.time.is_some());
    }

    #[test]
    fn what_others_put_around_a_line_is_taken_off() {
        let inner = "I0102 03:04:05.678901       1 rewardservice.go:95] Called reward for round 3000";
        for text in [
            inner.to_string(),
            format!("Jan 02 03:04:05 host livepeer[123]: {inner}"),
            format!("2026-01-02T03:04:05+0000 host livepeer[123]: {inner}"),
            serde_json::json!({ "MESSAGE": inner, "PRIORITY": "6" }).to_string(),
            serde_json::json!({ "log": format!("{inner}\n"), "stream": "stderr" }).to_string(),
            format!("\u{1b}[32m{inner}\u{1b}[0m"),
        ] {
            let line = read(&text, now());
            assert_eq!(line.origin, Origin::GoLivepeer, "{text}");
            assert_eq!(line.message, "Called reward for round 3000", "{text}");
        }
    }

    #[test]
    fn a_line_of_last_december_is_of_last_year() {
        let time = |date: &str| {
            read(&format!("I{date} 03:04:05.000001 1 a.go:1] x"), now())
                .time
                .unwrap()
        };
        assert!(time("1231").to_string().starts_with("2025-"));
        assert!(time("0105").to_string().starts_with("2026-"));
    }

    #[test]
    fn what_is_no_line_of_a_node_stays_as_it_is() {
        for text in [
            "",
            "{",
            "{}",
            "{\"MESSAGE\":7}",
            "goroutine 1 [running]:",
            "E",
            "E0102",
            "E0102 03:04 1 x] y",
            "Error: something else] x",
            "2026-01-02T03:04:05Z",
            "2026-01-02T03:04:05Z LOUD x",
            "\u{1b}[2J\u{1b}[",
            "é]é: é{é}: é=é",
            "I0102 03:04:05.000001 1 a.go:1",
        ] {
            let line = read(text, now());
            assert_eq!((line.origin, line.level), (Origin::Unknown, None), "{text}");
            assert_eq!(line.message, text.trim_end(), "{text}");
        }
        let twice = serde_json::json!({ "MESSAGE": "{\"MESSAGE\":\"x\"}" }).to_string();
        assert_eq!(read(&twice, now()).message, "{\"MESSAGE\":\"x\"}");
    }

    proptest::proptest! {
        #[test]
        fn no_line_breaks_the_reader(text in ".{0,200}", head in "(I0102 03:04:05.1 1 a.go:1\\] |2026-01-02T03:04:05Z INFO |\\{)?") {
            let line = read(&format!("{head}{text}"), now());
            proptest::prop_assert!(line.fields.len() <= MOST_FIELDS + 1);
        }
    }
}
