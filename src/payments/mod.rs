//! Tickets: how work is paid for, on both sides.
//!
//! | module | holds |
//! |---|---|
//! | `accounts` | whose credit covers what, at which price |
//! | `amount` | prices, fees and credit, exact to the last fraction of a wei |
//! | `books` | what must outlive the process, in one file |
//! | `cashier` | a node's side that is paid: offers, payments, charges |
//! | `clock` | what block and round it is, as everybody here needs to know |
//! | `lpdb` | the database of go-livepeer, read |
//! | `parameters` | how dear and how likely to win tickets are, and how that travels |
//! | `price` | what a pixel costs, in wei or a currency |
//! | `recipient` | the side that is paid: makes parameters, checks tickets |
//! | `redeem` | redeeming what won: when, how, what became of it |
//! | `redeemer` | the same as a service, for orchestrators elsewhere |
//! | `sender` | the side that pays: checks parameters, makes tickets, keeps its ledger |
//! | `senders` | what stands behind a gateway's tickets |
//! | `ticket` | a ticket with its signature, and one that won |

pub mod accounts;
pub mod amount;
pub mod books;
pub mod cashier;
pub mod clock;
pub mod lpdb;
pub mod parameters;
pub mod price;
pub mod recipient;
pub mod redeem;
pub mod redeemer;
pub mod sender;
pub mod senders;
pub mod ticket;

pub use self::{
    amount::{Exact, Price},
    books::{Books, BooksError},
    cashier::{Cashier, Offer, PaymentRefusal},
    clock::ChainTime,
    parameters::{ParametersFault, Terms},
    price::{PriceSettings, PriceTag, Prices},
    recipient::{
        ParametersError, Payment, Received, Recipient, RecipientSecret, RecipientSettings, SeenNonce,
        TicketFailure,
    },
    sender::{SenderError, SenderSettings, TicketSender},
    senders::{SenderFacts, SenderFailure, Senders},
    ticket::{Parameters, WinningTicket},
};
