//! What a node earns, as its operator API tells it.

use std::collections::BTreeMap;

use alloy::primitives::Address;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::units::Wei;

/// A node's prices and books. Sums are of all runs with these books.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct PaymentsView {
    /// The usual price, as it was set: `1200wei`, `0.02usd/1000000`.
    pub price: String,
    /// The same in wei for a pixel, as a fraction in lowest terms; none while a price feed does not tell.
    pub price_wei_per_pixel: Option<String>,
    /// Gateways with a price of their own.
    #[schema(value_type = BTreeMap<String, String>)]
    pub gateway_prices: BTreeMap<Address, String>,
    /// What each ticket is worth.
    pub ticket_ev_wei: Wei,
    /// The most a winning ticket pays; none: no limit but what gas makes sensible.
    pub max_face_value_wei: Option<Wei>,
    /// The most the node pays for gas; none: no limit.
    pub max_gas_price_wei: Option<Wei>,
    /// The least it offers for gas.
    pub min_gas_price_wei: Wei,
    /// Sessions with an account now.
    pub accounts: u64,
    /// Gateways that ever paid.
    pub gateways: u64,
    /// Tickets taken.
    pub tickets: u64,
    /// What those were worth.
    pub credited_wei: Wei,
    /// What work cost.
    pub charged_wei: Wei,
    /// Winning tickets to be redeemed.
    pub winners_pending: u64,
    /// Their face values.
    pub winners_pending_wei: Wei,
    /// Winning tickets that were redeemed.
    pub winners_redeemed: u64,
    /// What they paid.
    pub winners_redeemed_wei: Wei,
    /// Winning tickets that can never be redeemed.
    pub winners_lost: u64,
    /// Their face values.
    pub winners_lost_wei: Wei,
}
