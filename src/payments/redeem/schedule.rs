//! What to redeem now: a pure function of the chain's clock, the senders' funds, the price of gas and the tickets.
//!
//! The rules, in their order:
//!
//! 1. Never before the parameters expired, never after the last round; never above the operator's gas price.
//! 2. A sender's funds are given out by urgency, then by value. A ticket they do not cover waits for better times, and
//!    takes what there is at its last call.
//! 3. A ticket goes when waiting can save no more than a small part of its value: one that grows from a thousandth to a
//!    tenth while its time runs out. At its last call it goes if it brings more than its gas.
//! 4. Tickets that go, go together.
//!
//! No ticket ever waits because of another one.

use std::collections::HashMap;

use alloy::primitives::{Address, B256, U256};

use super::{
    gas::{GasPrices, GasUse, cost},
    reasons::{Loss, Wait},
};
use crate::{
    payments::{ChainTime, SenderFacts},
    units::{Round, Wei},
};

/// What the operator decided beforehand, and what redeeming takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Above this gas price nothing is sent, whatever is lost by it.
    pub max_gas_price: Option<Wei>,
    /// Tickets of one transaction, at most.
    pub batch: usize,
    /// Gas a redemption takes.
    pub gas: GasUse,
    /// Gas of opening a round; none: somebody else has to.
    pub round_gas: Option<u64>,
}

/// A winner that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// The ticket's hash.
    pub hash: B256,
    /// Who pays.
    pub sender: Address,
    /// What it pays if the sender can.
    pub face_value: Wei,
    /// Round it was made in.
    pub creation_round: Round,
    /// Block of Ethereum at which its parameters expire.
    pub params_expiration_block: u64,
    /// Block of Ethereum before which it is not tried again.
    pub not_before: u64,
}

/// What the recipient may be paid from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Without that nothing is paid.
    pub registered: bool,
    /// Without that nothing is paid from a reserve.
    pub active: bool,
    /// First round in which it is no longer active; none: not in sight.
    pub until: Option<Round>,
}

/// Everything a decision depends on.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// The chain's clock.
    pub time: &'a ChainTime,
    /// Gas prices, now and lately.
    pub prices: &'a GasPrices,
    /// The recipient.
    pub standing: Standing,
    /// What stands behind the senders, what is under way taken off; whoever is missing is not known.
    pub senders: &'a HashMap<Address, SenderFacts>,
}

/// Tickets for one transaction.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Batch {
    /// Their hashes, most urgent first, and what each is thought to pay.
    pub tickets: Vec<(B256, Wei)>,
}

impl Batch {
    /// What they pay together.
    #[must_use]
    pub fn payable(&self) -> Wei {
        self.tickets
            .iter()
            .fold(Wei::ZERO, |sum, (_, payable)| sum.saturating_add(*payable))
    }
}

/// What to do now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Decision {
    /// To be sent, in this order.
    pub batches: Vec<Batch>,
    /// Why the others wait.
    pub waiting: Vec<(B256, Wait)>,
    /// To be given up.
    pub lost: Vec<(B256, Loss)>,
    /// Open the round first: what waits for it is worth so much.
    pub open_round: Option<Wei>,
}

/// When a ticket can be redeemed, in blocks of Ethereum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// From this block on.
    pub opens: u64,
    /// From this block on it is redeemed at any price it can bear.
    pub last_call: u64,
    /// No longer from this block on.
    pub closes: u64,
}

impl Window {
    /// A ticket's window: from its parameters' end to the end of its last round, or to the round in which the sender can
    /// take its funds away or the recipient stops being paid, whichever is first.
    #[must_use]
    pub fn of(ticket: &Pending, time: &ChainTime, sender: Option<&SenderFacts>, standing: Standing) -> Self {
        let last = Round(ticket.creation_round.0.saturating_add(time.ticket_validity));
        let withdrawal = sender
            .map(|facts| facts.withdraw_round)
            .filter(|round| *round != Round(0));
        let end = [Some(last), withdrawal, standing.until]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(last);
        let opens = ticket.params_expiration_block;
        let closes = first_block(time, end);
        let margin = (closes.saturating_sub(opens) / 8).clamp(2, 300);
        Self {
            opens,
            last_call: closes.saturating_sub(margin),
            closes,
        }
    }

