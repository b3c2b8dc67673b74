//! The sending side: cut a source into segments, submit them, download and verify the renditions.
//!
//! | module | owns |
//! |---|---|
//! | [`source`] | what a file is, and whether it can be cut without encoding it again |
//! | [`cut`] | segments of a file, one after the other, never far ahead |
//! | [`orchestrator`] | asking an orchestrator for a session and giving it back |
//! | [`submit`] | one segment sent and its answer read |
//! | [`download`] | one rendition fetched |
//! | [`verify`] | one rendition decoded and compared with what was promised |
//! | [`output`] | renditions and playlists on disk |
//! | [`push`](mod@push) | all of it for one file, several segments at a time |
//!
//! Everything that comes from the orchestrator is bounded in size and time and believed only after it was checked.

pub mod cut;
pub mod download;
pub mod ingest;
pub mod orchestrator;
pub mod output;
pub mod push;
mod send;
pub mod source;
pub mod submit;
pub mod tools;
pub mod verify;

pub use push::{PushConfig, PushError, PushEvent, push};
