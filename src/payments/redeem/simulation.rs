//! A simulated day of 10,000 winning tickets, and how close the schedule comes to somebody who knew it beforehand.
//!
//! The day: blocks of Ethereum with a wandering gas price and spikes of ten to forty times of it; 200 gateways, of which a
//! fifth are short: some fill their deposit up hours later, some never, some take their funds away. Rounds open ten
//! blocks late. A transaction is mined in the next block, at that block's price, and takes another amount of gas than the
//! schedule thinks. The schedule is asked once a minute. The clock runs on until the last ticket's window is closed.
//!
//! The bound knows everything beforehand: every ticket, every gas price, every deposit. It redeems each ticket at the
//! lowest price of the ticket's whole window, in full transactions always, any number of them in one block, and splits
//! tickets to use up short funds to the last wei. No schedule can do better, and none that obeys the contract as well.

use std::collections::{HashMap, HashSet};

use alloy::primitives::{Address, B256, U256};
use jiff::Timestamp;

use super::{
    gas::{GasPrices, GasUse, cost},
    schedule::{Batch, Decision, Pending, Policy, Standing, View, Window, decide, first_block},
};
use crate::{
    payments::{ChainTime, SenderFacts},
    units::{Round, Wei},
};

const TICKETS: usize = 10_000;
const SENDERS: usize = 200;
const BEGIN: u64 = 1_000_000;
const DAY: u64 = 7_200;
const ROUND: u64 = 5_760;
/// Until the windows of the day's last tickets are closed.
const END: u64 = BEGIN + DAY + 2 * ROUND + 100;
const POOL: u64 = 100;
/// What redemptions really take, which the schedule does not know.
const TRUE_GAS: GasUse = GasUse {
    base: 160_000,
    each: 92_000,
};
/// Blocks between two looks.
const STEP: u64 = 5;
/// Transactions of one look.
const PER_LOOK: usize = 60;

/// The same numbers on every machine and for ever.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % below.max(1)
    }
}

/// A gateway's fate.
#[derive(Clone)]
struct Gateway {
    facts: SenderFacts,
    /// More deposit at a block.
    top_up: Option<(u64, Wei)>,
}

struct Day {
    tickets: Vec<(u64, Pending)>,
    gateways: HashMap<Address, Gateway>,
    /// Price of each block from the first on.
    prices: Vec<Wei>,
}

fn sender(number: usize) -> Address {
    Address::left_padding_from(&(number as u64 + 1).to_be_bytes())
}

fn clock(block: u64) -> ChainTime {
    let current = Round(100 + (block - BEGIN) / ROUND);
    let since = (block - BEGIN) % ROUND;
    let opened = if since < 10 && current.0 > 100 {
        current.0 - 1
    } else {
        current.0
    };
    ChainTime {
        l1_block: block,
        block,
        round: Round(opened),
        round_hash: B256::repeat_byte(1),
        previous_round_hash: B256::repeat_byte(2),
        round_start: BEGIN + (opened - 100) * ROUND,
        round_length: ROUND,
        current_round: current,
        ticket_validity: 2,
        pool_size: POOL,
        gas_price: Wei::ZERO,
        read_at: Timestamp::UNIX_EPOCH,
    }
}

/// A price that wanders between 6 and 40 gwei, with nine spikes of one to four hours' blocks a day.
fn prices(dice: &mut Dice) -> Vec<Wei> {
    let mut level = 15_000u64;
    let mut spike: Option<(u64, u64)> = None;
    let mut prices = Vec::new();
    for block in BEGIN..=END {
        level = (level * (990 + dice.roll(21)) / 1_000).clamp(6_000, 40_000);
        spike = match spike {
            Some((until, _)) if until <= block => None,
            None if dice.roll(800) == 0 => Some((block + 60 + dice.roll(440), 10 + dice.roll(31))),
            other => other,
        };
        let factor = spike.map_or(1, |(_, factor)| factor);
        prices.push(Wei(U256::from(level * factor) * U256::from(1_000_000u64)));
    }
    prices
}

