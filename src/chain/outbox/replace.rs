//! Another transaction for a nonce that waits: the same for more, or nothing in its place.

use alloy::primitives::{Address, TxHash, U64, U256};
use serde_json::json;

use super::{
    Attempt, Body, GasPolicy, Journal, Mined, Outbox, RecordError, Sent,
    body::Told,
    standing::{attempt, is_for},
    waiting::Resolved,
};
use crate::{
    chain::{Chain, ChainError, Class, SubmitError, SubmitOptions, plan::with_margin},
    units::Wei,
};

/// Gas of an empty payment where the node does not tell: by the yellow paper, with room for Arbitrum's data on Ethereum.
const EMPTY_GAS: u64 = 100_000;

/// What is put in the place of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplacementKind {
    /// The same call for a higher price.
    SpeedUp,
    /// An empty payment to oneself.
    Cancel,
}

/// A transaction that is to take another one's place, not signed.
#[derive(Debug, Clone)]
pub struct Replacement {
    /// What is put in its place.
    pub kind: ReplacementKind,
    /// The transaction that waits.
    pub of: TxHash,
    /// Who sent it.
    pub account: Address,
    /// Its nonce.
    pub nonce: u64,
    /// What it does, in one line.
    pub title: String,
    /// What it offers for a unit of gas.
    pub price: Wei,
    /// What will be offered.
    pub new_price: Wei,
    /// The most the new one can cost, what it sends along included.
    pub most_wei: Wei,
    /// ETH the account has.
    pub eth_wei: Wei,
    /// Earlier transactions of the account that wait too: this one waits for them, whatever it offers.
    pub behind: u64,
    /// Whether an endpoint has it.
    pub known: bool,
    step: String,
    body: Body,
    /// All there is for the nonce, oldest first.
    attempts: Vec<Attempt>,
}

/// Why nothing can be put in its place.
#[derive(Debug, thiserror::Error)]
pub enum ReplacementError {
    /// Neither journal nor chain knows it.
    #[error("no transaction {0} is known, to the journal or to the chain")]
    Unknown(TxHash),
    /// It is mined.
    #[error("{hash} is mined already, in block {block}")]
    Mined {
        /// The transaction.
        hash: TxHash,
        /// Its block.
        block: u64,
    },
    /// Its nonce is used by another one.
    #[error("{hash} can never be mined: its nonce {nonce} is used")]
    NonceUsed {
        /// The transaction.
        hash: TxHash,
        /// Its nonce.
        nonce: u64,
    },
    /// Somebody else's.
    #[error("{hash} was sent by {from}, not by {account}")]
    OtherAccount {
        /// The transaction.
        hash: TxHash,
        /// Who sent it.
        from: Address,
        /// Who asks.
        account: Address,
    },
    /// It makes a contract, which nothing of ours does.
    #[error("{0} makes a contract: that is no transaction of lpctl")]
    MakesContract(TxHash),
    /// It is one that cancels already.
    #[error("{0} only takes the nonce already: there is nothing to cancel")]
    CancelsAlready(TxHash),
    /// Nodes take only 10 % more.
    #[error("{hash} offers {price} a unit of gas; nodes replace it from {least} on")]
    TooLittle {
        /// The transaction.
        hash: TxHash,
        /// What it offers.
        price: String,
        /// What it takes.
        least: String,
    },
    /// It takes more than the operator's ceiling.
    #[error("replacing {hash} takes {needed} a unit of gas, your limit is {limit}")]
    AboveLimit {
        /// The transaction.
        hash: TxHash,
        /// What it takes.
        needed: String,
        /// The ceiling.
        limit: String,
    },
    /// The account cannot pay for it.
    #[error("{short} short: {eth} in the wallet, up to {needed} needed")]
    ShortOfEth {
        /// What is missing.
        short: String,
        /// What there is.
        eth: String,
        /// What it takes.
        needed: String,
    },
    /// Journal or chain cannot be read.
    #[error(transparent)]
    Record(#[from] RecordError),
}

impl From<ChainError> for ReplacementError {
    fn from(error: ChainError) -> Self {
        Self::Record(RecordError::Chain(error))
    }
}

impl ReplacementError {
    /// The exit code's class.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Record(RecordError::Chain(source)) => source.class(),
            _ => Class::Refused,
        }
    }

    /// Stable name for scripts.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unknown(_) => "transaction_unknown",
            Self::Mined { .. } => "already_mined",
            Self::NonceUsed { .. } => "nonce_used",
            Self::OtherAccount { .. } => "other_account",
            Self::MakesContract(_) => "makes_contract",
            Self::CancelsAlready(_) => "cancels_already",
            Self::TooLittle { .. } => "price_too_low",
            Self::AboveLimit { .. } => "gas_price_above_limit",
            Self::ShortOfEth { .. } => "insufficient_eth",
            Self::Record(RecordError::Journal(_)) => "journal",
            Self::Record(RecordError::Chain(source)) => source.code(),
        }
    }

    /// The next step.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Unknown(_) => "`lpctl tx list` shows what was sent from here".to_string(),
            Self::Mined { hash, .. } => format!("nothing to do; `lpctl tx show {hash}` tells what it did"),
            Self::NonceUsed { .. } => {
                "nothing to do; `lpctl tx list` shows what was mined instead".to_string()
            }
            Self::OtherAccount { from, .. } => format!("pass `--account {from}`"),
            Self::MakesContract(_) => "use the tool it was sent with".to_string(),
            Self::CancelsAlready(hash) => format!("`lpctl tx speed-up {hash}` hurries it"),
            Self::TooLittle { least, .. } => {
                format!("pass `--gas-price {}` or more, or leave it out", compact(least))
            }
            Self::AboveLimit { .. } => "wait until it is mined, or raise `--max-gas-price`".to_string(),
            Self::ShortOfEth { .. } => "send ETH to the account; what waits goes on waiting".to_string(),
            Self::Record(RecordError::Journal(_)) => {
                "correct the permissions of the state folder".to_string()
            }
            Self::Record(RecordError::Chain(source)) => source.hint().to_string(),
        }
    }
}

