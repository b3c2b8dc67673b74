//! What stood in the way of a measurement, with the next step.

use engine::{
    bench::{clip::ClipError, compare::CompareError, playlist::PlaylistError},
    gateway::{cut::CutError, source::SourceError, tools::ToolError},
    view::bench::{BenchReport, Comparison},
};

use crate::{
    failure::{Failure, Kind},
    run::failure::with_cause,
    shell::escape,
};

/// There is nothing to transcode.
pub fn of_clip(error: &ClipError) -> Failure {
    let message = escape(&with_cause(error));
    let failure = |code| Failure::new(Kind::Failed, code, message.clone());
    let probe = "`ffprobe FILE` tells what ffmpeg makes of it";
    match error {
        ClipError::Source(SourceError::Open { .. }) | ClipError::Read { .. } => {
            failure("input_missing").hint("check the file's name and rights")
        }
        ClipError::Source(SourceError::Unreadable { .. }) => failure("input_unreadable").hint(probe),
        ClipError::Source(SourceError::NoVideo { .. }) => {
            failure("input_without_video").hint("choose a file that has video")
        }
        ClipError::Source(SourceError::Tool(error))
        | ClipError::Cut(CutError::Tool(error))
        | ClipError::Tool(error) => of_tool(error),
        ClipError::Cut(CutError::Folder { .. }) | ClipError::Folder { .. } => failure("no_temporary_files")
            .hint("check the space left and the rights on it, or point TMPDIR elsewhere"),
        ClipError::Cut(_) => failure("cannot_cut").hint(probe),
        ClipError::Playlist {
            source: PlaylistError::Master,
            ..
        } => failure("bad_playlist").hint("name one of the playlists in it"),
        ClipError::Playlist { .. } => {
            failure("bad_playlist").hint("it must be a media playlist with plain segment files beside it")
        }
        ClipError::TooLarge { .. } => failure("input_too_large").hint("cut it into shorter segments"),
        ClipError::Useless { .. } => failure("input_refused").hint("a node would refuse it with these words"),
        ClipError::Draw(_) => {
            failure("cannot_draw").hint("this ffmpeg has no test pictures: name a video to measure with")
        }
    }
}

/// ffmpeg or ffprobe could not be run.
pub fn of_tool(error: &ToolError) -> Failure {
    let failure = |code| Failure::new(Kind::Failed, code, escape(&with_cause(error)));
    match error {
        ToolError::NoFfprobe(_) => {
            failure("ffprobe_missing").hint("install ffmpeg whole (Debian: `apt-get install ffmpeg`)")
        }
        ToolError::Run { .. } => {
            failure("ffmpeg_not_started").hint("check the limit on processes: `ulimit -u`")
        }
        ToolError::TimedOut { .. } => failure("ffmpeg_timed_out").hint("is the file on a disk that hangs?"),
    }
}

/// The renditions could not be compared.
pub fn of_compare(error: &CompareError) -> Failure {
    match error {
        CompareError::Tool(error) => of_tool(error),
        CompareError::File(_) => Failure::new(Kind::Failed, "no_temporary_files", escape(&with_cause(error)))
            .hint("check the space left and the rights on it, or point TMPDIR elsewhere"),
        CompareError::Unreadable { .. } => {
            Failure::new(Kind::Failed, "unreadable_rendition", escape(&with_cause(error)))
                .hint("please report it with the file and the command line")
        }
    }
}

/// Not one segment of the engine was transcoded.
pub fn nothing_transcoded(report: &BenchReport) -> Failure {
    let figures = report.runs.iter().map(|run| &run.engine);
    let reason = figures
        .flat_map(|figures| figures.failures.keys())
        .next()
        .map_or_else(|| "no reason given".to_string(), |reason| escape(reason));
    Failure::new(
        Kind::Failed,
        "nothing_transcoded",
        format!("not one segment was transcoded: {reason}"),
    )
    .hint("add `-v` for ffmpeg's own words")
}

/// The bare ffmpeg did not get through its segments.
pub fn bare_failed(reason: &str) -> Failure {
    Failure::new(
        Kind::Failed,
        "bare_ffmpeg_failed",
        format!("there is nothing to compare with: {}", escape(reason)),
    )
    .hint("choose another ffmpeg with `--against PATH`, or leave it out")
}

/// The renditions differ.
pub fn renditions_differ(comparison: &Comparison, bytes: bool) -> Failure {
    let first = comparison.differences.first().map_or_else(
        || {
            let equal = comparison.same_bytes;
            format!("{equal} of {} are equal byte for byte", comparison.renditions)
        },
        |difference| escape(difference),
    );
    let what = if bytes { "bytes" } else { "frames" };
    Failure::new(
        Kind::Failed,
        "renditions_differ",
        format!("renditions differ in their {what} from those of the bare ffmpeg: {first}"),
    )
    .hint("different versions of ffmpeg differ; with the same one, please report it")
}
