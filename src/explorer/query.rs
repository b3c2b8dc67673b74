//! The questions, and their answers as they come (`livepeer/subgraph schema.graphql`): big numbers are text, amounts
//! are decimals in LPT or ETH, cuts are millionths, addresses in ids and filters are lower case.

use alloy::primitives::{Address, B256};
use serde::{Deserialize, Deserializer, de};
use serde_json::Value;

use crate::{
    units::{Lpt, Percent, Wei},
    view::explorer::{
        Earned, IndexedAt, IndexedDelegator, IndexedEvent, IndexedOrchestrator, IndexedPool, IndexedRound,
    },
};

/// A page of active orchestrators behind `after`.
pub(super) const ORCHESTRATORS: &str = "query($after: ID!) { _meta { block { number timestamp } } \
rows: transcoders(first: 1000, orderBy: id, where: {active: true, id_gt: $after}) { id active totalStake rewardCut \
feeShare serviceURI thirtyDayVolumeETH lastRewardRound { id } } }";

/// A page of all orchestrators there ever were behind `after`.
pub(super) const EVER: &str = "query($after: ID!) { _meta { block { number timestamp } } \
rows: transcoders(first: 1000, orderBy: id, where: {id_gt: $after}) { id active totalStake rewardCut \
feeShare serviceURI thirtyDayVolumeETH lastRewardRound { id } } }";

/// One orchestrator with its last rounds.
pub(super) const ORCHESTRATOR: &str = "query($of: ID!, $first: Int!) { _meta { block { number timestamp } } \
row: transcoder(id: $of) { id active totalStake rewardCut feeShare serviceURI thirtyDayVolumeETH \
lastRewardRound { id } pools(first: $first, orderBy: id, orderDirection: desc) { round { id } rewardTokens fees \
totalStake } } }";

/// A page of an orchestrator's delegators behind `after`.
pub(super) const DELEGATORS: &str = "query($of: String!, $after: ID!) { _meta { block { number timestamp } } \
rows: delegators(first: 1000, orderBy: id, where: {delegate: $of, bondedAmount_gt: \"0\", id_gt: $after}) { id \
bondedAmount fees startRound } }";

/// The newest rounds.
pub(super) const ROUNDS: &str = "query($first: Int!) { _meta { block { number timestamp } } \
rows: rounds(first: $first, orderBy: startTimestamp, orderDirection: desc) { id initialized startTimestamp \
mintableTokens volumeETH totalActiveStake } }";

/// What an orchestrator earned since a time.
pub(super) const EVENTS: &str = "query($of: String!, $since: Int!, $first: Int!) { _meta { block { number timestamp } } \
tickets: winningTicketRedeemedEvents(first: $first, orderBy: timestamp, orderDirection: desc, where: {recipient: $of, \
timestamp_gte: $since}) { timestamp faceValue sender { id } transaction { id } } \
rewards: rewardEvents(first: $first, orderBy: timestamp, orderDirection: desc, where: {delegate: $of, \
timestamp_gte: $since}) { timestamp rewardTokens round { id } transaction { id } } }";

/// What every answer begins with.
#[derive(Debug, Deserialize)]
pub(super) struct Meta {
    block: Block,
}

#[derive(Debug, Deserialize)]
struct Block {
    number: u64,
    #[serde(default)]
    timestamp: Option<i64>,
}

/// A list.
#[derive(Debug, Deserialize)]
pub(super) struct Rows {
    #[serde(rename = "_meta")]
    pub(super) meta: Meta,
    /// Each is read by itself.
    pub(super) rows: Vec<Value>,
}

/// One thing, or none.
#[derive(Debug, Deserialize)]
pub(super) struct Row<T> {
    #[serde(rename = "_meta")]
    pub(super) meta: Meta,
    pub(super) row: Option<T>,
}

/// What names another thing.
#[derive(Debug, Deserialize)]
struct Id<T> {
    id: T,
}

/// A number as text.
#[derive(Debug)]
struct Number(u64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(de::Error::custom)
    }
}

/// Millionths as text.
#[derive(Debug)]
struct Cut(Percent);

