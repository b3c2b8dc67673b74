//! The one sender of an account, across tasks and processes.
//!
//! Nonces are given out under a lock that the kernel keeps ([`lock`]), from reading the chain to the broadcast; waiting
//! for receipts needs no lock, so many transactions are under way at once. What was signed is in the [`Journal`] before
//! it is sent: whoever finds it there, after a `kill -9` too, can tell what became of it and go on. A transaction is
//! followed by account and nonce, not by hash alone: whatever is mined there, the waiter learns of it.
//!
//! | module | holds |
//! |---|---|
//! | `body` | a transaction's content, signed and read back |
//! | `gas` | what is offered for gas, first and when it got stuck |
//! | `history` | what was sent, for people |
//! | `journal` | the lines on disk |
//! | `lock` | one sender at a time |
//! | `replace` | speeding up and cancelling |
//! | `standing` | which nonces are used, waiting, lost or free |
//! | `waiting` | from the broadcast to the receipt |

mod body;
mod gas;
mod history;
pub mod journal;
mod lock;
mod replace;
mod standing;
mod waiting;

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use alloy::{
    primitives::{Address, Bytes, TxHash, U256},
    rpc::types::Log,
    signers::local::PrivateKeySigner,
};
use jiff::Timestamp;
use tokio::sync::{Mutex, OwnedMutexGuard};

use self::{
    body::{Attempt, Body},
    gas::Offer,
    lock::{AccountLock, LockFailure},
};
pub use self::{
    gas::GasPolicy,
    journal::{Ending, Entry, Journal, State},
    replace::{Replacement, ReplacementError, ReplacementKind, ReplacementOutcome},
    standing::{RecordError, Waiting},
};
use super::{
    Chain, ChainError, SubmitError,
    plan::{Step, with_margin},
    provider::Broadcast,
};
use crate::{
    units::Wei,
    wallet::sign::{Signed, TypedError, TypedMessage, sign_message},
};

/// Longest wait for the account: each holder needs a few requests.
const PATIENCE: Duration = Duration::from_secs(30);

/// The one sender of an account. Cheap to clone.
#[derive(Clone)]
pub struct Outbox {
    shared: Arc<Shared>,
    /// Rules of this handle alone; none: those of the account.
    own_policy: Option<GasPolicy>,
}

struct Shared {
    chain: Chain,
    signer: PrivateKeySigner,
    policy: RwLock<GasPolicy>,
    journal: Journal,
    lock_file: PathBuf,
    /// Tasks of this process take turns here; only one of them asks the kernel.
    turn: Arc<Mutex<()>>,
    owner: Option<String>,
}

/// A call to be sent as a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// What it does, in one line, for the journal: `redeem 3 tickets`.
    pub title: String,
    /// Short name: `redeem`.
    pub step: String,
    /// Contract called.
    pub to: Address,
    /// Its input.
    pub data: Bytes,
    /// ETH sent along.
    pub value: Wei,
    /// Gas it gets at least, where more is known than an estimate tells; zero: a quarter more than estimated.
    pub least_gas: u64,
}

/// A transaction that was mined and worked.
#[derive(Debug, Clone)]
pub struct Mined {
    /// Its hash: after a replacement that of the one that was mined.
    pub hash: TxHash,
    /// Its nonce.
    pub nonce: u64,
    /// The block it is in.
    pub block: u64,
    /// Gas it used.
    pub gas_used: u64,
    /// What that cost.
    pub cost_wei: Wei,
    /// What the contracts said.
    pub logs: Vec<Log>,
    /// Whether it is another transaction than the first that was sent for the call.
    pub replaced: bool,
}

/// What became of a transaction, as far as chain and journal tell.
#[derive(Debug, Clone)]
pub enum Fate {
    /// Mined, and it worked.
    Mined(Mined),
    /// Mined, and it failed.
    Reverted {
        /// The block it is in.
        block: u64,
    },
    /// Its nonce is used by something else: it can never be mined.
    Replaced {
        /// By what, if it was sent from here.
        by: Option<TxHash>,
    },
    /// An endpoint has it.
    Waiting,
    /// No endpoint has it, and its nonce is free: it can be mined if somebody kept it.
    Lost,
    /// Never written down, so never sent from here, and no endpoint knows it.
    Unknown,
}

