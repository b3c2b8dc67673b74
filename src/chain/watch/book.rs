//! Gateways' funds as the chain's events leave them. Pure: what is read and when is decided elsewhere.

use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant},
};

use alloy::primitives::{Address, U256};

use super::event::ChainEvent;
use crate::{
    payments::SenderFacts,
    units::{Round, Wei},
};

/// Gateways remembered at most: more than the network ever had.
const MOST_SENDERS: usize = 10_000;
/// A gateway nobody asked about for so long is forgotten (`go-livepeer pm/sendermonitor.go`).
const IDLE: Duration = Duration::from_secs(172_800);
/// Events kept for reads that were under way when they came.
const MOST_RECENT: usize = 4_096;

/// What is known about gateways.
#[derive(Debug)]
pub(super) struct Book {
    /// Whose claims on reserves count as the recipient's own. Trap 13: not the account that pays for gas.
    recipient: Option<Address>,
    known: HashMap<Address, Known>,
    /// The last blocks' events, from `recent_from` on without a hole.
    recent: VecDeque<(u64, ChainEvent)>,
    recent_from: u64,
    /// The last block whose events are in.
    tip: Option<u64>,
    /// Changes whenever a read that is under way may have seen a chain that is gone.
    epoch: u64,
}

#[derive(Debug)]
struct Known {
    facts: SenderFacts,
    used: Instant,
}

/// Against what a read was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ReadMark {
    pub(super) block: u64,
    epoch: u64,
}

/// Whose most a ticket can pay may have changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SenderChange {
    /// One gateway's.
    One(Address),
    /// Everybody's: another round, another size of the pool, or a chain that took blocks back.
    All,
}

impl Book {
    pub(super) fn new(recipient: Option<Address>) -> Self {
        Self {
            recipient,
            known: HashMap::new(),
            recent: VecDeque::new(),
            recent_from: 0,
            tip: None,
            epoch: 0,
        }
    }

    /// What a read made now should be pinned to.
    pub(super) fn mark(&self) -> Option<ReadMark> {
        self.tip.map(|block| ReadMark {
            block,
            epoch: self.epoch,
        })
    }

    /// A gateway's funds, if they are known.
    pub(super) fn facts(&mut self, sender: Address, now: Instant) -> Option<SenderFacts> {
        let known = self.known.get_mut(&sender)?;
        known.used = now;
        Some(known.facts)
    }

    /// Takes what was read, and what happened since; gives back what is true now. None: the chain moved on too far, or
    /// took back what was read.
    pub(super) fn insert(
        &mut self,
        sender: Address,
        read: SenderFacts,
        mark: ReadMark,
        now: Instant,
    ) -> Option<SenderFacts> {
        let is_whole = mark.epoch == self.epoch && self.recent_from <= mark.block.saturating_add(1);
        if !is_whole || self.tip.is_none_or(|tip| mark.block > tip) {
            return None;
        }
        let mut facts = read;
        for (block, event) in &self.recent {
            if *block > mark.block {
                apply(&mut facts, sender, event, self.recipient);
            }
        }
        self.make_room(now);
        self.known.insert(sender, Known { facts, used: now });
        Some(facts)
    }

    /// Takes the events of the blocks up to `tip`, in the chain's order.
    pub(super) fn advance(&mut self, events: &[(u64, ChainEvent)], tip: u64) -> Vec<SenderChange> {
        let mut changes = Vec::new();
        for (block, event) in events {
            // After a reset all is read at the tip or later.
            if self.tip.is_some_and(|tip| *block <= tip) {
                continue;
            }
            match event {
                ChainEvent::NewRound { .. } => {
                    for (sender, known) in &mut self.known {
                        apply(&mut known.facts, *sender, event, self.recipient);
                    }
                    changes.push(SenderChange::All);
                }
                other => {
                    let Some(sender) = sender_of(other) else {
                        continue;
                    };
                    if let Some(known) = self.known.get_mut(&sender) {
                        apply(&mut known.facts, sender, other, self.recipient);
                        changes.push(SenderChange::One(sender));
                    }
                }
            }
            self.recent.push_back((*block, event.clone()));
        }
        if self.tip.is_none() {
            self.recent_from = tip.saturating_add(1);
        }
        self.tip = self.tip.max(Some(tip));
        while self.recent.len() > MOST_RECENT {
            if let Some((block, _)) = self.recent.pop_front() {
                self.recent_from = self.recent_from.max(block.saturating_add(1));
            }
        }
        changes
    }