impl<'de> Deserialize<'de> for Cut {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = Number::deserialize(deserializer)?;
        let cut = u32::try_from(number.0).ok().and_then(Percent::from_ppm);
        cut.map(Self)
            .ok_or_else(|| de::Error::custom("a cut of more than the whole"))
    }
}

/// ETH with a decimal point as text: as many digits behind it as LPT has.
#[derive(Debug)]
struct Eth(Wei);

impl<'de> Deserialize<'de> for Eth {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(Wei(Lpt::deserialize(deserializer)?.0)))
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Transcoder {
    id: Address,
    active: bool,
    total_stake: Lpt,
    reward_cut: Cut,
    fee_share: Cut,
    #[serde(rename = "serviceURI")]
    service_uri: Option<String>,
    #[serde(rename = "thirtyDayVolumeETH")]
    thirty_day_volume: Eth,
    last_reward_round: Option<Id<Number>>,
    #[serde(default)]
    pub(super) pools: Vec<Pool>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Pool {
    round: Id<Number>,
    reward_tokens: Option<Lpt>,
    fees: Eth,
    total_stake: Lpt,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Delegator {
    id: Address,
    bonded_amount: Lpt,
    fees: Eth,
    start_round: Number,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RoundRow {
    id: Number,
    initialized: bool,
    start_timestamp: i64,
    mintable_tokens: Lpt,
    #[serde(rename = "volumeETH")]
    volume: Eth,
    total_active_stake: Lpt,
}

/// Both kinds of earnings.
#[derive(Debug, Deserialize)]
pub(super) struct Events {
    #[serde(rename = "_meta")]
    pub(super) meta: Meta,
    pub(super) tickets: Vec<Value>,
    pub(super) rewards: Vec<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Ticket {
    timestamp: i64,
    face_value: Eth,
    sender: Id<Address>,
    transaction: Id<B256>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Reward {
    timestamp: i64,
    reward_tokens: Lpt,
    round: Id<Number>,
    transaction: Id<B256>,
}

impl From<Meta> for IndexedAt {
    fn from(meta: Meta) -> Self {
        Self {
            block: meta.block.number,
            timestamp: meta.block.timestamp,
        }
    }
}

impl From<Transcoder> for IndexedOrchestrator {
    fn from(row: Transcoder) -> Self {
        Self {
            address: row.id,
            active: row.active,
            total_stake_lpt: row.total_stake,
            reward_cut_percent: row.reward_cut.0,
            fee_share_percent: row.fee_share.0,
            last_reward_round: row.last_reward_round.map(|round| round.id.0),
            thirty_day_fees_wei: row.thirty_day_volume.0,
            service_uri: row.service_uri,
        }
    }
}

impl From<Pool> for IndexedPool {
    fn from(row: Pool) -> Self {
        Self {
            round: row.round.id.0,
            reward_lpt: row.reward_tokens,
            fees_wei: row.fees.0,
            total_stake_lpt: row.total_stake,
        }
    }
}

impl From<Delegator> for IndexedDelegator {
    fn from(row: Delegator) -> Self {
        Self {
            address: row.id,
            bonded_lpt: row.bonded_amount,
            fees_wei: row.fees.0,
            start_round: row.start_round.0,
        }
    }
}

impl From<RoundRow> for IndexedRound {
    fn from(row: RoundRow) -> Self {
        Self {
            round: row.id.0,
            initialized: row.initialized,
            start_timestamp: row.start_timestamp,
            mintable_lpt: row.mintable_tokens,
            fees_wei: row.volume.0,
            total_active_stake_lpt: row.total_active_stake,
        }
    }
}

impl From<Ticket> for IndexedEvent {
    fn from(row: Ticket) -> Self {
        Self {
            timestamp: row.timestamp,
            transaction: row.transaction.id,
            earned: Earned::Ticket {
                face_value_wei: row.face_value.0,
                sender: row.sender.id,
            },
        }
    }
}

impl From<Reward> for IndexedEvent {
    fn from(row: Reward) -> Self {
        Self {
            timestamp: row.timestamp,
            transaction: row.transaction.id,
            earned: Earned::Reward {
                reward_lpt: row.reward_tokens,
                round: row.round.id.0,
            },
        }
    }
}
