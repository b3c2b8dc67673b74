//! What a pixel costs: as the operator says it, in wei, and as it goes out.
//!
//! | module | holds |
//! |---|---|
//! | `tag` | a price as it is written, in wei, ETH or a currency |
//! | `feed` | what ETH costs in a currency, from a contract |
//! | `wire` | prices in messages: fractions of two 64-bit numbers, never rounded to nothing |
//! | `prices` | who is asked for how much |

mod feed;
mod prices;
mod tag;
mod wire;

pub use self::{
    feed::{Feed, FeedError, FeedReading, Reading},
    prices::{PriceError, PriceSettings, Prices},
    tag::{Currency, PriceTag, PriceTagError},
    wire::{PriceInfoError, fitting, from_wire, to_wire},
};