    /// How much of the time to decide is over at a block, in millionths.
    fn progress(&self, block: u64) -> u64 {
        let whole = self.last_call.saturating_sub(self.opens).max(1);
        let gone = block.saturating_sub(self.opens).min(whole);
        u64::try_from(u128::from(gone) * 1_000_000 / u128::from(whole)).unwrap_or(1_000_000)
    }
}

/// First block of a round, counted from the last initialised one.
#[must_use]
pub fn first_block(time: &ChainTime, round: Round) -> u64 {
    match round.0.checked_sub(time.round.0) {
        Some(ahead) => time
            .round_start
            .saturating_add(ahead.saturating_mul(time.round_length)),
        None => {
            let back = time.round.0.saturating_sub(round.0);
            time.round_start
                .saturating_sub(back.saturating_mul(time.round_length))
        }
    }
}

/// What waiting may cost in millionths of a ticket's value: a thousandth at first, a tenth in the end.
fn tolerance(progress: u64) -> u64 {
    let part = u128::from(progress.min(1_000_000));
    let fourth = part * part / 1_000_000 * part / 1_000_000 * part / 1_000_000;
    1_000 + u64::try_from(fourth / 10).unwrap_or(100_000)
}

/// `part` of `whole` in millionths, at most a million times the whole.
fn millionths(part: Wei, whole: Wei) -> u64 {
    part.0
        .saturating_mul(U256::from(1_000_000u64))
        .checked_div(whole.0)
        .map_or(u64::MAX, |share| u64::try_from(share).unwrap_or(u64::MAX))
}

/// What it has to bring at least: a tenth more than its gas is thought to cost.
fn least(gas: Wei) -> Wei {
    gas.saturating_add(Wei(gas.0 / U256::from(10)))
}

/// A ticket that could be redeemed now.
struct Candidate<'a> {
    ticket: &'a Pending,
    window: Window,
    payable: Wei,
    /// The sender's funds would not cover its tickets three times over.
    thin: bool,
}

impl Candidate<'_> {
    fn is_last_call(&self, block: u64) -> bool {
        block >= self.window.last_call
    }

    fn is_short(&self) -> bool {
        self.payable < self.ticket.face_value
    }

    /// Why it does not go with so many others now; none: it goes.
    fn waits(&self, view: &View<'_>, policy: &Policy, company: usize) -> Option<Wait> {
        let block = view.time.l1_block;
        let (price, cheap) = (view.prices.now(), view.prices.cheap());
        if let Some(limit) = policy.max_gas_price.filter(|limit| price > *limit) {
            return Some(Wait::GasAboveLimit { price, limit });
        }
        let last_call = self.is_last_call(block);
        if self.is_short() && !last_call {
            return Some(Wait::SenderShort {
                payable: self.payable,
                until: self.window.last_call,
            });
        }
        let share = policy.gas.share(company);
        let gas_cost = cost(share, price);
        if self.payable <= least(gas_cost) {
            return Some(Wait::NotWorthIt {
                cost: gas_cost,
                payable: self.payable,
            });
        }
        if last_call {
            return None;
        }
        let mut bearable = tolerance(self.window.progress(block));
        if self.thin {
            bearable = bearable.saturating_mul(10);
        }
        let dear = cost(share, price.saturating_sub(cheap));
        if millionths(dear, self.payable) > bearable {
            return Some(Wait::GasDear {
                price,
                hoped: cheap,
                until: self.window.last_call,
            });
        }
        // Half an hour, or a sixteenth of the time there is; where that is minutes, none at all.
        let patience = (self.window.last_call.saturating_sub(self.window.opens) / 16).min(150);
        let patience = if patience < 10 { 0 } else { patience };
        let alone_from = self.window.opens.saturating_add(patience);
        let lonely = cost(share.saturating_sub(policy.gas.share(policy.batch)), price);
        (block < alone_from && millionths(lonely, self.payable) > bearable)
            .then_some(Wait::Company { until: alone_from })
    }
}

/// Block of Ethereum at which a ticket that failed so often is tried again: after one block, two, four, and at most after
/// half an hour or a quarter of the time it has left.
#[must_use]
pub fn next_try(attempts: u32, block: u64, closes: u64) -> u64 {
    let left = closes.saturating_sub(block) / 4;
    let delay = 1u64
        .checked_shl(attempts)
        .unwrap_or(u64::MAX)
        .min(150)
        .min(left)
        .max(1);
    block.saturating_add(delay)
}

