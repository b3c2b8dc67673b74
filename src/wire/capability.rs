//! What a node can do and what a job needs (`go-livepeer core/capabilities.go`).
//!
//! Capability `c` is bit `c % 64` of word `c / 64`. A job fits a node if the node has every capability of the job,
//! the job every mandatory one of the node, and the versions and model constraints hold.

use std::collections::HashMap;

use semver::Version;

use super::net::{self, capabilities::Constraints};
use crate::media::ladder::{CodecProfile, Container, Gop, Profile, VideoCodec};

/// The version lpctl's nodes advertise: the release of go-livepeer whose protocol they speak, since gateways compare
/// it with the minimum they were told (`-orchMinLivepeerVersion`).
pub const PROTOCOL_VERSION: &str = "0.9.1";

/// Declares the capabilities with their ids and names.
macro_rules! capabilities {
    ($($variant:ident = $id:literal, $name:literal;)*) => {
        /// One thing a node may be able to do. The number is its bit; 13 is retired.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u32)]
        pub enum Capability {
            $(#[doc = $name] $variant = $id,)*
        }

        impl Capability {
            /// All of them, by number.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// What go-livepeer calls it.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }
        }
    };
}

capabilities! {
    H264 = 0, "H.264";
    MpegTs = 1, "MPEGTS";
    Mp4 = 2, "MP4";
    FractionalFrameRates = 3, "Fractional framerates";
    StorageDirect = 4, "Storage direct";
    StorageS3 = 5, "Storage S3";
    StorageGcs = 6, "Storage GCS";
    ProfileH264Baseline = 7, "H264 Baseline profile";
    ProfileH264Main = 8, "H264 Main profile";
    ProfileH264High = 9, "H264 High profile";
    ProfileH264ConstrainedHigh = 10, "H264 Constrained, Contained High profile";
    Gop = 11, "GOP";
    AuthToken = 12, "Auth token";
    Mpeg7Signature = 14, "MPEG7 signature";
    HevcDecode = 15, "HEVC decode";
    HevcEncode = 16, "HEVC encode";
    Vp8Decode = 17, "VP8 decode";
    Vp9Decode = 18, "VP9 decode";
    Vp8Encode = 19, "VP8 encode";
    Vp9Encode = 20, "VP9 encode";
    H264Decode444 = 21, "H264 Decode YUV444 8-bit";
    H264Decode422 = 22, "H264 Decode YUV422 8-bit";
    H264Decode444TenBit = 23, "H264 Decode YUV444 10-bit";
    H264Decode422TenBit = 24, "H264 Decode YUV422 10-bit";
    H264Decode420TenBit = 25, "H264 Decode YUV420 10-bit";
    SegmentSlicing = 26, "Segment slicing";
    TextToImage = 27, "Text to image";
    ImageToImage = 28, "Image to image";
    ImageToVideo = 29, "Image to video";
    Upscale = 30, "Upscale";
    AudioToText = 31, "Audio to text";
    SegmentAnything2 = 32, "Segment anything 2";
    Llm = 33, "Llm";
    ImageToText = 34, "Image to text";
    LiveVideoToVideo = 35, "Live video to video";
    TextToSpeech = 36, "Text to speech";
    Byoc = 37, "byoc";
}

impl Capability {
    /// Its number: the bit in the packed form and the key in maps.
    #[must_use]
    pub fn id(self) -> u32 {
        self as u32
    }

    /// The capability of a number, if it has a name here.
    #[must_use]
    pub fn from_id(id: u32) -> Option<Self> {
        Self::ALL.iter().copied().find(|capability| capability.id() == id)
    }

    fn place(self) -> (usize, u64) {
        (self.id() as usize / 64, 1 << (self.id() % 64))
    }
}

/// A set of capabilities, packed as on the wire: no trailing zero words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CapabilitySet(Vec<u64>);

impl CapabilitySet {
    /// What every go-livepeer orchestrator has: {0-12, 14, 26}.
    #[must_use]
    pub fn default_set() -> Self {
        let base = Capability::ALL.iter().filter(|capability| capability.id() <= 12);
        base.copied()
            .chain([Capability::Mpeg7Signature, Capability::SegmentSlicing])
            .collect()
    }

    /// What an orchestrator that says nothing is taken to have: {0-11}.
    #[must_use]
    pub fn legacy_set() -> Self {
        let base = Capability::ALL.iter().filter(|capability| capability.id() <= 11);
        base.copied().collect()
    }

    /// What go-livepeer advertises on top, as far as it is there: {15-18, 21-25, 27-32, 34, 36}.
    #[must_use]
    pub fn optional_set() -> Self {
        let with = |id| matches!(id, 15..=18 | 21..=25 | 27..=32 | 34 | 36);
        let all = Capability::ALL.iter().filter(|capability| with(capability.id()));
        all.copied().collect()
    }

    /// From the packed form; trailing zero words are dropped.
    #[must_use]
    pub fn from_words(words: &[u64]) -> Self {
        let length = words
            .iter()
            .rposition(|word| *word != 0)
            .map_or(0, |last| last + 1);
        Self(words[..length].to_vec())
    }

    /// The packed form.
    #[must_use]
    pub fn words(&self) -> &[u64] {
        &self.0
    }

    /// Adds one.
    pub fn insert(&mut self, capability: Capability) {
        let (word, bit) = capability.place();
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= bit;
    }

    /// Takes one out.
    pub fn remove(&mut self, capability: Capability) {
        let (word, bit) = capability.place();
        if let Some(found) = self.0.get_mut(word) {
            *found &= !bit;
        }
        *self = Self::from_words(&self.0);
    }

    /// Whether it is in.
    #[must_use]
    pub fn contains(&self, capability: Capability) -> bool {
        let (word, bit) = capability.place();
        self.0.get(word).is_some_and(|found| found & bit != 0)
    }

    /// Those that have a name here, by number.
    pub fn iter(&self) -> impl Iterator<Item = Capability> + '_ {
        let all = Capability::ALL.iter().copied();
        all.filter(|capability| self.contains(*capability))
    }

    /// The message a node advertises: each with capacity one, and the version.
    #[must_use]
    pub fn to_message(&self, version: &str) -> net::Capabilities {
        net::Capabilities {
            bitstring: self.0.clone(),
            mandatories: Vec::new(),
            capacities: self.iter().map(|capability| (capability.id(), 1)).collect(),
            version: version.to_string(),
            constraints: Some(Constraints::default()),
        }
    }
}