fn day(seed: u64) -> Day {
    let mut dice = Dice(seed);
    let prices = prices(&mut dice);
    // What a lone redemption usually costs.
    let unit = cost(350_000, Wei::gwei(15));
    let mut owed: HashMap<Address, Wei> = HashMap::new();
    let mut tickets = Vec::new();
    for number in 0..TICKETS {
        let made = BEGIN + dice.roll(DAY);
        let from = sender(usize::try_from(dice.roll(SENDERS as u64)).unwrap());
        // Three to three hundred times the gas, evenly over the orders of magnitude.
        let decade = [3, 10, 30, 100][usize::try_from(dice.roll(4)).unwrap()];
        let face_value = Wei(unit.0 * U256::from(decade * (100 + dice.roll(200))) / U256::from(100));
        let all = owed.entry(from).or_default();
        *all = all.saturating_add(face_value);
        let ticket = Pending {
            hash: B256::left_padding_from(&(number as u64 + 1).to_be_bytes()),
            sender: from,
            face_value,
            creation_round: clock(made).round,
            params_expiration_block: made + 5 + dice.roll(36),
            not_before: 0,
        };
        tickets.push((made, ticket));
    }
    tickets.sort_by_key(|(made, ticket)| (*made, ticket.hash));
    let part = |whole: Wei, percent: u64| Wei(whole.0 * U256::from(percent) / U256::from(100));
    let gateways = (0..SENDERS)
        .map(|number| {
            let address = sender(number);
            let all = owed.get(&address).copied().unwrap_or_default();
            let reserve = part(all, 200);
            let rich = SenderFacts {
                deposit: part(all, 300),
                reserve,
                ..SenderFacts::default()
            };
            let (facts, top_up) = match number % 20 {
                // Fills up in the afternoon.
                0 | 1 => {
                    let facts = SenderFacts {
                        deposit: part(all, 15),
                        ..rich
                    };
                    (facts, Some((BEGIN + 3_000 + dice.roll(3_000), part(all, 100))))
                }
                // Never has enough.
                2 => (
                    SenderFacts {
                        deposit: part(all, 60),
                        ..rich
                    },
                    None,
                ),
                // Takes its funds away when the second round begins.
                3 => (
                    SenderFacts {
                        withdraw_round: Round(102),
                        ..rich
                    },
                    None,
                ),
                _ => (rich, None),
            };
            (address, Gateway { facts, top_up })
        })
        .collect();
    Day {
        tickets,
        gateways,
        prices,
    }
}

impl Day {
    fn price(&self, block: u64) -> Wei {
        self.prices[usize::try_from(block - BEGIN).unwrap()]
    }

