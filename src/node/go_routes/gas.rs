//! What gas may cost.

pub(super) use super::orchestrator::{set_max_gas_price as set_most, set_min_gas_price as set_least};
use super::{
    Ask,
    answer::{Answer, Reply},
};

/// In wei; no limit is no text at all.
pub(super) async fn most(ask: Ask) -> Reply {
    match ask.outbox()?.policy().max_gas_price {
        Some(limit) => Answer::text(&limit.0),
        None => Ok(Answer::Nothing),
    }
}

pub(super) async fn least(ask: Ask) -> Reply {
    Answer::text(&ask.outbox()?.policy().min_gas_price.0)
}
