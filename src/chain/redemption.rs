//! What the chain says of winning tickets: used or not, what they would pay, why they fail, how they were paid.

use std::fmt;

use alloy::{
    primitives::{Address, B256, Bytes, TxHash, U256},
    rpc::types::Log,
    sol_types::SolEvent,
    transports::TransportError,
};
use serde_json::json;

use super::{
    Chain, ChainError, Revert,
    calls::{Calls, count},
    contracts::{BondingManager, RoundsManager, TicketBroker, TicketRedemption as Abi},
    facts::Beside,
    plan::revert_of,
};
use crate::{
    payments::{WinningTicket, redeem::schedule::Standing},
    units::{Round, Wei},
};

/// Blocks of one request for events: what public endpoints allow.
const RANGE: u64 = 10_000;
/// Requests for events of one search.
const SEARCHES: u64 = 20;

/// Why a ticket is not paid, by what can be done about it. Wording differs between contract versions: it is matched
/// loosely, and what is not known may be tried again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RedeemRevert {
    /// It was redeemed before.
    Used,
    /// Its last round is over.
    Expired,
    /// Nobody has opened the round.
    RoundNotInitialized,
    /// The protocol is paused.
    Paused,
    /// The sender may take its funds away, and nothing is paid from them.
    SenderUnlocked,
    /// The sender's funds do not cover it.
    SenderShort,
    /// The recipient is not registered.
    NotRegistered,
    /// The recipient is registered and was never active.
    NotActive,
    /// The contract finds fault with the ticket itself.
    Invalid(String),
    /// Something else.
    Unknown(String),
}

impl RedeemRevert {
    /// Classifies what the contract said (`protocol contracts/pm/mixins/MixinTicketBrokerCore.sol`,
    /// `MixinTicketProcessor.sol`).
    #[must_use]
    pub fn of(revert: &Revert) -> Self {
        let text = revert.to_string();
        let lower = text.to_lowercase();
        let says = |part: &str| lower.contains(part);
        let finds_fault = [
            "does not have a block hash",
            "creationroundblockhash invalid",
            "does not match recipientrandhash",
            "invalid signature",
            "invalid_signature",
            "ecdsa",
            "did not win",
            "must be 64 bytes",
            "is null address",
        ];
        match revert {
            // Fees of a registered orchestrator that was never active are divided by a stake of zero.
            Revert::Panic(_) if says("zero") => Self::NotActive,
            Revert::Message(_) if says("ticket is used") => Self::Used,
            Revert::Message(_) if says("ticket is expired") => Self::Expired,
            Revert::Message(_) if says("round is not initialized") => Self::RoundNotInitialized,
            Revert::Message(_) if says("system is paused") => Self::Paused,
            Revert::Message(_) if says("sender is unlocked") => Self::SenderUnlocked,
            Revert::Message(_) if says("sender deposit and reserve") => Self::SenderShort,
            Revert::Message(_) if says("must be registered") => Self::NotRegistered,
            Revert::Message(_) if finds_fault.iter().any(|part| says(part)) => Self::Invalid(text),
            _ => Self::Unknown(text),
        }
    }

    /// Stable name for scripts.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Used => "ticket_used",
            Self::Expired => "ticket_expired",
            Self::RoundNotInitialized => "round_not_initialized",
            Self::Paused => "protocol_paused",
            Self::SenderUnlocked => "sender_unlocked",
            Self::SenderShort => "sender_short",
            Self::NotRegistered => "not_registered",
            Self::NotActive => "not_active",
            Self::Invalid(_) => "ticket_invalid",
            Self::Unknown(_) => "would_revert",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn fix(&self) -> &'static str {
        match self {
            Self::Used | Self::Expired => "nothing to do",
            Self::RoundNotInitialized => "run `lpctl round init`, or wait until somebody does",
            Self::Paused => "wait until governance unpauses the protocol",
            Self::SenderUnlocked | Self::SenderShort => "wait until the gateway funds its deposit",
            Self::NotRegistered => "bond to yourself first: `lpctl orch activate`",
            Self::NotActive => "`lpctl orch show` tells from when on the orchestrator is active",
            Self::Invalid(_) => "the contract does not take this ticket; `lpctl ticket show` shows it whole",
            Self::Unknown(_) => "try again later",
        }
    }

    /// Whether the ticket itself is at fault, and not the moment.
    #[must_use]
    pub fn is_of_the_ticket(&self) -> bool {
        matches!(self, Self::Used | Self::Expired | Self::Invalid(_))
    }
}