/// Signed and not sent. Holds the account: go on at once. Dropped, nothing was sent and no nonce is lost.
#[must_use = "nothing is sent before `broadcast`"]
pub struct Prepared {
    outbox: Outbox,
    held: Held,
    attempt: Attempt,
    title: String,
    step: String,
    replaces: Option<TxHash>,
    budget: Option<Wei>,
}

/// Sent, or perhaps: its line is in the journal.
#[must_use = "a transaction nobody waits for is settled at the next start only"]
pub struct Sent {
    outbox: Outbox,
    title: String,
    step: String,
    nonce: u64,
    /// What was sent for the nonce, from here and elsewhere; the first one is what the caller asked for.
    attempts: Vec<Attempt>,
    /// The most a replacement may offer.
    budget: Option<Wei>,
}

/// The account, for this task of this process.
struct Held {
    _lock: AccountLock,
    _turn: OwnedMutexGuard<()>,
}

impl Outbox {
    /// A sender for the signer's account, with lock and journal in the state folder. Touches no network.
    ///
    /// # Errors
    /// The folder or the journal cannot be made or written.
    pub fn open(
        chain: Chain,
        signer: PrivateKeySigner,
        state_dir: &Path,
        policy: GasPolicy,
    ) -> io::Result<Self> {
        let journal = Journal::new(state_dir);
        journal.make()?;
        let file = format!("sender-{}-{:x}.lock", chain.chain_id(), signer.address());
        Ok(Self {
            shared: Arc::new(Shared {
                lock_file: state_dir.join(file),
                chain,
                signer,
                policy: RwLock::new(policy),
                journal,
                turn: Arc::default(),
                owner: lock::this_process(),
            }),
            own_policy: None,
        })
    }

    /// Whose transactions these are.
    #[must_use]
    pub fn account(&self) -> Address {
        self.shared.signer.address()
    }

    /// The chain they are sent to.
    #[must_use]
    pub fn chain(&self) -> &Chain {
        &self.shared.chain
    }

    /// The account's signature over bytes, as a personal message (EIP-191).
    pub(crate) fn sign_message(&self, message: &[u8]) -> Result<Signed, TypedError> {
        sign_message(&self.shared.signer, message)
    }

    /// The account's signature over typed data (EIP-712).
    pub(crate) fn sign_typed(&self, message: &TypedMessage) -> Result<Signed, TypedError> {
        message.sign(&self.shared.signer)
    }

    /// Where they are written down.
    #[must_use]
    pub fn journal(&self) -> &Journal {
        &self.shared.journal
    }

    /// The rules for gas that hold now.
    #[must_use]
    pub fn policy(&self) -> GasPolicy {
        self.own_policy.unwrap_or_else(|| {
            let policy = self.shared.policy.read();
            *policy.unwrap_or_else(PoisonError::into_inner)
        })
    }

    /// Sets what gas may cost from now on, for every handle without rules of its own: also for what waits to be mined, when
    /// it is offered anew.
    pub fn set_gas_limits(&self, max_gas_price: Option<Wei>, min_gas_price: Wei) {
        let mut policy = self.shared.policy.write().unwrap_or_else(PoisonError::into_inner);
        policy.max_gas_price = max_gas_price;
        policy.min_gas_price = min_gas_price;
    }