    /// Runs the day; what was redeemed less its gas, and how many tickets were paid.
    fn run(&self, mut decider: impl FnMut(&View<'_>, &[Pending]) -> Decision) -> (Wei, usize) {
        let mut gateways = self.gateways.clone();
        let mut facts: HashMap<Address, SenderFacts> = HashMap::new();
        let mut history = GasPrices::default();
        let mut coming = self.tickets.iter().peekable();
        let mut waiting: Vec<Pending> = Vec::new();
        let (mut paid, mut spent, mut count) = (Wei::ZERO, Wei::ZERO, 0);
        for block in (BEGIN..END).step_by(STEP as usize) {
            while let Some((_, ticket)) = coming.next_if(|(made, _)| *made <= block) {
                waiting.push(ticket.clone());
            }
            let time = clock(block);
            let new_round = (block - BEGIN) % ROUND < STEP;
            for (address, gateway) in &mut gateways {
                let before = gateway.facts;
                if let Some((_, amount)) = gateway.top_up.take_if(|(at, _)| *at <= block) {
                    gateway.facts.deposit = gateway.facts.deposit.saturating_add(amount);
                }
                let leaves = gateway.facts.withdraw_round;
                if leaves != Round(0) && leaves <= time.current_round {
                    gateway.facts = SenderFacts::default();
                }
                if new_round {
                    gateway.facts.claimed = Wei::ZERO;
                    gateway.facts.claimed_by_recipient = Wei::ZERO;
                }
                if gateway.facts != before || block == BEGIN {
                    facts.insert(*address, gateway.facts);
                }
            }
            history.observe(block, self.price(block));
            if waiting.is_empty() {
                continue;
            }
            let view = View {
                time: &time,
                prices: &history,
                standing: Standing {
                    registered: true,
                    active: true,
                    until: None,
                },
                senders: &facts,
            };
            let decision = decider(&view, &waiting);
            let next = clock(block + 1);
            let mut gone: HashSet<B256> = decision.lost.iter().map(|(hash, _)| *hash).collect();
            let by_hash: HashMap<B256, &Pending> =
                waiting.iter().map(|ticket| (ticket.hash, ticket)).collect();
            for batch in decision.batches.iter().take(PER_LOOK) {
                spent = spent.saturating_add(cost(TRUE_GAS.of(batch.tickets.len()), self.price(block + 1)));
                for (hash, _) in &batch.tickets {
                    let ticket = by_hash[hash];
                    assert!(block >= ticket.params_expiration_block, "revealed early");
                    assert!(time.is_initialized() && !gone.contains(hash));
                    if !next.is_valid(ticket.creation_round) {
                        continue;
                    }
                    let gateway = gateways.get_mut(&ticket.sender).unwrap();
                    paid = paid.saturating_add(settle(&mut gateway.facts, ticket.face_value));
                    facts.insert(ticket.sender, gateway.facts);
                    count += 1;
                    gone.insert(*hash);
                }
            }
            waiting.retain(|ticket| !gone.contains(&ticket.hash));
        }
        (paid.saturating_sub(spent), count)
    }

    /// The lowest price from each block up to `closes`.
    fn lows(&self, closes: u64) -> Vec<Wei> {
        let upto = usize::try_from(closes.min(END) - BEGIN).unwrap();
        let mut lows = self.prices[..upto].to_vec();
        for index in (1..upto).rev() {
            lows[index - 1] = lows[index - 1].min(lows[index]);
        }
        lows
    }

    /// What somebody who knows the whole day could have at most.
    fn bound(&self) -> Wei {
        let mut of_senders: HashMap<Address, Vec<(Wei, Wei)>> = HashMap::new();
        let begin = clock(BEGIN);
        let mut cheapest: HashMap<u64, Vec<Wei>> = HashMap::new();
        for (_, ticket) in &self.tickets {
            let gateway = &self.gateways[&ticket.sender];
            let last = Round(ticket.creation_round.0 + 2);
            let leaves = Some(gateway.facts.withdraw_round).filter(|round| *round != Round(0));
            let closes = first_block(&begin, leaves.map_or(last, |leaves| leaves.min(last)));
            let lows = cheapest.entry(closes).or_insert_with(|| self.lows(closes));
            let opens = usize::try_from(ticket.params_expiration_block - BEGIN).unwrap();
            let Some(cheapest) = lows.get(opens).copied() else {
                continue;
            };
            let gas = cost(TRUE_GAS.share(20), cheapest);
            if gas < ticket.face_value {
                of_senders
                    .entry(ticket.sender)
                    .or_default()
                    .push((ticket.face_value, gas));
            }
        }
        let mut bound = Wei::ZERO;
        for (sender, mut tickets) in of_senders {
            let gateway = &self.gateways[&sender];
            let share = Wei(gateway.facts.reserve.0 / U256::from(POOL));
            let mut funds = gateway.facts.deposit;
            funds = funds.saturating_add(gateway.top_up.map_or(Wei::ZERO, |(_, amount)| amount));
            // Its share of the reserve, again in every round of the simulation.
            funds = funds.saturating_add(Wei(share.0 * U256::from((END - BEGIN) / ROUND + 1)));
            // The largest lose the smallest part to gas.
            tickets.sort_by_key(|(face_value, gas)| {
                (gas.0 * U256::from(1_000_000_000u64)).checked_div(face_value.0)
            });
            for (face_value, gas) in tickets {
                let taken = face_value.min(funds);
                funds = funds.saturating_sub(taken);
                let gas = Wei(gas.0 * taken.0 / face_value.0);
                bound = bound.saturating_add(taken.saturating_sub(gas));
            }
        }
        bound
    }
}

/// What the contract pays, from the deposit first, then from the recipient's share of the reserve.
fn settle(facts: &mut SenderFacts, face_value: Wei) -> Wei {
    let from_deposit = face_value.min(facts.deposit);
    let from_reserve = face_value.saturating_sub(from_deposit).min(facts.claimable(POOL));
    facts.deposit = facts.deposit.saturating_sub(from_deposit);
    facts.reserve = facts.reserve.saturating_sub(from_reserve);
    facts.claimed = facts.claimed.saturating_add(from_reserve);
    facts.claimed_by_recipient = facts.claimed_by_recipient.saturating_add(from_reserve);
    from_deposit.saturating_add(from_reserve)
}

fn policy() -> Policy {
    Policy {
        max_gas_price: None,
        batch: 20,
        gas: GasUse::ETHEREUM,
        round_gas: None,
    }
}

/// As go-livepeer does: each alone, as soon as it is ready and its sender has more than the gas costs.
fn at_once(view: &View<'_>, tickets: &[Pending]) -> Decision {
    let mut decision = Decision::default();
    let gas_cost = cost(GasUse::ETHEREUM.of(1), view.prices.now());
    for ticket in tickets {
        let window = Window::of(ticket, view.time, None, view.standing);
        let facts = view.senders[&ticket.sender];
        let funds = facts.deposit.saturating_add(facts.claimable(POOL));
        if view.time.is_initialized()
            && (window.opens..window.closes).contains(&view.time.l1_block)
            && gas_cost < funds.min(ticket.face_value)
        {
            decision.batches.push(Batch {
                tickets: vec![(ticket.hash, ticket.face_value)],
            });
        }
    }
    decision
}

/// In hundredths of a percent.
fn part(of: Wei, whole: Wei) -> u64 {
    u64::try_from(of.0 * U256::from(10_000u64) / whole.0).unwrap()
}

#[test]
fn a_day_of_ten_thousand_tickets_brings_99_percent_of_what_the_bound_would() {
    for seed in [1, 2] {
        let day = day(seed);
        let bound = day.bound();
        let (net, count) = day.run(|view, tickets| decide(view, &policy(), tickets));
        let (naive, _) = day.run(at_once);
        let (ours, theirs) = (part(net, bound), part(naive, bound));
        assert!(
            ours >= 9_900,
            "seed {seed}: {ours} of 10000, {count} tickets; at once: {theirs}"
        );
        assert!(ours <= 10_000, "seed {seed}: {ours}: the bound is none");
        // The day is hard enough to tell a schedule from none.
        assert!(theirs < 9_800, "seed {seed}: at once: {theirs}");
    }
}
