//! A running node as its operator API (`/api/v1`) tells it and the dashboard shows it.

mod api;
mod change;
mod money;

pub use self::{
    api::{
        API_VERSION, AuditLine, AuditLines, ChainAnswer, ConfigEntry, ConfigView, DeviceList, EndSession,
        RewardAnswer, Scope, SessionPage, SessionView, TranscoderList, VersionView,
    },
    change::{SessionChange, StatusChange},
    money::{
        ActionAnswer, ActionChange, ActionFinding, ActionStep, ActionTransaction, Closing, MoneyView,
        RedeemOrder, RedeemView, RewardAlert, RewardCall, RewardFailure, RewardOrder, RewardView, RewardWait,
        TicketChoice, TicketPage, TicketTotals,
    },
};

use std::{collections::BTreeMap, fmt};

use alloy::primitives::Address;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{payments::PaymentsView, reach::Reach};
use crate::units::{Lpt, Percent, Round, Wei};

/// Everything on one screen: the answer of `GET /api/v1/status` and each `status` event of `GET /api/v1/events`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NodeStatus {
    /// When this was put together.
    pub time: Timestamp,
    /// lpctl's version.
    pub version: String,
    /// When the node started.
    pub started: Timestamp,
    /// The address gateways are told to use.
    pub service_uri: String,
    /// The orchestrator's account; none off-chain.
    #[schema(value_type = Option<String>)]
    pub address: Option<Address>,
    /// `offchain`, or the network's name.
    pub network: String,
    /// True once the node takes no new sessions and is finishing what it has.
    pub draining: bool,
    /// How many stream sessions it takes at most.
    pub max_sessions: u32,
    /// Sessions running now, newest activity first.
    pub sessions: Vec<StreamSession>,
    /// Work done since the node started.
    pub work: WorkTotals,
    /// Where the encoding happens: GPUs, or the CPU.
    pub devices: Vec<Device>,
    /// Remote transcoders connected now, the least loaded first.
    #[serde(default)]
    pub transcoders: Vec<RemoteTranscoder>,
    /// How transcoding goes.
    #[serde(default)]
    pub engine: EngineView,
    /// Stake and round; none off-chain.
    pub chain: Option<NodeChain>,
    /// What it earns; none where nobody pays.
    #[serde(default)]
    pub payments: Option<PaymentsView>,
    /// Where it says it is, and what can be reached from there.
    #[serde(default)]
    pub reach: Reach,
    /// What needs the operator's attention, worst first. Empty most days.
    pub notices: Vec<Notice>,
    /// What kind of node it is.
    #[serde(default)]
    pub mode: NodeMode,
    /// How it stands with its orchestrator; none unless it is a transcoder of one.
    #[serde(default)]
    pub remote: Option<RemoteView>,
    /// Counts what was added to `/api/v1`: [`API_VERSION`] of the node's lpctl; 0 for one older than this field.
    #[serde(default)]
    pub api_version: u32,
    /// How it goes with calling reward; none: this node calls none.
    #[serde(default)]
    pub reward: Option<RewardView>,
    /// How it goes with redeeming tickets; none: this node redeems none.
    #[serde(default)]
    pub redeem: Option<RedeemView>,
}

/// What a node does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NodeMode {
    /// Serves gateways; transcoders elsewhere do the work.
    Orchestrator,
    /// Works for an orchestrator elsewhere.
    Transcoder,
    /// Serves gateways and transcodes by itself; also what a newer node says and this lpctl does not know.
    #[default]
    #[serde(other)]
    Combined,
}

impl fmt::Display for NodeMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Combined => "combined",
            Self::Orchestrator => "orchestrator",
            Self::Transcoder => "transcoder",
        })
    }
}

/// A transcoder as it stands with its orchestrator. Counts are since the start.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct RemoteView {
    /// Host and port of the orchestrator.
    pub orchestrator: String,
    /// Since when it is registered; none if it is not now.
    pub registered_since: Option<Timestamp>,
    /// Registrations that held, the first one included.
    pub registrations: u64,
    /// Attempts to register that failed.
    pub registrations_failed: u64,
    /// Tasks not handed in yet.
    pub tasks_running: u32,
    /// Tasks handed in with renditions.
    pub tasks_done: u64,
    /// Tasks handed in with an error, or refused.
    pub tasks_failed: u64,
    /// Results that could not be handed in while the orchestrator waited for them.
    pub results_lost: u64,
    /// What last went wrong with the orchestrator. Text from outside possible: escape before drawing.
    pub last_error: Option<String>,
}