/// Decides.
#[must_use]
pub fn decide(view: &View<'_>, policy: &Policy, tickets: &[Pending]) -> Decision {
    let time = view.time;
    let mut decision = Decision::default();
    let mut candidates = Vec::new();
    for ticket in tickets {
        if !time.is_valid(ticket.creation_round) {
            let loss = Loss::Expired {
                created: ticket.creation_round,
                round: time.current_round,
            };
            decision.lost.push((ticket.hash, loss));
            continue;
        }
        let facts = view.senders.get(&ticket.sender);
        let window = Window::of(ticket, time, facts, view.standing);
        match (obstacle(view, ticket, &window), facts) {
            (Some(wait), _) => decision.waiting.push((ticket.hash, wait)),
            (None, None) => decision.waiting.push((ticket.hash, Wait::SenderUnknown)),
            (None, Some(_)) => candidates.push(Candidate {
                ticket,
                window,
                payable: Wei::ZERO,
                thin: false,
            }),
        }
    }
    // The urgent first, by their end; then the others by value.
    candidates.sort_by_key(|candidate| {
        let urgent = candidate.is_last_call(time.l1_block);
        let end = if urgent { candidate.window.closes } else { u64::MAX };
        (
            end,
            std::cmp::Reverse(candidate.ticket.face_value),
            candidate.ticket.hash,
        )
    });
    share_out(view, &mut candidates);
    if !time.is_initialized() {
        return round_first(view, policy, candidates, decision);
    }
    let mut going = candidates.len().min(policy.batch.max(1));
    let mut waits: Vec<Option<Wait>> = Vec::new();
    // Fewer that go make it dearer for each, and still fewer go: it settles at once or after a few rounds.
    for _ in 0..4 {
        waits = candidates
            .iter()
            .map(|candidate| candidate.waits(view, policy, going))
            .collect();
        let gone = waits
            .iter()
            .filter(|wait| wait.is_none())
            .count()
            .min(policy.batch.max(1));
        if gone >= going {
            break;
        }
        going = gone;
    }
    let mut batch = Batch::default();
    for (candidate, wait) in candidates.into_iter().zip(waits) {
        if let Some(wait) = wait {
            decision.waiting.push((candidate.ticket.hash, wait));
            continue;
        }
        batch.tickets.push((candidate.ticket.hash, candidate.payable));
        if batch.tickets.len() >= policy.batch {
            decision.batches.push(std::mem::take(&mut batch));
        }
    }
    if !batch.tickets.is_empty() {
        decision.batches.push(batch);
    }
    decision
}

/// What keeps a ticket from being redeemed at any price.
fn obstacle(view: &View<'_>, ticket: &Pending, window: &Window) -> Option<Wait> {
    let block = view.time.l1_block;
    if block < ticket.params_expiration_block {
        return Some(Wait::ParametersLive {
            until: ticket.params_expiration_block,
        });
    }
    if block < ticket.not_before && ticket.not_before < window.closes {
        return Some(Wait::BackingOff {
            until: ticket.not_before,
        });
    }
    (!view.standing.registered).then_some(Wait::NotRegistered)
}

/// Gives the senders' funds out to their tickets, in the order of the candidates.
fn share_out(view: &View<'_>, candidates: &mut [Candidate<'_>]) {
    let mut left: HashMap<Address, (Wei, Wei)> = HashMap::new();
    let mut wanted: HashMap<Address, Wei> = HashMap::new();
    for candidate in candidates.iter() {
        let all = wanted.entry(candidate.ticket.sender).or_default();
        *all = all.saturating_add(candidate.ticket.face_value);
    }
    for candidate in candidates.iter_mut() {
        let sender = candidate.ticket.sender;
        let (all, free) = left.entry(sender).or_insert_with(|| {
            let all = view.senders.get(&sender).map_or(Wei::ZERO, |facts| {
                let claimable = match view.standing.active {
                    true => facts.claimable(view.time.pool_size),
                    false => Wei::ZERO,
                };
                facts.deposit.saturating_add(claimable)
            });
            (all, all)
        });
        candidate.payable = candidate.ticket.face_value.min(*free);
        // A ticket that must wait for funds leaves what there is to smaller ones.
        if candidate.payable == candidate.ticket.face_value || candidate.is_last_call(view.time.l1_block) {
            *free = free.saturating_sub(candidate.payable);
        }
        let wanted = wanted.get(&sender).copied().unwrap_or_default();
        candidate.thin = all.0 < wanted.0.saturating_mul(U256::from(3));
    }
}

