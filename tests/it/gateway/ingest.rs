//! The gateway as a service: what is pushed to it, what it answers, and what plays from it.

mod harness;
mod hls;
mod hostile;
mod keys;
mod metrics;
mod push;
mod rtmp;
mod webhook;
