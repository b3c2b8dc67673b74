//! What a run that ended came to: judged by the files it made.

use std::{
    fs::File,
    io::{self, Read as _},
    path::Path,
    process::ExitStatus,
};

use rustix::fs::{Mode, OFlags};
use tempfile::TempDir;
use tokio::task::spawn_blocking;

use super::verdict::{self, Summary};
use crate::{
    media::{
        count::{Counted, count},
        ffmpeg::FILE_BYTES,
        inspect::Inspection,
        job::{FailureClass, Rendition, SegmentJob, TranscodeError},
        ladder::Profile,
        recipe::{RUNAWAY, output_file, signature_file},
        target::Target,
    },
    process::Log,
};

/// What one run came to, apart from failures.
#[derive(Debug)]
pub(super) enum Outcome {
    /// Renditions.
    Made(Made),
    /// Sound starts after what was looked at: worth a second, longer look.
    TooSmallProbe,
}

/// The renditions of a segment.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) renditions: Vec<Rendition>,
    /// Source frames decoded.
    pub(super) decoded: u64,
    pub(super) inspection: Inspection,
}

/// Why a rendition cannot be taken.
enum Unfit {
    Unreadable(io::Error),
    Empty,
}

/// Success is exit code zero and frames in every file; anything else gets its reason.
pub(super) async fn judge(
    job: &SegmentJob,
    inspection: Inspection,
    target: Target,
    status: ExitStatus,
    log: &Log,
    directory: TempDir,
) -> Result<Outcome, TranscodeError> {
    if !status.success() {
        if verdict::probe_was_too_small(log) {
            return Ok(Outcome::TooSmallProbe);
        }
        return Err(verdict::failure(status, log, target));
    }
    if let Some(shortage) = verdict::shortage(log) {
        return Err(shortage);
    }
    let profiles = job.profiles.clone();
    let perceptual_hash = job.perceptual_hash;
    let read = spawn_blocking(move || {
        let path = directory.path();
        let renditions = profiles.iter().enumerate();
        renditions
            .map(|(index, profile)| read_rendition(path, index, profile, perceptual_hash))
            .collect::<Result<Vec<_>, Unfit>>()
    });
    let decoded = Summary::of(log).decoded;
    let renditions = match read.await.map_err(|_| TranscodeError::Stopped)? {
        Ok(renditions) => renditions,
        // Somebody tidied up too early.
        Err(Unfit::Unreadable(error)) => {
            return Err(failed(FailureClass::Resource, "a rendition is missing", &error));
        }
        // Nothing came out of the decoder, or nothing lies in the part to keep.
        Err(Unfit::Empty) if decoded == Some(0) || job.clip.is_some() => {
            return Err(TranscodeError::INVALID_VIDEO);
        }
        Err(Unfit::Empty) => {
            return Err(TranscodeError::Failed {
                class: FailureClass::Ours,
                reason: "a rendition has no frames".into(),
            });
        }
    };
    let decoded = decoded.unwrap_or(inspection.pictures);
    let most = renditions.iter().map(|rendition| rendition.frames).max();
    if most.unwrap_or_default() > decoded.saturating_mul(RUNAWAY) {
        return Err(TranscodeError::RUNAWAY);
    }
    Ok(Outcome::Made(Made {
        renditions,
        decoded,
        inspection,
    }))
}

/// Reads a rendition and counts it.
fn read_rendition(directory: &Path, index: usize, profile: &Profile, hash: bool) -> Result<Rendition, Unfit> {
    let read = |name: String| read_file(&directory.join(name)).map_err(Unfit::Unreadable);
    let data = read(output_file(index, profile.format))?;
    match count(&data) {
        Some(Counted {
            frames,
            size: Some(size),
        }) if frames > 0 => Ok(Rendition {
            data: data.into(),
            frames,
            width: size.width,
            height: size.height,
            perceptual_hash: match hash {
                true => Some(read(signature_file(index))?.into()),
                false => None,
            },
            reported_pixels: None,
        }),
        _ => Err(Unfit::Empty),
    }
}

/// Reads a file that ffmpeg, which may be a stranger's by now, has left: no link to another one, nothing that is no
/// file, no more than it may write.
fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    let length = file.metadata()?;
    if !length.is_file() || length.len() > FILE_BYTES {
        return Err(io::Error::other("it is no file ffmpeg may write"));
    }
    let mut data = Vec::with_capacity(usize::try_from(length.len()).unwrap_or_default());
    file.take(FILE_BYTES).read_to_end(&mut data)?;
    Ok(data)
}

/// A failure the system explains.
pub(super) fn failed(class: FailureClass, what: &str, error: &io::Error) -> TranscodeError {
    TranscodeError::Failed {
        class,
        reason: format!("{what}: {error}"),
    }
}
