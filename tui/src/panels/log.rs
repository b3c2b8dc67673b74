//! What the node logs: the newest lines, by level and by what is looked for.

use engine::config::LogLevel;
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};

use super::{List, Panel, Scene, table, tickets::age};
use crate::{
    draw,
    feed::{LogLine, Part},
    keymap::Action,
    listing::Listing,
    text, words,
};

/// The least that is shown.
const LEVELS: [LogLevel; 4] = [LogLevel::Trace, LogLevel::Info, LogLevel::Warn, LogLevel::Error];

/// The lines.
#[derive(Debug, Default)]
pub struct Log {
    listing: Listing,
    /// Somebody reads an older line: newer ones do not take the selection along.
    is_reading: bool,
}

fn rank(level: LogLevel) -> u8 {
    match level {
        LogLevel::Error => 4,
        LogLevel::Warn => 3,
        LogLevel::Info => 2,
        LogLevel::Debug => 1,
        LogLevel::Trace => 0,
    }
}

impl Log {
    fn least(&self) -> LogLevel {
        self.listing.order(&LEVELS).unwrap_or(LogLevel::Trace)
    }

    fn rows<'a>(&self, scene: &Scene<'a>) -> Vec<&'a LogLine> {
        let Some(book) = scene.feed.log.value() else {
            return Vec::new();
        };
        let wanted = self.listing.wanted();
        let least = rank(self.least());
        let holds = |text: &str| text.to_lowercase().contains(&wanted);
        let matches = |line: &&LogLine| {
            rank(line.level) >= least
                && (wanted.is_empty()
                    || holds(&line.message)
                    || holds(&line.target)
                    || line
                        .fields
                        .iter()
                        .any(|(name, value)| holds(value) || holds(name)))
        };
        book.lines.iter().filter(matches).collect()
    }

    /// The selected row: the newest, unless somebody reads an older one.
    fn position(&self, rows: &[&LogLine]) -> usize {
        if !self.is_reading {
            return rows.len().saturating_sub(1);
        }
        let keys: Vec<&str> = rows.iter().map(|line| line.position.as_str()).collect();
        self.listing.position(&keys)
    }
}

fn level(level: LogLevel, scene: &Scene<'_>) -> (&'static str, Style) {
    let theme = scene.theme;
    match level {
        LogLevel::Error => ("error", theme.bad),
        LogLevel::Warn => ("warn", theme.warn),
        LogLevel::Info => ("info", theme.text),
        LogLevel::Debug => ("debug", theme.quiet),
        LogLevel::Trace => ("trace", theme.quiet),
    }
}

impl List for Log {
    fn listing(&self) -> &Listing {
        &self.listing
    }

    fn listing_mut(&mut self) -> &mut Listing {
        &mut self.listing
    }

    fn keys<'a>(&self, scene: &Scene<'a>) -> Vec<&'a str> {
        let rows = self.rows(scene);
        rows.into_iter().map(|line| line.position.as_str()).collect()
    }

    fn detail(&self, scene: &Scene<'_>, room: usize) -> Option<(String, Vec<Line<'static>>)> {
        let rows = self.rows(scene);
        let line = rows.get(self.position(&rows)).copied()?;
        let theme = scene.theme;
        let (word, style) = level(line.level, scene);
        let mut lines = vec![
            Line::from(vec![
                Span::styled(format!("{word}  "), style),
                Span::styled(words::day_and_clock(line.time, scene.zone), theme.text),
                Span::styled(
                    format!("  {}", text::fit(&text::clean(&line.target), room / 2)),
                    theme.quiet,
                ),
            ]),
            Line::default(),
        ];
        let message = text::wrap(&text::clean(&line.message), room);
        lines.extend(message.into_iter().map(|piece| Line::styled(piece, theme.text)));
        lines.push(Line::default());
        for (name, value) in &line.fields {
            let name = text::fit(&text::clean(name), 20);
            let pieces = text::wrap(&text::clean(value), room.saturating_sub(22));
            for (row, piece) in pieces.into_iter().enumerate() {
                let label = if row == 0 { name.as_str() } else { "" };
                lines.push(Line::from(vec![
                    Span::styled(format!("{label:<22}"), theme.quiet),
                    Span::styled(piece, theme.text),
                ]));
            }
        }
        Some(("log line".to_string(), lines))
    }

    fn act(&mut self, action: Action, scene: &Scene<'_>) -> bool {
        let keys = self.keys(scene);
        let last = keys.len().saturating_sub(1);
        if !self.is_reading {
            self.listing.select(last, &keys);
        }
        let used = self.listing.act(action, &keys);
        if used {
            self.settle(scene);
        }
        match action {
            Action::Up | Action::PageUp | Action::First => self.is_reading = true,
            Action::Last | Action::Sort => self.is_reading = false,
            Action::Down | Action::PageDown => {
                self.is_reading = self.listing.position(&keys) < last;
            }
            Action::Close if used => self.is_reading = false,
            _ => {}
        }
        used
    }

    fn click(&mut self, row: usize, scene: &Scene<'_>) -> bool {
        let keys = self.keys(scene);
        let again = self.position(&self.rows(scene)) == row;
        self.is_reading = true;
        self.listing.select(row, &keys);
        again
    }
}