impl FromIterator<Capability> for CapabilitySet {
    fn from_iter<I: IntoIterator<Item = Capability>>(capabilities: I) -> Self {
        let mut set = Self::default();
        for capability in capabilities {
            set.insert(capability);
        }
        set
    }
}

/// Video codec of a source, as far as jobs tell them apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SourceCodec {
    /// H.264; also taken when the codec is not known.
    #[default]
    H264,
    /// HEVC.
    Hevc,
    /// VP8.
    Vp8,
    /// VP9.
    Vp9,
}

/// A source whose pixel format no capability stands for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no transcoder can be asked to decode H.264 in `{pixel_format}`")]
pub struct UnsupportedPixelFormat {
    /// ffmpeg's name of the format.
    pub pixel_format: String,
}

/// The capability an H.264 source needs for its pixel format (ffmpeg's name) on top of H.264 itself; none for the
/// usual 4:2:0 with eight bits.
///
/// # Errors
/// [`UnsupportedPixelFormat`] for a format that has no capability.
pub fn pixel_format_capability(name: &str) -> Result<Option<Capability>, UnsupportedPixelFormat> {
    match name {
        "" | "yuv420p" | "yuvj420p" => Ok(None),
        "yuv444p" | "yuvj444p" => Ok(Some(Capability::H264Decode444)),
        "yuv422p" | "yuvj422p" => Ok(Some(Capability::H264Decode422)),
        "yuv444p10le" | "yuv444p10be" => Ok(Some(Capability::H264Decode444TenBit)),
        "yuv422p10le" | "yuv422p10be" => Ok(Some(Capability::H264Decode422TenBit)),
        "yuv420p10le" | "yuv420p10be" => Ok(Some(Capability::H264Decode420TenBit)),
        other => Err(UnsupportedPixelFormat {
            pixel_format: other.to_string(),
        }),
    }
}

