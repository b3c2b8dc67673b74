//! Tests of the engine's `remote`: a transcoder with the real ffmpeg, and an orchestrator that does what a test says.

mod faults;
mod leaving;
mod operator;
mod proxy;
mod registration;
mod scripted;
mod task;
