//! The transcode engine with real ffmpeg.

mod output;
