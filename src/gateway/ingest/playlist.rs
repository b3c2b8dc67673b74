//! HLS playlists of one stream: a live window of six segments a track (`go-livepeer core/playlistmanager.go`).
//!
//! Segments finish in any order and are listed in the order of their numbers: a segment waits for those before it that
//! are still being worked on. A segment without renditions is listed for the source alone, and the next one of the
//! other tracks is marked as a break.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt::Write as _,
    time::Duration,
};

use crate::{media::size::Size, node::http::escape};

/// Segments a playlist lists.
const WINDOW: usize = 6;
/// Numbers this far back are a stream that began again, not a late segment.
const RESTART: u64 = 12;
/// What the track of the source is called.
pub(super) const SOURCE: &str = "source";

/// Whether a segment will be listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// In its place, once those before it are done.
    Listed,
    /// It comes again or too late: its files are kept, the playlists stay as they are.
    Late,
}

/// The playlists of one stream.
#[derive(Debug)]
pub(super) struct Playlists {
    tracks: Vec<Track>,
    /// Segments being worked on, and those done that wait for them.
    waiting: BTreeMap<u64, Option<Finished>>,
    last: Option<u64>,
    began_again: bool,
    ended: bool,
}

/// A segment that is done.
#[derive(Debug, Clone, Copy)]
struct Finished {
    duration: Duration,
    has_renditions: bool,
    is_break: bool,
}

#[derive(Debug, Clone)]
struct Track {
    name: String,
    bandwidth: u64,
    size: Option<Size>,
    window: VecDeque<Entry>,
    /// Entries that left the window: the number of its first one.
    gone: u64,
    /// Breaks that left the window with them.
    gone_breaks: u64,
    longest: Duration,
    is_broken: bool,
}

#[derive(Debug, Clone)]
struct Entry {
    seq: u64,
    duration: Duration,
    is_break: bool,
}