/// An amount as it can be typed: `1.5 gwei` as `1.5gwei`.
fn compact(amount: &str) -> String {
    amount.chars().filter(|c| !c.is_whitespace()).collect()
}

/// How putting another transaction in the place of one ended.
#[derive(Debug, Clone)]
pub enum ReplacementOutcome {
    /// What was wanted was mined: the call in one of its forms, or the cancellation.
    Done(Mined),
    /// Too late to cancel: the call was mined.
    CallMined(Mined),
    /// The call was mined, for whatever price, and failed.
    Reverted {
        /// Its hash.
        hash: TxHash,
        /// Its block.
        block: u64,
    },
    /// Too late to hurry it: somebody cancelled it.
    Cancelled(Mined),
}

impl Chain {
    /// Looks a transaction up that waits, and says what would be put in its place. `price` is the operator's own offer
    /// for a unit of gas; without it 11 % more than now, or what a new transaction would offer.
    ///
    /// # Errors
    /// [`ReplacementError`]: it does not wait, or cannot be replaced within the rules.
    pub async fn plan_replacement(
        &self,
        journal: &Journal,
        account: Address,
        hash: TxHash,
        kind: ReplacementKind,
        policy: GasPolicy,
        price: Option<Wei>,
    ) -> Result<Replacement, ReplacementError> {
        let mark = self.mark().await?;
        let history = journal.history().map_err(RecordError::from)?;
        let line = history
            .iter()
            .rev()
            .find(|entry| entry.hash == hash && entry.chain_id == self.chain_id && entry.raw.is_some());
        let (now, told) = tokio::join!(self.now(None), self.told(account, hash));
        let (now, _) = now?;
        let (told, eth) = told?;
        let found = match (&told, line) {
            (Some(told), _) if told.from != account => {
                return Err(ReplacementError::OtherAccount {
                    hash,
                    from: told.from,
                    account,
                });
            }
            (None, Some(line)) if line.from != account => {
                return Err(ReplacementError::OtherAccount {
                    hash,
                    from: line.from,
                    account,
                });
            }
            (_, Some(line)) => attempt(line),
            (Some(told), None) => {
                let body = told.body().ok_or(ReplacementError::MakesContract(hash))?;
                // Nothing but its hash and content is known, and nothing more is needed.
                Some(Attempt {
                    hash,
                    raw: alloy::primitives::Bytes::new(),
                    cancels: false,
                    body,
                })
            }
            (None, None) => None,
        };
        let found = found.ok_or(ReplacementError::Unknown(hash))?;
        let nonce = found.body.nonce;
        let mut attempts: Vec<Attempt> = history
            .iter()
            .filter(|entry| is_for(entry, self.chain_id, mark.as_deref(), account, nonce))
            .filter_map(attempt)
            .collect();
        if attempts.is_empty() {
            attempts.push(found.clone());
        }
        let hashes: Vec<TxHash> = attempts.iter().map(|attempt| attempt.hash).collect();
        let look = self.look_for(account, &hashes).await?;
        if let Some(receipt) = look.receipts.iter().flatten().next() {
            return Err(ReplacementError::Mined {
                hash: receipt.transaction_hash,
                block: receipt.block(),
            });
        }
        if look.mined > nonce {
            return Err(ReplacementError::NonceUsed { hash, nonce });
        }
        // The newest stands for all of them: it offers most.
        let last = attempts.last().unwrap_or(&found).clone();
        if last.cancels && kind == ReplacementKind::Cancel {
            return Err(ReplacementError::CancelsAlready(last.hash));
        }
        let least = last.body.offer.raised();
        let offer = match price {
            Some(price) if price.0 < least.cap => {
                return Err(ReplacementError::TooLittle {
                    hash: last.hash,
                    price: last.body.offer.price().human_gwei(),
                    least: least.price().human_gwei(),
                });
            }
            Some(price) => super::Offer {
                cap: price.0,
                tip: least.tip.map(|tip| tip.max(now.fees.tip).min(price.0)),
            },
            None => GasPolicy {
                max_gas_price: None,
                ..policy
            }
            .raise(last.body.offer, &now.fees)
            .unwrap_or(least),
        };
        // Whatever was found, the ceiling holds; a lower offer within it will do as long as nodes take it.
        let offer = match policy.max_gas_price {
            Some(limit) if least.cap > limit.0 || price.is_some_and(|price| price > limit) => {
                return Err(ReplacementError::AboveLimit {
                    hash: last.hash,
                    needed: Wei(least.cap.max(price.unwrap_or_default().0)).human_gwei(),
                    limit: limit.human_gwei(),
                });
            }
            Some(limit) => offer.within(limit.0),
            None => offer,
        };
        let body = match kind {
            ReplacementKind::SpeedUp => Body {
                offer,
                ..last.body.clone()
            },
            ReplacementKind::Cancel => last.body.emptied(account, offer, self.empty_gas(account).await),
        };
        let most = Wei(offer.most(body.gas_limit).0.saturating_add(body.value));
        if most > eth {
            return Err(ReplacementError::ShortOfEth {
                short: most.saturating_sub(eth).human(),
                eth: eth.human(),
                needed: most.human(),
            });
        }
        let named = line.map(|line| (line.title.clone(), line.step.clone()));
        let (title, step) =
            named.unwrap_or_else(|| ("a transaction of another program".to_string(), "call".to_string()));
        Ok(Replacement {
            kind,
            of: last.hash,
            account,
            nonce,
            title,
            step,
            price: last.body.offer.price(),
            new_price: offer.price(),
            most_wei: most,
            eth_wei: eth,
            behind: nonce.saturating_sub(look.mined),
            known: look.known,
            body,
            attempts,
        })
    }

