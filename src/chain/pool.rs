//! The pool of orchestrators: read in one request, searched for places, turned into hints.
//!
//! The contracts keep it as a linked list by falling stake (`protocol contracts/libraries/SortedDoublyLL.sol`). A hint
//! names the two neighbours of a place; a wrong one is harmless but makes the contract search at the sender's cost.

use alloy::{
    primitives::{Address, Bytes, U256},
    sol_types::SolCall,
};

use super::{contracts::BondingManager, errors::ChainError};
use crate::units::Lpt;

/// More than the pool ever took; the walk ends here.
pub(crate) const LONGEST: usize = 512;

/// Everybody who will be active next round, by falling stake.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pool {
    /// Accounts and their total stake, largest first.
    pub members: Vec<(Address, Lpt)>,
    /// How many there can be.
    pub max_size: usize,
}

/// The neighbours of a place in the pool; zero at the ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Hint {
    /// Who has as much or more stake.
    pub previous: Address,
    /// Who has as much or less.
    pub next: Address,
}

impl Pool {
    /// Place by stake, from 1.
    #[must_use]
    pub fn rank(&self, account: Address) -> Option<u32> {
        let position = self.members.iter().position(|(member, _)| *member == account)?;
        u32::try_from(position + 1).ok()
    }

    /// Whether nobody can join without pushing out the last.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.members.len() >= self.max_size
    }

    /// The smallest stake in it.
    #[must_use]
    pub fn cut_off(&self) -> Lpt {
        self.members.last().map_or(Lpt::ZERO, |(_, stake)| *stake)
    }

    /// Gives `account` a new stake: where that puts it, and the pool afterwards.
    ///
    /// Whoever is not in it and cannot join gets an empty hint and an unchanged pool. Equal stake does not push the
    /// last one out (`protocol contracts/bonding/BondingManager.sol`, `tryToJoinActiveSet`).
    #[must_use]
    pub fn place(&self, account: Address, stake: Lpt) -> (Hint, Self) {
        let mut pool = self.clone();
        pool.members.retain(|(member, _)| *member != account);
        let was_member = pool.members.len() < self.members.len();
        if stake == Lpt::ZERO {
            return (Hint::default(), pool);
        }
        if !was_member && self.is_full() {
            if self.members.is_empty() || stake <= self.cut_off() {
                return (Hint::default(), pool);
            }
            pool.members.pop();
        }
        let position = pool
            .members
            .iter()
            .take_while(|(_, other)| *other >= stake)
            .count();
        let neighbour = |index: Option<usize>| {
            index
                .and_then(|index| pool.members.get(index))
                .map_or(Address::ZERO, |(member, _)| *member)
        };
        let hint = Hint {
            previous: neighbour(position.checked_sub(1)),
            next: neighbour(Some(position)),
        };
        pool.members.insert(position, (account, stake));
        (hint, pool)
    }
}

/// A program for the EVM that walks the pool and gives it back: a word that says it ran, then for each orchestrator a
/// word of 12 bytes stake and 20 bytes account.
///
/// Sent as the data of an `eth_call` without recipient it runs once, at the block asked for, and leaves nothing. The
/// pool is a linked list, so any other way takes a request per orchestrator. The first word is the block number: what
/// such a call gives back must not begin with 0xEF (EIP-3541), and nothing at all would look like an empty pool.
pub(crate) fn walk_program(bonding_manager: Address) -> Bytes {
    /// Where arguments are laid, an answer lies, and the list begins.
    const ARGUMENTS: u8 = 0x00;
    const ANSWER: u8 = 0x40;
    const LIST: u8 = 0x60;

    let mut program = Program::default();
    let end_of_list = u16::try_from(usize::from(LIST) + LONGEST * 32).unwrap_or(u16::MAX);

    program.op(op::NUMBER);
    program.push(&[LIST]);
    program.op(op::MSTORE);
    program.push(&[LIST + 32]);
    program.selector(ARGUMENTS, BondingManager::getFirstTranscoderInPoolCall::SELECTOR);
    program.call(bonding_manager, ARGUMENTS, 4, ANSWER);
    program.op(op::ISZERO);
    program.jump_if(Label::Fail);
    program.push(&[ANSWER]);
    program.op(op::MLOAD);

    // Stack from here on: account, end of the list so far.
    program.label(Label::Loop);
    program.op(op::DUP1);
    program.op(op::ISZERO);
    program.jump_if(Label::End);
    program.op(op::DUP2);
    program.push(&end_of_list.to_be_bytes());
    program.op(op::EQ);
    program.jump_if(Label::End);

    program.selector(ARGUMENTS, BondingManager::transcoderTotalStakeCall::SELECTOR);
    program.op(op::DUP1);
    program.push(&[ARGUMENTS + 4]);
    program.op(op::MSTORE);
    program.call(bonding_manager, ARGUMENTS, 36, ANSWER);
    program.op(op::ISZERO);
    program.jump_if(Label::Fail);
    program.op(op::DUP1);
    program.push(&[ANSWER]);
    program.op(op::MLOAD);
    program.push(&[160]);
    program.op(op::SHL);
    program.op(op::OR);
    program.op(op::DUP3);
    program.op(op::MSTORE);
    program.op(op::SWAP1);
    program.push(&[32]);
    program.op(op::ADD);
    program.op(op::SWAP1);

    program.selector(ARGUMENTS, BondingManager::getNextTranscoderInPoolCall::SELECTOR);
    program.op(op::DUP1);
    program.push(&[ARGUMENTS + 4]);
    program.op(op::MSTORE);
    program.call(bonding_manager, ARGUMENTS, 36, ANSWER);
    program.op(op::ISZERO);
    program.jump_if(Label::Fail);
    program.op(op::POP);
    program.push(&[ANSWER]);
    program.op(op::MLOAD);
    program.jump(Label::Loop);

    program.label(Label::End);
    program.op(op::POP);
    program.push(&[LIST]);
    program.op(op::SWAP1);
    program.op(op::SUB);
    program.push(&[LIST]);
    program.op(op::RETURN);

    program.label(Label::Fail);
    program.push(&[0]);
    program.push(&[0]);
    program.op(op::REVERT);
    program.assemble()
}

