//! Ladders, probing and transcoding with ffmpeg: one source segment in, one rendition per rung out.

pub mod job;
pub mod ladder;