impl Panel for Log {
    fn render(&self, buffer: &mut Buffer, area: Rect, scene: &Scene<'_>) {
        let theme = scene.theme;
        let rows = self.rows(scene);
        let position = self.position(&rows);
        let book = scene.feed.log.value();
        let least = match self.least() {
            LogLevel::Trace => "all levels".to_string(),
            least => format!("{} and worse", level(least, scene).0),
        };
        let mut heading = vec![Span::raw("log"), Span::styled(format!(", {least}"), theme.quiet)];
        if let Some(logged) = book.and_then(|book| book.level) {
            heading.push(Span::styled(
                format!(" (the node logs {})", level(logged, scene).0),
                theme.quiet,
            ));
        }
        let all = book.map_or(0, |book| book.lines.len());
        if let Some((filter, count)) = self.listing.shown_filter(rows.len(), all) {
            heading.push(Span::styled(filter, theme.accent));
            heading.push(Span::styled(count, theme.quiet));
        }
        let missed = book.map_or(0, |book| book.missed);
        if missed > 0 {
            let gone = format!(" ! {} gone unread", words::counted(missed, "line"));
            heading.push(Span::styled(gone, theme.warn));
        }
        if self.is_reading {
            let newer = rows.len().saturating_sub(position + 1);
            let newer = words::counted(u64::try_from(newer).unwrap_or(0), "newer line");
            heading.push(Span::styled(format!(" {newer}: end follows"), theme.accent));
        }
        heading.extend(age(&scene.feed.log, scene));
        let inside = draw::panel(buffer, area, heading, theme);
        if rows.is_empty() {
            let sentence = match &scene.feed.log {
                Part::NotAsked if scene.go.is_some() => {
                    "go-livepeer's operator API does not tell its log; `journalctl` does".to_string()
                }
                Part::NotAsked => "asking the node for its log".to_string(),
                Part::Absent(reason) => text::clean(reason),
                Part::Known { value, .. } if value.lines.is_empty() => "nothing was logged yet".to_string(),
                Part::Known { .. } => {
                    "no line matches; esc clears the filter, s changes the level".to_string()
                }
            };
            draw::placeholder(buffer, inside, &[sentence], theme);
            return;
        }
        let wide = inside.width;
        // The newest line is at the bottom, and everything above it is on the screen.
        let room = usize::from(inside.height.saturating_sub(u16::from(inside.height > 3))).max(1);
        let first = (position + 1).saturating_sub(room);
        let shown = &rows[first..(first + room).min(rows.len())];
        let mut columns = vec![table::left("time", 8), table::left("level", 5)];
        if wide >= 110 {
            columns.push(table::left("from", 24));
        }
        columns.push(table::rest("message"));
        // Rows are counted from the first one shown: clicks are put right below.
        let places = crate::places::Places::default();
        let inner = Scene {
            places: &places,
            ..*scene
        };
        table::render(
            buffer,
            inside,
            &inner,
            &columns,
            (shown, position - first),
            |line| {
                let (word, style) = level(line.level, scene);
                let mut cells = vec![
                    table::cell(words::clock(line.time, scene.zone), theme.quiet),
                    table::cell(word, style),
                ];
                if wide >= 110 {
                    cells.push(table::cell(
                        text::fit(&text::clean(&line.target), 24),
                        theme.quiet,
                    ));
                }
                let mut message = vec![Span::styled(text::clean(&line.message), theme.text)];
                // A segment's id begins with its session's and ends with its number.
                let is_of_segment = line.fields.iter().any(|(name, _)| name == "segment");
                let said = |name: &str| is_of_segment && matches!(name, "session" | "seq");
                let fields = line.fields.iter().filter(|(name, _)| !said(name));
                for (name, value) in fields.take(8) {
                    message.push(Span::styled(format!("  {}=", text::clean(name)), theme.quiet));
                    message.push(Span::styled(text::clean(value), theme.quiet));
                }
                cells.push(ratatui::widgets::Cell::from(Line::from(message)));
                cells
            },
        );
        let top = inside.y + u16::from(inside.height > 3);
        for (row, y) in (first..first + shown.len()).zip(top..inside.bottom()) {
            let line = Rect {
                y,
                height: 1,
                ..inside
            };
            scene.places.put(line, crate::places::Place::Row(row));
        }
    }
}