/// One stream's running assignment to this node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StreamSession {
    /// The session id of the auth token: eight hex digits.
    pub id: String,
    /// The gateway's stream name, as it sent it. Text from outside: escape before drawing.
    pub manifest_id: String,
    /// The gateway's account; none off-chain.
    #[schema(value_type = Option<String>)]
    pub gateway: Option<Address>,
    /// When the first segment came.
    pub started: Timestamp,
    /// When the last segment came.
    pub last_active: Timestamp,
    /// Size of the last source segment, like `1920x1080`.
    pub source: Option<String>,
    /// Rungs asked for.
    pub rungs: Vec<Rung>,
    /// Segments answered with renditions.
    pub segments_done: u64,
    /// Segments answered with an error.
    pub segments_failed: u64,
    /// Segments announced and not answered yet.
    pub segments_in_flight: u32,
    /// Encoded pixels reported to the gateway.
    pub pixels: u64,
    /// The last segments, oldest first, bounded.
    pub recent: Vec<SegmentTiming>,
    /// Where it runs, like `cpu` or `gpu0`, or the address of a remote transcoder.
    pub device: String,
    /// The last error told to the gateway. Text from outside possible: escape before drawing.
    pub last_error: Option<String>,
    /// What was made of each rung so far, in their order; empty before the first segment.
    #[serde(default)]
    pub renditions: Vec<RenditionView>,
}

/// What was made of one rung.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct RenditionView {
    /// The profile's name. Text from outside: escape before drawing.
    pub name: String,
    /// Width made of the last segment; 0 if whoever made it did not say.
    pub width: u32,
    /// Height, see `width`.
    pub height: u32,
    /// Segments it was made of.
    pub segments: u64,
    /// Encoded pixels reported to the gateway.
    pub pixels: u64,
    /// Bytes of all of them.
    pub bytes: u64,
    /// Bytes of the last one.
    pub last_bytes: u64,
    /// Bits per second of playing time of the last one.
    pub bitrate: u64,
    /// From the request's head until the last one could be fetched, in milliseconds.
    pub latency_ms: u32,
    /// Playing time divided by transcoding time of the last one, in thousandths: all rungs of a segment come out of one
    /// run. None where that took no measurable time.
    pub real_time_permille: Option<u64>,
}

/// A remote transcoder connected to the node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RemoteTranscoder {
    /// Address and port its connection comes from.
    pub address: String,
    /// Version it gave. Text from outside: escape before drawing.
    pub version: String,
    /// When it registered.
    pub since: Timestamp,
    /// Sessions it takes at once.
    pub capacity: u32,
    /// Sessions it has.
    pub load: u32,
    /// Tasks it works on.
    pub running: u32,
    /// Tasks it delivered renditions for.
    pub tasks_done: u64,
    /// Tasks that failed, whoever was at fault.
    pub tasks_failed: u64,
    /// The last failure. Text from outside: escape before drawing.
    pub last_error: Option<String>,
}

/// One rendition asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Rung {
    /// The profile's name. Text from outside: escape before drawing.
    pub name: String,
    /// Size asked for; the source's aspect ratio decides the real one.
    pub width: u32,
    /// See `width`.
    pub height: u32,
    /// Frames per second, 0 for the source's own timing.
    pub fps: u32,
    /// Bits per second.
    pub bitrate: u32,
}

/// Where the time of one segment went, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SegmentTiming {
    /// Sequence number the gateway gave.
    pub seq: u64,
    /// How long the segment plays.
    pub duration_ms: u32,
    /// Receiving the body.
    pub upload_ms: u32,
    /// Waiting behind earlier segments, from when the whole body was here.
    pub wait_ms: u32,
    /// Decoding and encoding after the whole body was here; what was done while it came took no time.
    pub transcode_ms: u32,
    /// From the request's head to the answer's end.
    pub total_ms: u32,
    /// Whether renditions were made.
    pub ok: bool,
}

