//! How a segment's bytes reach ffmpeg: through its standard input while they arrive, or as a file.

use std::path::Path;

use bytes::{Bytes, BytesMut};
use nix::fcntl::FcntlArg;
use tokio::{io::AsyncWriteExt as _, process::ChildStdin};

use crate::media::{
    arrival::{Broken, Source},
    inspect::{InputFormat, Inspection, Sniffed, inspect, sniff},
    recipe::SOURCE,
};

/// Most bytes looked at to find out what a segment is, or how large its pictures are, before all of it is here.
const HEAD: usize = 1 << 20;

/// How much of a segment waits in ffmpeg's pipe: most of one of two seconds.
const PIPE: i32 = 1 << 20;

/// What the first bytes told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) input: InputFormat,
    pub(super) bytes: Bytes,
}

/// Reads as far as it takes to know what the source is. `None`: nothing ffmpeg is to see.
pub(super) async fn head(source: &Source) -> Result<Option<Head>, Broken> {
    let mut bytes = BytesMut::new();
    loop {
        let chunk = source.read(bytes.len()).await?;
        let is_all = chunk.is_none();
        bytes.extend_from_slice(&chunk.unwrap_or_default());
        let input = match sniff(&bytes) {
            Sniffed::Format(input) => input,
            Sniffed::Neither => return Ok(None),
            // As a file it works whatever the order of its parts.
            Sniffed::Undecided if is_all || bytes.len() >= HEAD => match inspect(&bytes) {
                Ok(inspection) => inspection.input,
                Err(_) if is_all => return Ok(None),
                Err(_) => InputFormat::Mp4File,
            },
            Sniffed::Undecided => continue,
        };
        return Ok(Some(Head {
            input,
            bytes: bytes.freeze(),
        }));
    }
}

/// Reads on until the size of the pictures shows: some command lines need it. Not at any price.
pub(super) async fn first_look(source: &Source, head: Bytes) -> Result<Option<Inspection>, Broken> {
    let mut bytes = BytesMut::from(head);
    loop {
        match inspect(&bytes) {
            Ok(inspection) if inspection.size.is_some() => return Ok(Some(inspection)),
            _ if bytes.len() >= HEAD => return Ok(None),
            _ => {}
        }
        match source.read(bytes.len()).await? {
            Some(chunk) => bytes.extend_from_slice(&chunk),
            None => return Ok(inspect(&bytes).ok()),
        }
    }
}

/// Writes the source as it comes and closes the pipe the moment it is complete and right: until then ffmpeg waits for
/// more. A failing write is no error by itself, ffmpeg may have seen enough; but the source still has to be right.
pub(super) async fn feed(mut stdin: ChildStdin, source: &Source) -> Result<(), Broken> {
    // The fewer times both wait for each other, the less it costs. Where the system does not give so much, it works too.
    let _ = nix::fcntl::fcntl(&stdin, FcntlArg::F_SETPIPE_SZ(PIPE));
    let mut offset = 0;
    while let Some(chunk) = source.read(offset).await? {
        offset += chunk.len();
        if stdin.write_all(&chunk).await.is_err() {
            source.whole().await?;
            break;
        }
    }
    Ok(())
}

/// Keeps the whole source as a file in the job's directory.
pub(super) async fn spool(source: Bytes, directory: &Path) -> std::io::Result<()> {
    tokio::fs::write(directory.join(SOURCE), source).await
}
