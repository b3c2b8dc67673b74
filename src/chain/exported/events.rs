//! The events that count for an orchestrator.

use alloy::{
    primitives::{Address, B256},
    sol_types::SolEvent,
};
use serde_json::{Value, json};

use crate::{
    chain::{
        ChainError, Contracts,
        contracts::TicketRedemption::WinningTicketTransfer,
        facts::round_number,
        ledger::events::{Kept, Stake, decode},
        rewards::{BondingEvents, RoundEvents},
    },
    reward::history::Position,
    units::{Lpt, Round, Wei},
};

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OrchestratorLog {
    pub(crate) position: Position,
    pub(crate) transaction: B256,
    pub(crate) happened: Happened,
}

/// What it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Happened {
    /// A reward was minted.
    Rewarded(Lpt),
    /// A winning ticket was paid: what it brought, which is less than its face value where the sender's funds are short.
    TicketPaid(Wei),
    /// Fees were withdrawn from its own account.
    Withdrawn(Wei),
    /// From this round on it is in the active set, or is not.
    Active(Round, bool),
    /// This account has, or had, stake with it.
    Delegated(Address),
}

/// What is asked for: events by the topic the orchestrator stands in.
pub(super) fn filters(contracts: &Contracts, orchestrator: Address) -> Vec<Value> {
    let whose = orchestrator.into_word();
    let first = [
        BondingEvents::Reward::SIGNATURE_HASH,
        BondingEvents::TranscoderActivated::SIGNATURE_HASH,
        BondingEvents::TranscoderDeactivated::SIGNATURE_HASH,
        Stake::WithdrawFees::SIGNATURE_HASH,
        Stake::Bond::SIGNATURE_HASH,
        // Stake that is given away comes to its new owner as a rebond.
        Stake::Rebond::SIGNATURE_HASH,
    ];
    vec![
        json!({ "address": contracts.bonding_manager, "topics": [first, whose] }),
        json!({
            "address": contracts.ticket_broker,
            "topics": [WinningTicketTransfer::SIGNATURE_HASH, null, whose],
        }),
    ]
}

/// The opening of rounds.
pub(super) fn rounds(contracts: &Contracts) -> Value {
    json!({ "address": contracts.rounds_manager, "topics": [RoundEvents::NewRound::SIGNATURE_HASH] })
}

/// What a log says of an orchestrator. Logs of other contracts and accounts say nothing: filters of endpoints have been
/// wrong before.
pub(super) fn read(
    log: &Kept,
    orchestrator: Address,
    contracts: &Contracts,
) -> Result<Option<OrchestratorLog>, ChainError> {
    let Some(topic) = log.topics.first().copied() else {
        return Ok(None);
    };
    let happened =
        if log.address == contracts.bonding_manager && log.topics.get(1) == Some(&orchestrator.into_word()) {
            of_stake(topic, log)?
        } else if log.address == contracts.ticket_broker && topic == WinningTicketTransfer::SIGNATURE_HASH {
            let event: WinningTicketTransfer = decode(log)?;
            (event.recipient == orchestrator).then_some(Happened::TicketPaid(Wei(event.amount)))
        } else {
            None
        };
    Ok(happened.map(|happened| OrchestratorLog {
        position: Position {
            block: log.block,
            index: log.index,
        },
        transaction: log.transaction,
        happened,
    }))
}

fn of_stake(topic: B256, log: &Kept) -> Result<Option<Happened>, ChainError> {
    Ok(Some(match topic {
        BondingEvents::Reward::SIGNATURE_HASH => {
            let event: BondingEvents::Reward = decode(log)?;
            Happened::Rewarded(Lpt(event.amount))
        }
        BondingEvents::TranscoderActivated::SIGNATURE_HASH => {
            let event: BondingEvents::TranscoderActivated = decode(log)?;
            Happened::Active(round_number(event.activationRound)?, true)
        }
        BondingEvents::TranscoderDeactivated::SIGNATURE_HASH => {
            let event: BondingEvents::TranscoderDeactivated = decode(log)?;
            Happened::Active(round_number(event.deactivationRound)?, false)
        }
        Stake::WithdrawFees::SIGNATURE_HASH => {
            let event: Stake::WithdrawFees = decode(log)?;
            Happened::Withdrawn(Wei(event.amount))
        }
        Stake::Bond::SIGNATURE_HASH => {
            let event: Stake::Bond = decode(log)?;
            Happened::Delegated(event.delegator)
        }
        Stake::Rebond::SIGNATURE_HASH => {
            let event: Stake::Rebond = decode(log)?;
            Happened::Delegated(event.delegator)
        }
        _ => return Ok(None),
    }))
}

#[cfg(test)]
mod tests {
    use alloy::{primitives::U256, sol_types::SolEvent};

    use super::*;

    fn contracts() -> Contracts {
        let at = Address::repeat_byte;
        Contracts {
            controller: at(1),
            bonding_manager: at(2),
            livepeer_token: at(3),
            minter: at(4),
            rounds_manager: at(5),
            service_registry: at(6),
            ticket_broker: at(7),
        }
    }

    fn log(address: Address, event: &impl SolEvent) -> Kept {
        let data = event.encode_log_data();
        Kept {
            address,
            topics: data.topics().to_vec(),
            data: data.data.clone(),
            block: 9,
            index: 2,
            transaction: B256::repeat_byte(3),
        }
    }

    #[test]
    fn only_what_is_the_orchestrators_and_of_its_contracts_is_read() {
        let (own, other) = (Address::repeat_byte(0xaa), Address::repeat_byte(0xbb));
        let contracts = contracts();
        let said = |log: &Kept| read(log, own, &contracts).unwrap().map(|read| read.happened);
        let reward = |transcoder| BondingEvents::Reward {
            transcoder,
            amount: U256::from(5),
        };
        let manager = contracts.bonding_manager;
        assert_eq!(
            said(&log(manager, &reward(own))),
            Some(Happened::Rewarded(Lpt(U256::from(5))))
        );
        assert_eq!(said(&log(manager, &reward(other))), None);
        assert_eq!(said(&log(Address::repeat_byte(9), &reward(own))), None);
        let ticket = |recipient| WinningTicketTransfer {
            sender: other,
            recipient,
            amount: U256::from(7),
        };
        assert_eq!(
            said(&log(contracts.ticket_broker, &ticket(own))),
            Some(Happened::TicketPaid(Wei(U256::from(7))))
        );
        assert_eq!(said(&log(contracts.ticket_broker, &ticket(other))), None);
        assert_eq!(said(&log(manager, &ticket(own))), None);
        let bond = Stake::Bond {
            newDelegate: own,
            oldDelegate: Address::ZERO,
            delegator: other,
            additionalAmount: U256::from(1),
            bondedAmount: U256::from(1),
        };
        assert_eq!(said(&log(manager, &bond)), Some(Happened::Delegated(other)));
        // What claims to be an event and is none is told as such.
        let mut torn = log(manager, &reward(own));
        torn.data = vec![1, 2].into();
        assert!(read(&torn, own, &contracts).is_err());
    }
}
