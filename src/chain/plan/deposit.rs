//! What stands behind a gateway's tickets: deposit and reserve, paid in, unlocked and taken out.

use alloy::{
    primitives::{Address, U256},
    sol,
    sol_types::SolCall,
};

use super::{Figure, Intent, Plan, PlanOptions, Step};
use crate::{
    chain::{
        Chain, ChainError,
        calls::{Answers, Calls, Slot, count},
        facts::{Snapshot, round_number},
    },
    units::{Round, Wei},
};

sol! {
    /// `protocol contracts/pm/TicketBroker.sol`, what a gateway calls.
    #[allow(missing_docs, reason = "the macro's items are the contract's own names")]
    interface Deposits {
        function fundDeposit() external payable;
        function fundReserve() external payable;
        function fundDepositAndReserve(uint256 depositAmount, uint256 reserveAmount) external payable;
        function unlock() external;
        function cancelUnlock() external;
        function withdraw() external;
        function unlockPeriod() external view returns (uint256);

        struct Sender { uint256 deposit; uint256 withdrawRound; }
        struct Reserve { uint256 fundsRemaining; uint256 claimedInCurrentRound; }
        function getSenderInfo(address sender) external view returns (Sender sender, Reserve reserve);
    }
}

/// What is done with a gateway's funds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DepositChange {
    /// Pays in. Ends an unlocking that is under way.
    Fund {
        /// What winning tickets are paid from first.
        deposit: Wei,
        /// What they are paid from when the deposit is used up; each orchestrator can claim an equal share of it.
        reserve: Wei,
    },
    /// Begins to unlock both.
    Unlock,
    /// Ends that.
    CancelUnlock,
    /// Takes both out, once unlocked.
    Withdraw,
}

/// An account's funds in the TicketBroker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct BrokerFacts {
    pub(crate) deposit: Wei,
    /// None while nothing is unlocking.
    pub(crate) withdraw_round: Option<Round>,
    /// What is left of the reserve.
    pub(crate) reserve: Wei,
    /// What was claimed of it in this round.
    pub(crate) claimed: Wei,
    /// Rounds unlocking takes.
    pub(crate) unlock_period: u64,
}

impl BrokerFacts {
    pub(crate) fn is_empty(&self) -> bool {
        self.deposit == Wei::ZERO && self.reserve == Wei::ZERO
    }
}

/// Where the answers about an account's funds will be.
pub(crate) struct BrokerSlots {
    sender: Slot<Deposits::getSenderInfoCall>,
    unlock_period: Slot<Deposits::unlockPeriodCall>,
}

pub(crate) fn answer_broker(answers: &Answers, slots: &BrokerSlots) -> Result<BrokerFacts, ChainError> {
    let info = answers.get(slots.sender)?;
    let is_empty = info.sender.deposit.is_zero() && info.reserve.fundsRemaining.is_zero();
    Ok(BrokerFacts {
        deposit: Wei(info.sender.deposit),
        withdraw_round: match info.sender.withdrawRound {
            U256::ZERO => None,
            // The contract keeps the round of a withdrawal that is over.
            _ if is_empty => None,
            round => Some(round_number(round)?),
        },
        reserve: Wei(info.reserve.fundsRemaining),
        claimed: Wei(info.reserve.claimedInCurrentRound),
        unlock_period: count(answers.get(slots.unlock_period)?, "a number of rounds")?,
    })
}

impl Chain {
    /// Changes what stands behind a gateway's tickets.
    ///
    /// # Errors
    /// [`ChainError`] if the chain cannot be read. What stands in the way is in the plan.
    pub async fn plan_deposit(
        &self,
        from: Address,
        change: DepositChange,
        options: PlanOptions,
    ) -> Result<Plan, ChainError> {
        self.plan(from, Intent::Deposit(change), options).await
    }

    pub(crate) fn ask_broker(&self, calls: &mut Calls, account: Address) -> BrokerSlots {
        let broker = self.contracts.ticket_broker;
        BrokerSlots {
            sender: calls.add(broker, &Deposits::getSenderInfoCall { sender: account }),
            unlock_period: calls.add(broker, &Deposits::unlockPeriodCall {}),
        }
    }

