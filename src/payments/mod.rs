//! Tickets: how work is paid for, on both sides.
//!
//! | module | holds |
//! |---|---|
//! | `amount` | prices, fees and credit, exact to the last fraction of a wei |
//! | `clock` | what block and round it is, as everybody here needs to know |
//! | `parameters` | how dear and how likely to win tickets are, and how that travels |
//! | `recipient` | the side that is paid: makes parameters, checks tickets |
//! | `sender` | the side that pays: checks parameters, makes tickets, keeps its ledger |
//! | `senders` | what stands behind a gateway's tickets |
//! | `ticket` | a ticket with its signature, and one that won |

pub mod amount;
pub mod clock;
pub mod parameters;
pub mod recipient;
pub mod sender;
pub mod senders;
pub mod ticket;

pub use self::{
    amount::{Exact, Price},
    clock::ChainTime,
    parameters::{ParametersFault, Terms},
    recipient::{
        ParametersError, Payment, Received, Recipient, RecipientSecret, RecipientSettings, TicketFailure,
    },
    sender::{SenderError, SenderSettings, TicketSender},
    senders::{SenderFacts, SenderFailure, Senders},
    ticket::{Parameters, WinningTicket},
};
