//! What a gateway must show before its segment is read: the headers of `POST /segment` and `POST /payment`, checked in
//! the order and answered with the texts of `go-livepeer server/segment_rpc.go`.

use std::{sync::Arc, time::Duration};

use alloy::primitives::{Address, B256};
use axum::http::{HeaderMap, StatusCode};
use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use prost::Message;

use super::{Node, http::Refusal};
use crate::{
    media::{job::Clip, ladder::Profile},
    view::node::Rung,
    wire::{
        capability, net,
        segment::{self, ProfileError},
        token::TokenError,
    },
};

/// Header with the payment.
const PAYMENT: &str = "livepeer-payment";
/// Header with the segment's description.
const SEGMENT: &str = "livepeer-segment";

/// A segment whose credentials hold.
#[derive(Debug)]
pub(super) struct Credentials {
    /// The gateway's account; none off-chain.
    pub gateway: Option<Address>,
    /// The gateway's stream name, as text.
    pub manifest_id: String,
    /// Sequence number; what the answer echoes.
    pub seq: i64,
    /// Hash the bytes must have.
    pub hash: B256,
    /// How long the segment plays.
    pub duration: Duration,
    /// What is asked for, or why it cannot be made: go-livepeer tells some reasons only in the result.
    pub profiles: Result<Vec<Profile>, ProfileError>,
    /// The session, exactly as the gateway sent it.
    pub token: net::AuthToken,
    /// Where the gateway wants the renditions.
    pub storage: Option<net::OsInfo>,
    /// Part of the segment to keep.
    pub clip: Option<Clip>,
    /// Whether to compute perceptual hashes.
    pub perceptual_hash: bool,
    /// All of it as it came, for a transcoder elsewhere.
    pub request: Arc<net::SegData>,
    /// What came with it to pay for it.
    pub payment: net::Payment,
}

impl Credentials {
    /// Reads and checks the headers, up to and without the session limit.
    pub(super) fn check(node: &Node, headers: &HeaderMap) -> Result<Self, Refusal> {
        let payment = read_payment(headers)?;
        let forbidden = |text: String| Refusal::new(StatusCode::FORBIDDEN, text);
        let header = headers.get(SEGMENT).map_or(&[][..], |value| value.as_bytes());
        let segment = segment::from_header(header).map_err(|error| forbidden(error.to_string()))?;

        let mut readable = segment.clone();
        let profiles = match segment::to_profiles(&segment) {
            Err(error) if error.is_told_in_result() => {
                make_readable(&mut readable);
                Err(error)
            }
            read => Ok(read.map_err(|error| forbidden(error.to_string()))?),
        };
        let named = segment::to_profiles(&readable).map_err(|error| forbidden(error.to_string()))?;
        let duration = segment::duration_of(&segment).map_err(|error| forbidden(error.to_string()))?;

        let gateway = node.is_on_chain().then(|| address(&payment.sender));
        if let Some(sender) = gateway
            && !segment::is_signed_by(&segment, &named, sender)
        {
            return Err(forbidden("ErrSegSig".to_string()));
        }
        if let Err(reason) = capability::compatible(segment.capabilities.as_ref(), &node.capabilities()) {
            tracing::info!(%reason, "a segment asks for what this node does not do");
            return Err(forbidden("incompatible capabilities".to_string()));
        }
        let token = segment
            .auth_token
            .clone()
            .ok_or(TokenError::Missing)
            .and_then(|token| node.tokens().check(&token, Timestamp::now()).map(|()| token))
            .map_err(|error| forbidden(error.to_string()))?;
        Ok(Self {
            gateway,
            manifest_id: String::from_utf8_lossy(&segment.manifest_id).into_owned(),
            seq: segment.seq,
            hash: segment::hash_of(&readable),
            duration,
            profiles,
            token,
            storage: segment.storage.first().cloned(),
            clip: segment.segment_parameters.and_then(clip),
            perceptual_hash: segment.calc_perceptual_hash,
            request: Arc::new(segment),
            payment,
        })
    }

    /// The ladder as the operator sees it.
    pub(super) fn rungs(&self) -> Vec<Rung> {
        rungs(self.profiles.iter().flatten())
    }
}

/// A ladder as the operator sees it.
pub(super) fn rungs<'a>(profiles: impl Iterator<Item = &'a Profile>) -> Vec<Rung> {
    let rung = |profile: &Profile| Rung {
        name: super::session::shortened(&profile.name),
        width: profile.width,
        height: profile.height,
        fps: profile.fps / profile.fps_den.max(1),
        bitrate: profile.bitrate,
    };
    // More are refused when transcoding; what is shown stays bounded.
    profiles.take(16).map(rung).collect()
}

/// The payment header: missing and empty are an empty payment.
fn read_payment(headers: &HeaderMap) -> Result<net::Payment, Refusal> {
    let required = |text: String| Refusal::new(StatusCode::PAYMENT_REQUIRED, text);
    let header = headers.get(PAYMENT).map_or(&[][..], |value| value.as_bytes());
    let bytes = STANDARD
        .decode(header)
        .map_err(|error| required(format!("base64 decode error: {error}")))?;
    net::Payment::decode(bytes.as_slice())
        .map_err(|error| required(format!("protobuf unmarshal error: {error}")))
}

/// Twenty bytes, like Go's `BytesToAddress`: shorter ones are padded on the left, longer ones lose their left part.
pub(super) fn address(bytes: &[u8]) -> Address {
    Address::left_padding_from(&bytes[bytes.len().saturating_sub(20)..])
}

/// Numbers no profile can have are set aside, so that the names, which are all that is signed, can be read.
fn make_readable(segment: &mut net::SegData) {
    let lists = [
        &mut segment.full_profiles,
        &mut segment.full_profiles2,
        &mut segment.full_profiles3,
    ];
    for profile in lists.into_iter().flatten() {
        for number in [&mut profile.width, &mut profile.height, &mut profile.bitrate] {
            *number = (*number).max(0);
        }
        profile.gop = profile.gop.max(-1);
    }
}

/// What to keep of the segment; parameters with two zeros, which every pushed stream carries, keep all of it.
pub(super) fn clip(parameters: net::SegParameters) -> Option<Clip> {
    (parameters.from != 0 || parameters.to != 0).then(|| Clip {
        from: Duration::from_millis(parameters.from),
        to: Duration::from_millis(parameters.to),
    })
}