    /// A transaction as the endpoint tells it, and an account's ETH.
    pub(super) async fn told(
        &self,
        account: Address,
        hash: TxHash,
    ) -> Result<(Option<Told>, Wei), ChainError> {
        let mut batch = self.rpc.new_batch();
        let told = batch.add_call::<_, Option<Told>>("eth_getTransactionByHash", &json!([hash]))?;
        let eth = batch.add_call::<_, U256>("eth_getBalance", &json!([account, "latest"]))?;
        batch.send().await?;
        Ok((told.await?, Wei(eth.await?)))
    }

    /// Gas of an empty payment to oneself.
    async fn empty_gas(&self, account: Address) -> u64 {
        let call = json!([{ "from": account, "to": account, "value": "0x0" }]);
        let mut batch = self.rpc.new_batch();
        let Ok(gas) = batch.add_call::<_, U64>("eth_estimateGas", &call) else {
            return EMPTY_GAS;
        };
        match (batch.send().await, gas.await) {
            (Ok(()), Ok(gas)) => with_margin(gas.to()),
            _ => EMPTY_GAS,
        }
    }
}

impl Outbox {
    /// Signs a replacement, writes it down and sends it.
    ///
    /// # Errors
    /// The account is held elsewhere, it could not be written down, or every endpoint turned it down: what waited goes on
    /// waiting.
    pub async fn replace(&self, replacement: Replacement) -> Result<Sent, SubmitError> {
        let Replacement {
            kind,
            of,
            account,
            nonce,
            title,
            step,
            body,
            attempts,
            ..
        } = replacement;
        if account != self.account() {
            return Err(SubmitError::WrongSigner {
                from: account,
                signer: self.account(),
            });
        }
        let _held = self.hold(&step).await?;
        let mut sent = Sent {
            outbox: self.clone(),
            title,
            step,
            nonce,
            attempts,
            budget: None,
        };
        sent.put_in_place(body, of, kind == ReplacementKind::Cancel)
            .await?;
        Ok(sent)
    }

