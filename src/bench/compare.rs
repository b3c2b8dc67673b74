//! Whether the engine's renditions are those of the bare ffmpeg: frames, time stamps and sizes as ffprobe reads them.

use std::{collections::BTreeMap, io, path::Path, time::Duration};

use bytes::Bytes;

use super::load::Sample;
use crate::{
    gateway::tools::{ToolError, Tools, reason},
    view::bench::Comparison,
};

/// Differences that are put into words.
const TOLD: usize = 8;
/// How long ffprobe may take for one rendition.
const LONGEST: Duration = Duration::from_secs(60);
/// Most of its answer that is read.
const ANSWER_BYTES: u64 = 8 << 20;

/// Why renditions could not be compared.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    /// A file could not be written for ffprobe.
    #[error("a rendition cannot be kept for ffprobe")]
    File(#[from] io::Error),
    /// ffprobe could not be run.
    #[error(transparent)]
    Tool(#[from] ToolError),
    /// ffprobe cannot read a rendition.
    #[error("ffprobe cannot read rendition {rendition} of segment {piece}: {reason}")]
    Unreadable {
        /// Which of the ladder.
        rendition: usize,
        /// Of which segment of the clip.
        piece: usize,
        /// Its words.
        reason: String,
    },
}

/// Renditions of both sides, the first of every piece of the clip.
#[derive(Debug, Default)]
pub struct Pairs {
    engine: BTreeMap<usize, Vec<Bytes>>,
    bare: BTreeMap<usize, Vec<Bytes>>,
}

/// What ffprobe reads from one rendition.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    /// Time stamps of the video packets in their time base, in the order of the file.
    stamps: Vec<i64>,
    size: String,
}

impl Pairs {
    /// Pieces of which both sides' renditions are here.
    #[must_use]
    pub fn pieces(&self) -> usize {
        self.engine
            .keys()
            .filter(|piece| self.bare.contains_key(piece))
            .count()
    }

    pub(super) fn take_engine(&mut self, samples: &mut [Sample]) {
        take(&mut self.engine, samples);
    }

    pub(super) fn take_bare(&mut self, samples: &mut [Sample]) {
        take(&mut self.bare, samples);
    }

    /// Compares what is here.
    ///
    /// # Errors
    /// See [`CompareError`].
    pub async fn compare(&self, tools: &Tools) -> Result<Comparison, CompareError> {
        let mut comparison = Comparison {
            renditions: 0,
            same_frames: 0,
            same_timestamps: 0,
            same_size: 0,
            same_bytes: 0,
            differences: Vec::new(),
        };
        for (piece, engine) in &self.engine {
            let Some(bare) = self.bare.get(piece) else {
                continue;
            };
            for (rendition, (ours, theirs)) in engine.iter().zip(bare).enumerate() {
                let unreadable = |reason| CompareError::Unreadable {
                    rendition,
                    piece: *piece,
                    reason,
                };
                let equal = ours == theirs;
                let ours = look(tools, ours).await?.map_err(unreadable)?;
                let theirs = look(tools, theirs).await?.map_err(unreadable)?;
                judge(&mut comparison, *piece, rendition, &ours, &theirs, equal);
            }
        }
        Ok(comparison)
    }
}

fn take(kept: &mut BTreeMap<usize, Vec<Bytes>>, samples: &mut [Sample]) {
    for sample in samples {
        let renditions = std::mem::take(&mut sample.renditions);
        if !renditions.is_empty() {
            kept.entry(sample.piece).or_insert(renditions);
        }
    }
}

