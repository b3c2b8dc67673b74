//! Why tickets are not made.

use alloy::primitives::U256;
use num_bigint::BigInt;

use crate::{payments::Exact, units::Wei};

/// Why a gateway makes no tickets by an orchestrator's parameters. Word for word as others say it
/// (`go-livepeer pm/sender.go`).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SenderError {
    /// The orchestrator named none.
    #[error("ticketParams is nil")]
    NoParameters,
    /// They never end.
    #[error("ticketParams expiration block is 0")]
    NoExpiration,
    /// They end with this block or the next.
    #[error("TicketParams expired")]
    Expired,
    /// As many tickets were made by them as are taken.
    #[error("no more than {made} tickets are taken by the same parameters")]
    UsedUp {
        /// Tickets that may be made.
        made: usize,
    },
    /// A ticket would be no draw any more, but a payment on the chain each time.
    #[error("ticket faceValue too low faceValue={}", .0.0)]
    FaceValueTooLow(Wei),
    /// A ticket is worth more than the operator pays at a time.
    #[error("ticket EV {} > max ticket EV {}", five_digits(.ev), five_digits(&(*.max).into()))]
    TicketValue {
        /// What one is worth.
        ev: Exact,
        /// The operator's limit.
        max: Wei,
    },
    /// The chain was not read yet, or the gateway's own funds are not known.
    #[error("unable to validate sender: {0}")]
    Unknown(String),
    /// The gateway is taking its funds out.
    #[error("unable to validate sender: deposit and reserve is set to unlock soon")]
    Unlocking,
    /// There is no reserve.
    #[error("no sender reserve")]
    NoReserve,
    /// There is no deposit.
    #[error("no sender deposit")]
    NoDeposit,
    /// All of them are worth more than the operator pays at a time.
    #[error("total ticket EV {} for {tickets} tickets > max total ticket EV {}", five_digits(.ev), five_digits(&(*.max).into()))]
    TotalValue {
        /// What they are worth.
        ev: Exact,
        /// How many.
        tickets: u32,
        /// The operator's limit.
        max: Wei,
    },
    /// The deposit does not cover a winning ticket as many times as the operator wants it to.
    #[error("ticket faceValue {} > max faceValue {}", .face_value.0, .max.0)]
    FaceValue {
        /// What a winning ticket would pay.
        face_value: Wei,
        /// What the deposit covers.
        max: Wei,
    },
    /// The account signs no tickets.
    #[error("the account does not sign tickets")]
    NotSigned,
}

impl SenderError {
    /// Whether new parameters would help.
    #[must_use]
    pub fn wants_refresh(&self) -> bool {
        matches!(self, Self::Expired | Self::UsedUp { .. })
    }

    /// Whether the gateway's own funds are at fault: it would be the same with every orchestrator.
    #[must_use]
    pub fn is_own_fault(&self) -> bool {
        matches!(
            self,
            Self::Unknown(_) | Self::Unlocking | Self::NoReserve | Self::NoDeposit | Self::NotSigned
        )
    }
}

/// With five digits after the point, rounded, as other gateways write fractions.
fn five_digits(amount: &Exact) -> String {
    let scale = BigInt::from(100_000);
    let scaled = (amount.as_ratio() * &scale).round().to_integer();
    // Expected values are not below zero.
    format!("{}.{:0>5}", &scaled / &scale, (&scaled % &scale).to_string())
}

/// What a deposit covers.
pub(super) fn max_face_value(deposit: Wei, multiplier: u64) -> Wei {
    Wei(deposit.0 / U256::from(multiplier.max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_written_as_other_gateways_write_them() {
        let wei = |amount: u64| Wei(U256::from(amount));
        let third = Exact::ratio(BigInt::from(20), BigInt::from(3)).unwrap();
        assert_eq!(
            SenderError::TicketValue {
                ev: third,
                max: wei(6)
            }
            .to_string(),
            "ticket EV 6.66667 > max ticket EV 6.00000"
        );
        assert_eq!(
            SenderError::TotalValue {
                ev: wei(20).into(),
                tickets: 4,
                max: wei(19)
            }
            .to_string(),
            "total ticket EV 20.00000 for 4 tickets > max total ticket EV 19.00000"
        );
        assert_eq!(
            SenderError::FaceValue {
                face_value: wei(20),
                max: wei(19)
            }
            .to_string(),
            "ticket faceValue 20 > max faceValue 19"
        );
        assert_eq!(
            SenderError::FaceValueTooLow(wei(7)).to_string(),
            "ticket faceValue too low faceValue=7"
        );
    }
}
