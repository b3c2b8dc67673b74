//! External object stores: one of our own, described by a URL with keys, and the right to put files into somebody
//! else's, as nodes hand it to each other (`go-tools drivers/s3.go`, `drivers/gs.go`).
//!
//! | module | owns |
//! |---|---|
//! | [`own`] | a store we have the keys of: its URL, and the rights it hands out |
//! | [`grant`] | a right to put files under a prefix, and putting them there |
//! | `sign` | upload policies and their signatures |

pub mod grant;
pub mod own;
mod sign;

pub use grant::{Grant, PutError};
pub use own::{ObjectStore, StoreError, StoreUrl};
