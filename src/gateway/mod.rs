//! The sending side: cut a source into segments, submit them, download and verify the renditions.