impl fmt::Display for RedeemRevert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Used => "it has been redeemed",
            Self::Expired => "it is expired",
            Self::RoundNotInitialized => "the round is not initialised",
            Self::Paused => "the protocol is paused",
            Self::SenderUnlocked => "the sender has unlocked its funds",
            Self::SenderShort => "the sender's funds do not cover it",
            Self::NotRegistered => "the recipient is not registered",
            Self::NotActive => "the recipient was never active",
            Self::Invalid(reason) | Self::Unknown(reason) => reason,
        })
    }
}

/// What would become of a ticket now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketOutlook {
    /// Whether the contract has paid it.
    pub used: bool,
    /// What it would pay: its face value, or what the sender's deposit and the recipient's share of the reserve have.
    /// Tickets of one sender are not added up.
    pub payable: Wei,
    /// Gas of redeeming it alone, or why that fails.
    pub attempt: Result<u64, RedeemRevert>,
}

/// What the chain says of tickets, at one block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedeemOutlook {
    /// The chain's block.
    pub block: u64,
    /// What gas costs.
    pub gas_price: Wei,
    /// Rounds a ticket can be redeemed in, its own included.
    pub validity: u64,
    /// Whether the round is open.
    pub round_initialized: bool,
    /// In the order asked for.
    pub tickets: Vec<TicketOutlook>,
}

impl RedeemOutlook {
    /// What a transaction with all of them needs at least: what each takes alone. A batch swallows what fails in it,
    /// running out of gas included, so an estimate for it can be too low.
    #[must_use]
    pub fn least_gas(&self) -> u64 {
        let attempts = self.tickets.iter().map(|ticket| ticket.attempt.as_ref());
        gas_for_all(attempts.filter_map(Result::ok).copied())
    }
}

/// What one transaction needs for calls that take so much gas alone: a margin on all of them.
pub(crate) fn gas_for_all(alone: impl IntoIterator<Item = u64>) -> u64 {
    let gas = alone.into_iter().fold(0u64, u64::saturating_add);
    gas.saturating_add(gas / 10 * 3)
}

/// How a ticket was paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RedemptionFound {
    /// The transaction.
    pub transaction: TxHash,
    /// The chain's block it is in.
    pub block: u64,
    /// What was paid; less than the face value if the sender was short.
    pub paid: Wei,
}

/// A ticket as the contract takes it.
fn ticket_of(won: &WinningTicket) -> Abi::Ticket {
    let ticket = &won.ticket;
    Abi::Ticket {
        recipient: ticket.recipient,
        sender: ticket.sender,
        faceValue: ticket.face_value.0,
        winProb: ticket.win_prob,
        senderNonce: U256::from(ticket.sender_nonce),
        recipientRandHash: ticket.recipient_rand_hash,
        auxData: aux_data(won),
    }
}

/// Round and block hash, 64 bytes always: the contract takes no other length.
fn aux_data(won: &WinningTicket) -> Bytes {
    let mut data = U256::from(won.ticket.creation_round.0)
        .to_be_bytes::<32>()
        .to_vec();
    data.extend_from_slice(won.ticket.creation_round_block_hash.as_slice());
    data.into()
}

pub(super) fn single(won: &WinningTicket) -> Abi::redeemWinningTicketCall {
    Abi::redeemWinningTicketCall {
        ticket: ticket_of(won),
        signature: Bytes::copy_from_slice(&won.signature),
        recipientRand: won.recipient_rand,
    }
}