    /// Forgets the events before this block: no read is that slow.
    pub(super) fn forget_events_before(&mut self, block: u64) {
        while self.recent.front().is_some_and(|(at, _)| *at < block) {
            self.recent.pop_front();
        }
        self.recent_from = self.recent_from.max(block);
    }

    /// Everything is to be read again: the chain took blocks back, or was not watched for a while.
    pub(super) fn reset(&mut self, tip: u64) {
        self.known.clear();
        self.recent.clear();
        self.recent_from = tip.saturating_add(1);
        self.tip = Some(tip);
        self.epoch += 1;
    }

    pub(super) fn forget(&mut self, sender: Address) {
        self.known.remove(&sender);
    }

    /// Forgets gateways nobody asks about.
    pub(super) fn sweep(&mut self, now: Instant) {
        self.known
            .retain(|_, known| now.saturating_duration_since(known.used) < IDLE);
    }

    fn make_room(&mut self, now: Instant) {
        if self.known.len() < MOST_SENDERS {
            return;
        }
        self.sweep(now);
        // Those without funds first: anybody can ask under addresses that never had any.
        let of = |(sender, known): (&Address, &Known)| {
            let has_funds = known.facts.deposit > Wei::ZERO || known.facts.reserve > Wei::ZERO;
            ((has_funds, known.used), *sender)
        };
        while self.known.len() >= MOST_SENDERS {
            let Some((_, sender)) = self.known.iter().map(of).min() else {
                return;
            };
            self.known.remove(&sender);
        }
    }
}

fn sender_of(event: &ChainEvent) -> Option<Address> {
    match event {
        ChainEvent::DepositFunded { sender, .. }
        | ChainEvent::ReserveFunded { sender, .. }
        | ChainEvent::Redeemed { sender, .. }
        | ChainEvent::UnlockStarted { sender, .. }
        | ChainEvent::UnlockCancelled { sender, .. }
        | ChainEvent::FundsWithdrawn { sender, .. } => Some(*sender),
        _ => None,
    }
}

/// What an event does to a gateway's funds (`go-livepeer eth/watchers/senderwatcher.go`).
fn apply(facts: &mut SenderFacts, who: Address, event: &ChainEvent, me: Option<Address>) {
    if let ChainEvent::NewRound { .. } = event {
        facts.claimed = Wei::ZERO;
        facts.claimed_by_recipient = Wei::ZERO;
        return;
    }
    if sender_of(event) != Some(who) {
        return;
    }
    match event {
        ChainEvent::DepositFunded { amount, .. } => facts.deposit = facts.deposit.saturating_add(*amount),
        ChainEvent::ReserveFunded { amount, .. } => facts.reserve = facts.reserve.saturating_add(*amount),
        ChainEvent::Redeemed { recipient, paid, .. } => {
            // The deposit pays first, the reserve the rest.
            let claimed = paid.saturating_sub(facts.deposit);
            facts.deposit = facts.deposit.saturating_sub(*paid);
            facts.reserve = facts.reserve.saturating_sub(claimed);
            facts.claimed = facts.claimed.saturating_add(claimed);
            if Some(*recipient) == me {
                facts.claimed_by_recipient = facts.claimed_by_recipient.saturating_add(claimed);
            }
        }
        ChainEvent::UnlockStarted { withdraw_round, .. } => facts.withdraw_round = *withdraw_round,
        ChainEvent::UnlockCancelled { .. } => facts.withdraw_round = Round(0),
        ChainEvent::FundsWithdrawn { .. } => *facts = SenderFacts::default(),
        _ => {}
    }
}

