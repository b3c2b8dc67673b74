//! The second ffmpeg that tests run the engine with.

use std::path::PathBuf;

/// A static ffmpeg 7, which `make setup` fetches. It has no ffprobe: the system's reads its outputs.
///
/// # Panics
/// It is missing.
#[must_use]
pub fn ffmpeg_7() -> PathBuf {
    let path = crate::cache_dir().join("ffmpeg-7/ffmpeg");
    assert!(
        path.is_file(),
        "the tests need a second ffmpeg at {}: `make ffmpeg-7` fetches it",
        path.display()
    );
    path
}