/// Work since the node started.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WorkTotals {
    /// Segments answered with renditions.
    pub segments_done: u64,
    /// Segments answered with an error.
    pub segments_failed: u64,
    /// Renditions made.
    pub renditions: u64,
    /// Encoded pixels reported.
    pub pixels: u64,
    /// Source bytes received.
    pub bytes_in: u64,
    /// Playing time transcoded, in milliseconds.
    pub media_ms: u64,
    /// Latency of the last segments over all sessions; none before the first.
    pub latency: Option<Latency>,
    /// Playing time divided by transcoding time over the last segments, in thousandths; none before the first.
    pub real_time_permille: Option<u64>,
    /// Sessions refused because the node was full.
    pub sessions_refused: u64,
}

/// Percentiles of the time from request to answer, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Latency {
    /// Half are faster.
    pub p50_ms: u32,
    /// Nine of ten are faster.
    pub p90_ms: u32,
    /// 99 of 100 are faster.
    pub p99_ms: u32,
}

impl Latency {
    /// Percentiles by nearest rank of times in ascending order; none of nothing.
    #[must_use]
    pub fn of_sorted(sorted: &[u32]) -> Option<Self> {
        let at = |percent: usize| {
            let rank = (sorted.len() * percent).div_ceil(100).max(1);
            sorted.get(rank - 1).copied()
        };
        Some(Self {
            p50_ms: at(50)?,
            p90_ms: at(90)?,
            p99_ms: at(99)?,
        })
    }
}

/// The transcode engine: what it keeps ready, how hard it tries, what it threw away. Counts are since the start.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct EngineView {
    /// Version of ffmpeg.
    pub ffmpeg: String,
    /// ffmpeg processes at work on a segment.
    pub running: u32,
    /// Segments waiting for their turn.
    pub waiting: u32,
    /// ffmpeg processes waiting for a segment.
    pub warm: WarmView,
    /// Work begun on segments that then did not arrive whole or right.
    pub speculative_discarded: u64,
    /// Segments refused because they would have come out too late.
    pub segments_shed: u64,
    /// Runs that failed, by what was at fault.
    pub failures: FailureCounts,
    /// How hard the CPU tries; none if it does not encode.
    pub effort: Option<EffortView>,
    /// What ffmpeg is kept from: `full`, `partial: …` or `none: …`.
    pub fence: String,
}

/// ffmpeg processes started before their segment comes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct WarmView {
    /// Waiting now.
    pub ready: u32,
    /// Most that may wait, by the memory that is free.
    pub bound: u32,
    /// Segments that found one.
    pub hits: u64,
    /// Segments that had to start one.
    pub misses: u64,
    /// Started for nothing: the session ended or changed, or memory was needed.
    pub wasted: u64,
}

/// Failed runs by what was at fault.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct FailureCounts {
    /// The segment or the request.
    pub input: u64,
    /// A GPU or its driver.
    pub device: u64,
    /// Memory, disk, time, processes.
    pub resource: u64,
    /// lpctl or ffmpeg.
    pub ours: u64,
}

/// How hard the CPU tries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EffortView {
    /// Encoder preset in use.
    pub preset: String,
    /// Whether it is chosen by load.
    pub automatic: bool,
    /// Whether renditions are scaled from one another.
    pub cascaded: bool,
    /// Whether new sessions are refused to keep up.
    pub refusing: bool,
    /// Since when.
    pub since: Option<Timestamp>,
    /// Playing time over working time of the slowest session lately, in thousandths.
    pub real_time_permille: Option<u64>,
}