    /// Offers a transaction that waits anew, for 11 % more at least, within the rules for gas.
    ///
    /// # Errors
    /// It does not wait, or cannot be replaced within the rules.
    pub async fn speed_up(&self, hash: TxHash) -> Result<Sent, SubmitError> {
        self.put_instead(hash, ReplacementKind::SpeedUp).await
    }

    /// Takes the nonce of a transaction that waits for an empty payment to oneself.
    ///
    /// # Errors
    /// It does not wait, or cannot be replaced within the rules.
    pub async fn cancel(&self, hash: TxHash) -> Result<Sent, SubmitError> {
        self.put_instead(hash, ReplacementKind::Cancel).await
    }

    async fn put_instead(&self, hash: TxHash, kind: ReplacementKind) -> Result<Sent, SubmitError> {
        let journal = self.journal();
        let planned = self
            .chain()
            .plan_replacement(journal, self.account(), hash, kind, self.policy(), None)
            .await;
        match planned {
            Ok(planned) => self.replace(planned).await,
            Err(ReplacementError::Record(error)) => Err(error.at("replacement")),
            Err(other) => Err(SubmitError::Rejected {
                step: "replacement".to_string(),
                message: other.to_string(),
            }),
        }
    }
}

impl Sent {
    /// Waits like [`Sent::mined`] for what [`Outbox::replace`] sent, and tells which of the two it was in the end.
    ///
    /// # Errors
    /// None of them was mined in time, or something sent elsewhere took the nonce.
    pub async fn replaced(
        mut self,
        kind: ReplacementKind,
        options: SubmitOptions,
    ) -> Result<ReplacementOutcome, SubmitError> {
        let Resolved { receipt, attempt } = Box::pin(self.resolve(options, &mut |_| {})).await?;
        let failed = receipt
            .failed()
            .then_some((receipt.transaction_hash, receipt.block()));
        let first = self.attempts.first().map(|first| first.hash);
        let mined = receipt.mined(self.nonce, attempt.body.offer.cap, first != Some(attempt.hash));
        Ok(match (kind, attempt.cancels, failed) {
            (ReplacementKind::Cancel, true, _) => ReplacementOutcome::Done(mined),
            (ReplacementKind::SpeedUp, true, _) => ReplacementOutcome::Cancelled(mined),
            (_, false, Some((hash, block))) => ReplacementOutcome::Reverted { hash, block },
            (ReplacementKind::SpeedUp, false, None) => ReplacementOutcome::Done(mined),
            (ReplacementKind::Cancel, false, None) => ReplacementOutcome::CallMined(mined),
        })
    }
}
