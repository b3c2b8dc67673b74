//! A segment's credentials: what a gateway sends along with the bytes, and how ladders look in it
//! (`go-livepeer server/segment_rpc.go`, `common/util.go`).

use std::time::Duration;

use alloy::primitives::{Address, B256, keccak256};
use base64::{Engine, engine::general_purpose::STANDARD};
use prost::Message;

use super::{
    net::{self, video_profile},
    signature::{self, MessageSigner},
};
use crate::media::ladder::{CodecProfile, Container, Gop, Profile, VideoCodec};

/// What the retired `profiles` fields always hold.
pub const LEGACY_PROFILES: &[u8] = b"invalid";
/// Largest segment or rendition any node takes, in bytes.
pub const MAX_SEGMENT_BYTES: u64 = 300_000_000;
/// Longest segment any node takes.
pub const MAX_DURATION: Duration = Duration::from_secs(300);
/// What a segment without a duration is taken to play.
pub const DEFAULT_DURATION: Duration = Duration::from_secs(2);

/// Why a segment's description is not acceptable. `Display` is the text for the gateway, byte for byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// A container the protocol does not know.
    #[error("unrecognized profile output format")]
    Format,
    /// A codec profile the protocol does not know.
    #[error("unrecognized encoder profile")]
    CodecProfile,
    /// A codec the protocol does not know.
    #[error("unrecognized video codec")]
    Codec,
    /// Negative or longer than five minutes.
    #[error("invalid duration")]
    Duration,
    /// A key-frame distance below -1. go-livepeer finds this out only when transcoding, so it answers 200 and puts the
    /// text into the result.
    #[error("TranscoderInvalidGOP")]
    Gop,
    /// A negative size; like [`Self::Gop`], told in the result.
    #[error("TranscoderInvalidResolution")]
    Resolution,
    /// A negative bit rate; like [`Self::Gop`], told in the result.
    #[error("Invalid argument")]
    Bitrate,
}

impl ProfileError {
    /// True where go-livepeer answers 200 and puts the text into the `TranscodeResult`, instead of refusing with 403.
    #[must_use]
    pub fn is_told_in_result(self) -> bool {
        matches!(self, Self::Gop | Self::Resolution | Self::Bitrate)
    }
}

