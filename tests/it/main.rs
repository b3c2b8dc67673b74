//! Engine tests against the real things: anvil with Livepeer's contracts, ffmpeg, sockets and files.

mod chain;
mod devnet;
mod gateway;
mod media;
mod node;
mod wallet;
mod wire;