impl Playlists {
    /// Playlists of the source and these renditions, each with the bits a second it is made for.
    pub(super) fn new<'a>(renditions: impl IntoIterator<Item = (&'a str, u64)>) -> Self {
        let tracks = std::iter::once((SOURCE, 0)).chain(renditions);
        Self {
            tracks: tracks
                .map(|(name, bandwidth)| Track::new(name, bandwidth))
                .collect(),
            waiting: BTreeMap::new(),
            last: None,
            began_again: false,
            ended: false,
        }
    }

    /// These playlists for a stream that goes on where another one ended, if its tracks have the same names.
    pub(super) fn resumed<'a>(&self, renditions: impl IntoIterator<Item = (&'a str, u64)>) -> Option<Self> {
        let wanted = Self::new(renditions);
        let same = |one: &Track, other: &Track| one.name == other.name;
        let is_same = wanted.tracks.len() == self.tracks.len()
            && wanted
                .tracks
                .iter()
                .zip(&self.tracks)
                .all(|(one, other)| same(one, other));
        is_same.then(|| Self {
            tracks: self.tracks.clone(),
            waiting: BTreeMap::new(),
            last: None,
            began_again: self.last.is_some(),
            ended: false,
        })
    }

    /// The number after the last one that is listed.
    pub(super) fn next(&self) -> u64 {
        let newest = self.tracks.first().and_then(|source| source.window.back());
        newest.map_or(0, |entry| entry.seq.saturating_add(1))
    }

    /// Keeps the place of a segment that is worked on now.
    pub(super) fn begin(&mut self, seq: u64) -> Turn {
        if self.waiting.contains_key(&seq) {
            return Turn::Late;
        }
        if let Some(last) = self.last.filter(|last| seq <= *last) {
            if last - seq <= RESTART || !self.waiting.is_empty() {
                return Turn::Late;
            }
            self.last = None;
            self.began_again = true;
        }
        self.waiting.insert(seq, None);
        Turn::Listed
    }

    /// A segment with a place is done: the source's file is there, and the renditions or none of them.
    pub(super) fn finish(&mut self, seq: u64, duration: Duration, has_renditions: bool, is_break: bool) {
        if let Some(place) = self.waiting.get_mut(&seq) {
            *place = Some(Finished {
                duration,
                has_renditions,
                is_break,
            });
        }
        self.list();
    }

    /// A segment with a place comes to nothing.
    pub(super) fn give_up(&mut self, seq: u64) {
        self.waiting.remove(&seq);
        self.list();
    }

    /// What the source measures, once it is known.
    pub(super) fn describe_source(&mut self, size: Option<Size>, bandwidth: u64) {
        if let Some(source) = self.tracks.first_mut() {
            source.size = size.or(source.size);
            source.bandwidth = source.bandwidth.max(bandwidth);
        }
    }

    /// Nothing will be added any more.
    pub(super) fn end(&mut self) {
        self.ended = true;
    }

    fn list(&mut self) {
        while let Some(first) = self.waiting.first_entry() {
            let (seq, Some(finished)) = (*first.key(), *first.get()) else {
                return;
            };
            first.remove();
            let is_gap = self.last.is_some_and(|last| seq != last + 1);
            let is_break = finished.is_break || is_gap || std::mem::take(&mut self.began_again);
            for (index, track) in self.tracks.iter_mut().enumerate() {
                if index == 0 || finished.has_renditions {
                    track.add(seq, finished.duration, is_break);
                } else {
                    track.is_broken = true;
                }
            }
            self.last = Some(seq);
        }
    }

    /// The list of tracks. Its addresses are relative to `/stream/`.
    pub(super) fn master(&self, manifest: &str) -> String {
        let mut text = String::from("#EXTM3U\n#EXT-X-VERSION:3\n");
        for track in &self.tracks {
            let _ = write!(
                text,
                "#EXT-X-STREAM-INF:PROGRAM-ID=0,BANDWIDTH={}",
                track.bandwidth
            );
            if let Some(size) = track.size {
                let _ = write!(text, ",RESOLUTION={}x{}", size.width, size.height);
            }
            let _ = writeln!(text, "\n{}/{}.m3u8", escape(manifest), escape(&track.name));
        }
        text
    }

    /// One track's list. Its addresses are relative to `/stream/<manifest>/`.
    pub(super) fn media(&self, track: &str) -> Option<String> {
        let track = self.tracks.iter().find(|known| known.name == track)?;
        let mut text = String::from("#EXTM3U\n#EXT-X-VERSION:3\n");
        let _ = writeln!(text, "#EXT-X-MEDIA-SEQUENCE:{}", track.gone);
        if track.gone_breaks > 0 {
            let _ = writeln!(text, "#EXT-X-DISCONTINUITY-SEQUENCE:{}", track.gone_breaks);
        }
        let target = track.longest.as_millis().div_ceil(1000).max(1);
        let _ = writeln!(text, "#EXT-X-TARGETDURATION:{target}");
        for entry in &track.window {
            if entry.is_break {
                text.push_str("#EXT-X-DISCONTINUITY\n");
            }
            let (seconds, millis) = (entry.duration.as_secs(), entry.duration.subsec_millis());
            let _ = writeln!(
                text,
                "#EXTINF:{seconds}.{millis:03},\n{}/{}.ts",
                escape(&track.name),
                entry.seq
            );
        }
        if self.ended {
            text.push_str("#EXT-X-ENDLIST\n");
        }
        Some(text)
    }

    /// The addresses of the tracks with their bits a second, for the status.
    pub(super) fn tracks(&self) -> impl Iterator<Item = (&str, u64)> {
        self.tracks
            .iter()
            .map(|track| (track.name.as_str(), track.bandwidth))
    }
}

impl Track {
    fn new(name: &str, bandwidth: u64) -> Self {
        Self {
            name: name.to_string(),
            bandwidth,
            size: None,
            window: VecDeque::with_capacity(WINDOW + 1),
            gone: 0,
            gone_breaks: 0,
            longest: Duration::ZERO,
            is_broken: false,
        }
    }

