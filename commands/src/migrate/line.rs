//! A command line of go-livepeer, read as Go and a shell read it.

use super::table::{Fate, Takes, find};

/// One flag that was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// Its name.
    pub name: &'static str,
    /// Its value; `true` or `false` of a switch. May be a secret.
    pub value: String,
    /// What becomes of it.
    pub fate: Fate,
}

/// What is wrong with a command line. Values are not repeated: they may be secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// Not a flag of go-livepeer 0.9.1.
    #[error("word {word} is no flag of go-livepeer{}", match .meant {
        Some(meant) => format!("; is `-{meant}` meant? Names are told apart by case"),
        None => String::new(),
    })]
    Unknown {
        /// Which word of the line, from 1. It is not repeated: what looks like a flag may be part of a secret.
        word: usize,
        /// The flag that is written almost like it.
        meant: Option<&'static str>,
    },
    /// The line ends where a value should be.
    #[error("`-{0}` has no value")]
    NoValue(&'static str),
    /// Something that is neither a flag nor a value.
    #[error("word {0} is neither a flag nor the value of one")]
    Stray(usize),
    /// A quotation mark without its counterpart.
    #[error("a quotation mark is not closed")]
    Quotes,
}

/// Reads words as Go's `flag` package does. The program's own name may come first.
///
/// # Errors
/// See [`LineError`].
pub fn read(words: &[String]) -> Result<Vec<Given>, LineError> {
    let mut given = Vec::new();
    let mut words = words.iter().enumerate().peekable();
    if words.peek().is_some_and(|(_, word)| !word.starts_with('-')) {
        words.next();
    }
    while let Some((position, word)) = words.next() {
        let flag = word.strip_prefix("--").or_else(|| word.strip_prefix('-'));
        let Some(flag) = flag.filter(|flag| !flag.is_empty()) else {
            return Err(LineError::Stray(position + 1));
        };
        let (name, attached) = match flag.split_once('=') {
            Some((name, value)) => (name, Some(value.to_string())),
            None => (flag, None),
        };
        let (name, takes, fate) = find(name).ok_or_else(|| unknown(position + 1, name))?;
        let value = match (takes, attached) {
            (_, Some(value)) => value,
            (Takes::Switch, None) => "true".to_string(),
            (Takes::Value, None) => match words.next() {
                Some((_, value)) => value.clone(),
                None => return Err(LineError::NoValue(name)),
            },
        };
        given.push(Given { name, value, fate });
    }
    Ok(given)
}

fn unknown(word: usize, name: &str) -> LineError {
    let alike = |(known, ..): &&(&'static str, _, _)| known.eq_ignore_ascii_case(name);
    LineError::Unknown {
        word,
        meant: super::table::FLAGS.iter().find(alike).map(|(known, ..)| *known),
    }
}

/// Splits a text into words as a shell does: quotes, backslashes, line ends after a backslash, comments. Nothing is
/// replaced or looked up.
///
/// # Errors
/// [`LineError::Quotes`].
pub fn split(text: &str) -> Result<Vec<String>, LineError> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (Some(open), closing) if open == closing => quote = None,
            (Some('"'), '\\') if matches!(characters.peek(), Some('"' | '\\' | '$' | '`')) => {
                word.get_or_insert_default().extend(characters.next());
            }
            (Some(_), other) => word.get_or_insert_default().push(other),
            (None, '"' | '\'') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (None, '\\') => match characters.next() {
                Some('\n') | None => {}
                Some(other) => word.get_or_insert_default().push(other),
            },
            (None, '#') if word.is_none() => while characters.next_if(|next| *next != '\n').is_some() {},
            (None, space) if space.is_whitespace() => words.extend(word.take()),
            (None, other) => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    match quote {
        Some(_) => Err(LineError::Quotes),
        None => Ok(words),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        split(text).unwrap()
    }

    #[test]
    fn words_are_split_as_a_shell_does() {
        assert_eq!(
            words("livepeer -a \"b c\" 'd \"e' f\\ g \\\n  -h \"i\\\"j\" # no more\n''"),
            ["livepeer", "-a", "b c", "d \"e", "f g", "-h", "i\"j", ""]
        );
        assert_eq!(split("-a 'b"), Err(LineError::Quotes));
    }

    #[test]
    fn flags_are_read_as_go_does() {
        let given = read(&words(
            "livepeer -orchestrator --transcoder=false -maxSessions 5 -v=6",
        ))
        .unwrap();
        let read: Vec<(&str, &str)> = given
            .iter()
            .map(|given| (given.name, given.value.as_str()))
            .collect();
        assert_eq!(
            read,
            [
                ("orchestrator", "true"),
                ("transcoder", "false"),
                ("maxSessions", "5"),
                ("v", "6")
            ]
        );
    }

    #[test]
    fn mistakes_are_named_and_values_are_not() {
        assert_eq!(
            read(&words("-maxSessions")),
            Err(LineError::NoValue("maxSessions"))
        );
        assert_eq!(read(&words("-monitor SECRET")), Err(LineError::Stray(2)));
        let error = read(&words("-ethURL=SECRET")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "word 1 is no flag of go-livepeer; is `-ethUrl` meant? Names are told apart by case"
        );
        let error = read(&words("-monitor -orchSecret:SECRET")).unwrap_err();
        assert_eq!(error.to_string(), "word 2 is no flag of go-livepeer");
    }
}
