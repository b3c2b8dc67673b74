//! Real parts for tests: a devnet, clips drawn by ffmpeg, a hermetic environment.

pub mod clip;
