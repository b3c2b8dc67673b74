//! Ladders and transcoding with ffmpeg: one source segment in, one rendition per rung out.
//!
//! | module | holds |
//! |---|---|
//! | [`ladder`] | profiles, presets, ladders |
//! | [`arrival`] | a segment's bytes, read while they come in |
//! | [`target`] | what encodes, and how hard it tries |
//! | [`pace`] | how hard the CPU tries, by load |
//! | [`job`] | what is asked of a transcoder and what it answers |
//! | [`transcode`] | the transcoder: runs ffmpeg for a job and judges what came out |
//! | [`recipe`] | its command lines |
//! | [`ffmpeg`] | the program on this machine |
//! | [`probe`] | what this machine's devices can do, by trial |
//! | [`inspect`], [`count`], [`size`] | segments judged, counted and measured without decoding |

pub mod arrival;
pub mod count;
pub mod ffmpeg;
pub mod inspect;
pub mod job;
pub mod ladder;
mod mp4;
mod nal;
pub mod pace;
pub mod probe;
pub mod recipe;
pub mod size;
pub mod target;
pub mod transcode;
mod ts;