/// Something that encodes: the CPU or a GPU. A reading the driver does not give is none.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct Device {
    /// `cpu`, `gpu0`, … by the driver's order, which can change when a GPU goes or comes.
    pub id: String,
    /// Model name.
    pub name: String,
    /// What stays with a GPU wherever it is plugged in, like `GPU-4f0f…`.
    pub uuid: Option<String>,
    /// Where it is plugged in, like `00000000:65:00.0`.
    pub pci_bus_id: Option<String>,
    /// Version of the GPU's driver, like `570.86.10`.
    pub driver: Option<String>,
    /// Newest CUDA version the driver speaks, like `12.8`.
    pub cuda: Option<String>,
    /// Load of the general-purpose part (SM for a GPU), percent.
    pub load_percent: Option<u32>,
    /// Load of the video encoder, percent.
    pub encoder_percent: Option<u32>,
    /// Load of the video decoder, percent.
    pub decoder_percent: Option<u32>,
    /// Encoder sessions open, of all programs.
    pub encoder_sessions: Option<u32>,
    /// Memory in use, bytes.
    pub memory_used: Option<u64>,
    /// Memory in all, bytes.
    pub memory_total: Option<u64>,
    /// Degrees Celsius.
    pub temperature_celsius: Option<u32>,
    /// From here on the GPU slows itself down, degrees Celsius.
    pub temperature_limit_celsius: Option<u32>,
    /// Watts.
    pub power_watts: Option<u32>,
    /// Most it may take, watts.
    pub power_limit_watts: Option<u32>,
    /// Clock of the general-purpose part, MHz.
    pub clock_sm_mhz: Option<u32>,
    /// Clock of the video engines, MHz.
    pub clock_video_mhz: Option<u32>,
    /// Clock of the memory, MHz.
    pub clock_memory_mhz: Option<u32>,
    /// PCIe generation in use; idle GPUs go down.
    pub pcie_generation: Option<u32>,
    /// PCIe lanes in use.
    pub pcie_width: Option<u32>,
    /// PCIe lanes the GPU and its slot can use.
    pub pcie_max_width: Option<u32>,
    /// Sent to the GPU, KiB a second.
    pub pcie_rx_kib: Option<u32>,
    /// Sent by the GPU, KiB a second.
    pub pcie_tx_kib: Option<u32>,
    /// Memory errors that were put right since the driver was loaded; none without ECC.
    pub ecc_corrected: Option<u64>,
    /// Memory errors that were not.
    pub ecc_uncorrected: Option<u64>,
    /// Xid errors since the readings began: how many of each number.
    #[schema(value_type = BTreeMap<String, u64>)]
    pub xids: BTreeMap<u64, u64>,
    /// The last of them.
    pub last_xid: Option<u64>,
    /// How it stands.
    pub state: DeviceState,
    /// Why it is not ready.
    pub state_reason: Option<String>,
    /// When it is tried again.
    pub resting_until: Option<Timestamp>,
    /// Rests in a row, each longer than the one before.
    pub trips: u32,
    /// Sessions it lost to other devices.
    pub sessions_moved: u64,
    /// Stream sessions placed on it.
    pub sessions: u32,
    /// ffmpeg processes running on it.
    pub processes: u32,
}

/// Whether sessions are placed on a device.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeviceState {
    /// One session, to see whether it works again.
    Trial,
    /// No: it failed, or is too hot.
    Resting,
    /// No: the driver does not find it any more.
    Lost,
    /// No: the operator left it out.
    Unused,
    /// Yes; also what a newer node says and this lpctl does not know.
    #[default]
    #[serde(other)]
    Ready,
}

impl fmt::Display for DeviceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ready => "ready",
            Self::Trial => "trial",
            Self::Resting => "resting",
            Self::Lost => "lost",
            Self::Unused => "unused",
        })
    }
}

/// The orchestrator's stake and the round, as last read from the chain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NodeChain {
    /// When it was read.
    pub time: Timestamp,
    /// Block it was read at.
    pub block: u64,
    /// Current round.
    pub round: Round,
    /// Whether the round was initialised.
    pub round_initialized: bool,
    /// Whether commission changes are closed.
    pub round_locked: bool,
    /// Blocks in a round.
    pub round_length: u64,
    /// Blocks of this round that have passed.
    pub round_elapsed: u64,
    /// In this round's active set.
    pub active: bool,
    /// Registered (bonded to itself).
    pub registered: bool,
    /// Place in the pool by stake, from 1; none if not in it.
    pub rank: Option<u32>,
    /// How many the pool takes.
    pub pool_size: u32,
    /// The operator's own stake.
    pub own_stake_lpt: Lpt,
    /// Own and delegated stake together.
    pub total_stake_lpt: Lpt,
    /// Part of newly minted LPT the orchestrator keeps.
    pub reward_cut_percent: Percent,
    /// Part of ticket income delegators get.
    pub fee_share_percent: Percent,
    /// Whether reward was called this round.
    pub reward_called: bool,
    /// ETH fees that can be withdrawn.
    pub fees_wei: Wei,
    /// ETH in the account, for gas.
    pub eth_wei: Wei,
}

/// Something the operator should know now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Notice {
    /// Since when it holds.
    pub since: Timestamp,
    /// Stable name for scripts, like `reward_not_called`.
    pub code: String,
    /// What is the matter and what to do.
    pub message: String,
    /// True where waiting costs money or work.
    pub urgent: bool,
}
