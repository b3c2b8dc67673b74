//! Colours by role. No colour carries a meaning alone: a mark or a word beside it says the same.

use ratatui::{
    buffer::Buffer,
    style::{Color, Modifier, Style},
};

/// A choice of `--theme`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThemeName {
    /// For dark terminals.
    Dark,
    /// For light terminals.
    Light,
    /// The terminal's own sixteen colours.
    Sixteen,
    /// No colours at all: `NO_COLOR`, or a terminal without them.
    Plain,
}

/// Styles by role.
#[derive(Debug, Clone)]
pub struct Theme {
    /// Figures and names.
    pub text: Style,
    /// Words around the figures.
    pub quiet: Style,
    /// Panel titles.
    pub title: Style,
    /// Panel frames.
    pub border: Style,
    /// What is chosen, typed or asked for.
    pub accent: Style,
    /// As it should be.
    pub good: Style,
    /// Wants attention.
    pub warn: Style,
    /// Wrong.
    pub bad: Style,
    /// The selected row.
    pub selection: Style,
    /// Everything of a picture that may be old.
    pub stale: Style,
    /// The full part of bars, and charts.
    pub bar: Style,
    /// The empty part of bars.
    pub bar_rest: Style,
    /// Kinds within one chart, told apart by their fill as well.
    pub series: [Style; 4],
    /// What an unset colour looks like in a picture: letters, then ground.
    pub picture: (Color, Color),
    ascii: bool,
}

/// One of the 256 colours every terminal of today knows.
fn ink(index: u8) -> Style {
    Style::new().fg(Color::Indexed(index))
}

impl Theme {
    /// The theme called `name`.
    #[must_use]
    pub fn named(name: ThemeName) -> Self {
        match name {
            ThemeName::Dark => Self::dark(),
            ThemeName::Light => Self::light(),
            ThemeName::Sixteen => Self::sixteen(),
            ThemeName::Plain => Self::plain(),
        }
    }

    /// For dark terminals.
    #[must_use]
    pub fn dark() -> Self {
        Self {
            text: Style::new(),
            quiet: ink(245),
            title: ink(252).add_modifier(Modifier::BOLD),
            border: ink(239),
            accent: ink(43).add_modifier(Modifier::BOLD),
            good: ink(78),
            warn: ink(221),
            bad: ink(203).add_modifier(Modifier::BOLD),
            selection: Style::new().bg(Color::Indexed(236)).add_modifier(Modifier::BOLD),
            stale: ink(242),
            bar: ink(43),
            bar_rest: ink(238),
            series: [ink(43), ink(67), ink(179), ink(240)],
            picture: (Color::Rgb(0xd4, 0xd8, 0xde), Color::Rgb(0x10, 0x14, 0x1a)),
            ascii: false,
        }
    }

    /// For light terminals.
    #[must_use]
    pub fn light() -> Self {
        Self {
            text: Style::new(),
            quiet: ink(242),
            title: ink(235).add_modifier(Modifier::BOLD),
            border: ink(250),
            accent: ink(29).add_modifier(Modifier::BOLD),
            good: ink(28),
            warn: ink(130),
            bad: ink(160).add_modifier(Modifier::BOLD),
            selection: Style::new().bg(Color::Indexed(254)).add_modifier(Modifier::BOLD),
            stale: ink(247),
            bar: ink(29),
            bar_rest: ink(252),
            series: [ink(29), ink(67), ink(136), ink(248)],
            picture: (Color::Rgb(0x1f, 0x23, 0x28), Color::Rgb(0xff, 0xff, 0xff)),
            ascii: false,
        }
    }

    /// The terminal's own sixteen colours, of which only those are used that can be read on a dark and on a light ground.
    #[must_use]
    pub fn sixteen() -> Self {
        let named = |color| Style::new().fg(color);
        let none = Style::new();
        Self {
            text: none,
            quiet: none,
            title: none.add_modifier(Modifier::BOLD),
            border: none.add_modifier(Modifier::DIM),
            accent: named(Color::Cyan).add_modifier(Modifier::BOLD),
            good: named(Color::Green),
            warn: named(Color::Yellow),
            bad: named(Color::Red).add_modifier(Modifier::BOLD),
            selection: none.add_modifier(Modifier::REVERSED),
            stale: named(Color::DarkGray),
            bar: named(Color::Cyan),
            bar_rest: none.add_modifier(Modifier::DIM),
            series: [
                named(Color::Cyan),
                named(Color::Blue),
                named(Color::Yellow),
                none.add_modifier(Modifier::DIM),
            ],
            picture: (Color::Rgb(0xd4, 0xd8, 0xde), Color::Rgb(0x10, 0x14, 0x1a)),
            ascii: false,
        }
    }