    fn add(&mut self, seq: u64, duration: Duration, is_break: bool) {
        let was_broken = std::mem::take(&mut self.is_broken);
        self.longest = self.longest.max(duration);
        self.window.push_back(Entry {
            seq,
            duration,
            // Nothing comes before the very first.
            is_break: (is_break || was_broken) && (self.gone > 0 || !self.window.is_empty()),
        });
        if self.window.len() > WINDOW
            && let Some(left) = self.window.pop_front()
        {
            self.gone += 1;
            self.gone_breaks += u64::from(left.is_break);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: Duration = Duration::from_secs(2);

    fn playlists() -> Playlists {
        Playlists::new([("P144p30fps16x9", 400_000)])
    }

    fn listed(playlists: &Playlists, track: &str) -> Vec<String> {
        let text = playlists.media(track).unwrap();
        let entries = text.lines().filter(|line| line.ends_with(".ts"));
        entries.map(str::to_string).collect()
    }

    #[test]
    fn segments_wait_for_those_before_them() {
        let mut made = playlists();
        for seq in 0..3 {
            assert_eq!(made.begin(seq), Turn::Listed);
        }
        made.finish(1, TWO, true, false);
        made.finish(2, TWO, true, false);
        assert_eq!(listed(&made, SOURCE), Vec::<String>::new());
        made.finish(0, TWO, true, false);
        let all = ["source/0.ts", "source/1.ts", "source/2.ts"];
        assert_eq!(listed(&made, SOURCE), all);
        assert_eq!(made.begin(1), Turn::Late);
        made.finish(1, TWO, true, false);
        assert_eq!(listed(&made, SOURCE), all);
    }

    #[test]
    fn the_window_moves_on_and_counts_what_left() {
        let mut made = playlists();
        for seq in 0..9 {
            made.begin(seq);
            made.finish(seq, Duration::from_millis(2001), true, false);
        }
        made.end();
        let text = made.media("P144p30fps16x9").unwrap();
        assert!(
            text.starts_with(
                "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-MEDIA-SEQUENCE:3\n#EXT-X-TARGETDURATION:3\n\
                 #EXTINF:2.001,\nP144p30fps16x9/3.ts\n"
            ),
            "{text}"
        );
        assert!(
            text.ends_with("#EXTINF:2.001,\nP144p30fps16x9/8.ts\n#EXT-X-ENDLIST\n"),
            "{text}"
        );
        assert!(made.media("P720p").is_none());
    }

    #[test]
    fn what_is_missing_is_a_break() {
        let mut made = playlists();
        for (seq, has_renditions) in [(0, true), (1, false), (2, true), (4, true)] {
            made.begin(seq);
            made.finish(seq, TWO, has_renditions, false);
        }
        made.begin(5);
        made.begin(6);
        made.finish(6, TWO, true, false);
        made.give_up(5);
        let breaks = |track| made.media(track).unwrap().replace("#EXTINF:2.000,\n", "");
        let head = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-TARGETDURATION:2\n";
        assert_eq!(
            breaks(SOURCE).strip_prefix(head).unwrap(),
            "source/0.ts\nsource/1.ts\nsource/2.ts\n#EXT-X-DISCONTINUITY\nsource/4.ts\n#EXT-X-DISCONTINUITY\nsource/6.ts\n"
        );
        assert_eq!(
            breaks("P144p30fps16x9")
                .strip_prefix(head)
                .unwrap()
                .replace("P144p30fps16x9/", ""),
            "0.ts\n#EXT-X-DISCONTINUITY\n2.ts\n#EXT-X-DISCONTINUITY\n4.ts\n#EXT-X-DISCONTINUITY\n6.ts\n"
        );
    }

    #[test]
    fn a_stream_that_begins_again_goes_on_after_a_break() {
        let mut made = playlists();
        for seq in [100, 0, 1] {
            assert_eq!(made.begin(seq), Turn::Listed);
            made.finish(seq, TWO, true, false);
        }
        let text = made.media(SOURCE).unwrap();
        assert!(
            text.contains("source/100.ts\n#EXT-X-DISCONTINUITY\n#EXTINF:2.000,\nsource/0.ts\n#EXTINF"),
            "{text}"
        );
    }

    #[test]
    fn the_master_names_every_track() {
        let mut made = playlists();
        let size = Size {
            width: 320,
            height: 180,
        };
        made.describe_source(Some(size), 700_000);
        assert_eq!(
            made.master("a b"),
            "#EXTM3U\n#EXT-X-VERSION:3\n\
             #EXT-X-STREAM-INF:PROGRAM-ID=0,BANDWIDTH=700000,RESOLUTION=320x180\na%20b/source.m3u8\n\
             #EXT-X-STREAM-INF:PROGRAM-ID=0,BANDWIDTH=400000\na%20b/P144p30fps16x9.m3u8\n"
        );
    }
}