    /// The same sender with other rules for gas.
    #[must_use]
    pub fn with_policy(&self, policy: GasPolicy) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            own_policy: Some(policy),
        }
    }

    /// Sends a call and waits until it is mined.
    ///
    /// # Errors
    /// [`SubmitError`]: each variant says what is known of it.
    pub async fn send(&self, call: Call, options: super::SubmitOptions) -> Result<Mined, SubmitError> {
        let sent = self.prepare(call).await?.broadcast().await?;
        sent.mined(options).await
    }

    /// Simulates a call, takes the account and its next nonce, and signs.
    ///
    /// # Errors
    /// It would revert, costs more than the ceiling, the account is held elsewhere, or the chain cannot be read: nothing
    /// was sent.
    pub async fn prepare(&self, call: Call) -> Result<Prepared, SubmitError> {
        let step = Step {
            name: "call",
            to: call.to,
            data: call.data,
            value: call.value,
            gas_limit: 0,
            min_gas: call.least_gas,
            depends: false,
            once: false,
        };
        let gas_limit = self.simulate(&step, &call.step).await?;
        self.sign_next(&step, &call.title, &call.step, gas_limit, None)
            .await
    }

    /// The gas limit of a step, or why it would revert.
    pub(super) async fn simulate(&self, step: &Step, name: &str) -> Result<u64, SubmitError> {
        let run = self.chain().simulate(self.account(), step).await;
        match run.map_err(|source| unread(name, source))? {
            Ok(gas) => Ok(with_margin(gas).max(step.min_gas)),
            Err(reason) => Err(SubmitError::WouldRevert {
                step: name.to_string(),
                reason,
            }),
        }
    }

    /// Takes the account and its next nonce, and signs.
    pub(super) async fn sign_next(
        &self,
        step: &Step,
        title: &str,
        name: &str,
        gas_limit: u64,
        budget: Option<Wei>,
    ) -> Result<Prepared, SubmitError> {
        let held = self.hold(name).await?;
        let chain = self.chain();
        let (now, standing) = tokio::join!(chain.now(None), self.standing());
        let (now, _) = now.map_err(|source| unread(name, source))?;
        let mut standing = standing.map_err(|error| error.at(name))?;
        let gas_limit = match step.once {
            // Since it was simulated, one like it may have been sent, or mined.
            true => {
                standing.has_none_like(title, name)?;
                self.simulate(step, name).await?
            }
            false => gas_limit,
        };
        let refused = self.send_again(standing.sunk_below(standing.next())).await;
        standing.give_up(&refused);
        let mut offer = self.policy().offer(&now.fees)?;
        let free = standing.next();
        // Whoever kept the transaction that got lost takes the new one for its replacement.
        let lost = standing.lost_at(free).and_then(|entry| {
            let raw = entry.raw.as_ref()?;
            Attempt::read(raw, entry.cancels)
        });
        if let Some(lost) = &lost
            && let Some(raised) = self.policy().raise(lost.body.offer, &now.fees)
        {
            offer = raised;
        }
        let most = offer.most(gas_limit);
        if let Some(budget) = budget.filter(|budget| most > *budget) {
            return Err(SubmitError::PlanChanged(format!(
                "`{name}` can cost {} now, more than the {} that are left of what was agreed to",
                most.human(),
                budget.human()
            )));
        }
        let body = Body {
            to: step.to,
            data: step.data.clone(),
            value: step.value.0,
            gas_limit,
            nonce: free,
            offer,
        };
        Ok(Prepared {
            attempt: self.sign(body, name, false)?,
            outbox: self.clone(),
            held,
            title: title.to_string(),
            step: name.to_string(),
            replaces: lost.map(|lost| lost.hash),
            budget,
        })
    }

    fn sign(&self, body: Body, step: &str, cancels: bool) -> Result<Attempt, SubmitError> {
        let signed = body.sign(self.chain().chain_id, &self.shared.signer, cancels);
        signed.map_err(|reason| SubmitError::Sign {
            step: step.to_string(),
            reason,
        })
    }

    /// The account, once nobody else is sending from it.
    async fn hold(&self, step: &str) -> Result<Held, SubmitError> {
        let busy = |pid, waited| SubmitError::AccountBusy {
            account: self.account(),
            pid,
            waited,
        };
        let turn = Arc::clone(&self.shared.turn).lock_owned();
        let turn = tokio::time::timeout(PATIENCE, turn)
            .await
            .map_err(|_| busy(Some(std::process::id()), PATIENCE))?;
        match AccountLock::take(&self.shared.lock_file, PATIENCE).await {
            Ok(lock) => Ok(Held {
                _lock: lock,
                _turn: turn,
            }),
            Err(LockFailure::Busy { pid, waited }) => Err(busy(pid, waited)),
            Err(LockFailure::File(error)) => Err(SubmitError::NotRecorded {
                step: step.to_string(),
                reason: format!("{}: {error}", self.shared.lock_file.display()),
            }),
        }
    }

    /// A line for a transaction, without outcome.
    async fn line(&self, title: &str, step: &str, attempt: &Attempt) -> Result<Entry, ChainError> {
        Ok(Entry {
            time: Timestamp::now(),
            state: State::Sending,
            hash: attempt.hash,
            chain_id: self.chain().chain_id,
            chain: self.chain().mark().await?,
            from: self.account(),
            title: title.to_string(),
            step: step.to_string(),
            nonce: Some(attempt.body.nonce),
            raw: Some(attempt.raw.clone()),
            owner: self.shared.owner.clone(),
            replaces: None,
            cancels: attempt.cancels,
            block: None,
            cost_wei: None,
            ended: None,
            error: None,
        })
    }

    /// Writes the outcome of a transaction down. The chain knows it too: a line that cannot be written loses nothing.
    async fn settle(&self, outcome: Entry) {
        if let Err(error) = self.shared.journal.record(outcome).await {
            tracing::warn!(%error, "the outcome of a transaction could not be written down");
        }
    }
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox")
            .field("account", &self.account())
            .field("chain_id", &self.chain().chain_id)
            .field("policy", &self.policy())
            .finish_non_exhaustive()
    }
}

