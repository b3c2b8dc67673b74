//! Lines from a file or a pipe: bounded, whatever comes, and followed when the file grows, is cut or replaced.

use std::{
    fs::{File, Metadata},
    io::{self, Read, Seek as _, SeekFrom},
    os::unix::fs::MetadataExt as _,
    path::Path,
};

use tokio::sync::mpsc;

/// Longest line that is kept whole; of a longer one the beginning is kept, and the rest is skipped.
const LONGEST: usize = 64 << 10;
/// Bytes read at once.
const CHUNK: usize = 64 << 10;
/// Chunks that may wait.
const WAITING: usize = 4;

/// Where lines come from.
pub struct Source {
    from: From,
    /// What was read and is not told yet.
    chunk: Vec<u8>,
    at: usize,
    /// The line that has not ended yet.
    line: Vec<u8>,
    was_cut: bool,
}

enum From {
    File(File),
    /// Chunks of standard input; the thread that reads it ends with the process.
    Pipe(mpsc::Receiver<io::Result<Vec<u8>>>),
}

impl Source {
    /// A file, from its beginning.
    ///
    /// # Errors
    /// The system's.
    pub fn file(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        if file.metadata()?.is_dir() {
            return Err(io::Error::from(io::ErrorKind::IsADirectory));
        }
        Ok(Self::new(From::File(file)))
    }

    /// Standard input.
    pub fn pipe() -> Self {
        let (chunks, pipe) = mpsc::channel(WAITING);
        std::thread::spawn(move || {
            let mut stdin = io::stdin().lock();
            loop {
                let mut chunk = vec![0; CHUNK];
                let read = stdin.read(&mut chunk).map(|read| {
                    chunk.truncate(read);
                    chunk
                });
                let is_last = !matches!(&read, Ok(chunk) if !chunk.is_empty());
                if chunks.blocking_send(read).is_err() || is_last {
                    return;
                }
            }
        });
        Self::new(From::Pipe(pipe))
    }

    fn new(from: From) -> Self {
        Self {
            from,
            chunk: Vec::new(),
            at: 0,
            line: Vec::new(),
            was_cut: false,
        }
    }

    /// The next whole line; none at the end of what there is. At the end of a pipe the last line needs no end.
    ///
    /// # Errors
    /// The system's.
    pub async fn next(&mut self) -> io::Result<Option<String>> {
        loop {
            if let Some(line) = self.take() {
                return Ok(Some(line));
            }
            self.at = 0;
            match &mut self.from {
                // The disk of this machine, at most a chunk at a time.
                From::File(file) => {
                    self.chunk.resize(CHUNK, 0);
                    let read = file.read(&mut self.chunk)?;
                    self.chunk.truncate(read);
                }
                From::Pipe(pipe) => self.chunk = pipe.recv().await.unwrap_or(Ok(Vec::new()))?,
            }
            if self.chunk.is_empty() {
                let is_last = matches!(self.from, From::Pipe(_)) && !self.line.is_empty();
                return Ok(is_last.then(|| self.finish()));
            }
        }
    }

    /// A line out of what was read, if one ends there.
    fn take(&mut self) -> Option<String> {
        let rest = &self.chunk[self.at..];
        if rest.is_empty() {
            return None;
        }
        let end = rest.iter().position(|byte| *byte == b'\n');
        let part = &rest[..end.unwrap_or(rest.len())];
        let room = LONGEST.saturating_sub(self.line.len());
        self.was_cut |= part.len() > room;
        self.line.extend_from_slice(&part[..part.len().min(room)]);
        self.at += end.map_or(rest.len(), |end| end + 1);
        end.map(|_| self.finish())
    }

    fn finish(&mut self) -> String {
        let line = std::mem::take(&mut self.line);
        let mut text = String::from_utf8_lossy(&line).into_owned();
        if text.ends_with('\r') {
            text.pop();
        }
        if std::mem::take(&mut self.was_cut) {
            text.push('…');
        }
        text
    }

    /// Looks whether the file was cut or replaced, and goes on at its beginning if it was.
    ///
    /// # Errors
    /// The system's; a file that is gone for now is no error.
    pub fn look_again(&mut self, path: &Path) -> io::Result<()> {
        let From::File(file) = &mut self.from else {
            return Ok(());
        };
        let is_same = |one: &Metadata, other: &Metadata| (one.dev(), one.ino()) == (other.dev(), other.ino());
        let ours = file.metadata()?;
        match std::fs::metadata(path) {
            Ok(named) if !is_same(&named, &ours) => {
                // What was written to the old one after it was read last would be lost otherwise.
                if file.stream_position()? >= ours.len() {
                    *file = File::open(path)?;
                    self.line.clear();
                }
            }
            Ok(named) if named.len() < file.stream_position()? => {
                file.seek(SeekFrom::Start(0))?;
                self.line.clear();
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Write as _};

    use super::*;

    async fn all(source: &mut Source) -> Vec<String> {
        let mut lines = Vec::new();
        while let Some(line) = source.next().await.unwrap() {
            lines.push(line);
        }
        lines
    }

    #[tokio::test]
    async fn lines_are_bounded_and_bytes_need_not_be_text() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut bytes = b"first\r\n\n".to_vec();
        bytes.extend(vec![b'x'; 5 << 20]);
        bytes.extend(b"\nbad \xff\xfe bytes \x1b[2J\nhalf");
        fs::write(&path, bytes).unwrap();
        let mut source = Source::file(&path).unwrap();
        let lines = all(&mut source).await;
        assert_eq!(lines.len(), 4, "a line that has not ended is none yet");
        assert_eq!((lines[0].as_str(), lines[1].as_str()), ("first", ""));
        assert_eq!(lines[2].len(), LONGEST + '…'.len_utf8());
        assert_eq!(lines[3], "bad \u{fffd}\u{fffd} bytes \u{1b}[2J");
        let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b" more\n").unwrap();
        assert_eq!(all(&mut source).await, ["half more"]);
    }

    #[tokio::test]
    async fn a_file_that_is_replaced_or_cut_is_followed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        fs::write(&path, "one\n").unwrap();
        let mut source = Source::file(&path).unwrap();
        assert_eq!(all(&mut source).await, ["one"]);
        // Rotated, with a last line that came after it was read.
        fs::OpenOptions::new()
            .append(true)
            .open(&path)
            .unwrap()
            .write_all(b"two\n")
            .unwrap();
        fs::rename(&path, folder.path().join("log.1")).unwrap();
        source.look_again(&path).unwrap();
        assert_eq!(all(&mut source).await, ["two"]);
        fs::write(&path, "three, which is longer\n").unwrap();
        source.look_again(&path).unwrap();
        assert_eq!(all(&mut source).await, ["three, which is longer"]);
        fs::write(&path, "four\n").unwrap();
        source.look_again(&path).unwrap();
        assert_eq!(all(&mut source).await, ["four"]);
        assert!(Source::file(folder.path()).is_err());
    }
}
