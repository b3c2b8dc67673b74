//! The last lines of the log, bounded, for the operator API and the dashboard: escaped, without secrets, and each with a
//! position to go on from.
//!
//! Whoever set up the process's log feeds the ring; nothing here listens by itself.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt::Write as _,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use tokio::sync::watch;

use crate::config::LogLevel;

/// Lines kept at most.
const MOST_LINES: usize = 4096;
/// Bytes kept at most, of text and names.
const MOST_BYTES: usize = 4 << 20;
/// Longest text of one line, and of one of its fields, in bytes.
const LONGEST_TEXT: usize = 2048;
/// Fields of a line at most.
const MOST_FIELDS: usize = 32;
/// Lines of one answer when nothing is said, and at most.
const USUAL_PAGE: usize = 200;
const LARGEST_PAGE: usize = 1000;
/// Positions for each millisecond before the ring began: those of a later run are larger, and all fit a JSON number.
const POSITIONS_A_MILLISECOND: u64 = 1000;

/// One line of the log. Texts are escaped and bounded: they can be drawn as they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct LogLine {
    /// Its place in the log; rises, also over restarts.
    pub position: u64,
    /// When it was written.
    #[schema(value_type = String)]
    pub time: Timestamp,
    /// How grave it is.
    #[schema(value_type = String)]
    pub level: LogLevel,
    /// The part of the program it comes from.
    pub target: String,
    /// What happened.
    pub message: String,
    /// The segment it is about, as `SESSION/SEQ`: the same in gateway, orchestrator and transcoder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segment: Option<String>,
    /// The session it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The stream it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<String>,
    /// What else it says, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, String>,
}

impl LogLine {
    fn size(&self) -> usize {
        let optional = [&self.segment, &self.session, &self.manifest];
        let names = optional.into_iter().flatten().map(String::len).sum::<usize>();
        let fields = self.fields.iter().map(|(name, value)| name.len() + value.len());
        size_of::<Self>() + self.target.len() + self.message.len() + names + fields.sum::<usize>()
    }

    /// Whether it is what is asked for, whatever its position.
    #[must_use]
    pub fn fits(&self, query: &LogQuery) -> bool {
        let is = |wanted: &Option<String>, value: &Option<String>| {
            wanted
                .as_ref()
                .is_none_or(|wanted| value.as_ref() == Some(wanted))
        };
        let says = |text: &str| {
            self.message.contains(text)
                || self.target.contains(text)
                || self
                    .fields
                    .iter()
                    .any(|(name, value)| name == text || value.contains(text))
        };
        query.level.is_none_or(|least| self.level <= least)
            && is(&query.session, &self.session)
            && is(&query.segment, &self.segment)
            && is(&query.manifest, &self.manifest)
            && query.text.as_deref().is_none_or(says)
    }
}

/// What is asked of the log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct LogQuery {
    /// Lines after this position; none: the newest ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<u64>,
    /// Lines at least this grave.
    #[param(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<LogLevel>,
    /// Lines about this session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// Lines about this segment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub segment: Option<String>,
    /// Lines about this stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manifest: Option<String>,
    /// Lines that say this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// So many at most: 200 where nothing is said, never more than 1000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

/// A part of the log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct LogPage {
    /// The lines, oldest first.
    pub lines: Vec<LogLine>,
    /// The `since` to go on with.
    pub next: u64,
    /// Lines after `since` that are not kept any more; 0 if none, or if that is not known.
    pub missed: u64,
    /// How much is logged now.
    #[schema(value_type = Option<String>)]
    pub level: Option<LogLevel>,
}

/// The body of `POST /api/v1/log-level`: a level by its name, or by go-livepeer's number from 0 to 6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LevelChange {
    /// What shall be logged.
    #[schema(value_type = String)]
    #[serde(deserialize_with = "level_or_number")]
    pub level: LogLevel,
}

/// How much is logged from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct LevelSet {
    /// The level.
    pub log_level: LogLevel,
}

