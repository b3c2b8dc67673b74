//! Colour and marks. Colour repeats what a mark or word already says.

use std::fmt::Write;

use anstyle::{AnsiColor, Effects};

/// How text may be dressed on one stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Whether escape sequences are understood.
    pub colour: bool,
    /// Whether marks beyond ASCII can be shown.
    pub unicode: bool,
}

impl Style {
    /// No colour, ASCII marks only where `unicode` says so.
    #[must_use]
    pub fn plain() -> Self {
        Self {
            colour: false,
            unicode: true,
        }
    }

    fn paint(self, style: anstyle::Style, text: &str) -> String {
        if self.colour {
            format!("{}{text}{}", style.render(), style.render_reset())
        } else {
            text.to_string()
        }
    }

    /// Something that is as it should be.
    #[must_use]
    pub fn good(self, text: &str) -> String {
        self.paint(AnsiColor::Green.on_default(), text)
    }

    /// Something that deserves attention.
    #[must_use]
    pub fn warning(self, text: &str) -> String {
        self.paint(AnsiColor::Yellow.on_default(), text)
    }

    /// Something that is wrong.
    #[must_use]
    pub fn bad(self, text: &str) -> String {
        self.paint(AnsiColor::Red.on_default().effects(Effects::BOLD), text)
    }

    /// Something important.
    #[must_use]
    pub fn bold(self, text: &str) -> String {
        self.paint(anstyle::Style::new().effects(Effects::BOLD), text)
    }

    /// Something beside the point.
    #[must_use]
    pub fn dim(self, text: &str) -> String {
        self.paint(anstyle::Style::new().effects(Effects::DIMMED), text)
    }

    /// `✓`, or `+` where that cannot be shown.
    #[must_use]
    pub fn good_mark(self) -> String {
        self.good(if self.unicode { "✓" } else { "+" })
    }

    /// `!`.
    #[must_use]
    pub fn warn_mark(self) -> String {
        self.warning("!")
    }

    /// `✗`, or `x` where that cannot be shown.
    #[must_use]
    pub fn bad_mark(self) -> String {
        self.bad(if self.unicode { "✗" } else { "x" })
    }

    /// A bar of `width` cells filled to `part` of `whole`.
    #[must_use]
    pub fn bar(self, part: u64, whole: u64, width: u16) -> String {
        let filled = if whole == 0 {
            0
        } else {
            (u128::from(part.min(whole)) * u128::from(width) / u128::from(whole)) as usize
        };
        let empty = usize::from(width) - filled;
        if self.unicode {
            format!("▕{}{}▏", "█".repeat(filled), "░".repeat(empty))
        } else {
            format!("[{}{}]", "#".repeat(filled), ".".repeat(empty))
        }
    }
}

/// A borderless table in the house style; columns are added by the caller.
#[must_use]
pub fn table() -> comfy_table::Table {
    let mut table = comfy_table::Table::new();
    table
        .load_style(comfy_table::presets::NOTHING)
        .set_content_arrangement(comfy_table::ContentArrangement::Disabled);
    table
}

/// Text from outside, made harmless: control characters and direction overrides become visible escapes.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        let overrides_direction =
            matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if c.is_control() || overrides_direction {
            // Writing to a String cannot fail.
            let _ = write!(safe, "\\u{{{:x}}}", u32::from(c));
        } else {
            safe.push(c);
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_cannot_move_the_cursor() {
        assert_eq!(escape("a\u{1b}[2Jb\u{202e}c"), "a\\u{1b}[2Jb\\u{202e}c");
        assert_eq!(escape("läuft"), "läuft");
    }

    #[test]
    fn a_bar_is_as_full_as_its_part() {
        assert_eq!(Style::plain().bar(1, 2, 4), "▕██░░▏");
        assert_eq!(
            Style {
                colour: false,
                unicode: false
            }
            .bar(9, 3, 2),
            "[##]"
        );
        assert_eq!(Style::plain().bar(1, 0, 2), "▕░░▏");
    }
}
