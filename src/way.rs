//! A segment's way through a node as spans: one for the segment, which every line of the log about it carries, and one
//! for each stage, for those who collect traces.
//!
//! The segment's id is made of what gateway, orchestrator and transcoder all have on the wire, the session of the
//! authentication token and the sequence number (`go-livepeer net/lp_rpc.proto`, `AuthToken` and `SegData`): the same
//! segment has the same id in all their logs, and one that is sent to another orchestrator has another one there.

use tracing::{Span, error_span, field::Empty, trace_span};

use crate::node::harmless;

/// Longest name from outside that a line carries, in characters.
const LONGEST: usize = 64;

/// What the spans are filed under. Their level is no measure of anything: those of segments are always there.
pub const TARGET: &str = "engine::way";

/// A segment of which nothing is known yet.
pub(crate) fn arriving() -> Span {
    error_span!(target: TARGET, "segment", segment = Empty, session = Empty, seq = Empty, manifest = Empty)
}

/// Says which segment a span is about. Texts may come from outside.
pub(crate) fn name(span: &Span, session: &str, seq: u64, manifest: &str) {
    let session = shown(session);
    span.record("segment", id(&session, seq));
    span.record("session", session);
    span.record("seq", seq);
    span.record("manifest", shown(manifest));
}

/// A known segment.
pub(crate) fn segment(session: &str, seq: u64, manifest: &str) -> Span {
    let span = arriving();
    name(&span, session, seq, manifest);
    span
}

/// The id of a segment.
fn id(session: &str, seq: u64) -> String {
    format!("{session}/{seq}")
}

fn shown(text: &str) -> String {
    harmless(text).chars().take(LONGEST).collect()
}

/// Its papers are looked at, and its payment is taken.
pub(crate) fn checking() -> Span {
    trace_span!(target: TARGET, "check")
}

/// Its bytes come.
pub(crate) fn receiving() -> Span {
    trace_span!(target: TARGET, "receive")
}

/// It waits for its turn.
pub(crate) fn waiting() -> Span {
    trace_span!(target: TARGET, "wait")
}

/// It is decoded and encoded, here or by a transcoder elsewhere.
pub(crate) fn transcoding() -> Span {
    trace_span!(target: TARGET, "transcode")
}

/// Its renditions are put up, signed, charged for and told of.
pub(crate) fn answering() -> Span {
    trace_span!(target: TARGET, "answer")
}

/// A gateway sends it, and waits for its renditions.
pub(crate) fn sending() -> Span {
    trace_span!(target: TARGET, "send")
}