/// Reads what [`walk_program`] gave back.
pub(crate) fn read_walk(output: &[u8]) -> Result<Vec<(Address, Lpt)>, ChainError> {
    let words = output.len() / 32;
    if !output.len().is_multiple_of(32) || words == 0 || words >= LONGEST {
        return Err(ChainError::Garbage(format!(
            "{} bytes for the pool",
            output.len()
        )));
    }
    let member = |word: &[u8]| {
        let (stake, account) = word.split_at(12);
        (Address::from_slice(account), Lpt(U256::from_be_slice(stake)))
    };
    Ok(output.chunks_exact(32).skip(1).map(member).collect())
}

/// The EVM's instructions used here.
mod op {
    pub(super) const ADD: u8 = 0x01;
    pub(super) const SUB: u8 = 0x03;
    pub(super) const EQ: u8 = 0x14;
    pub(super) const ISZERO: u8 = 0x15;
    pub(super) const OR: u8 = 0x17;
    pub(super) const SHL: u8 = 0x1b;
    pub(super) const NUMBER: u8 = 0x43;
    pub(super) const POP: u8 = 0x50;
    pub(super) const MLOAD: u8 = 0x51;
    pub(super) const MSTORE: u8 = 0x52;
    pub(super) const JUMP: u8 = 0x56;
    pub(super) const JUMPI: u8 = 0x57;
    pub(super) const GAS: u8 = 0x5a;
    pub(super) const JUMPDEST: u8 = 0x5b;
    pub(super) const PUSH1: u8 = 0x60;
    pub(super) const DUP1: u8 = 0x80;
    pub(super) const DUP2: u8 = 0x81;
    pub(super) const DUP3: u8 = 0x82;
    pub(super) const SWAP1: u8 = 0x90;
    pub(super) const RETURN: u8 = 0xf3;
    pub(super) const STATICCALL: u8 = 0xfa;
    pub(super) const REVERT: u8 = 0xfd;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Label {
    Loop,
    End,
    Fail,
}

/// Instructions with jumps to places that are not known yet.
#[derive(Debug, Default)]
struct Program {
    code: Vec<u8>,
    labels: Vec<(Label, usize)>,
    jumps: Vec<(Label, usize)>,
}

impl Program {
    fn op(&mut self, op: u8) {
        self.code.push(op);
    }

    /// Puts a number of 1 to 32 bytes on the stack.
    fn push(&mut self, bytes: &[u8]) {
        let length = u8::try_from(bytes.len()).unwrap_or(32);
        self.code.push(op::PUSH1 + length - 1);
        self.code.extend_from_slice(bytes);
    }

    /// Lays a function's selector to memory.
    fn selector(&mut self, place: u8, selector: [u8; 4]) {
        self.push(&selector);
        self.push(&[224]);
        self.op(op::SHL);
        self.push(&[place]);
        self.op(op::MSTORE);
    }

    /// Calls a function that answers one word; leaves 1 for success on the stack.
    fn call(&mut self, to: Address, arguments: u8, length: u8, answer: u8) {
        self.push(&[32]);
        self.push(&[answer]);
        self.push(&[length]);
        self.push(&[arguments]);
        self.push(to.as_slice());
        self.op(op::GAS);
        self.op(op::STATICCALL);
    }

    fn label(&mut self, label: Label) {
        self.labels.push((label, self.code.len()));
        self.op(op::JUMPDEST);
    }

    fn target(&mut self, label: Label) {
        self.push(&[0, 0]);
        self.jumps.push((label, self.code.len() - 2));
    }

    fn jump(&mut self, label: Label) {
        self.target(label);
        self.op(op::JUMP);
    }

    fn jump_if(&mut self, label: Label) {
        self.target(label);
        self.op(op::JUMPI);
    }