pub(super) fn batch(tickets: &[WinningTicket]) -> Abi::batchRedeemWinningTicketsCall {
    Abi::batchRedeemWinningTicketsCall {
        tickets: tickets.iter().map(ticket_of).collect(),
        signatures: tickets
            .iter()
            .map(|won| Bytes::copy_from_slice(&won.signature))
            .collect(),
        recipientRands: tickets.iter().map(|won| won.recipient_rand).collect(),
    }
}

/// How tickets were paid, by the events of a transaction or of many. Events of other contracts and removed ones count
/// for nothing.
#[must_use]
pub fn found_in(broker: Address, logs: &[Log], tickets: &[WinningTicket]) -> Vec<Option<RedemptionFound>> {
    let mut logs: Vec<&Log> = logs
        .iter()
        .filter(|log| log.address() == broker && !log.removed)
        .collect();
    logs.sort_by_key(|log| (log.block_number, log.log_index));
    let mut found = vec![None; tickets.len()];
    // The transfer comes right before the redemption it belongs to; a ticket that pays nothing has none.
    let mut transfer: Option<(Option<TxHash>, Address, Address, U256)> = None;
    for log in logs {
        if let Ok(event) = Abi::WinningTicketTransfer::decode_log(&log.inner) {
            transfer = Some((log.transaction_hash, event.sender, event.recipient, event.amount));
            continue;
        }
        let (Ok(event), Some(transaction), Some(block)) = (
            Abi::WinningTicketRedeemed::decode_log(&log.inner),
            log.transaction_hash,
            log.block_number,
        ) else {
            continue;
        };
        let paid = transfer
            .take()
            .filter(|(of, sender, recipient, _)| {
                *of == Some(transaction) && *sender == event.sender && *recipient == event.recipient
            })
            .map_or(U256::ZERO, |(_, _, _, amount)| amount);
        let is_it = |won: &WinningTicket| {
            let ticket = &won.ticket;
            ticket.sender == event.sender
                && ticket.recipient == event.recipient
                && ticket.face_value.0 == event.faceValue
                && ticket.win_prob == event.winProb
                && U256::from(ticket.sender_nonce) == event.senderNonce
                && won.recipient_rand == event.recipientRand
                && aux_data(won) == event.auxData
        };
        for (place, _) in found.iter_mut().zip(tickets).filter(|(_, won)| is_it(won)) {
            *place = Some(RedemptionFound {
                transaction,
                block,
                paid: Wei(paid),
            });
        }
    }
    found
}

impl Chain {
    /// What would become of tickets if `from` redeemed each of them now. Three requests, however many there are.
    ///
    /// # Errors
    /// [`ChainError`] if the chain cannot be read.
    pub async fn ticket_outlook(
        &self,
        from: Address,
        tickets: &[WinningTicket],
    ) -> Result<RedeemOutlook, ChainError> {
        let (now, _) = self.now(None).await?;
        let (broker, rounds) = (self.contracts.ticket_broker, self.contracts.rounds_manager);
        let mut calls = Calls::default();
        let initialized = calls.add(rounds, &RoundsManager::currentRoundInitializedCall {});
        let validity = calls.add(broker, &TicketBroker::ticketValidityPeriodCall {});
        let mut slots = Vec::new();
        for won in tickets {
            let (sender, recipient) = (won.ticket.sender, won.ticket.recipient);
            let claimable = Abi::claimableReserveCall {
                reserveHolder: sender,
                claimant: recipient,
            };
            slots.push((
                calls.add(
                    broker,
                    &Abi::usedTicketsCall {
                        hash: won.ticket.hash(),
                    },
                ),
                calls.add(broker, &Abi::getSenderInfoCall { sender }),
                calls.add(broker, &claimable),
            ));
        }
        let reading = self.read(&now.head, calls, Beside::default()).await?;
        let attempts = self.attempts(from, tickets).await?;
        let answers = &reading.answers;
        let mut outlooks = Vec::new();
        for ((won, (used, info, claimable)), attempt) in tickets.iter().zip(slots).zip(attempts) {
            let deposit = answers.get(info)?.sender.deposit;
            // Reverts on a pool of zero: nothing can be claimed then.
            let claimable = answers.find(claimable).unwrap_or_default();
            outlooks.push(TicketOutlook {
                used: answers.get(used)?,
                payable: won.ticket.face_value.min(Wei(deposit.saturating_add(claimable))),
                attempt,
            });
        }
        Ok(RedeemOutlook {
            block: now.head.number(),
            gas_price: now.fees.price,
            validity: count(answers.get(validity)?, "rounds of a ticket")?,
            round_initialized: answers.get(initialized)?,
            tickets: outlooks,
        })
    }

