//! Text from outside made safe to draw, and cut or wrapped to a width in cells.
//!
//! Stream names, profile names and error messages are chosen by strangers. Before one reaches the screen everything
//! that could move the cursor, change the order or the width of what stands beside it, or hide, is replaced by a
//! visible escape like `\u{202e}`.

use ratatui::text::Span;

/// More of a text than this is never looked at.
const LONGEST: usize = 512;

/// How many cells `text` takes on the screen.
#[must_use]
pub fn width(text: &str) -> usize {
    Span::raw(text).width()
}

/// A copy of `text` that is safe to draw: printable, left to right, and as wide as it looks.
///
/// Emoji stay, without the joiners and selectors about whose width terminals disagree. At most two marks are stacked
/// on a letter. The result is bounded in length.
#[must_use]
pub fn clean(text: &str) -> String {
    let mut safe = String::with_capacity(text.len().min(LONGEST));
    let mut marks = 0;
    for (position, character) in text.chars().enumerate() {
        if position == LONGEST {
            safe.push('…');
            break;
        }
        if is_dropped(character) {
            continue;
        }
        if is_escaped(character) {
            safe.extend(character.escape_default());
            marks = 0;
            continue;
        }
        let mut bytes = [0; 4];
        if width(character.encode_utf8(&mut bytes)) == 0 {
            marks += 1;
            if marks > 2 || safe.is_empty() {
                safe.extend(character.escape_default());
                continue;
            }
        } else {
            marks = 0;
        }
        safe.push(character);
    }
    safe
}

/// Emoji joiners, presentation selectors and skin tones: without them every terminal draws the same width.
fn is_dropped(character: char) -> bool {
    matches!(character, '\u{200d}' | '\u{fe00}'..='\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}')
}

fn is_escaped(character: char) -> bool {
    character.is_control()
        || matches!(character,
            // Invisible, or a line break by another name.
            '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{2028}' | '\u{2029}' | '\u{200b}' | '\u{200c}' | '\u{2060}'..='\u{2064}' | '\u{206a}'..='\u{206f}'
            | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffc}' | '\u{e0000}'..='\u{e0fff}'
            // Changes of direction, and letters that make a terminal reorder the figures beside them.
            | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
            | '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefe}'
            | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}'
            // Flags and private glyphs: as wide as the font likes.
            | '\u{1f1e6}'..='\u{1f1ff}' | '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}')
}

/// `text` in at most `room` cells, its end replaced by `…` where it does not fit.
#[must_use]
pub fn fit(text: &str, room: usize) -> String {
    if width(text) <= room {
        return text.to_string();
    }
    let mut taken = 0;
    let mut kept = String::new();
    for grapheme in Span::raw(text).styled_graphemes(ratatui::style::Style::new()) {
        let wide = width(grapheme.symbol);
        if taken + wide + 1 > room {
            break;
        }
        taken += wide;
        kept.push_str(grapheme.symbol);
    }
    if room > 0 {
        kept.push('…');
    }
    kept
}

/// `text` broken between words into lines of at most `room` cells; a longer word is cut with `…`.
#[must_use]
pub fn wrap(text: &str, room: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && width(&line) + 1 + width(word) > room {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&fit(word, room));
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

/// `text` cut into pieces of at most `room` cells, whole: for hashes and other long words.
#[must_use]
pub fn chop(text: &str, room: usize) -> Vec<String> {
    let letters: Vec<char> = text.chars().collect();
    letters
        .chunks(room.max(1))
        .map(|piece| piece.iter().collect())
        .collect()
}

/// `parts` joined by `separator` into lines of at most `room` cells, broken only between parts.
#[must_use]
pub fn wrap_list(parts: &[String], separator: &str, room: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        let ending = if index + 1 < parts.len() {
            separator.trim_end()
        } else {
            ""
        };
        let piece = format!("{part}{ending}");
        match lines.last_mut() {
            Some(line) if width(line) + 1 + width(&piece) <= room => {
                line.push(' ');
                line.push_str(&piece);
            }
            _ => lines.push(fit(&piece, room)),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_become_visible() {
        assert_eq!(clean("a\x1b[2Jb\r\n\t\0"), "a\\u{1b}[2Jb\\r\\n\\t\\u{0}");
        assert_eq!(clean("\u{9b}31m"), "\\u{9b}31m");
        assert_eq!(clean("two\u{2028}lines"), "two\\u{2028}lines");
    }

    #[test]
    fn nothing_turns_the_line_around() {
        assert_eq!(clean("abc\u{202e}def"), "abc\\u{202e}def");
        assert_eq!(clean("\u{5d0}1"), "\\u{5d0}1");
        assert_eq!(clean("\u{2067}x\u{2069}"), "\\u{2067}x\\u{2069}");
    }

    #[test]
    fn emoji_keep_a_width_every_terminal_agrees_on() {
        assert_eq!(clean("🎬 live"), "🎬 live");
        assert_eq!(width(&clean("🎬")), 2);
        assert_eq!(clean("👩\u{200d}💻"), "👩💻");
        assert_eq!(clean("❤\u{fe0f}"), "❤");
        assert_eq!(width(&clean("👍🏽")), 2);
        assert!(clean("🇩🇪").is_ascii());
    }

    #[test]
    fn marks_do_not_pile_up() {
        let tower = format!("a{}", "\u{301}".repeat(5));
        assert_eq!(clean(&tower), format!("a\u{301}\u{301}{}", "\\u{301}".repeat(3)));
        assert_eq!(clean("\u{301}a"), "\\u{301}a");
    }

    #[test]
    fn hidden_characters_are_shown() {
        assert_eq!(clean("pay\u{200b}pal\u{feff}"), "pay\\u{200b}pal\\u{feff}");
        assert_eq!(clean("\u{e0041}"), "\\u{e0041}");
    }

    #[test]
    fn a_huge_text_is_bounded() {
        assert!(clean(&"x".repeat(1_000_000)).len() < 600);
    }

    #[test]
    fn cutting_counts_cells_not_letters() {
        assert_eq!(fit("segment", 7), "segment");
        assert_eq!(fit("segments", 7), "segmen…");
        assert_eq!(fit("🎬🎬🎬", 5), "🎬🎬…");
        assert_eq!(fit("🎬🎬🎬", 4), "🎬…");
        assert_eq!(fit("abc", 0), "");
    }

    #[test]
    fn wrapping_breaks_between_words() {
        assert_eq!(
            wrap("run `lpctl reward call` now", 12),
            ["run `lpctl", "reward call`", "now"]
        );
        assert_eq!(wrap("", 10), Vec::<String>::new());
        assert_eq!(wrap("abcdefgh i", 5), ["abcd…", "i"]);
        assert_eq!(chop("abcdefgh", 5), ["abcde", "fgh"]);
    }
}
