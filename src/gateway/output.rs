//! Renditions on disk: `FOLDER/PROFILE/SEQ.ts`, a playlist in each profile's folder and one above them all.

use std::{
    fmt::Write as _,
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use bytes::Bytes;

use super::verify::size_text;
use crate::media::{
    ladder::{Container, Profile},
    size::Size,
};

/// Writes what came back.
#[derive(Debug, Clone)]
pub struct Output {
    folder: PathBuf,
}

/// A rendition in its playlist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlaylistEntry {
    /// Number of the segment.
    pub seq: u64,
    /// How long it plays.
    pub duration: Duration,
}

/// One profile's row in the master playlist.
#[derive(Debug)]
pub struct PlaylistRow<'a> {
    /// The profile.
    pub profile: &'a Profile,
    /// Size of the picture, if one was decoded.
    pub size: Option<Size>,
    /// Its renditions that are on disk, by number.
    pub entries: Vec<PlaylistEntry>,
}

impl Output {
    /// Makes the folder and one in it for each profile.
    ///
    /// # Errors
    /// What the system says; profile names were checked before.
    pub async fn create(folder: &Path, profiles: &[Profile]) -> io::Result<Self> {
        for profile in profiles {
            tokio::fs::create_dir_all(folder.join(&profile.name)).await?;
        }
        Ok(Self {
            folder: folder.to_owned(),
        })
    }

    /// Writes one rendition.
    ///
    /// # Errors
    /// What the system says.
    pub async fn write(&self, profile: &Profile, seq: u64, data: &Bytes) -> io::Result<()> {
        let name = format!("{seq}.{}", ending(profile.format));
        tokio::fs::write(self.folder.join(&profile.name).join(name), data).await
    }

    /// Writes the playlists over what is there.
    ///
    /// # Errors
    /// What the system says.
    pub async fn write_playlists(&self, rows: &[PlaylistRow<'_>]) -> io::Result<()> {
        for row in rows {
            let path = self.folder.join(&row.profile.name).join("index.m3u8");
            tokio::fs::write(path, media_playlist(row)).await?;
        }
        tokio::fs::write(self.folder.join("master.m3u8"), master_playlist(rows)).await
    }
}

/// Whether a profile name can be a folder's and part of a URL.
#[must_use]
pub fn is_path_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    !name.is_empty() && name.len() <= 100 && !name.starts_with('.') && name.bytes().all(allowed)
}

fn ending(container: Container) -> &'static str {
    match container {
        Container::MpegTs => "ts",
        Container::Mp4 => "mp4",
    }
}

fn media_playlist(row: &PlaylistRow<'_>) -> String {
    let longest = row
        .entries
        .iter()
        .map(|entry| entry.duration)
        .max()
        .unwrap_or_default();
    let target = longest.as_millis().div_ceil(1000).max(1);
    let first = row.entries.first().map_or(0, |entry| entry.seq);
    let mut text = format!(
        "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-TARGETDURATION:{target}\n#EXT-X-MEDIA-SEQUENCE:{first}\n"
    );
    let mut expected = first;
    for entry in &row.entries {
        if entry.seq != expected {
            text.push_str("#EXT-X-DISCONTINUITY\n");
        }
        expected = entry.seq + 1;
        let (seconds, millis) = (entry.duration.as_secs(), entry.duration.subsec_millis());
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "#EXTINF:{seconds}.{millis:03},\n{}.{}",
            entry.seq,
            ending(row.profile.format)
        );
    }
    text.push_str("#EXT-X-ENDLIST\n");
    text
}

fn master_playlist(rows: &[PlaylistRow<'_>]) -> String {
    let mut text = String::from("#EXTM3U\n#EXT-X-VERSION:3\n");
    for row in rows {
        let resolution = row
            .size
            .map(|size| format!(",RESOLUTION={}", size_text(&size)))
            .unwrap_or_default();
        let _ = writeln!(
            text,
            "#EXT-X-STREAM-INF:BANDWIDTH={}{resolution}\n{}/index.m3u8",
            row.profile.bitrate.max(1),
            row.profile.name
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_leave_the_folder_are_refused() {
        for good in ["P720p30fps16x9", "custom_640x360_1000", "a.b-c"] {
            assert!(is_path_name(good), "{good}");
        }
        for bad in [
            "",
            ".",
            "..",
            ".hidden",
            "a/b",
            "a\\b",
            "a b",
            "a\n",
            "ü",
            &"x".repeat(101),
        ] {
            assert!(!is_path_name(bad), "{bad:?}");
        }
    }
}
