//! Why a ticket, or a payment, is not taken.

use alloy::primitives::Address;

use crate::payments::{SenderFailure, parameters::InsufficientReserve};

/// Why there are no parameters for a gateway.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParametersError {
    /// What stands behind its tickets is too little.
    #[error(transparent)]
    InsufficientReserve(#[from] InsufficientReserve),
    /// Nothing is known of the chain yet.
    #[error("the chain has not been read yet")]
    NoClock,
    /// Nothing can be found out about the gateway.
    #[error("what stands behind the gateway is not known: {0}")]
    Sender(#[from] SenderFailure),
}

/// Tickets without worth cannot be asked for: gateways would send none, and none would be credited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a ticket must be worth at least one wei")]
pub struct NoExpectedValue;

/// Why a ticket is not taken. `Display` is what the gateway is told, word for word as others tell it
/// (`go-livepeer pm/validator.go`, `pm/recipient.go`).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TicketFailure {
    /// Its funds may be gone before the ticket is redeemed.
    #[error("deposit and reserve for sender {0} is set to unlock soon")]
    Unlocking(Address),
    /// What stands behind it cannot be found out now.
    #[error("could not get sender info for {sender}: {reason}")]
    Unknown {
        /// The gateway.
        sender: Address,
        /// Why.
        reason: String,
    },
    /// It pays somebody else.
    #[error("invalid ticket recipient")]
    Recipient,
    /// It names nobody who pays.
    #[error("invalid ticket sender")]
    Sender,
    /// Something that was agreed was changed, or this node never agreed to it.
    #[error("invalid recipientRand for ticket recipientRandHash")]
    RecipientRand,
    /// Its sender did not sign it.
    #[error("invalid ticket signature")]
    Signature,
    /// It was paid with before.
    #[error("invalid ticket senderNonce: already seen sender={sender} nonce={nonce}")]
    NonceSeen {
        /// The gateway.
        sender: Address,
        /// The ticket's number.
        nonce: u32,
    },
    /// There were too many tickets by these parameters.
    #[error("invalid ticket senderNonce: too many values sender={sender} nonce={nonce}")]
    TooManyNonces {
        /// The gateway.
        sender: Address,
        /// The ticket's number.
        nonce: u32,
    },
    /// Its parameters are over.
    #[error("TicketParams expired")]
    Expired,
}

impl TicketFailure {
    /// True if nothing of the payment is looked at any more; else the tickets after it may still win, without credit.
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        match self {
            Self::Unlocking(_)
            | Self::Unknown { .. }
            | Self::Recipient
            | Self::Sender
            | Self::RecipientRand => true,
            Self::Signature | Self::NonceSeen { .. } | Self::TooManyNonces { .. } | Self::Expired => false,
        }
    }
}