/// Why a `Livepeer-Segment` header is no segment description.
#[derive(Debug, thiserror::Error)]
pub enum HeaderError {
    /// Not base64. `Display` is the text for the gateway.
    #[error("ErrorSegEncoding")]
    Encoding,
    /// Base64 of something else.
    #[error("{0}")]
    Message(#[from] prost::DecodeError),
}

/// The bytes a gateway signs for a segment: manifest, number, hash of the media, and four bytes of each profile
/// name's hash as hex text. Sizes, bit rates and everything else are not covered.
#[must_use]
pub fn flatten(manifest_id: &[u8], seq: i64, hash: B256, profiles: &[Profile]) -> Vec<u8> {
    let mut flat = Vec::with_capacity(manifest_id.len() + 64 + 8 * profiles.len());
    flat.extend_from_slice(manifest_id);
    flat.extend_from_slice(&[0; 24]);
    flat.extend_from_slice(&seq.unsigned_abs().to_be_bytes());
    flat.extend_from_slice(hash.as_slice());
    for profile in profiles {
        flat.extend_from_slice(name_id(&profile.name).as_bytes());
    }
    flat
}

/// The eight hex digits that stand for a profile name in [`flatten`].
#[must_use]
pub fn name_id(name: &str) -> String {
    hex::encode(&keccak256(name.as_bytes())[..4])
}

/// The hash field as 32 bytes: shorter ones are padded on the left and longer ones lose their left part, as in Go.
#[must_use]
pub fn hash_of(segment: &net::SegData) -> B256 {
    let bytes = &segment.hash;
    let tail = &bytes[bytes.len().saturating_sub(32)..];
    B256::left_padding_from(tail)
}

/// Whether `sender` signed this segment for these profiles.
#[must_use]
pub fn is_signed_by(segment: &net::SegData, profiles: &[Profile], sender: Address) -> bool {
    let flat = flatten(&segment.manifest_id, segment.seq, hash_of(segment), profiles);
    signature::verify(sender, &flat, &segment.sig)
}

/// How long the segment plays: two seconds if it does not say.
///
/// # Errors
/// [`ProfileError::Duration`] outside zero to five minutes.
pub fn duration_of(segment: &net::SegData) -> Result<Duration, ProfileError> {
    let millis = u64::try_from(segment.duration).map_err(|_| ProfileError::Duration)?;
    match Duration::from_millis(millis) {
        Duration::ZERO => Ok(DEFAULT_DURATION),
        duration if duration > MAX_DURATION => Err(ProfileError::Duration),
        duration => Ok(duration),
    }
}

/// Puts the ladder into the one of the three lists that says everything about it, and empties the others.
pub fn fill_profiles(segment: &mut net::SegData, profiles: &[Profile]) {
    let needs_third = |profile: &Profile| {
        profile.fps_den != 0 || profile.codec_profile != CodecProfile::Default || profile.gop != Gop::Default
    };
    let list: Vec<_> = profiles.iter().map(to_wire).collect();
    segment.full_profiles = Vec::new();
    segment.full_profiles2 = Vec::new();
    segment.full_profiles3 = Vec::new();
    segment.profiles = LEGACY_PROFILES.to_vec();
    if profiles.iter().any(needs_third) {
        segment.full_profiles3 = list;
    } else if profiles.iter().any(|profile| profile.format == Container::Mp4) {
        segment.full_profiles2 = list;
    } else {
        segment.full_profiles = list;
    }
}

/// The ladder of a received segment: the newest list that is not empty.
///
/// # Errors
/// The first profile that cannot be read, as [`ProfileError`].
pub fn to_profiles(segment: &net::SegData) -> Result<Vec<Profile>, ProfileError> {
    let lists = [
        &segment.full_profiles3,
        &segment.full_profiles2,
        &segment.full_profiles,
    ];
    let newest = lists.into_iter().find(|list| !list.is_empty());
    newest.map_or_else(|| Ok(Vec::new()), |list| list.iter().map(from_wire).collect())
}

fn to_wire(profile: &Profile) -> net::VideoProfile {
    let signed = |value: u32| i32::try_from(value).unwrap_or(i32::MAX);
    net::VideoProfile {
        name: profile.name.clone(),
        width: signed(profile.width),
        height: signed(profile.height),
        bitrate: signed(profile.bitrate),
        fps: profile.fps,
        format: match profile.format {
            Container::MpegTs => video_profile::Format::Mpegts,
            Container::Mp4 => video_profile::Format::Mp4,
        }
        .into(),
        fps_den: profile.fps_den,
        profile: match profile.codec_profile {
            CodecProfile::Default => video_profile::Profile::EncoderDefault,
            CodecProfile::H264Baseline => video_profile::Profile::H264Baseline,
            CodecProfile::H264Main => video_profile::Profile::H264Main,
            CodecProfile::H264High => video_profile::Profile::H264High,
            CodecProfile::H264ConstrainedHigh => video_profile::Profile::H264ConstrainedHigh,
        }
        .into(),
        gop: match profile.gop {
            Gop::Default => 0,
            Gop::Intra => -1,
            Gop::Millis(millis) => signed(millis),
        },
        encoder: match profile.codec {
            VideoCodec::H264 => video_profile::VideoCodec::H264,
            VideoCodec::H265 => video_profile::VideoCodec::H265,
            VideoCodec::Vp8 => video_profile::VideoCodec::Vp8,
            VideoCodec::Vp9 => video_profile::VideoCodec::Vp9,
        }
        .into(),
        color_depth: 0,
        chroma_format: 0,
        quality: profile.quality,
    }
}

fn from_wire(wire: &net::VideoProfile) -> Result<Profile, ProfileError> {
    let format = match video_profile::Format::try_from(wire.format) {
        Ok(video_profile::Format::Mpegts) => Container::MpegTs,
        Ok(video_profile::Format::Mp4) => Container::Mp4,
        Err(_) => return Err(ProfileError::Format),
    };
    let codec_profile = match video_profile::Profile::try_from(wire.profile) {
        Ok(video_profile::Profile::EncoderDefault) => CodecProfile::Default,
        Ok(video_profile::Profile::H264Baseline) => CodecProfile::H264Baseline,
        Ok(video_profile::Profile::H264Main) => CodecProfile::H264Main,
        Ok(video_profile::Profile::H264High) => CodecProfile::H264High,
        Ok(video_profile::Profile::H264ConstrainedHigh) => CodecProfile::H264ConstrainedHigh,
        Err(_) => return Err(ProfileError::CodecProfile),
    };
    let codec = match video_profile::VideoCodec::try_from(wire.encoder) {
        Ok(video_profile::VideoCodec::H264) => VideoCodec::H264,
        Ok(video_profile::VideoCodec::H265) => VideoCodec::H265,
        Ok(video_profile::VideoCodec::Vp8) => VideoCodec::Vp8,
        Ok(video_profile::VideoCodec::Vp9) => VideoCodec::Vp9,
        Err(_) => return Err(ProfileError::Codec),
    };
    let gop = match wire.gop {
        0 => Gop::Default,
        -1 => Gop::Intra,
        millis => Gop::Millis(u32::try_from(millis).map_err(|_| ProfileError::Gop)?),
    };
    let name = match wire.name.as_str() {
        "" => format!("net_{}", size_name(wire)),
        name => name.to_string(),
    };
    Ok(Profile {
        name,
        width: u32::try_from(wire.width).map_err(|_| ProfileError::Resolution)?,
        height: u32::try_from(wire.height).map_err(|_| ProfileError::Resolution)?,
        bitrate: u32::try_from(wire.bitrate).map_err(|_| ProfileError::Bitrate)?,
        fps: wire.fps,
        fps_den: wire.fps_den,
        format,
        codec,
        codec_profile,
        gop,
        quality: wire.quality,
    })
}

/// What a profile without a name is called after its prefix.
fn size_name(wire: &net::VideoProfile) -> String {
    format!("{}x{}_{}", wire.width, wire.height, wire.bitrate)
}

/// Reads a bit rate as ladders write it, `4000k` or plain bits per second; none if it is neither or too large.
#[must_use]
pub fn parse_bitrate(text: &str) -> Option<u32> {
    let (digits, unit) = match text.strip_suffix(['k', 'K']) {
        Some(digits) => (digits, 1000),
        None => (text, 1),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse::<u32>().ok()?.checked_mul(unit)
}

/// A segment about to be sent.
#[derive(Debug, Clone)]
pub struct Credentials<'a> {
    /// The gateway's name of the stream.
    pub manifest_id: &'a str,
    /// The segment's number in the stream.
    pub seq: u64,
    /// Hash of the media bytes.
    pub hash: B256,
    /// How long it plays.
    pub duration: Duration,
    /// What to make of it.
    pub profiles: &'a [Profile],
    /// The session it goes to, exactly as the orchestrator gave it.
    pub auth_token: net::AuthToken,
    /// What the job needs.
    pub capabilities: net::Capabilities,
}

impl Credentials<'_> {
    /// The signed message (`genSegCreds`). It carries segment parameters, as every stream that is pushed rather than
    /// sent over RTMP does.
    #[must_use]
    pub fn build(&self, signer: &(impl MessageSigner + ?Sized)) -> net::SegData {
        let seq = i64::try_from(self.seq).unwrap_or(i64::MAX);
        let flat = flatten(self.manifest_id.as_bytes(), seq, self.hash, self.profiles);
        let mut segment = net::SegData {
            manifest_id: self.manifest_id.as_bytes().to_vec(),
            seq,
            hash: self.hash.to_vec(),
            sig: signer.sign(&flat),
            duration: i32::try_from(self.duration.as_millis()).unwrap_or(i32::MAX),
            capabilities: Some(self.capabilities.clone()),
            auth_token: Some(self.auth_token.clone()),
            segment_parameters: Some(net::SegParameters::default()),
            ..net::SegData::default()
        };
        fill_profiles(&mut segment, self.profiles);
        segment
    }
}

/// The `Livepeer-Segment` (or, with a payment, `Livepeer-Payment`) header: padded base64 of the message.
#[must_use]
pub fn to_header(message: &impl Message) -> String {
    STANDARD.encode(message.encode_to_vec())
}

/// Reads a `Livepeer-Segment` header.
///
/// # Errors
/// See [`HeaderError`].
pub fn from_header(header: &[u8]) -> Result<net::SegData, HeaderError> {
    let bytes = STANDARD.decode(header).map_err(|_| HeaderError::Encoding)?;
    Ok(net::SegData::decode(bytes.as_slice())?)
}
