//! The part of a child's messages that is kept: the first and the last lines, each of bounded length.

use std::collections::VecDeque;

/// Lines kept from the start: the cause of most failures is told first.
const FIRST: usize = 64;
/// Lines kept from the end: ffmpeg's summary stands there.
const LAST: usize = 192;
/// Bytes kept of one line.
const LINE: usize = 1024;

/// First and last lines of what a child said, at most a quarter of a megabyte.
///
/// The text is plain ASCII: whatever else the child passed on from its input, control characters above all,
/// is replaced by `?`.
#[derive(Debug, Clone, Default)]
pub struct Log {
    first: Vec<String>,
    last: VecDeque<String>,
    line: String,
    dropped: u64,
}

impl Log {
    /// Takes the next bytes, wherever they are cut.
    pub fn push(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            match byte {
                b'\n' | b'\r' => self.end_line(),
                _ if self.line.len() >= LINE => {}
                b'\t' => self.line.push(' '),
                b' '..=b'~' => self.line.push(char::from(byte)),
                _ => self.line.push('?'),
            }
        }
    }

    /// Ends the last line.
    #[must_use]
    pub fn finish(mut self) -> Self {
        self.end_line();
        self
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            return;
        }
        if self.first.len() < FIRST {
            self.first.push(line);
            return;
        }
        if self.last.len() == LAST {
            self.last.pop_front();
            self.dropped += 1;
        }
        self.last.push_back(line);
    }

    /// The lines kept, oldest first.
    pub fn lines(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.first.iter().chain(&self.last).map(String::as_str)
    }

    /// Whether a kept line holds these words.
    #[must_use]
    pub fn says(&self, words: &str) -> bool {
        self.lines().any(|line| line.contains(words))
    }

    /// How many lines between the first and the last were not kept.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_and_the_last_lines_are_kept() {
        let mut log = Log::default();
        for number in 0..1000 {
            log.push(format!("line {number}\r\n").as_bytes());
        }
        let log = log.finish();
        assert_eq!(log.lines().count(), FIRST + LAST);
        assert_eq!(log.lines().next(), Some("line 0"));
        assert_eq!(log.lines().next_back(), Some("line 999"));
        assert_eq!(log.dropped(), 1000 - 256);
        assert!(log.says("line 63") && !log.says("line 64"));
    }

    #[test]
    fn an_endless_line_and_foreign_bytes_stay_bounded_and_plain() {
        let mut log = Log::default();
        for _ in 0..100 {
            log.push("\u{1b}[31mrot\tgrün ".as_bytes());
        }
        let log = log.finish();
        let line = log.lines().next().unwrap();
        assert_eq!(line.len(), LINE);
        assert!(line.starts_with("?[31mrot gr??n "), "{line}");
    }
}
