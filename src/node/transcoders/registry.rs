//! Who is registered, and who gets which session (`go-livepeer core/lb.go`, `core/orchestrator.go`).
//!
//! Transcoders are kept in the order of their load factor. A session stays with its transcoder until it ends, one of its
//! tasks fails, or the transcoder leaves.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    net::SocketAddr,
};

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{
    view::node::RemoteTranscoder,
    wire::{capability::takes, net},
};

/// A registration: a transcoder that comes again is another one.
pub(super) type MemberId = u64;

/// Why nobody takes a task. The texts travel to the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Nobody {
    /// None is connected, or all have as many sessions as they take.
    #[error("no transcoders available")]
    Available,
    /// None of those connected can do it.
    #[error("no transcoders can provide requested capabilities")]
    Capable,
}

/// What a transcoder says of itself.
#[derive(Debug, Clone)]
pub(super) struct Introduction {
    /// Where its connection comes from.
    pub address: Option<SocketAddr>,
    /// Sessions it takes at once; at least one.
    pub capacity: u32,
    /// What it can do.
    pub capabilities: net::Capabilities,
}

/// One connected transcoder.
pub(super) struct Member {
    introduction: Introduction,
    /// Tasks on their way to it.
    pub queue: mpsc::Sender<net::NotifySegment>,
    /// Cancelled to end its stream.
    pub gone: CancellationToken,
    since: Timestamp,
    sessions: HashSet<String>,
    /// Tasks it works on.
    pub running: HashSet<i64>,
    done: u64,
    failed: u64,
    last_error: Option<String>,
}

impl Member {
    fn load(&self) -> u32 {
        u32::try_from(self.sessions.len()).unwrap_or(u32::MAX)
    }

    /// Address and port, as far as they are known.
    pub(super) fn name(&self) -> String {
        match self.introduction.address {
            Some(address) => address.to_string(),
            None => "unknown".to_string(),
        }
    }

    /// Sessions it takes at once.
    pub(super) fn capacity(&self) -> u32 {
        self.introduction.capacity
    }

    fn fits(&self, job: Option<&net::Capabilities>) -> bool {
        let own = &self.introduction.capabilities;
        job.is_none_or(|job| takes(job, &own.bitstring, &own.version))
    }

    /// Notes what came of a task; none if it was done.
    pub(super) fn note(&mut self, failure: Option<&str>) {
        match failure {
            None => self.done += 1,
            Some(text) => {
                self.failed += 1;
                self.last_error = Some(text.chars().take(200).collect());
            }
        }
    }

    fn view(&self) -> RemoteTranscoder {
        RemoteTranscoder {
            address: self.name(),
            version: self.introduction.capabilities.version.chars().take(64).collect(),
            since: self.since,
            capacity: self.introduction.capacity,
            load: self.load(),
            running: u32::try_from(self.running.len()).unwrap_or(u32::MAX),
            tasks_done: self.done,
            tasks_failed: self.failed,
            last_error: self.last_error.clone(),
        }
    }
}

/// A transcoder's place in the order: the least loaded first, of equals the larger, of those the older.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rank {
    load: u32,
    capacity: u32,
    id: MemberId,
}

impl Rank {
    fn of(id: MemberId, member: &Member) -> Self {
        Self {
            load: member.load(),
            capacity: member.introduction.capacity,
            id,
        }
    }
}

impl Ord for Rank {
    fn cmp(&self, other: &Self) -> Ordering {
        let ours = u64::from(self.load) * u64::from(other.capacity);
        let theirs = u64::from(other.load) * u64::from(self.capacity);
        ours.cmp(&theirs)
            .then_with(|| other.capacity.cmp(&self.capacity))
            .then_with(|| self.id.cmp(&other.id))
    }
}

