//! Whether two renditions show the same pictures, by their MPEG-7 video signatures: small differences of encoders do not
//! count, other pictures do (`go-livepeer server/broadcast.go`, fast verification).
//!
//! The signatures are computed here, from the renditions themselves, and compared by ffmpeg's own filter. What an
//! orchestrator says they are is not asked.

use std::{ffi::OsString, path::Path, time::Duration};

use super::tools::{ToolError, Tools, local};
use crate::{
    media::{ladder::Container, recipe::MAX_PIXELS},
    process::Log,
};

/// How long decoding and comparing two renditions may take.
const COMPARING: Duration = Duration::from_secs(120);

/// Compares two files, both in this container.
///
/// # Errors
/// [`ToolError`] if ffmpeg cannot be run or takes too long. Files it cannot read are not alike.
pub(super) async fn are_alike(
    tools: &Tools,
    folder: &Path,
    one: &Path,
    other: &Path,
    container: Container,
) -> Result<bool, ToolError> {
    let failed = |source| ToolError::Run {
        program: "ffmpeg",
        source,
    };
    let format = match container {
        Container::MpegTs => "mpegts",
        Container::Mp4 => "mov",
    };
    let mut args: Vec<OsString> = ["-hide_banner", "-nostdin", "-nostats"]
        .map(OsString::from)
        .into();
    for file in [one, other] {
        // As when verifying: the bytes are a stranger's.
        let input = [
            "-protocol_whitelist",
            "file",
            "-max_pixels",
            &MAX_PIXELS.to_string(),
            "-f",
            format,
            "-i",
        ]
        .map(OsString::from);
        args.extend(input);
        args.push(local(file).map_err(failed)?);
    }
    let compare = "[0:v:0][1:v:0]signature=nb_inputs=2:detectmode=full";
    args.extend(["-filter_complex", compare, "-f", "null", "-"].map(OsString::from));
    let log = tools.ffmpeg_log(&args, folder, COMPARING).await?;
    Ok(tells_likeness(&log))
}

/// The filter's last word on the two.
fn tells_likeness(log: &Log) -> bool {
    let word = log.lines().rev().find(|line| line.contains("Parsed_signature"));
    word.is_some_and(|line| line.ends_with("whole video matching") || line.contains(" frames matching"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(text: &str) -> Log {
        let mut log = Log::default();
        log.push(text.as_bytes());
        log.finish()
    }

    #[test]
    fn only_a_match_is_a_match() {
        let prefix = "[Parsed_signature_0 @ 0x5] ";
        assert!(tells_likeness(&log(&format!(
            "{prefix}matching of video 0 at 1.7 and 1 at 1.7, 60 frames matching\n{prefix}whole video matching\n"
        ))));
        assert!(tells_likeness(&log(&format!(
            "{prefix}matching of video 0 at 1.7 and 1 at 1.7, 40 frames matching\n"
        ))));
        assert!(!tells_likeness(&log(&format!(
            "{prefix}no matching of video 0 and 1\n"
        ))));
        assert!(!tells_likeness(&log(
            "a.ts: Invalid data\nwhole video matching\n"
        )));
    }
}