    /// No colours, only weight.
    #[must_use]
    pub fn plain() -> Self {
        let bold = Style::new().add_modifier(Modifier::BOLD);
        let none = Style::new();
        Self {
            text: none,
            quiet: none,
            title: bold,
            border: none,
            accent: bold,
            good: none,
            warn: bold,
            bad: bold,
            selection: bold,
            stale: Style::new().add_modifier(Modifier::DIM),
            bar: none,
            bar_rest: none,
            series: [none; 4],
            picture: (Color::Rgb(0x1f, 0x23, 0x28), Color::Rgb(0xff, 0xff, 0xff)),
            ascii: false,
        }
    }

    /// The same with ASCII marks and frames only, for terminals that do not speak UTF-8.
    #[must_use]
    pub fn ascii(mut self) -> Self {
        self.ascii = true;
        self
    }

    /// Greys a part of the picture that may be old. Weight stays, so that a selection can still be seen.
    pub fn make_stale(&self, buffer: &mut Buffer, area: ratatui::layout::Rect) {
        buffer.set_style(area, self.stale);
    }

    /// The last step of drawing: replaces what this terminal cannot show.
    pub fn finish(&self, buffer: &mut Buffer) {
        if !self.ascii {
            return;
        }
        for cell in &mut buffer.content {
            if !cell.symbol().is_ascii() {
                let plain = cell.symbol().chars().next().map_or(' ', to_ascii);
                cell.set_char(plain);
            }
        }
    }
}

/// The nearest ASCII character to a mark, frame or block; `?` for letters.
fn to_ascii(character: char) -> char {
    match character {
        '─' | '–' | '—' => '-',
        '│' | '‖' => '|',
        'µ' => 'u',
        '┌' | '┐' | '└' | '┘' | '├' | '┤' | '┬' | '┴' | '┼' => '+',
        '█' | '▇' => '#',
        '▆' | '▅' | '▓' => '=',
        '▄' | '▃' | '▒' => '-',
        '▂' | '▁' => '_',
        '░' | '·' => '.',
        '▕' => '[',
        '▏' => ']',
        '✓' => '+',
        '✗' | '×' => 'x',
        '●' => '*',
        '○' => 'o',
        '→' => '>',
        '↑' => '^',
        '↓' => 'v',
        '…' => '~',
        '\u{2009}' | '\u{a0}' | '°' => ' ',
        _ => '?',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ascii_leaves_nothing_else_behind() {
        let mut buffer = Buffer::with_lines(["┌ é ▕██░░▏ 1\u{2009}204 ✓ 🎬 ┐"]);
        Theme::plain().ascii().finish(&mut buffer);
        let line: String = buffer.content.iter().map(ratatui::buffer::Cell::symbol).collect();
        assert!(line.is_ascii(), "{line}");
        assert!(line.starts_with("+ ? [##..] 1 204 + ?"), "{line}");
    }

    #[test]
    fn sixteen_uses_no_other_colours() {
        let theme = Theme::sixteen();
        let styles = [
            theme.text,
            theme.quiet,
            theme.accent,
            theme.good,
            theme.warn,
            theme.bad,
            theme.selection,
            theme.stale,
            theme.bar,
            theme.bar_rest,
        ];
        for style in styles.into_iter().chain(theme.series) {
            for color in [style.fg, style.bg].into_iter().flatten() {
                assert!(!matches!(color, Color::Indexed(_) | Color::Rgb(..)), "{color:?}");
            }
        }
    }

    #[test]
    fn plain_has_no_colour() {
        let theme = Theme::plain();
        let mut styles = vec![
            theme.text,
            theme.quiet,
            theme.title,
            theme.border,
            theme.accent,
            theme.good,
            theme.warn,
            theme.bad,
            theme.selection,
            theme.stale,
            theme.bar,
            theme.bar_rest,
        ];
        styles.extend(theme.series);
        assert!(
            styles
                .iter()
                .all(|style| style.fg.is_none() && style.bg.is_none())
        );
    }
}