fn judge(
    comparison: &mut Comparison,
    piece: usize,
    rendition: usize,
    ours: &Seen,
    theirs: &Seen,
    same_bytes: bool,
) {
    let mut differences = Vec::new();
    let same_frames = ours.stamps.len() == theirs.stamps.len();
    if !same_frames {
        differences.push(format!(
            "{} frames, not {}",
            ours.stamps.len(),
            theirs.stamps.len()
        ));
    }
    let same_timestamps = ours.stamps == theirs.stamps;
    if same_frames && !same_timestamps {
        let first = ours
            .stamps
            .iter()
            .zip(&theirs.stamps)
            .find(|(ours, theirs)| ours != theirs);
        differences.extend(first.map(|(ours, theirs)| format!("a frame at {ours}, not {theirs}")));
    }
    if ours.size != theirs.size {
        differences.push(format!("{}, not {}", ours.size, theirs.size));
    }
    comparison.renditions += 1;
    comparison.same_frames += u64::from(same_frames);
    comparison.same_timestamps += u64::from(same_timestamps);
    comparison.same_size += u64::from(ours.size == theirs.size);
    comparison.same_bytes += u64::from(same_bytes);
    if !differences.is_empty() && comparison.differences.len() < TOLD {
        let what = differences.join(", ");
        comparison
            .differences
            .push(format!("segment {piece}, rendition {rendition}: {what}"));
    }
}

/// The inner error is what ffprobe thinks of the rendition.
async fn look(tools: &Tools, data: &Bytes) -> Result<Result<Seen, String>, CompareError> {
    let file = tempfile::NamedTempFile::new()?;
    tokio::fs::write(file.path(), data).await?;
    probe(tools, file.path()).await
}

async fn probe(tools: &Tools, file: &Path) -> Result<Result<Seen, String>, CompareError> {
    let args = [
        "-protocol_whitelist",
        "file",
        "-select_streams",
        "v:0",
        "-show_entries",
        "packet=pts:stream=width,height",
        "-print_format",
        "csv",
    ];
    let probed = tools.ffprobe(&args, file, ANSWER_BYTES, LONGEST).await?;
    if !probed.status.success() {
        return Ok(Err(reason(&probed.log)));
    }
    Ok(read(&String::from_utf8_lossy(&probed.answer)).ok_or_else(|| "its answer is not understood".into()))
}

/// Reads lines like `packet,126000` and `stream,426,240`. Transport streams list their stream also under its program.
fn read(answer: &str) -> Option<Seen> {
    let mut seen = Seen {
        stamps: Vec::new(),
        size: String::new(),
    };
    for line in answer.lines() {
        let mut fields = line.trim_end_matches(',').split(',');
        match fields.next() {
            Some("packet") => seen.stamps.push(fields.next()?.parse().ok()?),
            Some("stream") => seen.size = format!("{}x{}", fields.next()?, fields.next()?),
            _ => {}
        }
    }
    (!seen.stamps.is_empty() && !seen.size.is_empty()).then_some(seen)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(stamps: &[i64], size: &str) -> Seen {
        Seen {
            stamps: stamps.to_vec(),
            size: size.into(),
        }
    }

    #[test]
    fn packets_and_sizes_are_read_from_ffprobes_lines() {
        let answer = "packet,132000\npacket,126000,\nprogram,stream,426,240\nstream,426,240\n";
        assert_eq!(read(answer), Some(seen(&[132_000, 126_000], "426x240")));
        for bad in ["", "packet,N/A\nstream,1,1\n", "packet,1\n", "stream,1,1\n"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn every_difference_is_found_and_told() {
        let mut comparison = Comparison {
            renditions: 0,
            same_frames: 0,
            same_timestamps: 0,
            same_size: 0,
            same_bytes: 0,
            differences: Vec::new(),
        };
        let one = seen(&[1, 2], "4x2");
        judge(&mut comparison, 0, 0, &one, &seen(&[1, 2], "4x2"), true);
        assert!(comparison.holds(true));
        judge(&mut comparison, 0, 1, &one, &seen(&[1, 2], "4x2"), false);
        assert!(comparison.holds(false) && !comparison.holds(true));
        judge(&mut comparison, 3, 0, &one, &seen(&[1, 3], "4x4"), false);
        judge(&mut comparison, 4, 0, &one, &seen(&[1], "4x2"), false);
        assert!(!comparison.holds(false));
        assert_eq!(
            comparison.differences,
            [
                "segment 3, rendition 0: a frame at 2, not 3, 4x2, not 4x4",
                "segment 4, rendition 0: 2 frames, not 1"
            ]
        );
    }
}
