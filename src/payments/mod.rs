//! Tickets: how work is paid for, on both sides.
//!
//! | module | holds |
//! |---|---|
//! | `amount` | prices, fees and credit, exact to the last fraction of a wei |
//! | `books` | what must outlive the process, in one file |
//! | `clock` | what block and round it is, as everybody here needs to know |
//! | `redeem` | redeeming what won: when, how, what became of it |
//! | `redeemer` | the same as a service, for orchestrators elsewhere |
//! | `price` | what a pixel costs, in wei or a currency |
//! | `senders` | what stands behind a gateway's tickets |
//! | `ticket` | a ticket with its signature, and one that won |

pub mod amount;
pub mod books;
pub mod clock;
pub mod price;
pub mod redeem;
pub mod redeemer;
pub mod senders;
pub mod ticket;

pub use self::{
    amount::{Exact, Price},
    books::{Books, BooksError, SeenNonce},
    clock::ChainTime,
    price::{PriceSettings, PriceTag, Prices},
    senders::{SenderFacts, SenderFailure, Senders},
    ticket::{Parameters, WinningTicket},
};
