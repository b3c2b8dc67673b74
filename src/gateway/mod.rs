//! The sending side: cut a source into segments, submit them, download and verify the renditions.
//!
//! | module | owns |
//! |---|---|
//! | [`source`] | what a file is, and whether it can be cut without encoding it again |
//! | [`cut`] | segments of a file, one after the other, never far ahead |
//! | [`orchestrator`] | asking an orchestrator for a session and giving it back |
//! | [`discovery`] | where orchestrators come from, and which of them answer |
//! | [`roster`] | a stream's orchestrators: whose turn it is, who is left out |
//! | [`survey`] | what many orchestrators offer, side by side |
//! | [`price`] | prices as exact fractions |
//! | [`payment`] | tickets for each segment, and what became of them |
//! | [`submit`] | one segment sent and its answer read |
//! | [`download`] | one rendition fetched |
//! | [`verify`] | one rendition decoded and compared with what was promised |
//! | `likeness` | two renditions compared by their perceptual hashes |
//! | [`stream`] | all of that for the segments of a stream, with another orchestrator when one fails |
//! | [`output`] | renditions and playlists on disk |
//! | [`push`](mod@push) | a file as a stream, several segments at a time |
//!
//! Everything that comes from the orchestrator is bounded in size and time and believed only after it was checked.

pub mod cut;
pub mod discovery;
pub mod download;
pub mod ingest;
mod likeness;
pub mod orchestrator;
pub mod output;
pub mod payment;
pub mod price;
pub mod push;
pub mod roster;
mod send;
pub mod source;
pub mod stream;
pub mod submit;
pub mod survey;
pub mod tools;
pub mod verify;

pub use discovery::Discovery;
pub use push::{PushConfig, PushError, PushEvent, push};
pub use stream::{Gateway, GatewaySettings, SegmentDone, SourceSegment, Stream, StreamError, StreamSettings};