/// The most one ticket can pay the recipient: its part of the reserve, less what is being redeemed unless the deposit
/// covers that three times. Never below zero, which is trap 12 (`go-livepeer pm/sendermonitor.go`).
pub(super) fn max_float(facts: &SenderFacts, pool_size: u64, pending: Wei) -> Wei {
    let share = facts.claimable(pool_size);
    let is_covered = pending > Wei::ZERO
        && pending
            .0
            .checked_mul(U256::from(3))
            .is_some_and(|wanted| facts.deposit.0 >= wanted);
    if is_covered {
        share
    } else {
        share.saturating_sub(pending)
    }
}

/// What redemptions can still be paid from, never below zero (`go-livepeer pm/sendermonitor.go`, `availableFunds`).
pub(super) fn available(facts: &SenderFacts, pool_size: u64, pending: Wei) -> Wei {
    facts
        .claimable(pool_size)
        .saturating_add(facts.deposit)
        .saturating_sub(pending)
}

#[cfg(test)]
mod tests {
    use alloy::primitives::B256;
    use proptest::prelude::*;

    use super::{super::event::At, *};

    const ME: Address = Address::repeat_byte(0x11);
    const NODE_ACCOUNT: Address = Address::repeat_byte(0x22);

    fn wei(amount: u64) -> Wei {
        Wei(U256::from(amount))
    }

    fn at(block: u64) -> At {
        At {
            block,
            log_index: 0,
            transaction: B256::ZERO,
        }
    }

    fn sender(number: u8) -> Address {
        Address::repeat_byte(0xa0 + number)
    }

    fn book() -> Book {
        let mut book = Book::new(Some(ME));
        book.advance(&[], 100);
        book
    }

    fn put(book: &mut Book, who: Address, facts: SenderFacts) {
        let mark = book.mark().unwrap();
        assert!(book.insert(who, facts, mark, Instant::now()).is_some());
    }

    /// `deposit 10, reserve 12`: a ticket of 15 takes the deposit and 5 of the reserve.
    #[test]
    fn a_ticket_beyond_the_deposit_claims_the_rest_of_the_reserve() {
        let mut book = book();
        let facts = SenderFacts {
            deposit: wei(10),
            reserve: wei(12),
            ..SenderFacts::default()
        };
        put(&mut book, sender(1), facts);
        let paid = |recipient| ChainEvent::Redeemed {
            sender: sender(1),
            recipient,
            paid: wei(15),
            at: at(101),
        };
        assert_eq!(
            book.advance(&[(101, paid(ME))], 101),
            [SenderChange::One(sender(1))]
        );
        let expected = SenderFacts {
            deposit: wei(0),
            reserve: wei(7),
            claimed: wei(5),
            claimed_by_recipient: wei(5),
            withdraw_round: Round(0),
        };
        assert_eq!(book.facts(sender(1), Instant::now()), Some(expected));
    }

    /// Trap 13: what the account that pays for gas claims is not what the recipient claims.
    #[test]
    fn trap_13_only_the_recipients_own_claims_are_its_own() {
        let mut book = book();
        let facts = SenderFacts {
            reserve: wei(12),
            ..SenderFacts::default()
        };
        put(&mut book, sender(1), facts);
        let paid = ChainEvent::Redeemed {
            sender: sender(1),
            recipient: NODE_ACCOUNT,
            paid: wei(5),
            at: at(101),
        };
        book.advance(&[(101, paid)], 101);
        let facts = book.facts(sender(1), Instant::now()).unwrap();
        assert_eq!((facts.claimed, facts.claimed_by_recipient), (wei(5), wei(0)));
    }

