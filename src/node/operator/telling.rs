//! What is told of failures that are ours.

use axum::{
    body::Body,
    http::{Response, StatusCode},
};

use super::guard::failure;

/// The answer for what is our own fault, which is not told.
pub(super) fn internal() -> Response<Body> {
    failure(StatusCode::INTERNAL_SERVER_ERROR, "internal", "internal error")
}