    /// Runs each redemption by itself without sending it: one request.
    async fn attempts(
        &self,
        from: Address,
        tickets: &[WinningTicket],
    ) -> Result<Vec<Result<u64, RedeemRevert>>, ChainError> {
        if tickets.is_empty() {
            return Ok(Vec::new());
        }
        let mut batch = self.rpc.new_batch();
        let mut waiting = Vec::new();
        for won in tickets {
            let (to, data) = self.redeem_call(std::slice::from_ref(won));
            let call = json!({ "from": from, "to": to, "data": data });
            let run = batch.add_call::<_, Bytes>("eth_call", &json!([call, "latest"]))?;
            let gas = batch.add_call::<_, U256>("eth_estimateGas", &json!([call]))?;
            waiting.push((run, gas));
        }
        batch.send().await?;
        let mut attempts = Vec::new();
        for (run, gas) in waiting {
            attempts.push(attempt(run.await, gas.await)?);
        }
        Ok(attempts)
    }

    /// Which of these tickets the contract has paid, at the head: one request, and the head's block.
    ///
    /// # Errors
    /// [`ChainError`] if the chain cannot be read.
    pub async fn used_tickets(&self, hashes: &[B256]) -> Result<(u64, Vec<bool>), ChainError> {
        let (now, _) = self.now(None).await?;
        let mut calls = Calls::default();
        let broker = self.contracts.ticket_broker;
        let slots: Vec<_> = hashes
            .iter()
            .map(|hash| calls.add(broker, &Abi::usedTicketsCall { hash: *hash }))
            .collect();
        let reading = self.read(&now.head, calls, Beside::default()).await?;
        let used = slots.into_iter().map(|slot| reading.answers.get(slot));
        Ok((now.head.number(), used.collect::<Result<_, _>>()?))
    }

    /// What a recipient can be paid from: registered, active, and until when.
    ///
    /// # Errors
    /// [`ChainError`] if the chain cannot be read.
    pub async fn standing(&self, recipient: Address) -> Result<Standing, ChainError> {
        let (now, _) = self.now(None).await?;
        let manager = self.contracts.bonding_manager;
        let mut calls = Calls::default();
        let registered = calls.add(
            manager,
            &BondingManager::isRegisteredTranscoderCall {
                transcoder: recipient,
            },
        );
        let active = calls.add(
            manager,
            &BondingManager::isActiveTranscoderCall {
                transcoder: recipient,
            },
        );
        let facts = calls.add(
            manager,
            &BondingManager::getTranscoderCall {
                transcoder: recipient,
            },
        );
        let answers = self.read(&now.head, calls, Beside::default()).await?.answers;
        let active = answers.get(active)?;
        let deactivation = answers.get(facts)?.deactivationRound;
        Ok(Standing {
            registered: answers.get(registered)?,
            active,
            // The largest number stands for never.
            until: u64::try_from(deactivation).ok().map(Round).filter(|_| active),
        })
    }

