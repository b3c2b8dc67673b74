//! Tests of the engine's `node`: a real listener, real clients, real ffmpeg.

mod arrival;
mod harness;
mod limits;
mod operator;
mod rpc;
mod segment;
mod stopping;
pub mod transcoder;
