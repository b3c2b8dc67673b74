//! Making text from outside safe to show.

/// At most `limit` characters, control characters escaped, one line.
pub(crate) fn plain(text: &str, limit: usize) -> String {
    let mut shown = String::new();
    let mut count = 0;
    for character in text.trim().chars() {
        if count >= limit {
            shown.push('…');
            break;
        }
        if character.is_control() || is_direction_mark(character) {
            let escaped = character.escape_unicode().to_string();
            count += escaped.len();
            shown.push_str(&escaped);
        } else {
            count += 1;
            shown.push(character);
        }
    }
    shown
}

/// Invisible marks that reorder the text around them.
fn is_direction_mark(character: char) -> bool {
    matches!(character, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_and_cuts() {
        assert_eq!(plain(" ok \n", 10), "ok");
        assert_eq!(plain("\u{1b}[31mred", 20), "\\u{1b}[31mred");
        assert_eq!(plain("abcdef", 3), "abc…");
        assert_eq!(plain("a\u{202e}b", 20), "a\\u{202e}b");
    }
}
