//! Winning tickets: what `lpctl ticket` answers.

use alloy::primitives::{Address, B256};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::units::{Round, Wei};

/// How far a winning ticket is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TicketStatus {
    /// A transaction for it is being made, or is on its way.
    InFlight,
    /// Paid.
    Redeemed,
    /// Never to be paid.
    Lost,
    /// Paid to the recipient by somebody else's transaction.
    UsedElsewhere,
    /// With a redeemer elsewhere.
    HandedOver,
    /// To be redeemed; also what a newer node says and this lpctl does not know.
    #[serde(other)]
    Waiting,
}

/// Why a ticket waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TicketWait {
    /// Stable name, like `sender_short`; `ready` for one that goes with the next transaction.
    pub code: String,
    /// A sentence.
    pub message: String,
    /// Block of Ethereum at which it ends by itself, where that is known.
    pub until_block: Option<u64>,
}

/// When a ticket can be redeemed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TicketWindow {
    /// Block of Ethereum from which it may be redeemed.
    pub opens_block: u64,
    /// Block of Ethereum from which the price of gas no longer matters.
    pub last_call_block: u64,
    /// Block of Ethereum from which it is worthless.
    pub closes_block: u64,
    /// Blocks left until then.
    pub blocks_left: u64,
    /// Seconds left; none where blocks have no fixed rhythm.
    pub seconds_left: Option<u64>,
    /// That moment; none where blocks have no fixed rhythm.
    pub closes_at: Option<Timestamp>,
}

/// A winning ticket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TicketFacts {
    /// Its hash: what the contract knows it by.
    #[schema(value_type = String)]
    pub hash: B256,
    /// Who pays.
    #[schema(value_type = String)]
    pub sender: Address,
    /// Who is paid.
    #[schema(value_type = String)]
    pub recipient: Address,
    /// What it pays, if the sender can.
    pub face_value_wei: Wei,
    /// Round it was made in.
    pub creation_round: Round,
    /// When it was won.
    pub won_at: Timestamp,
    /// How far it is.
    pub status: TicketStatus,
    /// Times its redemption failed or was put off.
    pub attempts: u32,
    /// Why the last attempt failed, if one did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_failure: Option<String>,
    /// What it waits for; none for one that does not, or where no chain was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait: Option<TicketWait>,
    /// When it can be redeemed; none for a settled one, or where no chain was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<TicketWindow>,
    /// The gas price at which it costs what it pays, redeemed by itself.
    pub break_even_gas_price_wei: Wei,
    /// The transaction that redeems or redeemed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub transaction: Option<B256>,
    /// Block that transaction is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub block: Option<u64>,
    /// What was paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paid_wei: Option<Wei>,
    /// Its part of the transaction's gas.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_wei: Option<Wei>,
    /// When it came to its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settled_at: Option<Timestamp>,
    /// Why it is lost, or who has it now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// The answer of `lpctl ticket list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TicketList {
    /// Round the chain is in; none where no chain was asked.
    pub round: Option<Round>,
    /// What gas costs; none where no chain was asked.
    pub gas_price_wei: Option<Wei>,
    /// What the shown tickets that are not settled are worth.
    pub waiting_value_wei: Wei,
    /// The tickets: what waits, the most urgent first, or all, the newest first.
    pub tickets: Vec<TicketFacts>,
    /// Whether there are more than are shown.
    pub has_more: bool,
}

/// The answer of `lpctl ticket redeem`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TicketsRedeemed {
    /// What they paid.
    pub paid_wei: Wei,
    /// What that cost.
    pub cost_wei: Wei,
    /// The tickets, as they are now.
    pub tickets: Vec<TicketFacts>,
}

/// The answer of `lpctl ticket show`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TicketDetails {
    /// The ticket.
    #[serde(flatten)]
    pub facts: TicketFacts,
    /// It wins if the hash of its signature and the recipient's number is lower.
    pub win_prob: String,
    /// Counts the sender's tickets.
    pub sender_nonce: u32,
    /// Hash of the recipient's number. The number itself is never shown.
    pub recipient_rand_hash: B256,
    /// Hash of its round's block.
    pub creation_round_block_hash: B256,
    /// The sender's signature.
    pub signature: String,
    /// Block of Ethereum at which its parameters expire.
    pub params_expiration_block: u64,
}

/// Tickets of one kind together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct TicketSum {
    /// How many.
    pub count: u64,
    /// Their face values.
    pub face_value_wei: Wei,
}

/// What one gateway's tickets came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SenderTickets {
    /// The gateway.
    pub sender: Address,
    /// Winners, settled or not.
    pub winners: TicketSum,
    /// Not settled.
    pub waiting: TicketSum,
    /// What was paid.
    pub paid_wei: Wei,
    /// Gone without payment.
    pub lost: TicketSum,
}

/// The answer of `lpctl ticket stats`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TicketStats {
    /// To be redeemed.
    pub waiting: TicketSum,
    /// Under way.
    pub in_flight: TicketSum,
    /// Redeemed by this node.
    pub redeemed: TicketSum,
    /// What those paid.
    pub paid_wei: Wei,
    /// What that cost.
    pub cost_wei: Wei,
    /// Gone without payment.
    pub lost: TicketSum,
    /// Paid by somebody else's transaction, or handed over.
    pub elsewhere: TicketSum,
    /// Each gateway, the largest first.
    pub senders: Vec<SenderTickets>,
    /// Whether the books hold more tickets than were counted.
    pub has_more: bool,
}