/// What decides which capabilities a job needs.
#[derive(Debug, Clone, Copy)]
pub struct Job<'a> {
    /// Codec of the source.
    pub source: SourceCodec,
    /// ffmpeg's name of the source's pixel format; empty if it is not known.
    pub pixel_format: &'a str,
    /// What is to be made.
    pub profiles: &'a [Profile],
    /// Whether segments are pushed over HTTP, which adds segment parameters; an RTMP stream has none.
    pub is_pushed: bool,
    /// Whether renditions of several orchestrators are compared by perceptual hash.
    pub verifies_by_hash: bool,
}

/// The capabilities a job needs.
///
/// # Errors
/// [`UnsupportedPixelFormat`] if no transcoder could be asked for the source.
pub fn job_capabilities(job: &Job<'_>) -> Result<CapabilitySet, UnsupportedPixelFormat> {
    let mut set = CapabilitySet::from_iter([Capability::AuthToken]);
    if job.verifies_by_hash {
        set.insert(Capability::Mpeg7Signature);
    }
    if job.is_pushed {
        set.insert(Capability::SegmentSlicing);
    }
    match job.source {
        SourceCodec::H264 => {
            set.insert(Capability::H264);
            if let Some(format) = pixel_format_capability(job.pixel_format)? {
                set.insert(format);
            }
        }
        SourceCodec::Hevc => set.insert(Capability::HevcDecode),
        SourceCodec::Vp8 => set.insert(Capability::Vp8Decode),
        SourceCodec::Vp9 => set.insert(Capability::Vp9Decode),
    }
    for profile in job.profiles {
        add_profile(&mut set, profile);
    }
    Ok(set)
}

fn add_profile(set: &mut CapabilitySet, profile: &Profile) {
    set.insert(match profile.format {
        Container::MpegTs => Capability::MpegTs,
        Container::Mp4 => Capability::Mp4,
    });
    set.insert(match profile.codec {
        VideoCodec::H264 => Capability::H264,
        VideoCodec::H265 => Capability::HevcEncode,
        VideoCodec::Vp8 => Capability::Vp8Encode,
        VideoCodec::Vp9 => Capability::Vp9Encode,
    });
    match profile.codec_profile {
        CodecProfile::Default => {}
        CodecProfile::H264Baseline => set.insert(Capability::ProfileH264Baseline),
        CodecProfile::H264Main => set.insert(Capability::ProfileH264Main),
        CodecProfile::H264High => set.insert(Capability::ProfileH264High),
        CodecProfile::H264ConstrainedHigh => set.insert(Capability::ProfileH264ConstrainedHigh),
    }
    if profile.fps_den > 0 {
        set.insert(Capability::FractionalFrameRates);
    }
    if profile.gop != Gop::Default {
        set.insert(Capability::Gop);
    }
}

/// The message a job's capabilities travel in: no capacities, no version, a minimum version for the node (empty for
/// any).
#[must_use]
pub fn job_message(set: &CapabilitySet, minimum_version: &str) -> net::Capabilities {
    net::Capabilities {
        bitstring: set.words().to_vec(),
        constraints: Some(Constraints {
            min_version: minimum_version.to_string(),
            per_capability: HashMap::new(),
        }),
        ..net::Capabilities::default()
    }
}

/// Why a job does not fit a node.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Incompatible {
    /// The job says nothing about what it needs.
    #[error("the job names no capabilities")]
    NoJob,
    /// The node is too old, or does not say how old it is.
    #[error("version {minimum} or later is needed, the node has `{node}`")]
    Version {
        /// What the job wants.
        minimum: String,
        /// What the node says.
        node: String,
    },
    /// The node insists on something the job does not do.
    #[error("the node insists on: {}", names(.0))]
    Mandatory(CapabilitySet),
    /// A model is not there, not loaded or too old.
    #[error("the node does not have model `{0}` as the job wants it")]
    Model(String),
    /// The node cannot do part of the job.
    #[error("the node lacks: {}", names(.0))]
    Missing(CapabilitySet),
}