    /// How tickets were paid, from the events since a block, by whomever. What happened longer ago than some two hundred
    /// thousand blocks is not found.
    ///
    /// # Errors
    /// [`ChainError`] if the chain cannot be read.
    pub async fn redemptions(
        &self,
        tickets: &[WinningTicket],
        from_block: u64,
    ) -> Result<Vec<Option<RedemptionFound>>, ChainError> {
        let (now, _) = self.now(None).await?;
        let head = now.head.number();
        let mut from = from_block.max(head.saturating_sub(RANGE * SEARCHES - 1));
        let as_topics = |pick: fn(&WinningTicket) -> Address| -> Vec<B256> {
            let mut topics: Vec<B256> = tickets.iter().map(|won| pick(won).into_word()).collect();
            topics.sort_unstable();
            topics.dedup();
            topics
        };
        let topics = json!([
            [
                Abi::WinningTicketTransfer::SIGNATURE_HASH,
                Abi::WinningTicketRedeemed::SIGNATURE_HASH
            ],
            as_topics(|won| won.ticket.sender),
            as_topics(|won| won.ticket.recipient),
        ]);
        let broker = self.contracts.ticket_broker;
        let mut found = vec![None; tickets.len()];
        while from <= head && found.iter().any(Option::is_none) {
            let to = head.min(from.saturating_add(RANGE - 1));
            let filter = json!([{
                "address": broker, "topics": topics,
                "fromBlock": format!("{from:#x}"), "toBlock": format!("{to:#x}"),
            }]);
            let mut batch = self.rpc.new_batch();
            let logs = batch.add_call::<_, Vec<Log>>("eth_getLogs", &filter)?;
            batch.send().await?;
            let logs = logs.await?;
            for (place, new) in found.iter_mut().zip(found_in(broker, &logs, tickets)) {
                *place = place.or(new);
            }
            from = to.saturating_add(1);
        }
        Ok(found)
    }
}

