//! Whose credit covers what, at which price, and for how long (`go-livepeer core/accounting.go`).
//!
//! A session's price is the one its first credited tickets agreed to, which is the node's own of that moment: it is
//! bound into the tickets. What a gateway merely says about prices counts for nothing.

use std::time::Duration;

use alloy::primitives::Address;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{
    ChainTime,
    amount::{Exact, Price},
    books::{Account, Books, BooksError, Entry, Recorded},
    recipient::Received,
};
use crate::units::Wei;

/// An account nobody used for so long ends, with its price and what is left on it.
pub const LIFETIME: Duration = Duration::from_secs(10 * 60);
/// How often accounts are looked over.
const SWEEP: Duration = Duration::from_secs(30);
/// As many sessions have accounts at once.
const MOST_ACCOUNTS: usize = 1 << 16;
/// A longer name is no session's.
const LONGEST_SESSION: usize = 256;

/// Work that is not paid for. The text is go-livepeer's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Insufficient balance")]
pub struct InsufficientBalance;

/// The accounts of a node's gateways, in its books. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Accounts {
    books: Books,
}

impl Accounts {
    /// Those in these books.
    #[must_use]
    pub fn new(books: Books) -> Self {
        Self { books }
    }

    /// The books.
    #[must_use]
    pub fn books(&self) -> &Books {
        &self.books
    }

    /// Whether a payment can be taken: the session has an account, or can have one.
    #[must_use]
    pub fn has_room(&self, sender: Address, session: &str) -> bool {
        session.len() <= LONGEST_SESSION
            && (self.books.accounts() < MOST_ACCOUNTS || self.books.account(sender, session).is_some())
    }

    /// What a pixel costs in a session that was paid for before.
    #[must_use]
    pub fn fixed_price(&self, sender: Address, session: &str) -> Option<Price> {
        self.books.account(sender, session)?.price
    }

    /// Writes a payment down: `price` is the one its tickets are bound to, and becomes the session's if any of them was
    /// credited and it has none. `None` if there was nothing to write.
    ///
    /// # Errors
    /// [`BooksError`]: the gateway must be told that it did not pay.
    pub async fn credit(
        &self,
        sender: Address,
        session: &str,
        price: &Price,
        received: &Received,
    ) -> Result<Option<Recorded>, BooksError> {
        if received.accepted.is_empty() && received.winners.is_empty() {
            return Ok(None);
        }
        let entry = Entry {
            sender,
            session: session.to_string(),
            credit: received.credit.clone(),
            price: (!received.credit.is_zero()).then(|| price.clone()),
            nonces: received.accepted.clone(),
            winners: received.winners.clone(),
        };
        self.books.record(entry).await.map(Some)
    }

    /// What a pixel costs in the session, if what is credited covers the next piece of work: at least `least`, unless work
    /// costs nothing. A session that was never paid for has the node's own price.
    ///
    /// # Errors
    /// [`InsufficientBalance`].
    pub fn check(
        &self,
        sender: Address,
        session: &str,
        own_price: &Price,
        least: Wei,
    ) -> Result<Price, InsufficientBalance> {
        let Account { balance, price } = self.books.account(sender, session).unwrap_or_default();
        let price = price.unwrap_or_else(|| own_price.clone());
        match price.is_free() || balance >= Exact::from(least) {
            true => Ok(price),
            false => Err(InsufficientBalance),
        }
    }

    /// Charges for work that was done, and says how much. What the disk does not take is charged all the same.
    pub async fn charge(&self, sender: Address, session: &str, price: &Price, pixels: u64) -> Exact {
        let fee = price.fee(pixels);
        if fee.is_zero() {
            return fee;
        }
        if let Err(error) = self.books.debit(sender, session, fee.clone(), pixels).await {
            tracing::error!(%error, session, "a charge is not written down yet");
        }
        fee
    }