    /// Trap 12: what is owed is not what can be paid.
    #[test]
    fn trap_12_the_most_a_ticket_pays_is_never_below_nothing() {
        let facts = SenderFacts {
            deposit: wei(89),
            reserve: wei(30),
            claimed_by_recipient: wei(5),
            ..SenderFacts::default()
        };
        assert_eq!(max_float(&facts, 3, wei(0)), wei(5));
        assert_eq!(max_float(&facts, 3, wei(2)), wei(5), "covered three times");
        assert_eq!(max_float(&facts, 3, wei(30)), wei(0));
        assert_eq!(available(&facts, 3, wei(30)), wei(64));
        assert_eq!(available(&facts, 3, wei(500)), wei(0));
        assert_eq!(max_float(&facts, 0, wei(0)), wei(0), "nobody is in the pool");
        let greedy = SenderFacts {
            claimed_by_recipient: wei(11),
            ..facts
        };
        assert_eq!(max_float(&greedy, 3, wei(0)), wei(0));
    }

    #[test]
    fn what_happened_while_it_was_read_is_not_lost() {
        let mut book = book();
        let mark = book.mark().unwrap();
        let funded = |block, amount| {
            let event = ChainEvent::DepositFunded {
                sender: sender(1),
                amount: wei(amount),
                at: at(block),
            };
            (block, event)
        };
        book.advance(&[funded(101, 3)], 102);
        book.advance(&[funded(103, 4)], 103);
        let read = SenderFacts {
            deposit: wei(10),
            ..SenderFacts::default()
        };
        let now = Instant::now();
        assert_eq!(book.insert(sender(1), read, mark, now).unwrap().deposit, wei(17));
        // A read so slow that the events since are forgotten does not stay.
        book.forget_events_before(103);
        assert_eq!(book.insert(sender(2), read, mark, now), None);
        // Nor does one of a chain that is gone.
        let mark = book.mark().unwrap();
        book.reset(103);
        assert_eq!(book.insert(sender(2), read, mark, now), None);
        assert_eq!(book.facts(sender(1), now), None);
    }

    #[test]
    fn the_idle_and_the_poor_make_room_first() {
        let mut book = book();
        let start = Instant::now();
        let rich = SenderFacts {
            deposit: wei(1),
            ..SenderFacts::default()
        };
        put(&mut book, ME, rich);
        for number in 0..MOST_SENDERS {
            let mut bytes = [0; 20];
            bytes[..8].copy_from_slice(&number.to_be_bytes());
            put(&mut book, Address::from(bytes), SenderFacts::default());
        }
        assert_eq!(book.known.len(), MOST_SENDERS);
        assert_eq!(book.facts(ME, start), Some(rich));
        book.sweep(start + IDLE - Duration::from_secs(1));
        assert!(book.facts(ME, start + IDLE).is_some());
        book.sweep(start + IDLE + Duration::from_secs(60));
        assert_eq!(book.known.len(), 1);
    }

    /// The contract, as far as senders' funds go (`protocol contracts/pm/mixins/MixinTicketBrokerCore.sol`,
    /// `MixinReserve.sol`).
    #[derive(Default)]
    struct Broker {
        deposit: u64,
        withdraw_round: u64,
        funds: u64,
        claimed: HashMap<u64, u64>,
        claimed_by: HashMap<(u64, Address), u64>,
    }

    const POOL: u64 = 3;

    impl Broker {
        fn read(&self, round: u64) -> SenderFacts {
            SenderFacts {
                deposit: wei(self.deposit),
                withdraw_round: Round(self.withdraw_round),
                reserve: wei(self.funds),
                claimed: wei(self.claimed.get(&round).copied().unwrap_or_default()),
                claimed_by_recipient: wei(self.claimed_by.get(&(round, ME)).copied().unwrap_or_default()),
            }
        }

