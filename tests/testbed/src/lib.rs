//! Real parts for tests: a devnet, clips drawn by ffmpeg, a hermetic environment.
#![expect(
    clippy::expect_used,
    reason = "a test without its parts has failed, and says so"
)]

pub mod clip;
mod devnet;
mod driver;
mod ffmpeg;
pub mod fuzz;
mod governor;
pub mod gpu;
pub mod mutant;
mod npm;
mod object_server;
mod price_feed;

pub use devnet::{
    Accounts, Devnet, cache_dir, devnet, devnet_config, devnet_parts, devnet_with, installed_cache_dir,
};
pub use driver::StubDriver;
pub use ffmpeg::ffmpeg_7;
pub use governor::Governor;
pub use npm::cast;
pub use object_server::{ObjectServer, run_python};
pub use price_feed::{PRICE_FEED, price_feed};

/// Chooses the TLS provider HTTP clients need to be built at all. Any number of calls.
pub fn install_tls() {
    // Already chosen is as good as chosen now.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