impl PartialOrd for Rank {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// All connected transcoders.
#[derive(Default)]
pub(super) struct Registry {
    next: MemberId,
    members: HashMap<MemberId, Member>,
    order: BTreeSet<Rank>,
    sessions: HashMap<String, MemberId>,
    /// What all of them can do: how many times each capability is there.
    capabilities: BTreeMap<u32, u64>,
    capacity: u64,
}

impl Registry {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.members.len()
    }

    /// Sessions all of them take at once.
    pub(super) fn capacity(&self) -> u64 {
        self.capacity
    }

    /// Whether one more session finds a transcoder.
    pub(super) fn has_room(&self) -> bool {
        self.order
            .first()
            .is_some_and(|least| least.load < least.capacity)
    }

    /// One of them.
    pub(super) fn get_mut(&mut self, id: MemberId) -> Option<&mut Member> {
        self.members.get_mut(&id)
    }

    /// The transcoder a session is with.
    pub(super) fn holder(&self, session: &str) -> Option<&Member> {
        self.members.get(self.sessions.get(session)?)
    }

    /// Takes one in.
    pub(super) fn join(
        &mut self,
        introduction: Introduction,
        queue: mpsc::Sender<net::NotifySegment>,
    ) -> (MemberId, CancellationToken) {
        let id = self.next;
        self.next += 1;
        for (capability, count) in counted(&introduction.capabilities) {
            *self.capabilities.entry(capability).or_default() += u64::from(count);
        }
        self.capacity += u64::from(introduction.capacity);
        let gone = CancellationToken::new();
        let member = Member {
            introduction,
            queue,
            gone: gone.clone(),
            since: Timestamp::now(),
            sessions: HashSet::new(),
            running: HashSet::new(),
            done: 0,
            failed: 0,
            last_error: None,
        };
        self.order.insert(Rank::of(id, &member));
        self.members.insert(id, member);
        (id, gone)
    }

    /// Takes one out, with its sessions; none if it is out already.
    pub(super) fn leave(&mut self, id: MemberId) -> Option<Member> {
        let member = self.members.remove(&id)?;
        self.order.remove(&Rank::of(id, &member));
        for session in &member.sessions {
            self.sessions.remove(session);
        }
        for (capability, count) in counted(&member.introduction.capabilities) {
            if let Some(all) = self.capabilities.get_mut(&capability) {
                *all = all.saturating_sub(u64::from(count));
            }
        }
        self.capabilities.retain(|_, count| *count > 0);
        self.capacity -= u64::from(member.introduction.capacity);
        Some(member)
    }

    /// All there are.
    pub(super) fn ids(&self) -> Vec<MemberId> {
        self.members.keys().copied().collect()
    }

    /// The transcoder for a session's next task: the one it is with, or else the least loaded that can do it, which has
    /// the session from now on. Those in `avoid` get nothing.
    pub(super) fn select(
        &mut self,
        session: &str,
        job: Option<&net::Capabilities>,
        avoid: &[MemberId],
    ) -> Result<MemberId, Nobody> {
        let suits = |id: &MemberId| {
            let member = self.members.get(id);
            !avoid.contains(id) && member.is_some_and(|member| member.fits(job))
        };
        if let Some(current) = self.sessions.get(session).copied().filter(suits) {
            return Ok(current);
        }
        if self.order.iter().all(|rank| avoid.contains(&rank.id)) {
            return Err(Nobody::Available);
        }
        let found = self.order.iter().find(|rank| suits(&rank.id)).copied();
        let found = found.ok_or(Nobody::Capable)?;
        if found.load >= found.capacity {
            return Err(Nobody::Available);
        }
        self.release(session);
        self.assign(session, found.id);
        Ok(found.id)
    }

    fn assign(&mut self, session: &str, id: MemberId) {
        self.sessions.insert(session.to_string(), id);
        self.reorder(id, |member| {
            member.sessions.insert(session.to_string());
        });
    }

    /// Takes a session from its transcoder; tells which that was.
    pub(super) fn release(&mut self, session: &str) -> Option<MemberId> {
        let id = self.sessions.remove(session)?;
        self.reorder(id, |member| {
            member.sessions.remove(session);
        });
        Some(id)
    }