        fn redeem(&mut self, round: u64, recipient: Address, face_value: u64) -> Option<u64> {
            if self.withdraw_round != 0 && self.withdraw_round <= round || self.deposit + self.funds == 0 {
                return None;
            }
            if face_value <= self.deposit {
                self.deposit -= face_value;
                return Some(face_value);
            }
            let claimed = self.claimed.entry(round).or_default();
            let by = self.claimed_by.entry((round, recipient)).or_default();
            let claimable = ((self.funds + *claimed) / POOL).saturating_sub(*by);
            let claim = claimable.min(face_value - self.deposit).min(self.funds);
            let paid = self.deposit + claim;
            *claimed += claim;
            *by += claim;
            self.funds -= claim;
            self.deposit = 0;
            (paid > 0).then_some(paid)
        }
    }

    proptest! {
        /// Whatever happens, in whatever order reads and events come: what is kept is what a fresh read gives.
        #[test]
        fn what_is_kept_is_what_the_contract_would_say(
            steps in proptest::collection::vec((0u8..9, 0u8..3, 0u64..40, any::<bool>()), 1..120)
        ) {
            let mut book = book();
            let mut brokers: HashMap<Address, Broker> = HashMap::new();
            let mut round = 7;
            let mut block = 100;
            // Reads that have been answered and are not in the book yet.
            let mut under_way: Vec<(Address, SenderFacts, ReadMark)> = Vec::new();
            for (what, who, amount, is_me) in steps {
                let who = sender(who);
                let recipient = if is_me { ME } else { NODE_ACCOUNT };
                let broker = brokers.entry(who).or_default();
                block += 1;
                let mut events = Vec::new();
                match what {
                    0 => {
                        broker.deposit += amount;
                        events.push(ChainEvent::DepositFunded { sender: who, amount: wei(amount), at: at(block) });
                    }
                    1 => {
                        broker.funds += amount;
                        events.push(ChainEvent::ReserveFunded { sender: who, amount: wei(amount), at: at(block) });
                    }
                    2 | 3 => if let Some(paid) = broker.redeem(round, recipient, amount) {
                        events.push(ChainEvent::Redeemed { sender: who, recipient, paid: wei(paid), at: at(block) });
                    },
                    4 => if broker.withdraw_round == 0 && broker.deposit + broker.funds > 0 {
                        broker.withdraw_round = round + 2;
                        let withdraw_round = Round(round + 2);
                        events.push(ChainEvent::UnlockStarted { sender: who, withdraw_round, at: at(block) });
                    } else if broker.withdraw_round != 0 && broker.withdraw_round <= round {
                        broker.deposit = 0;
                        broker.funds = 0;
                        broker.withdraw_round = 0;
                        events.push(ChainEvent::FundsWithdrawn { sender: who, at: at(block) });
                    },
                    5 => if broker.withdraw_round != 0 {
                        broker.withdraw_round = 0;
                        events.push(ChainEvent::UnlockCancelled { sender: who, at: at(block) });
                    },
                    6 => {
                        round += 1;
                        events.push(ChainEvent::NewRound { round: Round(round), block_hash: B256::ZERO, at: at(block) });
                    }
                    7 => under_way.push((who, brokers[&who].read(round), book.mark().unwrap())),
                    _ => if is_me { book.reset(block) } else { book.forget(who) },
                }
                let events: Vec<_> = events.into_iter().map(|event| (block, event)).collect();
                book.advance(&events, block);
                // A read is pinned to the block before; it arrives now or later.
                if amount % 2 == 0 {
                    for (who, read, mark) in under_way.drain(..) {
                        book.insert(who, read, mark, Instant::now());
                    }
                }
                for (who, broker) in &brokers {
                    if let Some(kept) = book.facts(*who, Instant::now()) {
                        prop_assert_eq!(kept, broker.read(round), "{}", who);
                    }
                }
            }
        }
    }
}