/// While nobody has opened the round: everything waits, and what waits may be worth opening it.
fn round_first(
    view: &View<'_>,
    policy: &Policy,
    candidates: Vec<Candidate<'_>>,
    mut decision: Decision,
) -> Decision {
    let time = view.time;
    let mut at_stake = Wei::ZERO;
    let mut urgent = false;
    for candidate in candidates {
        at_stake = at_stake.saturating_add(candidate.payable);
        urgent |= candidate.is_last_call(time.l1_block);
        let wait = Wait::RoundNotInitialized {
            round: time.current_round,
        };
        decision.waiting.push((candidate.ticket.hash, wait));
    }
    let price = view.prices.now();
    let allowed = policy.max_gas_price.is_none_or(|limit| price <= limit);
    let since = time
        .l1_block
        .saturating_sub(first_block(time, time.current_round));
    // Somebody else mostly does it within minutes.
    let waited = since >= (time.round_length / 20).min(25);
    if let Some(gas) = policy.round_gas
        && allowed
        && (urgent || waited)
        && at_stake > cost(gas.saturating_mul(2), price)
    {
        decision.open_round = Some(at_stake);
    }
    decision
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    const SENDER: Address = Address::repeat_byte(7);

    fn time(block: u64) -> ChainTime {
        ChainTime {
            l1_block: block,
            block,
            round: Round(10),
            round_hash: B256::repeat_byte(1),
            previous_round_hash: B256::repeat_byte(2),
            round_start: 100_000,
            round_length: 5_760,
            current_round: Round(10 + (block.saturating_sub(100_000)) / 5_760),
            ticket_validity: 2,
            pool_size: 100,
            gas_price: Wei::gwei(1),
            read_at: Timestamp::UNIX_EPOCH,
        }
    }

    /// A ticket of round 10 worth `finney` thousandths of an ETH; redeemable from block 100 040 to 111 519.
    fn ticket(number: u8, finney: u64) -> Pending {
        Pending {
            hash: B256::repeat_byte(number),
            sender: SENDER,
            face_value: Wei::gwei(finney * 1_000_000),
            creation_round: Round(10),
            params_expiration_block: 100_040,
            not_before: 0,
        }
    }

    struct Scene {
        time: ChainTime,
        prices: GasPrices,
        standing: Standing,
        senders: HashMap<Address, SenderFacts>,
        policy: Policy,
    }

    impl Scene {
        /// The clock stands at `block`, in an open round, gas costs what it always does, the sender is rich.
        fn at(block: u64) -> Self {
            let mut prices = GasPrices::default();
            prices.observe(block, Wei::gwei(1));
            let mut time = time(block);
            let opened = time.current_round;
            time.round_start = first_block(&time, opened);
            time.round = opened;
            let rich = SenderFacts {
                deposit: Wei::ether(1_000),
                ..SenderFacts::default()
            };
            Self {
                time,
                prices,
                standing: Standing {
                    registered: true,
                    active: true,
                    until: None,
                },
                senders: HashMap::from([(SENDER, rich)]),
                policy: Policy {
                    max_gas_price: None,
                    batch: 20,
                    gas: GasUse::ETHEREUM,
                    round_gas: Some(300_000),
                },
            }
        }

        fn sender(mut self, facts: SenderFacts) -> Self {
            self.senders.insert(SENDER, facts);
            self
        }

        /// Gas cost 1 gwei for a day and costs `gwei` now.
        fn gas(mut self, gwei: u64) -> Self {
            self.prices = GasPrices::default();
            for block in (self.time.l1_block.saturating_sub(7_000)..self.time.l1_block).step_by(10) {
                self.prices.observe(block, Wei::gwei(1));
            }
            self.prices.observe(self.time.l1_block, Wei::gwei(gwei));
            self
        }

        fn decide(&self, tickets: &[Pending]) -> Decision {
            let view = View {
                time: &self.time,
                prices: &self.prices,
                standing: self.standing,
                senders: &self.senders,
            };
            decide(&view, &self.policy, tickets)
        }

        /// The code of the wait of a lone ticket; none: it goes.
        fn wait(&self, ticket: &Pending) -> Option<&'static str> {
            let decision = self.decide(std::slice::from_ref(ticket));
            assert!(decision.lost.is_empty());
            decision.waiting.first().map(|(_, wait)| wait.code())
        }
    }

    fn hashes(batch: &Batch) -> Vec<B256> {
        batch.tickets.iter().map(|(hash, _)| *hash).collect()
    }

    #[test]
    fn failures_are_tried_again_more_and_more_rarely_and_always_in_time() {
        let delays: Vec<u64> = (0..5)
            .map(|attempts| next_try(attempts, 1_000, 9_000) - 1_000)
            .collect();
        assert_eq!(delays, [1, 2, 4, 8, 16]);
        assert_eq!(next_try(40, 1_000, 9_000), 1_150);
        assert_eq!(next_try(u32::MAX, 8_900, 9_000), 8_925);
        assert_eq!(next_try(9, 9_000, 9_000), 9_001);
    }

    #[test]
    fn trap_1_nothing_is_revealed_before_the_parameters_expired() {
        let ticket = ticket(1, 10_000);
        assert_eq!(Scene::at(100_039).wait(&ticket), Some("parameters_live"));
        assert_eq!(Scene::at(100_040).wait(&ticket), None);
    }

    #[test]
    fn trap_2_the_window_is_the_rounds_own_and_the_next() {
        let ticket = ticket(1, 10_000);
        assert_eq!(Scene::at(111_519).wait(&ticket), None);
        let over = Scene::at(111_520).decide(&[ticket]);
        assert!(over.batches.is_empty());
        assert!(matches!(over.lost[..], [(_, Loss::Expired { .. })]));
    }

    #[test]
    fn trap_3_no_ticket_waits_for_another() {
        let mut stuck = ticket(1, 10_000);
        stuck.not_before = 100_500;
        let (worthless, good) = (ticket(2, 0), ticket(3, 10_000));
        let decision = Scene::at(100_100).decide(&[stuck, worthless, good.clone()]);
        assert_eq!(hashes(&decision.batches[0]), [good.hash]);
        let codes: Vec<_> = decision.waiting.iter().map(|(_, wait)| wait.code()).collect();
        assert_eq!(codes, ["backing_off", "not_worth_it"]);
    }

    #[test]
    fn trap_4_a_short_sender_is_waited_for_then_taken_from() {
        let ticket = ticket(1, 10_000);
        let short = SenderFacts {
            deposit: Wei::ether(4),
            reserve: Wei::ether(500),
            ..SenderFacts::default()
        };
        let early = Scene::at(100_100).sender(short);
        assert_eq!(early.wait(&ticket), Some("sender_short"));
        // Nine thousand blocks later there are still only 4 ETH and the recipient's share of the reserve.
        let late = Scene::at(111_300)
            .sender(short)
            .decide(std::slice::from_ref(&ticket));
        assert_eq!(late.batches[0].payable(), Wei::ether(9));
        // A recipient that is not active gets nothing of the reserve.
        let mut inactive = Scene::at(111_300).sender(short);
        inactive.standing.active = false;
        assert_eq!(inactive.decide(&[ticket]).batches[0].payable(), Wei::ether(4));
    }

    #[test]
    fn a_short_sender_pays_what_it_can_pay_in_full() {
        let facts = SenderFacts {
            deposit: Wei::ether(12),
            ..SenderFacts::default()
        };
        let tickets = [ticket(1, 10_000), ticket(2, 8_000), ticket(3, 2_000)];
        let decision = Scene::at(100_100).sender(facts).decide(&tickets);
        assert_eq!(hashes(&decision.batches[0]), [tickets[0].hash, tickets[2].hash]);
        assert_eq!(decision.waiting[0].1.code(), "sender_short");
    }

    #[test]
    fn trap_14_funds_about_to_leave_are_urgent() {
        let small = ticket(1, 10);
        let leaving = SenderFacts {
            deposit: Wei::ether(10),
            withdraw_round: Round(11),
            ..SenderFacts::default()
        };
        let scene = |block| Scene::at(block).gas(30);
        assert_eq!(scene(105_600).wait(&small), Some("gas_dear"));
        assert_eq!(scene(105_600).sender(leaving).wait(&small), None);
    }

    #[test]
    fn trap_15_an_end_of_being_paid_is_a_deadline() {
        let small = ticket(1, 10);
        let mut scene = Scene::at(105_600).gas(30);
        scene.standing.until = Some(Round(11));
        assert_eq!(scene.wait(&small), None);
        scene.standing.registered = false;
        assert_eq!(scene.wait(&small), Some("not_registered"));
    }

    #[test]
    fn trap_16_an_unopened_round_is_nobodys_failure_and_may_be_worth_opening() {
        let mut scene = Scene::at(105_800);
        scene.time.round = Round(10);
        scene.time.round_start = 100_000;
        let ticket = ticket(1, 10);
        let decision = scene.decide(std::slice::from_ref(&ticket));
        assert_eq!(decision.waiting[0].1.code(), "round_not_initialized");
        assert_eq!(decision.open_round, Some(ticket.face_value));
        // Not for less than it costs, not before others had a chance, not above the limit, not unasked.
        assert_eq!(scene.decide(&[self::ticket(1, 0)]).open_round, None);
        scene.time.l1_block = 105_762;
        assert_eq!(scene.decide(std::slice::from_ref(&ticket)).open_round, None);
        scene.time.l1_block = 105_800;
        scene.policy.max_gas_price = Some(Wei(U256::from(1)));
        assert_eq!(scene.decide(std::slice::from_ref(&ticket)).open_round, None);
        scene.policy.max_gas_price = None;
        scene.policy.round_gas = None;
        assert_eq!(scene.decide(&[ticket]).open_round, None);
    }

    #[test]
    fn the_operators_limit_holds_even_at_the_last_call() {
        let mut scene = Scene::at(111_500).gas(30);
        scene.policy.max_gas_price = Some(Wei::gwei(29));
        assert_eq!(scene.wait(&ticket(1, 10_000)), Some("gas_above_limit"));
        scene.policy.max_gas_price = Some(Wei::gwei(30));
        assert_eq!(scene.wait(&ticket(1, 10_000)), None);
    }

    #[test]
    fn dear_gas_is_waited_out_by_small_tickets_and_never_past_the_end() {
        let (small, large) = (ticket(1, 20), ticket(2, 1_000_000));
        let spike = Scene::at(101_000).gas(30);
        assert_eq!(spike.wait(&small), Some("gas_dear"));
        assert_eq!(spike.wait(&large), None);
        assert_eq!(Scene::at(101_000).gas(1).wait(&small), None);
        assert_eq!(Scene::at(111_300).gas(30).wait(&small), None);
        // Even then not at a loss.
        assert_eq!(Scene::at(111_300).gas(300).wait(&small), Some("not_worth_it"));
    }

    #[test]
    fn company_is_waited_for_only_where_it_saves_something_and_not_for_long() {
        let small = ticket(1, 50);
        assert_eq!(Scene::at(100_041).wait(&small), Some("company"));
        assert_eq!(Scene::at(100_200).wait(&small), None);
        assert_eq!(Scene::at(100_041).wait(&ticket(1, 1_000)), None);
        let many: Vec<Pending> = (1..=45).map(|number| ticket(number, 50)).collect();
        let decision = Scene::at(100_041).decide(&many);
        let sizes: Vec<_> = decision.batches.iter().map(|batch| batch.tickets.len()).collect();
        assert_eq!(sizes, [20, 20, 5]);
    }

    #[test]
    fn the_urgent_go_first_then_the_valuable() {
        let mut old = ticket(1, 1_000);
        old.creation_round = Round(9);
        let mut older = ticket(2, 500);
        older.creation_round = Round(9);
        let (large, small) = (ticket(3, 90_000), ticket(4, 2_000));
        let scene = Scene::at(105_700);
        let decision = scene.decide(&[small.clone(), large.clone(), older.clone(), old.clone()]);
        assert_eq!(
            hashes(&decision.batches[0]),
            [old.hash, older.hash, large.hash, small.hash]
        );
    }

    #[test]
    fn a_ticket_that_failed_is_not_held_back_past_its_end() {
        let mut failed = ticket(1, 1_000);
        failed.not_before = 111_600;
        assert_eq!(Scene::at(111_400).wait(&failed), None);
    }

    #[test]
    fn an_unknown_sender_holds_back_its_own_tickets_only() {
        let mut stranger = ticket(1, 1_000);
        stranger.sender = Address::repeat_byte(9);
        let known = ticket(2, 1_000);
        let decision = Scene::at(100_100).decide(&[stranger.clone(), known.clone()]);
        assert_eq!(hashes(&decision.batches[0]), [known.hash]);
        assert_eq!(decision.waiting, [(stranger.hash, Wait::SenderUnknown)]);
    }
}