fn names(set: &CapabilitySet) -> String {
    let names: Vec<_> = set.iter().map(Capability::name).collect();
    if names.is_empty() {
        "capabilities without a name".to_string()
    } else {
        names.join(", ")
    }
}

/// Whether a job can go to a node, both as they describe themselves.
///
/// # Errors
/// The first rule that does not hold.
pub fn compatible(job: Option<&net::Capabilities>, node: &net::Capabilities) -> Result<(), Incompatible> {
    let job = job.ok_or(Incompatible::NoJob)?;
    if let Some(constraints) = &job.constraints
        && !satisfies(&node.version, &constraints.min_version)
    {
        return Err(Incompatible::Version {
            minimum: constraints.min_version.clone(),
            node: node.version.clone(),
        });
    }
    if !is_subset(&node.mandatories, &job.bitstring) {
        return Err(Incompatible::Mandatory(missing(
            &node.mandatories,
            &job.bitstring,
        )));
    }
    if let (Some(wanted), Some(offered)) = (&job.constraints, &node.constraints) {
        models_fit(wanted, offered)?;
    }
    if !is_subset(&job.bitstring, &node.bitstring) {
        return Err(Incompatible::Missing(missing(&job.bitstring, &node.bitstring)));
    }
    Ok(())
}

/// Whether a job can go to a transcoder with these capabilities (packed) and this version: the orchestrator that chooses
/// looks at nothing else (`go-livepeer core/orchestrator.go`).
#[must_use]
pub fn takes(job: &net::Capabilities, transcoder: &[u64], version: &str) -> bool {
    let minimum = job
        .constraints
        .as_ref()
        .map(|constraints| constraints.min_version.as_str());
    is_subset(&job.bitstring, transcoder) && satisfies(version, minimum.unwrap_or_default())
}

fn models_fit(wanted: &Constraints, offered: &Constraints) -> Result<(), Incompatible> {
    for (capability, want) in &wanted.per_capability {
        let Some(offer) = offered.per_capability.get(capability) else {
            continue;
        };
        for (name, want) in &want.models {
            let fits = offer.models.get(name).is_some_and(|offer| {
                (offer.warm || !want.warm) && satisfies(&offer.runner_version, &want.runner_version)
            });
            if !fits {
                return Err(Incompatible::Model(name.clone()));
            }
        }
    }
    Ok(())
}

/// Like go-livepeer: more words never fit into fewer, even if the extra ones are zero.
fn is_subset(part: &[u64], whole: &[u64]) -> bool {
    part.len() <= whole.len() && part.iter().zip(whole).all(|(part, whole)| part & whole == *part)
}

fn missing(part: &[u64], whole: &[u64]) -> CapabilitySet {
    let rest = |(index, word): (usize, &u64)| word & !whole.get(index).copied().unwrap_or(0);
    let words: Vec<_> = part.iter().enumerate().map(rest).collect();
    CapabilitySet::from_words(&words)
}

/// Whether `version` is at least `minimum`, both read leniently: a leading `v` and missing parts are fine, and what
/// follows a `-` does not count. No minimum, or one that cannot be read, holds always; a node without a readable
/// version never satisfies a minimum.
#[must_use]
pub fn satisfies(version: &str, minimum: &str) -> bool {
    let Some(minimum) = parse_version(minimum) else {
        return true;
    };
    parse_version(version).is_some_and(|version| version >= minimum)
}

fn parse_version(text: &str) -> Option<Version> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let numbers = text.split(['-', '+']).next()?;
    let mut parts = numbers.split('.');
    let mut next = |is_first: bool| match parts.next() {
        None if !is_first => Some(0),
        None => None,
        Some(part) if part.bytes().all(|byte| byte.is_ascii_digit()) => part.parse().ok(),
        Some(_) => None,
    };
    let version = Version::new(next(true)?, next(false)?, next(false)?);
    parts.next().is_none().then_some(version)
}