fn level_or_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<LogLevel, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Number(u8),
        Name(String),
    }
    let level = match Written::deserialize(deserializer)? {
        Written::Number(number) => LogLevel::from_go(number),
        Written::Name(name) => match name.parse() {
            Ok(number) => LogLevel::from_go(number),
            Err(_) => return name.parse().map_err(serde::de::Error::custom),
        },
    };
    level.ok_or_else(|| serde::de::Error::custom("a level by number is one from 0 to 6"))
}

/// A line that is about to be kept; texts as they came.
#[derive(Debug, Clone)]
pub struct NewLine {
    /// When it was written.
    pub time: Timestamp,
    /// How grave it is.
    pub level: LogLevel,
    /// The part of the program it comes from.
    pub target: String,
    /// What happened.
    pub message: String,
    /// What it says besides, and what the work it belongs to is about, by name.
    pub fields: BTreeMap<String, String>,
}

/// Keeps the last lines. Cloning gives another handle on the same ones.
#[derive(Clone)]
pub struct LogRing(Arc<Ring>);

struct Ring {
    kept: Mutex<Kept>,
    newest: watch::Sender<u64>,
}

struct Kept {
    lines: VecDeque<LogLine>,
    bytes: usize,
    /// Position of the line that comes next.
    next: u64,
    first_ever: u64,
}

impl std::fmt::Debug for LogRing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LogRing(…)")
    }
}

impl Default for LogRing {
    fn default() -> Self {
        Self::new()
    }
}

impl LogRing {
    /// An empty one, whose positions begin above those of every ring that began before.
    #[must_use]
    pub fn new() -> Self {
        let now = u64::try_from(Timestamp::now().as_millisecond()).unwrap_or_default();
        Self::from(now * POSITIONS_A_MILLISECOND)
    }

    fn from(first: u64) -> Self {
        Self(Arc::new(Ring {
            kept: Mutex::new(Kept {
                lines: VecDeque::new(),
                bytes: 0,
                next: first + 1,
                first_ever: first + 1,
            }),
            newest: watch::Sender::new(first),
        }))
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a line, in place of the oldest if there are too many. Never waits for readers.
    pub fn push(&self, line: NewLine) {
        let mut fields: BTreeMap<String, String> = line
            .fields
            .into_iter()
            .take(MOST_FIELDS)
            .map(|(name, value)| (harmless(&name), harmless(&value)))
            .collect();
        let mut line = LogLine {
            position: 0,
            time: line.time,
            level: line.level,
            target: harmless(&line.target),
            message: harmless(&line.message),
            segment: fields.remove("segment"),
            session: fields.remove("session"),
            manifest: fields.remove("manifest"),
            fields,
        };
        let mut kept = self.kept();
        line.position = kept.next;
        kept.next += 1;
        kept.bytes += line.size();
        kept.lines.push_back(line);
        while kept.lines.len() > MOST_LINES || kept.bytes > MOST_BYTES {
            let Some(oldest) = kept.lines.pop_front() else {
                break;
            };
            kept.bytes -= oldest.size();
        }
        self.0.newest.send_replace(kept.next - 1);
    }

    /// The lines that are asked for.
    #[must_use]
    pub fn page(&self, query: &LogQuery) -> LogPage {
        let limit = query.limit.unwrap_or(USUAL_PAGE).min(LARGEST_PAGE);
        let kept = self.kept();
        let end = kept.next - 1;
        let Some(since) = query.since else {
            let newest = kept
                .lines
                .iter()
                .rev()
                .filter(|line| line.fits(query))
                .take(limit);
            let mut lines: Vec<LogLine> = newest.cloned().collect();
            lines.reverse();
            return LogPage {
                lines,
                next: end,
                missed: 0,
                level: None,
            };
        };
        // A position of another run, or one that never was: all there is.
        let since = match (kept.first_ever - 1..=end).contains(&since) {
            true => since,
            false => kept.first_ever - 1,
        };
        let first = kept.lines.front().map_or(kept.next, |line| line.position);
        let missed = first.saturating_sub(since + 1);
        let mut lines = Vec::new();
        let mut next = end;
        for line in kept
            .lines
            .iter()
            .filter(|line| line.position > since && line.fits(query))
        {
            if lines.len() == limit {
                next = lines.last().map_or(end, |line: &LogLine| line.position);
                break;
            }
            lines.push(line.clone());
        }
        LogPage {
            lines,
            next,
            missed,
            level: None,
        }
    }

    /// The position of the newest line, as it rises.
    #[must_use]
    pub fn newest(&self) -> watch::Receiver<u64> {
        self.0.newest.subscribe()
    }
}

/// A text as it may be shown: addresses only as scheme, host and port, nothing that acts on a terminal, and bounded.
#[must_use]
pub fn harmless(text: &str) -> String {
    let mut shown = String::with_capacity(text.len().min(LONGEST_TEXT));
    let mut rest = cut(text, LONGEST_TEXT);
    let was_cut = rest.len() < text.len();
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        escape_into(&mut shown, before);
        let end = after.find(ends_address).unwrap_or(after.len());
        let (address, beyond) = after.split_at(end);
        // Before the last `@` of the first part stands who it is; after the first `/`, `?` or `#` what may be a key.
        let part = address.find(['/', '?', '#']).unwrap_or(address.len());
        let (authority, path) = address.split_at(part);
        escape_into(&mut shown, authority.rsplit('@').next().unwrap_or_default());
        // Paths of this node's own renditions say which; a key in them is not told from a name, so all are left out.
        if path.len() > 1 {
            shown.push_str("/…");
        } else {
            shown.push_str(path);
        }
        rest = beyond;
    }
    escape_into(&mut shown, rest);
    if was_cut {
        shown.push('…');
    }
    shown
}

