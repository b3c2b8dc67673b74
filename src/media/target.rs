//! What decodes and encodes a segment, and how hard it tries.

use std::fmt;

/// Where a segment is decoded, scaled and encoded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Target {
    /// In software.
    #[default]
    Cpu,
    /// On the Nvidia GPU with this CUDA and NVML index: NVDEC, `scale_cuda`, NVENC.
    Nvidia(u32),
}

impl fmt::Display for Target {
    /// The device's id in views: `cpu`, `gpu0`, …
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => f.write_str("cpu"),
            Self::Nvidia(index) => write!(f, "gpu{index}"),
        }
    }
}

/// How much work the CPU puts into a rendition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Effort {
    /// Encoder preset, one of [`PRESETS`](super::transcode::PRESETS).
    pub preset: &'static str,
    /// Whether each rendition is scaled from the next larger one instead of the source: a little faster, a little worse.
    pub cascaded: bool,
}
