//! The media type of a request, read as Go's `mime` package reads it, since its errors travel to transcoders.

/// Why a text is no media type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum MediaTypeError {
    #[error("mime: no media type")]
    Missing,
    #[error("mime: expected slash in first token")]
    NoSlash,
    #[error("mime: expected token after slash")]
    NoSubtype,
    #[error("mime: unexpected content after media subtype")]
    Trailing,
    #[error("mime: invalid media parameter")]
    Parameter,
    #[error("mime: duplicate parameter name")]
    Duplicate,
}

/// A media type and its parameters.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct MediaType {
    /// In small letters, like `multipart/mixed`.
    pub essence: String,
    parameters: Vec<(String, String)>,
}

impl MediaType {
    /// Reads a `Content-Type`.
    pub(super) fn parse(text: &str) -> Result<Self, MediaTypeError> {
        let (base, mut rest) = match text.find(';') {
            Some(at) => text.split_at(at),
            None => (text, ""),
        };
        let essence = base.trim().to_ascii_lowercase();
        check_essence(&essence)?;
        let mut parameters: Vec<(String, String)> = Vec::new();
        while !rest.trim_start().is_empty() {
            let Some((name, value, after)) = parameter(rest) else {
                // A semicolon that nothing follows is forgiven.
                match rest.trim() {
                    ";" => break,
                    _ => return Err(MediaTypeError::Parameter),
                }
            };
            if parameters.iter().any(|(known, _)| *known == name) {
                return Err(MediaTypeError::Duplicate);
            }
            parameters.push((name, value));
            rest = after;
        }
        Ok(Self { essence, parameters })
    }

    /// The value of a parameter; empty if it is not there.
    pub(super) fn parameter(&self, name: &str) -> &str {
        let found = self.parameters.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }
}

fn check_essence(essence: &str) -> Result<(), MediaTypeError> {
    let (kind, rest) = token(essence);
    if kind.is_empty() {
        return Err(MediaTypeError::Missing);
    }
    if rest.is_empty() {
        return Ok(());
    }
    let rest = rest.strip_prefix('/').ok_or(MediaTypeError::NoSlash)?;
    match token(rest) {
        ("", _) => Err(MediaTypeError::NoSubtype),
        (_, "") => Ok(()),
        _ => Err(MediaTypeError::Trailing),
    }
}

/// The token a text begins with, and what follows it.
fn token(text: &str) -> (&str, &str) {
    let is_token = |c: char| c.is_ascii_graphic() && !"()<>@,;:\\\"/[]?=".contains(c);
    text.split_at(text.find(|c| !is_token(c)).unwrap_or(text.len()))
}

/// The parameter a text begins with: `; name=value`.
fn parameter(text: &str) -> Option<(String, String, &str)> {
    let rest = text.trim_start().strip_prefix(';')?.trim_start();
    let (name, rest) = token(rest);
    if name.is_empty() {
        return None;
    }
    let rest = rest.trim_start().strip_prefix('=')?.trim_start();
    let (value, rest) = match rest.strip_prefix('"') {
        Some(quoted) => unquote(quoted)?,
        None => {
            let (value, rest) = token(rest);
            if value.is_empty() {
                return None;
            }
            (value.to_string(), rest)
        }
    };
    Some((name.to_ascii_lowercase(), value, rest))
}

/// What is between the quotes, of which the first is gone already.
fn unquote(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '"' => return Some((value, &text[at + 1..])),
            '\r' | '\n' => return None,
            // Only what needs it is escaped: other backslashes stand for themselves.
            '\\' if text[at + 1..]
                .starts_with(|c: char| c.is_ascii_graphic() && !c.is_ascii_alphanumeric()) =>
            {
                value.extend(characters.next().map(|(_, c)| c));
            }
            c => value.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn types_and_boundaries_are_read() {
        let read = |text| MediaType::parse(text).unwrap();
        let usual = read("multipart/mixed; boundary=17b336b3a4");
        assert_eq!(
            (usual.essence.as_str(), usual.parameter("boundary")),
            ("multipart/mixed", "17b336b3a4")
        );
        assert_eq!(
            read("Livepeer/Transcoding-Error").essence,
            "livepeer/transcoding-error"
        );
        let quoted = read(" MULTIPART/mixed ;Boundary=\"a \\\" b\" ; charset=x;");
        assert_eq!(quoted.parameter("boundary"), "a \" b");
        assert_eq!(quoted.parameter("charset"), "x");
        assert_eq!(read("text").parameter("boundary"), "");
    }

    #[test]
    fn errors_are_worded_like_those_of_go() {
        for (text, error) in [
            ("", "mime: no media type"),
            ("; boundary=x", "mime: no media type"),
            ("a b", "mime: expected slash in first token"),
            ("multipart/", "mime: expected token after slash"),
            (
                "multipart/mixed x",
                "mime: unexpected content after media subtype",
            ),
            ("multipart/mixed; boundary", "mime: invalid media parameter"),
            ("multipart/mixed; boundary=", "mime: invalid media parameter"),
            ("multipart/mixed; boundary=\"x", "mime: invalid media parameter"),
            ("multipart/mixed; a=1; A=2", "mime: duplicate parameter name"),
        ] {
            assert_eq!(MediaType::parse(text).unwrap_err().to_string(), error, "{text}");
        }
    }

    proptest! {
        #[test]
        fn anything_can_be_read_or_is_refused(text in "\\PC*|[a-z/;= \"\\\\]*") {
            let _ = MediaType::parse(&text);
        }
    }
}
