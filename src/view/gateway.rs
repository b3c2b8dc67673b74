//! A gateway's orchestrators and segments: what `/status` shows and the session log keeps.

use alloy::primitives::{Address, B256};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One orchestrator as a gateway sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrchestratorView {
    /// Where it is asked for sessions.
    pub url: String,
    /// Whether its operator is known: 1 for addresses given by hand, 0 for strangers, as webhooks say it.
    pub score: u8,
    /// How long its last offer took; none before the first.
    pub latency_ms: Option<u64>,
    /// Time of its last answers divided by the playing time of their segments, in thousandths, the worst of all
    /// streams; none before the first.
    pub latency_score_permille: Option<u32>,
    /// Whether some stream leaves it out for a failure.
    pub suspended: bool,
    /// Streams that hold a session with it.
    pub sessions: u32,
    /// Segments on their way to it or at it.
    pub in_flight: u32,
    /// The account that signs its results; none off-chain.
    pub account: Option<Address>,
    /// What it asks for a pixel, in wei, as a fraction like `1200/1`; none if it names no price.
    pub price_wei_per_pixel: Option<String>,
    /// Stake behind it; none unless it was found on the chain.
    pub stake_lpt: Option<crate::units::Lpt>,
    /// Why it gave no offer when it was asked last; none if it gave one. Text from outside: escape before showing.
    pub refusal: Option<String>,
}

/// What became of one segment: a line of the session log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentRecord {
    /// When it was over.
    pub time: Timestamp,
    /// The stream.
    pub stream: String,
    /// Its number in the stream.
    pub seq: u64,
    /// How long it plays.
    pub duration_ms: u64,
    /// Size of the source.
    pub bytes: u64,
    /// How it ended.
    pub outcome: SegmentOutcome,
    /// Who made the renditions; none if nobody did.
    pub orchestrator: Option<String>,
    /// Every time it was tried, in order.
    pub attempts: Vec<AttemptRecord>,
    /// From its arrival here to its end.
    pub total_ms: u64,
    /// Encoded pixels of all renditions, as reported and, where verified, found.
    pub pixels: u64,
    /// How far the result was checked.
    pub verified: Verification,
    /// Why there is no result, or what is wrong with the one there is. Text from outside possible.
    pub error: Option<String>,
}

/// One attempt at a segment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptRecord {
    /// Whom it went to; none if nobody gave a session.
    pub orchestrator: Option<String>,
    /// The session. Text from outside.
    pub session: Option<String>,
    /// From departure to the head of the answer: the upload and the checks.
    pub upload_ms: Option<u64>,
    /// From departure to the end of the answer.
    pub transcode_ms: Option<u64>,
    /// Fetching all renditions.
    pub download_ms: Option<u64>,
    /// Why it failed; none for the one that counts. Text from outside possible.
    pub failure: Option<String>,
    /// What it was paid with; none if it wanted no tickets, or none could be made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment: Option<PaymentRecord>,
}

/// What a segment was paid with. Amounts are exact fractions of wei, like `7` or `22/7`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentRecord {
    /// Tickets that went with it; none while there was credit enough.
    pub tickets: u32,
    /// What those are worth.
    pub value_wei: String,
    /// What was worked off, by the pixels reported.
    pub fee_wei: String,
    /// What became of it.
    pub fate: PaymentFate,
    /// Hash of the recipient's number its tickets were made for: with their numbers it names them. None without tickets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient_rand_hash: Option<B256>,
    /// Number of the first ticket; the others follow it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_nonce: Option<u32>,
}

/// What became of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentFate {
    /// It never left.
    Unsent,
    /// The orchestrator took it.
    Answered,
    /// The segment was refused; nothing was worked off.
    Refused,
    /// Nobody answered for it.
    Lost,
}

/// A gateway's account with one session of an orchestrator, or with all of them. Amounts are exact fractions of wei,
/// like `7` or `22/7`; at rest `confirmed_wei = fees_wei + written_off_wei + balance_wei`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerView {
    /// Its address for segments; none of all sessions together. Text from outside.
    pub orchestrator: Option<String>,
    /// The session; none of all sessions together. Text from outside.
    pub session: Option<String>,
    /// Payments that left, with tickets or without.
    pub payments: u64,
    /// Payments nothing was heard of yet.
    pub on_its_way: u32,
    /// Tickets that left.
    pub tickets: u64,
    /// What those are worth.
    pub sent_wei: String,
    /// What of that the orchestrator answered for.
    pub confirmed_wei: String,
    /// What of that it did not: credited or not.
    pub in_doubt_wei: String,
    /// What was worked off, by the pixels reported.
    pub fees_wei: String,
    /// Credit that may have been worked off by segments nobody answered for, and is counted on no more.
    pub written_off_wei: String,
    /// Credit that is left.
    pub balance_wei: String,
}

/// All that a gateway paid since it began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentsView {
    /// Who pays.
    pub account: Address,
    /// All sessions together.
    pub total: LedgerView,
    /// Each session, the one used last first.
    pub sessions: Vec<LedgerView>,
    /// Sessions that are only in the total any more.
    pub earlier_sessions: u64,
}

/// How a segment ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SegmentOutcome {
    /// With renditions.
    Done,
    /// Without pictures in it: it stands for its own renditions.
    NoVideo,
    /// Without a result.
    Failed,
}

/// How far a result was checked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verification {
    /// Not at all.
    #[default]
    None,
    /// Signed by the orchestrator's account.
    Signed,
    /// Decoded and counted, and signed where there is an account.
    Decoded,
    /// Not as promised, and still the best there was.
    Wrong,
}