    /// Ends accounts nobody uses and forgets numbers nobody can use again, until told to stop.
    pub async fn look_after(&self, clock: watch::Receiver<Option<ChainTime>>, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(SWEEP) => {}
            }
            let block = clock.borrow().map(|time| time.l1_block);
            self.sweep(LIFETIME, block).await;
        }
    }

    /// Ends accounts that were not used for so long, and forgets the numbers of parameters that are over at a block.
    async fn sweep(&self, idle: Duration, block: Option<u64>) {
        let swept = async {
            let ended = self.books.expire(idle).await?;
            let forgotten = match block {
                Some(block) => self.books.forget_nonces(block).await?,
                None => 0,
            };
            Ok::<_, BooksError>((ended, forgotten))
        };
        match swept.await {
            Ok((0, 0)) => {}
            Ok((ended, forgotten)) => tracing::debug!(ended, forgotten, "looked over the accounts"),
            Err(error) => tracing::warn!(%error, "accounts cannot be looked over"),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::B256;

    use super::*;
    use crate::payments::recipient::SeenNonce;

    const GATEWAY: Address = Address::repeat_byte(1);

    fn accounts() -> (tempfile::TempDir, Accounts) {
        let folder = tempfile::tempdir().unwrap();
        let books = Books::open(&Books::path(folder.path())).unwrap();
        (folder, Accounts::new(books))
    }

    fn received(nonce: u32, credit: u64) -> Received {
        Received {
            credit: Exact::from(Wei::gwei(credit)),
            accepted: vec![SeenNonce {
                rand_hash: B256::repeat_byte(7),
                nonce,
                expiration_block: 100,
            }],
            ..Received::default()
        }
    }

    // Traps 19 and 20: only tickets that are credited fix a price, and only the first time.
    #[tokio::test]
    async fn the_first_paying_ticket_fixes_the_price() {
        let (_folder, accounts) = accounts();
        let (own, other) = (Price::new(1200, 1).unwrap(), Price::new(1, 1).unwrap());
        let check = |least| accounts.check(GATEWAY, "s", &own, Wei::gwei(least));
        assert_eq!(check(8), Err(InsufficientBalance));
        assert_eq!(accounts.fixed_price(GATEWAY, "s"), None);
        // A payment whose tickets all failed writes nothing, or numbers without a price.
        let nothing = Received::default();
        let written = accounts
            .credit(GATEWAY, "s", &Price::free(), &nothing)
            .await
            .unwrap();
        assert_eq!(written, None);
        accounts
            .credit(GATEWAY, "s", &Price::free(), &received(1, 0))
            .await
            .unwrap();
        assert_eq!(accounts.fixed_price(GATEWAY, "s"), None);
        assert_eq!(check(8), Err(InsufficientBalance));
        accounts
            .credit(GATEWAY, "s", &own, &received(2, 8))
            .await
            .unwrap();
        accounts
            .credit(GATEWAY, "s", &other, &received(3, 8))
            .await
            .unwrap();
        assert_eq!(check(16), Ok(own.clone()));
        assert_eq!(check(17), Err(InsufficientBalance));
        // Another session of the same gateway has nothing of it.
        assert_eq!(
            accounts.check(GATEWAY, "t", &own, Wei::gwei(1)),
            Err(InsufficientBalance)
        );
    }

    #[tokio::test]
    async fn work_for_nothing_needs_no_credit() {
        let (_folder, accounts) = accounts();
        let free = accounts.check(GATEWAY, "s", &Price::free(), Wei::gwei(8));
        assert_eq!(free, Ok(Price::free()));
        assert!(
            accounts
                .charge(GATEWAY, "s", &Price::free(), 1000)
                .await
                .is_zero()
        );
        assert_eq!(accounts.books().account(GATEWAY, "s"), None);
    }

    #[tokio::test]
    async fn a_debt_is_paid_before_more_work() {
        let (_folder, accounts) = accounts();
        let price = Price::new(1_000_000_000, 3).unwrap();
        accounts
            .credit(GATEWAY, "s", &price, &received(1, 8))
            .await
            .unwrap();
        let fee = accounts.charge(GATEWAY, "s", &price, 25).await;
        assert_eq!(fee.to_string(), "25000000000/3");
        let account = accounts.books().account(GATEWAY, "s").unwrap();
        assert_eq!(account.balance.to_string(), "-1000000000/3");
        assert!(
            accounts
                .check(GATEWAY, "s", &price, Wei(alloy::primitives::U256::ZERO))
                .is_err()
        );
    }

    #[tokio::test]
    async fn credit_price_and_numbers_end_with_their_time() {
        let (_folder, accounts) = accounts();
        let price = Price::new(5, 1).unwrap();
        accounts
            .credit(GATEWAY, "s", &price, &received(1, 8))
            .await
            .unwrap();
        accounts.sweep(LIFETIME, Some(99)).await;
        assert_eq!(accounts.fixed_price(GATEWAY, "s"), Some(price));
        assert_eq!(accounts.books().restore().await.unwrap().len(), 1);
        accounts.sweep(Duration::ZERO, Some(100)).await;
        assert_eq!(accounts.books().account(GATEWAY, "s"), None);
        assert_eq!(accounts.books().restore().await.unwrap(), []);
        let tally = accounts.books().tally().await.unwrap();
        assert_eq!(tally[0].expired, Exact::from(Wei::gwei(8)));
    }
}
