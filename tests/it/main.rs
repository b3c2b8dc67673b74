//! Engine tests against the real things: anvil with Livepeer's contracts, ffmpeg, sockets and files.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    reason = "a test that cannot go on should stop where it is"
)]

mod books;
mod chain;
mod devnet;
mod docs;
mod gateway;
mod gpu;
mod media;
mod node;
mod redeem;
mod relay;
mod remote;
mod tickets;
mod wallet;
mod wire;