    fn reorder(&mut self, id: MemberId, change: impl FnOnce(&mut Member)) {
        if let Some(member) = self.members.get_mut(&id) {
            self.order.remove(&Rank::of(id, member));
            change(member);
            self.order.insert(Rank::of(id, member));
        }
    }

    /// What a node advertises that can do `base` with or without them.
    pub(super) fn add_to(&self, base: &net::Capabilities) -> net::Capabilities {
        let mut all = base.clone();
        for (capability, count) in &self.capabilities {
            let (word, bit) = (*capability as usize / 64, 1 << (capability % 64));
            if all.bitstring.len() <= word {
                all.bitstring.resize(word + 1, 0);
            }
            all.bitstring[word] |= bit;
            let capacity = all.capacities.entry(*capability).or_default();
            *capacity = capacity.saturating_add(u32::try_from(*count).unwrap_or(u32::MAX));
        }
        all
    }

    /// As the operator sees them, the least loaded first.
    pub(super) fn view(&self) -> Vec<RemoteTranscoder> {
        let ordered = self.order.iter().filter_map(|rank| self.members.get(&rank.id));
        ordered.map(Member::view).collect()
    }
}

/// How often each of the capabilities is there: as said, or once (`go-livepeer core/capabilities.go`).
fn counted(capabilities: &net::Capabilities) -> impl Iterator<Item = (u32, u32)> + '_ {
    let bits = capabilities
        .bitstring
        .iter()
        .zip(0_u32..)
        .flat_map(|(word, index)| {
            (0..64)
                .filter(move |bit| word >> bit & 1 == 1)
                .map(move |bit| index * 64 + bit)
        });
    bits.filter_map(|bit| {
        let count = match capabilities.capacities.is_empty() {
            true => 1,
            false => capabilities.capacities.get(&bit).copied().unwrap_or(0),
        };
        (count > 0).then_some((bit, count))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::capability::{Capability, CapabilitySet, job_message};

    fn introduction(capacity: u32, capabilities: net::Capabilities) -> Introduction {
        Introduction {
            address: None,
            capacity,
            capabilities,
        }
    }

    fn join(registry: &mut Registry, capacity: u32) -> MemberId {
        let usual = CapabilitySet::default_set().to_message("0.9.1");
        join_as(registry, capacity, usual)
    }

    fn join_as(registry: &mut Registry, capacity: u32, capabilities: net::Capabilities) -> MemberId {
        let (queue, _) = mpsc::channel(1);
        registry.join(introduction(capacity, capabilities), queue).0
    }

    fn select(registry: &mut Registry, session: &str) -> Result<MemberId, Nobody> {
        registry.select(session, None, &[])
    }

    #[test]
    fn the_least_loaded_by_capacity_is_chosen_and_keeps_the_session() {
        let mut registry = Registry::default();
        assert_eq!(select(&mut registry, "a"), Err(Nobody::Available));
        let (small, large) = (join(&mut registry, 1), join(&mut registry, 3));
        let chosen: Vec<_> = ["a", "b", "c", "d"]
            .map(|session| select(&mut registry, session).unwrap())
            .to_vec();
        assert_eq!(chosen, [large, small, large, large]);
        assert!(!registry.has_room());
        assert_eq!(select(&mut registry, "e"), Err(Nobody::Available));
        assert_eq!(select(&mut registry, "b"), Ok(small));
        assert_eq!(registry.release("b"), Some(small));
        assert_eq!(select(&mut registry, "e"), Ok(small));
        // One that leaves takes its sessions along.
        registry.leave(large).unwrap();
        assert_eq!(select(&mut registry, "a"), Err(Nobody::Available));
        assert!(registry.leave(large).is_none());
        assert_eq!(registry.capacity(), 1);
    }

    #[test]
    fn only_those_that_can_do_it_get_it() {
        let mut registry = Registry::default();
        let usual = join(&mut registry, 1);
        let mut set = CapabilitySet::default_set();
        set.insert(Capability::HevcDecode);
        let able = join_as(&mut registry, 1, set.to_message("0.9.1-lpctl"));
        let old = join_as(&mut registry, 1, set.to_message("undefined"));
        let job = job_message(&CapabilitySet::from_iter([Capability::HevcDecode]), "0.9.0");
        assert_eq!(registry.select("a", Some(&job), &[]), Ok(able));
        // The only one is full.
        assert_eq!(registry.select("b", Some(&job), &[]), Err(Nobody::Available));
        let any = job_message(&CapabilitySet::from_iter([Capability::H264]), "");
        assert_eq!(registry.select("b", Some(&any), &[usual]), Ok(old));
        let none = job_message(&CapabilitySet::from_iter([Capability::Byoc]), "");
        assert_eq!(registry.select("b", Some(&none), &[]), Err(Nobody::Capable));
        // A session whose transcoder cannot do what it wants now moves.
        registry.release("a");
        assert_eq!(registry.select("b", Some(&job), &[]), Ok(able));
        assert!(registry.holder("b").is_some());
    }

    #[test]
    fn capabilities_come_and_go_with_transcoders() {
        let mut registry = Registry::default();
        let base = CapabilitySet::default_set().to_message("1");
        let mut set = CapabilitySet::from_iter([Capability::H264]);
        set.insert(Capability::HevcDecode);
        let mut message = set.to_message("1");
        let first = join_as(&mut registry, 1, message.clone());
        message.capacities.clear();
        let second = join_as(&mut registry, 1, message);
        let all = registry.add_to(&base);
        assert!(CapabilitySet::from_words(&all.bitstring).contains(Capability::HevcDecode));
        assert_eq!(
            (all.capacities[&15], all.capacities[&0], all.capacities[&1]),
            (2, 3, 1)
        );
        registry.leave(first);
        assert_eq!(registry.add_to(&base).capacities[&15], 1);
        registry.leave(second);
        assert_eq!(registry.add_to(&base), base);
    }

    proptest! {
        /// Sessions that come and go in any order: nobody is over capacity, no count is lost, and as long as sessions
        /// only come, equal transcoders differ by one at most.
        #[test]
        fn load_is_counted_and_balanced(
            capacities in prop::collection::vec(1_u32..6, 1..8),
            steps in prop::collection::vec((0_u8..40, 0_u8..4), 0..200),
        ) {
            let mut registry = Registry::default();
            for capacity in &capacities {
                join(&mut registry, *capacity);
            }
            let total: u32 = capacities.iter().sum();
            let mut open = HashSet::new();
            for (session, action) in steps {
                let name = session.to_string();
                if action == 0 {
                    prop_assert_eq!(registry.release(&name).is_some(), open.remove(&name));
                } else if select(&mut registry, &name).is_ok() {
                    open.insert(name);
                } else {
                    prop_assert_eq!(open.len() as u32, total);
                    prop_assert!(!open.contains(&name));
                }
                let view = registry.view();
                prop_assert!(view.iter().all(|member| member.load <= member.capacity));
                prop_assert_eq!(view.iter().map(|member| member.load as usize).sum::<usize>(), open.len());
                let in_order = view.is_sorted_by(|a, b| a.load * b.capacity <= b.load * a.capacity);
                prop_assert!(in_order);
            }
        }

        #[test]
        fn equals_differ_by_one_session_at_most(count in 1_usize..30, sessions in 0_usize..200) {
            let mut registry = Registry::default();
            for _ in 0..count {
                join(&mut registry, 10);
            }
            for session in 0..sessions {
                let _ = select(&mut registry, &session.to_string());
            }
            let loads: Vec<u32> = registry.view().iter().map(|member| member.load).collect();
            prop_assert!(loads.iter().max().unwrap() - loads.iter().min().unwrap() <= 1);
        }
    }
}