impl Prepared {
    /// The hash it will be sent under.
    #[must_use]
    pub fn hash(&self) -> TxHash {
        self.attempt.hash
    }

    /// Its nonce.
    #[must_use]
    pub fn nonce(&self) -> u64 {
        self.attempt.body.nonce
    }

    /// The most its gas can cost.
    #[must_use]
    pub fn most_wei(&self) -> Wei {
        self.attempt.body.offer.most(self.attempt.body.gas_limit)
    }

    /// The signed bytes.
    #[must_use]
    pub fn raw(&self) -> &Bytes {
        &self.attempt.raw
    }

    /// Writes it down, sends it, and lets go of the account.
    ///
    /// # Errors
    /// It could not be written down, was turned down by every endpoint, or reached none: it was not sent.
    pub async fn broadcast(self) -> Result<Sent, SubmitError> {
        self.broadcast_after(|| Ok(())).await
    }

    /// Likewise. `before` is called first, nothing is written down or sent if it fails: whoever is interrupted after it
    /// has to count with what the journal's line lets the next one send.
    pub(super) async fn broadcast_after(
        self,
        before: impl FnOnce() -> io::Result<()>,
    ) -> Result<Sent, SubmitError> {
        let Self {
            outbox,
            held,
            attempt,
            title,
            step,
            replaces,
            budget,
        } = self;
        let line = outbox.line(&title, &step, &attempt).await;
        let line = Entry {
            replaces,
            ..line.map_err(|source| unread(&step, source))?
        };
        let unrecorded = |error: io::Error| SubmitError::NotRecorded {
            step: step.clone(),
            reason: error.to_string(),
        };
        before().map_err(unrecorded)?;
        let recorded = outbox.shared.journal.record(line.clone()).await;
        recorded.map_err(unrecorded)?;
        let not_sent = match outbox.chain().endpoints.broadcast(&attempt.raw).await {
            Broadcast::Accepted | Broadcast::NonceTooLow | Broadcast::Unsure => {
                drop(held);
                return Ok(Sent {
                    nonce: attempt.body.nonce,
                    outbox,
                    title,
                    step,
                    attempts: vec![attempt],
                    budget,
                });
            }
            Broadcast::Rejected(message) => SubmitError::Rejected {
                step: step.clone(),
                message,
            },
            Broadcast::NotSent(failures) => unread(&step, ChainError::from_failures(failures)),
        };
        outbox
            .settle(ended(line, Ending::NotSent, not_sent.to_string()))
            .await;
        drop(held);
        Err(not_sent)
    }
}

/// The line that says a transaction is over.
fn ended(line: Entry, ending: Ending, error: String) -> Entry {
    Entry {
        time: Timestamp::now(),
        state: State::Ended,
        raw: None,
        owner: None,
        ended: Some(ending),
        error: Some(error),
        ..line
    }
}

fn unread(step: &str, source: ChainError) -> SubmitError {
    SubmitError::Chain {
        step: step.to_string(),
        source,
    }
}

/// What is asked for when nothing is.
impl Default for Call {
    fn default() -> Self {
        Self {
            title: String::new(),
            step: "call".to_string(),
            to: Address::ZERO,
            data: Bytes::new(),
            value: Wei(U256::ZERO),
            least_gas: 0,
        }
    }
}

impl Offer {
    /// What people call the gas price of a transaction.
    fn price(self) -> Wei {
        Wei(self.cap)
    }
}
