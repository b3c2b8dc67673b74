//! Media playlists (`.m3u8`) on this machine, with the segments beside them.

use std::{
    path::{Component, Path, PathBuf},
    time::Duration,
};

/// Longest playlist that is read, in bytes.
pub const MOST_BYTES: u64 = 4 << 20;

/// A segment a playlist lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its path, relative to the playlist.
    pub path: PathBuf,
    /// How long it plays.
    pub duration: Duration,
}

/// Why a playlist is of no use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlaylistError {
    /// Not a playlist.
    #[error("it does not begin with #EXTM3U")]
    NotOne,
    /// It lists playlists.
    #[error("it lists playlists, not segments")]
    Master,
    /// It uses what is not understood.
    #[error("line {line}: {what} is not supported")]
    Unsupported {
        /// Which line, from 1.
        line: usize,
        /// The tag.
        what: &'static str,
    },
    /// A segment that is not in the playlist's folder.
    #[error("line {0}: the segment is not a file in the playlist's folder")]
    Elsewhere(usize),
    /// A segment without a length, or with none that can be read.
    #[error("line {0}: the segment has no readable #EXTINF")]
    NoLength(usize),
    /// No segment.
    #[error("it lists no segment")]
    Empty,
}

/// Reads a media playlist's text: at most `most` segments of it.
///
/// # Errors
/// See [`PlaylistError`].
pub fn read(text: &str, most: usize) -> Result<Vec<Listed>, PlaylistError> {
    let mut lines = (1..).zip(text.trim_start_matches('\u{feff}').lines().map(str::trim));
    if lines.next().is_none_or(|(_, first)| first != "#EXTM3U") {
        return Err(PlaylistError::NotOne);
    }
    let mut listed = Vec::new();
    let mut length = None;
    for (line, text) in lines {
        let unsupported = |what| Err(PlaylistError::Unsupported { line, what });
        if let Some(told) = text.strip_prefix("#EXTINF:") {
            length = Some(
                seconds(told.split(',').next().unwrap_or_default()).ok_or(PlaylistError::NoLength(line))?,
            );
        } else if text.starts_with("#EXT-X-STREAM-INF") {
            return Err(PlaylistError::Master);
        } else if text.starts_with("#EXT-X-BYTERANGE") {
            return unsupported("#EXT-X-BYTERANGE");
        } else if text.starts_with("#EXT-X-MAP") {
            return unsupported("#EXT-X-MAP");
        } else if text.starts_with("#EXT-X-KEY") && !text.contains("METHOD=NONE") {
            return unsupported("#EXT-X-KEY");
        } else if !text.is_empty() && !text.starts_with('#') {
            let path = PathBuf::from(text);
            if text.contains("://") || !path.components().all(is_plain) {
                return Err(PlaylistError::Elsewhere(line));
            }
            let duration = length.take().ok_or(PlaylistError::NoLength(line))?;
            listed.push(Listed { path, duration });
            if listed.len() == most {
                break;
            }
        }
    }
    match listed.is_empty() {
        true => Err(PlaylistError::Empty),
        false => Ok(listed),
    }
}

/// Whether a path has the ending of a playlist.
#[must_use]
pub fn is_playlist(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str());
    ending.is_some_and(|ending| {
        ["m3u8", "m3u"]
            .iter()
            .any(|known| known.eq_ignore_ascii_case(ending))
    })
}

fn is_plain(component: Component<'_>) -> bool {
    matches!(component, Component::Normal(_) | Component::CurDir)
}

/// `2`, `2.002`: more than nothing, at most an hour.
fn seconds(text: &str) -> Option<Duration> {
    let text = text.trim();
    if !text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return None;
    }
    let seconds: f64 = text.parse().ok()?;
    (seconds > 0.0 && seconds <= 3600.0).then(|| Duration::from_secs_f64(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXT-X-KEY:METHOD=NONE\n\
                        #EXTINF:2.002,\nseg0.ts\n#EXTINF:2,title\r\n./more/seg1.ts\r\n#EXT-X-ENDLIST\n";

    #[test]
    fn segments_come_with_their_lengths() {
        let listed = read(GOOD, 9).unwrap();
        let told: Vec<_> = listed
            .iter()
            .map(|it| (it.path.to_str().unwrap(), it.duration.as_millis()))
            .collect();
        assert_eq!(told, [("seg0.ts", 2002), ("./more/seg1.ts", 2000)]);
        assert_eq!(read(GOOD, 1).unwrap().len(), 1);
        assert!(is_playlist(Path::new("a/b.M3U8")) && !is_playlist(Path::new("m3u8")));
    }

    #[test]
    fn what_cannot_be_read_as_it_is_is_refused() {
        let with = |lines: &str| read(&format!("#EXTM3U\n{lines}\n"), 9).unwrap_err();
        assert_eq!(read("seg0.ts\n", 9), Err(PlaylistError::NotOne));
        assert_eq!(
            with("#EXT-X-STREAM-INF:BANDWIDTH=1\nlow.m3u8"),
            PlaylistError::Master
        );
        assert_eq!(with("#EXTINF:2,"), PlaylistError::Empty);
        assert_eq!(with("a.ts"), PlaylistError::NoLength(2));
        for bad in ["", "x", "-1", "0", "1e9", "inf", "4000"] {
            assert_eq!(
                with(&format!("#EXTINF:{bad},\na.ts")),
                PlaylistError::NoLength(2),
                "{bad}"
            );
        }
        for elsewhere in [
            "http://a/b.ts",
            "file:///etc/passwd",
            "/etc/passwd",
            "../a.ts",
            "a/../../b.ts",
        ] {
            let error = with(&format!("#EXTINF:2,\n{elsewhere}"));
            assert_eq!(error, PlaylistError::Elsewhere(3), "{elsewhere}");
        }
        for tag in [
            "#EXT-X-BYTERANGE:5@0",
            "#EXT-X-MAP:URI=\"i.mp4\"",
            "#EXT-X-KEY:METHOD=AES-128",
        ] {
            assert!(
                matches!(with(tag), PlaylistError::Unsupported { line: 2, .. }),
                "{tag}"
            );
        }
    }
}
