//! Tests of the engine's `node`: a real listener, real clients, real ffmpeg.

mod arrival;
mod faults;
pub mod harness;
mod limits;
pub mod metrics;
mod object_store;
mod operator;
mod payment;
mod reach;
mod restart;
mod rpc;
mod security;
mod segment;
mod stopping;
pub mod transcoder;
mod transcoders;
mod webhook;