    pub(super) fn deposit_steps(&self, change: DepositChange) -> Vec<Step> {
        vec![match change {
            DepositChange::Fund { deposit, reserve } => {
                let mut step = match (deposit, reserve) {
                    (_, Wei::ZERO) => self.broker_step("fund", &Deposits::fundDepositCall {}),
                    (Wei::ZERO, _) => self.broker_step("fund", &Deposits::fundReserveCall {}),
                    _ => {
                        let call = Deposits::fundDepositAndReserveCall {
                            depositAmount: deposit.0,
                            reserveAmount: reserve.0,
                        };
                        self.broker_step("fund", &call)
                    }
                };
                step.value = deposit.saturating_add(reserve);
                step
            }
            DepositChange::Unlock => self.broker_step("unlock", &Deposits::unlockCall {}),
            DepositChange::CancelUnlock => self.broker_step("cancel unlock", &Deposits::cancelUnlockCall {}),
            DepositChange::Withdraw => self.broker_step("withdraw", &Deposits::withdrawCall {}),
        }]
    }

    fn broker_step<C: SolCall>(&self, name: &'static str, call: &C) -> Step {
        self.step(name, self.contracts.ticket_broker, call, 200_000)
    }
}

impl DepositChange {
    pub(super) fn title(self) -> String {
        match self {
            Self::Fund {
                deposit,
                reserve: Wei::ZERO,
            } => format!("add {} to the deposit", deposit.human()),
            Self::Fund {
                deposit: Wei::ZERO,
                reserve,
            } => format!("add {} to the reserve", reserve.human()),
            Self::Fund { deposit, reserve } => {
                format!(
                    "add {} to the deposit and {} to the reserve",
                    deposit.human(),
                    reserve.human()
                )
            }
            Self::Unlock => "unlock deposit and reserve".to_string(),
            Self::CancelUnlock => "keep deposit and reserve locked".to_string(),
            Self::Withdraw => "withdraw deposit and reserve".to_string(),
        }
    }

    pub(super) fn predict(self, after: &mut Snapshot) {
        let round = after.round.round;
        let broker = &mut after.broker;
        match self {
            Self::Fund { deposit, reserve } => {
                broker.deposit = broker.deposit.saturating_add(deposit);
                broker.reserve = broker.reserve.saturating_add(reserve);
                broker.withdraw_round = None;
                after.eth = after.eth.saturating_sub(deposit).saturating_sub(reserve);
            }
            Self::Unlock => {
                broker.withdraw_round = Some(Round(round.0.saturating_add(broker.unlock_period)));
            }
            Self::CancelUnlock => broker.withdraw_round = None,
            Self::Withdraw => {
                after.eth = after
                    .eth
                    .saturating_add(broker.deposit)
                    .saturating_add(broker.reserve);
                broker.deposit = Wei::ZERO;
                broker.reserve = Wei::ZERO;
                broker.withdraw_round = None;
            }
        }
    }

    pub(super) fn figures(self, snapshot: &Snapshot) -> Vec<Figure> {
        let broker = &snapshot.broker;
        let wei = |key, label, amount: Wei| Figure {
            key,
            label,
            value: amount.0.to_string(),
        };
        let mut figures = Vec::new();
        if matches!(self, Self::Fund { .. } | Self::Withdraw) {
            figures.push(wei("wallet_wei", "ETH in wallet", snapshot.eth));
        }
        figures.push(wei("deposit_wei", "deposit", broker.deposit));
        figures.push(wei("reserve_wei", "reserve", broker.reserve));
        figures.push(Figure {
            key: "withdraw_round",
            label: "can be withdrawn from round",
            value: broker
                .withdraw_round
                .map_or_else(|| "none".to_string(), |round| round.to_string()),
        });
        figures
    }

    pub(super) fn note(self, key: &str, before: &Snapshot) -> Option<String> {
        match (self, key) {
            (Self::Fund { .. } | Self::Withdraw, "wallet_wei") => Some("less gas".to_string()),
            (Self::Unlock, "withdraw_round") => Some(format!("it is round {} now", before.round.round)),
            _ => None,
        }
    }
}