    fn assemble(mut self) -> Bytes {
        for (label, place) in self.jumps {
            let target = self
                .labels
                .iter()
                .find(|(known, _)| *known == label)
                .and_then(|(_, target)| u16::try_from(*target).ok())
                .unwrap_or(u16::MAX);
            self.code[place..place + 2].copy_from_slice(&target.to_be_bytes());
        }
        self.code.into()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn account(number: u8) -> Address {
        Address::repeat_byte(number)
    }

    fn pool(stakes: &[(u8, u64)], max_size: usize) -> Pool {
        let mut members: Vec<_> = stakes
            .iter()
            .map(|(number, stake)| (account(*number), Lpt::whole(*stake)))
            .collect();
        members.sort_by(|(_, left), (_, right)| right.cmp(left));
        Pool { members, max_size }
    }

    /// The contract's own test of a hint (`SortedDoublyLL.sol`, `validInsertPosition`).
    fn is_valid(pool: &Pool, hint: Hint, stake: Lpt) -> bool {
        let of = |wanted: Address| {
            pool.members
                .iter()
                .position(|(member, _)| *member == wanted)
                .map(|index| (index, pool.members[index].1))
        };
        match (of(hint.previous), of(hint.next)) {
            (None, None) => hint == Hint::default() && pool.members.is_empty(),
            (None, Some((index, key))) => hint.previous.is_zero() && index == 0 && stake >= key,
            (Some((index, key)), None) => {
                hint.next.is_zero() && index + 1 == pool.members.len() && stake <= key
            }
            (Some((index, left)), Some((next, right))) => {
                next == index + 1 && left >= stake && stake >= right
            }
        }
    }

    #[test]
    fn a_newcomer_needs_more_than_the_last_one_of_a_full_pool() {
        let full = pool(&[(1, 30), (2, 20), (3, 10)], 3);
        assert_eq!(full.place(account(9), Lpt::whole(10)).0, Hint::default());
        let (hint, after) = full.place(account(9), Lpt::whole(11));
        assert_eq!(
            hint,
            Hint {
                previous: account(2),
                next: Address::ZERO
            }
        );
        assert_eq!((after.rank(account(9)), after.rank(account(3))), (Some(3), None));
        // A member of a full pool pushes nobody out.
        let (_, after) = full.place(account(3), Lpt::whole(25));
        assert_eq!(after.members.len(), 3);
        assert_eq!(after.rank(account(3)), Some(2));
    }

    #[test]
    fn all_jumps_of_the_program_lead_to_a_landing_place() {
        let program = walk_program(account(5));
        let mut place = 0;
        let mut last_push: Option<usize> = None;
        let mut jumps = 0;
        while place < program.len() {
            let byte = program[place];
            match byte {
                op::JUMP | op::JUMPI => {
                    assert_eq!(program[last_push.unwrap()], op::JUMPDEST);
                    jumps += 1;
                }
                0x61 => {
                    last_push = Some(usize::from(u16::from_be_bytes([
                        program[place + 1],
                        program[place + 2],
                    ])));
                }
                _ => {}
            }
            place += 1;
            if (op::PUSH1..op::PUSH1 + 32).contains(&byte) {
                place += usize::from(byte - op::PUSH1) + 1;
            }
        }
        assert_eq!(jumps, 6);
    }

    #[test]
    fn what_the_walk_gives_back_is_read_or_refused() {
        let mut words = [0u8; 64];
        words[43] = 5;
        words[44..].fill(7);
        assert_eq!(read_walk(&words).unwrap(), vec![(account(7), Lpt(U256::from(5)))]);
        assert_eq!(read_walk(&words[..32]).unwrap(), vec![]);
        assert!(read_walk(&[]).is_err(), "no answer was taken for an empty pool");
        assert!(read_walk(&words[..63]).is_err());
        assert!(
            read_walk(&vec![1; LONGEST * 32]).is_err(),
            "a list cut short was taken for whole"
        );
    }

    proptest! {
        #[test]
        fn hints_are_valid_and_the_pool_stays_sorted(
            stakes in proptest::collection::btree_map(1u8..40, 0u64..20, 0..12),
            room in 0usize..3,
            who in 1u8..45,
            stake in 1u64..25,
        ) {
            let stakes: Vec<(u8, u64)> = stakes.into_iter().collect();
            let before = pool(&stakes, (stakes.len() + room).max(1));
            let (hint, after) = before.place(account(who), Lpt::whole(stake));
            let mut others = after.clone();
            others.members.retain(|(member, _)| *member != account(who));
            match after.rank(account(who)) {
                Some(_) => prop_assert!(is_valid(&others, hint, Lpt::whole(stake))),
                None => {
                    prop_assert_eq!(hint, Hint::default());
                    prop_assert_eq!(&after, &before);
                }
            }
            prop_assert!(after.members.is_sorted_by(|left, right| left.1 >= right.1));
            prop_assert!(after.members.len() <= before.max_size.max(before.members.len()));
        }
    }
}