/// The estimate decides, as it runs on the block the transaction would be in; some nodes give the reason only with the
/// call's answer.
fn attempt(
    run: Result<Bytes, TransportError>,
    gas: Result<U256, TransportError>,
) -> Result<Result<u64, RedeemRevert>, ChainError> {
    let error = match gas {
        Ok(gas) => return Ok(Ok(u64::try_from(gas).unwrap_or(u64::MAX))),
        Err(error) => error,
    };
    match (revert_of(&error), run.as_ref().err().and_then(revert_of)) {
        (Some(Revert::Silent), Some(reason)) | (Some(reason), _) | (None, Some(reason)) => {
            Ok(Err(RedeemRevert::of(&reason)))
        }
        (None, None) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::LogData;

    use super::*;
    use crate::wire::ticket::Ticket;

    const BROKER: Address = Address::repeat_byte(0xb0);

    fn won(nonce: u32) -> WinningTicket {
        WinningTicket {
            ticket: Ticket {
                recipient: Address::repeat_byte(1),
                sender: Address::repeat_byte(2),
                face_value: Wei::gwei(100),
                win_prob: U256::MAX,
                sender_nonce: nonce,
                recipient_rand_hash: B256::repeat_byte(3),
                creation_round: Round(42),
                creation_round_block_hash: B256::repeat_byte(4),
            },
            signature: [5; 65],
            recipient_rand: U256::from(6),
            params_expiration_block: 7,
        }
    }

    fn log(data: LogData, transaction: u8, index: u64) -> Log {
        Log {
            inner: alloy::primitives::Log {
                address: BROKER,
                data,
            },
            block_number: Some(9),
            transaction_hash: Some(TxHash::repeat_byte(transaction)),
            log_index: Some(index),
            ..Log::default()
        }
    }

    fn transfer(won: &WinningTicket, amount: u64) -> LogData {
        Abi::WinningTicketTransfer {
            sender: won.ticket.sender,
            recipient: won.ticket.recipient,
            amount: Wei::gwei(amount).0,
        }
        .encode_log_data()
    }

    fn redeemed(won: &WinningTicket) -> LogData {
        Abi::WinningTicketRedeemed {
            sender: won.ticket.sender,
            recipient: won.ticket.recipient,
            faceValue: won.ticket.face_value.0,
            winProb: won.ticket.win_prob,
            senderNonce: U256::from(won.ticket.sender_nonce),
            recipientRand: won.recipient_rand,
            auxData: aux_data(won),
        }
        .encode_log_data()
    }

    #[test]
    fn a_batch_is_judged_ticket_by_ticket() {
        let tickets = [won(1), won(2), won(3)];
        // In any order; the second failed inside the batch, the third paid a part, and the first nothing.
        let logs = [
            log(redeemed(&tickets[2]), 1, 6),
            log(redeemed(&tickets[0]), 1, 4),
            log(transfer(&tickets[2], 60), 1, 5),
        ];
        let paid: Vec<_> = found_in(BROKER, &logs, &tickets)
            .into_iter()
            .map(|found| found.map(|found| found.paid))
            .collect();
        assert_eq!(paid, [Some(Wei::ZERO), None, Some(Wei::gwei(60))]);
    }

    #[test]
    fn what_others_say_or_what_was_taken_back_counts_for_nothing() {
        let tickets = [won(1)];
        let mut foreign = log(redeemed(&tickets[0]), 1, 1);
        foreign.inner.address = Address::repeat_byte(0xbb);
        let mut removed = log(redeemed(&tickets[0]), 1, 1);
        removed.removed = true;
        assert_eq!(found_in(BROKER, &[foreign, removed], &tickets), [None]);
        // A transfer of another transaction is not this ticket's.
        let logs = [
            log(transfer(&tickets[0], 100), 1, 1),
            log(redeemed(&tickets[0]), 2, 2),
        ];
        assert_eq!(found_in(BROKER, &logs, &tickets)[0].unwrap().paid, Wei::ZERO);
    }

    #[test]
    fn trap_5_reverts_are_told_apart_and_unknown_ones_may_be_tried_again() {
        let message = |text: &str| RedeemRevert::of(&Revert::Message(text.to_string()));
        for (text, expected) in [
            ("ticket is used", RedeemRevert::Used),
            ("ticket is expired", RedeemRevert::Expired),
            (
                "current round is not initialized",
                RedeemRevert::RoundNotInitialized,
            ),
            ("system is paused", RedeemRevert::Paused),
            ("sender is unlocked", RedeemRevert::SenderUnlocked),
            ("sender deposit and reserve are zero", RedeemRevert::SenderShort),
            (
                "sender deposit and reserve insufficient to cover ticket face value",
                RedeemRevert::SenderShort,
            ),
            ("transcoder must be registered", RedeemRevert::NotRegistered),
        ] {
            assert_eq!(message(text), expected);
        }
        assert!(message("ticket creationRound does not have a block hash").is_of_the_ticket());
        assert!(message("ticket did not win").is_of_the_ticket());
        assert!(!message("SafeMath: subtraction overflow").is_of_the_ticket());
        let panic = Revert::Panic("panic: division or modulo by zero (0x12)".to_string());
        assert_eq!(RedeemRevert::of(&panic), RedeemRevert::NotActive);
        assert!(matches!(
            RedeemRevert::of(&Revert::Silent),
            RedeemRevert::Unknown(_)
        ));
    }

    #[test]
    fn what_the_contract_gets_is_what_was_signed() {
        let won = won(7);
        let call = single(&won);
        assert_eq!(call.ticket.auxData.len(), 64);
        assert_eq!(call.signature.as_ref(), won.signature);
        let mut packed = Vec::new();
        packed.extend_from_slice(call.ticket.recipient.as_slice());
        packed.extend_from_slice(call.ticket.sender.as_slice());
        for number in [
            call.ticket.faceValue,
            call.ticket.winProb,
            call.ticket.senderNonce,
        ] {
            packed.extend_from_slice(&number.to_be_bytes::<32>());
        }
        packed.extend_from_slice(call.ticket.recipientRandHash.as_slice());
        packed.extend_from_slice(&call.ticket.auxData);
        assert_eq!(alloy::primitives::keccak256(packed), won.ticket.hash());
    }
}
