//! Tickets: how work is paid for, on both sides.
//!
//! | module | holds |
//! |---|---|
//! | `amount` | prices, fees and credit, exact to the last fraction of a wei |
//! | `clock` | what block and round it is, as everybody here needs to know |
//! | `redeem` | redeeming what won: when, how, what became of it |
//! | `senders` | what stands behind a gateway's tickets |
//! | `ticket` | a ticket with its signature, and one that won |

pub mod amount;
pub mod clock;
pub mod redeem;
pub mod senders;
pub mod ticket;

pub use self::{
    amount::{Exact, Price},
    clock::ChainTime,
    senders::{SenderFacts, SenderFailure, Senders},
    ticket::{Parameters, WinningTicket},
};