/// What ends an address in running text.
fn ends_address(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(
            c,
            '"' | '\'' | '`' | '<' | '>' | ')' | ']' | '}' | ',' | ';' | '|'
        )
}

fn escape_into(shown: &mut String, text: &str) {
    for c in text.chars() {
        let acts = c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        match acts {
            // Writing to a string does not fail.
            true => drop(write!(shown, "{}", c.escape_unicode())),
            false => shown.push(c),
        }
    }
}

/// The beginning of a text, at most so many bytes of it.
fn cut(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(message: &str, fields: &[(&str, &str)]) -> NewLine {
        NewLine {
            time: Timestamp::UNIX_EPOCH,
            level: LogLevel::Info,
            target: "engine::node".into(),
            message: message.into(),
            fields: fields
                .iter()
                .map(|(name, value)| ((*name).to_string(), (*value).to_string()))
                .collect(),
        }
    }

    fn messages(page: &LogPage) -> Vec<&str> {
        page.lines.iter().map(|line| line.message.as_str()).collect()
    }

    #[test]
    fn a_reader_goes_on_where_it_was_and_is_told_what_it_missed() {
        let ring = LogRing::from(500);
        for number in 0..5 {
            ring.push(line(&format!("line {number}"), &[]));
        }
        let newest = ring.page(&LogQuery {
            limit: Some(2),
            ..LogQuery::default()
        });
        assert_eq!(messages(&newest), ["line 3", "line 4"]);
        assert_eq!((newest.next, newest.missed), (505, 0));
        ring.push(line("line 5", &[]));
        let since = |since, limit| {
            ring.page(&LogQuery {
                since: Some(since),
                limit,
                ..LogQuery::default()
            })
        };
        assert_eq!(messages(&since(newest.next, None)), ["line 5"]);
        let first = since(500, Some(2));
        assert_eq!((messages(&first), first.next), (vec!["line 0", "line 1"], 502));
        // A position of an earlier run, and one that never was.
        assert_eq!(
            (since(3, None).lines.len(), since(9_999, None).lines.len()),
            (6, 6)
        );

        for number in 0..MOST_LINES {
            ring.push(line(&format!("more {number}"), &[]));
        }
        assert_eq!(since(500, Some(1)).missed, 6);
        assert_eq!(since(3, Some(1)).lines[0].message, "more 0");
    }

    #[test]
    fn a_later_run_has_larger_positions() {
        let first = LogRing::new();
        for _ in 0..100 {
            first.push(line("x", &[]));
        }
        let last = *first.newest().borrow();
        std::thread::park_timeout(std::time::Duration::from_millis(5));
        let second = LogRing::new();
        assert!(*second.newest().borrow() > last);
        assert!(last < 1 << 53);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let ring = LogRing::from(0);
        for _ in 0..MOST_LINES {
            ring.push(line(&"y".repeat(1 << 20), &[("field", &"z".repeat(1 << 16))]));
        }
        let kept = ring.kept();
        assert!(kept.bytes <= MOST_BYTES && kept.lines.len() < MOST_LINES);
        assert!(
            kept.lines
                .iter()
                .all(|line| line.message.len() <= LONGEST_TEXT + '…'.len_utf8())
        );
        drop(kept);
        let many: Vec<(String, String)> = (0..100).map(|n| (format!("f{n}"), String::new())).collect();
        ring.push(NewLine {
            fields: many.into_iter().collect(),
            ..line("many", &[])
        });
        assert_eq!(ring.kept().lines.back().unwrap().fields.len(), MOST_FIELDS);
    }

    #[test]
    fn lines_are_found_by_what_they_are_about() {
        let ring = LogRing::from(0);
        ring.push(line(
            "made",
            &[("segment", "aa/1"), ("session", "aa"), ("manifest", "cat")],
        ));
        ring.push(line(
            "made",
            &[("segment", "bb/1"), ("session", "bb"), ("why", "a rat")],
        ));
        let found = |query: LogQuery| ring.page(&query).lines.len();
        let query = LogQuery::default;
        assert_eq!(
            found(LogQuery {
                session: Some("aa".into()),
                ..query()
            }),
            1
        );
        assert_eq!(
            found(LogQuery {
                segment: Some("bb/1".into()),
                ..query()
            }),
            1
        );
        assert_eq!(
            found(LogQuery {
                manifest: Some("dog".into()),
                ..query()
            }),
            0
        );
        assert_eq!(
            found(LogQuery {
                text: Some("rat".into()),
                ..query()
            }),
            1
        );
        assert_eq!(
            found(LogQuery {
                level: Some(LogLevel::Warn),
                ..query()
            }),
            0
        );
        assert_eq!(
            found(LogQuery {
                level: Some(LogLevel::Debug),
                ..query()
            }),
            2
        );
    }

    #[test]
    fn addresses_lose_their_keys_and_texts_their_teeth() {
        assert_eq!(
            harmless(
                "asked https://user:SECRET@rpc.example:8545/v2/SECRET?k=SECRET, and https://b.example/ too"
            ),
            "asked https://rpc.example:8545/…, and https://b.example/ too"
        );
        assert_eq!(harmless("wss://h#SECRET"), "wss://h/…");
        assert_eq!(harmless("a\u{1b}[2J\nb\u{202e}c"), "a\\u{1b}[2J\\u{a}b\\u{202e}c");
        assert_eq!(harmless("ärger → 🎥"), "ärger → 🎥");
        let long = harmless(&"é".repeat(LONGEST_TEXT));
        assert!(long.ends_with('…') && long.len() <= LONGEST_TEXT + 3);
    }

    #[test]
    fn a_level_is_a_name_or_go_livepeers_number() {
        let level = |json: &str| serde_json::from_str::<LevelChange>(json).map(|change| change.level);
        assert_eq!(level(r#"{"level":"debug"}"#).unwrap(), LogLevel::Debug);
        assert_eq!(level(r#"{"level":6}"#).unwrap(), LogLevel::Trace);
        assert_eq!(level(r#"{"level":"3"}"#).unwrap(), LogLevel::Info);
        for wrong in [
            r#"{"level":7}"#,
            r#"{"level":"loud"}"#,
            r#"{"level":null}"#,
            r#"{}"#,
        ] {
            assert!(level(wrong).is_err(), "{wrong}");
        }
    }
}
