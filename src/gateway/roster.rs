//! A stream's orchestrators: who is known to be quick, who is left out for a failure, and whose turn it is
//! (`go-livepeer server/selection.go`, `server/selection_algorithm.go`, `server/suspensions.go`).
//!
//! Pure: told what happened and what time it is, and asked for a choice.

use std::time::{Duration, Instant};

use alloy::primitives::Address;
use rand::Rng;
use url::Url;

use super::{
    discovery::Offer,
    orchestrator::{OrchestratorError, Session},
    price::Price,
};
use crate::wire::net;

#[cfg(test)]
mod tests;
mod untried;

pub use untried::Weights;

/// Most orchestrators a stream asks for (`go-livepeer server/broadcast.go`).
const WANTED: usize = 8;
/// Most orchestrators a stream keeps.
const MEMBERS: usize = 32;
/// A segment that is answered within its own playing time, as a score: thousandths.
const REAL_TIME: u32 = 1000;
/// Segments shorter than this count as this long.
const SHORTEST: Duration = Duration::from_millis(1500);
/// Time between two refreshes for the sake of those left out.
const SECOND_CHANCE: Duration = Duration::from_secs(30);
/// Time between two refreshes because too few are left.
const SCARCITY: Duration = Duration::from_secs(5);

/// Who is chosen among those not tried yet, and who never.
#[derive(Debug, Clone, Copy, Default)]
pub struct Selection {
    /// By price, stake and chance, as on the chain; without it the one that answered first.
    pub weights: Option<Weights>,
    /// Orchestrators that name a higher price are left out; without it any price will do.
    pub max_price: Option<Price>,
}

/// How long a segment takes in relation to its playing time, in thousandths.
#[must_use]
pub(super) fn latency_score(latency: Duration, playing: Duration) -> u32 {
    let permille = latency.as_millis() * 1000 / playing.max(SHORTEST).as_millis().max(1);
    // A score of nothing would be taken for none.
    u32::try_from(permille).unwrap_or(u32::MAX).max(1)
}

/// How old a segment on its way may be before no other joins it.
fn patience(playing: Duration) -> Duration {
    if playing <= Duration::from_secs(1) {
        SHORTEST
    } else {
        playing
    }
}

/// One orchestrator with a session.
#[derive(Debug)]
struct Member {
    offer: Offer,
    score: Option<u32>,
    /// Refreshes to come before it is used again.
    penalty: u32,
    flights: Vec<Flight>,
}

/// A segment on its way.
#[derive(Debug, Clone, Copy)]
struct Flight {
    number: u64,
    departed: Instant,
}

/// Who a segment was given to already.
#[derive(Debug, Default)]
pub(super) struct Tried {
    names: Vec<(String, bool)>,
    /// Whether only the trusted, or only strangers, may have it.
    only_trusted: Option<bool>,
}

impl Tried {
    /// From now on only the trusted, or only strangers, may have it.
    pub(super) fn limit_to(&mut self, trusted: bool) {
        self.only_trusted = Some(trusted);
    }

    /// Notes an orchestrator, and whether it may have the segment again when there is nobody else.
    pub(super) fn note(&mut self, transcoder: &str, again: bool) {
        match self.names.iter_mut().find(|(name, _)| name == transcoder) {
            Some((_, known)) => *known = again,
            None => self.names.push((transcoder.to_string(), again)),
        }
    }

    fn admits(&self, offer: &Offer) -> bool {
        self.only_trusted
            .is_none_or(|trusted| trusted == offer.is_trusted)
            && !self.has(&offer.session.transcoder)
    }

    fn has(&self, transcoder: &str) -> bool {
        self.names.iter().any(|(name, _)| name == transcoder)
    }

    fn may_have_again(&self, transcoder: &str) -> bool {
        self.names
            .iter()
            .any(|(name, again)| *again && name == transcoder)
    }
}

/// How far to go for someone who takes a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Someone in good standing who is free, or quick.
    Good,
    /// The busy and the suspended too.
    Others,
    /// Whoever there is: also those who had it already.
    Any,
}

/// A segment's place with an orchestrator.
#[derive(Debug, Clone)]
pub(super) struct Assignment {
    pub uri: Url,
    pub session: Session,
    flight: u64,
    /// Whether this orchestrator had this segment before.
    pub is_again: bool,
}

/// A session that is not used any more.
#[derive(Debug, Clone)]
pub(super) struct Retired {
    pub uri: Url,
    pub token: net::AuthToken,
}

impl Retired {
    /// To be told where its segments went, wherever it was found.
    fn new(found: Url, session: Session) -> Self {
        Self {
            uri: session.uri().unwrap_or(found),
            token: session.token,
        }
    }
}

/// One member as others may see it.
#[derive(Debug, Clone)]
pub(super) struct Standing {
    pub offer: Offer,
    pub score: Option<u32>,
    pub is_suspended: bool,
    pub in_flight: u32,
}

#[derive(Debug)]
pub(super) struct Roster {
    selection: Selection,
    members: Vec<Member>,
    last: Option<String>,
    /// The one whose pictures were compared and found right.
    favourite: Option<String>,
    flights: u64,
    /// How many could be asked at the last refresh.
    pool: usize,
    refreshed: Option<Instant>,
    used: Vec<String>,
    retired: Vec<Retired>,
}

impl Roster {
    pub(super) fn new(selection: Selection) -> Self {
        Self {
            selection,
            members: Vec::new(),
            last: None,
            favourite: None,
            flights: 0,
            pool: 0,
            refreshed: None,
            used: Vec::new(),
            retired: Vec::new(),
        }
    }

    /// How many offers a refresh should bring when so many can be asked.
    pub(super) fn wanted(pool: usize) -> usize {
        pool.clamp(1, WANTED)
    }

    /// Whether more orchestrators should be looked for while the stream goes on.
    pub(super) fn needs_refresh(&self, now: Instant) -> bool {
        let good = self.members.iter().filter(|member| member.penalty == 0).count();
        let threshold = WANTED.min(Self::wanted(self.pool).div_ceil(2));
        let since = self.refreshed.map(|then| now.saturating_duration_since(then));
        let older = |age: Duration| since.is_none_or(|since| since >= age);
        (good < threshold && older(SCARCITY)) || (good < self.members.len() && older(SECOND_CHANCE))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    pub(super) fn refreshed(&self) -> Option<Instant> {
        self.refreshed
    }

    pub(super) fn is_suspended(&self, transcoder: &str) -> bool {
        self.members
            .iter()
            .any(|member| member.penalty > 0 && member.transcoder() == transcoder)
    }

    /// Takes over what a refresh of `pool` candidates brought, and gives back why offers were not taken. Penalties get
    /// one refresh shorter; suspended orchestrators that did not answer are forgotten.
    pub(super) fn merge(
        &mut self,
        found: Vec<Offer>,
        pool: usize,
        now: Instant,
    ) -> Vec<(Url, OrchestratorError)> {
        self.pool = pool;
        self.refreshed = Some(now);
        let answered = |member: &Member| {
            found
                .iter()
                .any(|offer| offer.session.transcoder == member.transcoder())
        };
        let gone: Vec<String> = self
            .members
            .iter()
            .filter(|member| member.penalty > 0 && member.flights.is_empty() && !answered(member))
            .map(|member| member.transcoder().to_string())
            .collect();
        for transcoder in &gone {
            self.forget(transcoder);
        }
        for member in &mut self.members {
            member.penalty = member.penalty.saturating_sub(1);
        }
        let mut refused = Vec::new();
        for offer in found {
            let has_room = self.members.len() < MEMBERS;
            match self.member_mut(&offer.session.transcoder) {
                Some(member) => {
                    if let Err(error) = member.offer.session.keeps_account(offer.session.account) {
                        member.penalty = member.penalty.max(1);
                        refused.push((offer.uri, error));
                        continue;
                    }
                    member.offer.latency = offer.latency;
                    member.offer.is_trusted = offer.is_trusted;
                    member.offer.stake = offer.stake;
                }
                None if has_room => self.members.push(Member {
                    offer,
                    score: None,
                    penalty: 0,
                    flights: Vec::new(),
                }),
                None => {}
            }
        }
        self.members.sort_by_key(|member| member.offer.latency);
        refused
    }

    /// Gives a segment to someone.
    pub(super) fn choose(
        &mut self,
        now: Instant,
        playing: Duration,
        tried: &Tried,
        reach: Reach,
        chance: &mut impl Rng,
    ) -> Option<Assignment> {
        let fresh = |member: &Member| {
            member.penalty == 0 && tried.admits(&member.offer) && self.is_affordable(member)
        };
        let good = self
            .favoured(now, playing, &fresh)
            .or_else(|| self.reused(now, playing, &fresh))
            .or_else(|| self.choose_from_pool(&fresh, chance))
            .or_else(|| self.last_while(now, playing * 2, &fresh));
        let others = || self.least_loaded(&fresh).or_else(|| self.least_suspended(tried));
        let any = || match reach {
            Reach::Good => None,
            Reach::Others => others(),
            Reach::Any => others().or_else(|| self.once_more(tried)),
        };
        let index = good.or_else(any)?;
        self.flights += 1;
        let number = self.flights;
        let member = &mut self.members[index];
        member.flights.push(Flight {
            number,
            departed: now,
        });
        let transcoder = member.transcoder().to_string();
        let assignment = Assignment {
            uri: member.offer.uri.clone(),
            session: member.offer.session.clone(),
            flight: number,
            is_again: tried.has(&transcoder),
        };
        let id = &assignment.session.token.session_id;
        if !self.used.contains(id) {
            self.used.push(id.clone());
        }
        self.last = Some(transcoder);
        Some(assignment)
    }

    /// The one that is believed, while it keeps up.
    fn favoured(&self, now: Instant, playing: Duration, fresh: &impl Fn(&Member) -> bool) -> Option<usize> {
        let index = self.index(self.favourite.as_deref()?)?;
        let member = &self.members[index];
        let is_young = |oldest| now.saturating_duration_since(oldest) < patience(playing);
        (fresh(member) && member.oldest().is_none_or(is_young)).then_some(index)
    }

    /// The one before, if it is quick.
    fn reused(&self, now: Instant, playing: Duration, fresh: &impl Fn(&Member) -> bool) -> Option<usize> {
        let index = self.last_index().filter(|index| fresh(&self.members[*index]))?;
        let member = &self.members[index];
        let is_quick = match member.oldest() {
            None => member.score.is_some_and(|score| score <= REAL_TIME),
            Some(oldest) => now.saturating_duration_since(oldest) < patience(playing),
        };
        is_quick.then_some(index)
    }

    /// Among those with nothing to do: the best known if it is quick, else one not tried, else the best known.
    fn choose_from_pool(&self, fresh: &impl Fn(&Member) -> bool, chance: &mut impl Rng) -> Option<usize> {
        let idle = || {
            let members = self.members.iter().enumerate();
            members.filter(|(_, member)| member.flights.is_empty() && fresh(member))
        };
        let known = idle()
            .filter_map(|(index, member)| Some((member.score?, index)))
            .min();
        if let Some((score, index)) = known
            && score <= REAL_TIME
        {
            return Some(index);
        }
        let untried: Vec<(usize, &Offer)> = idle()
            .filter(|(_, member)| member.score.is_none())
            .map(|(index, member)| (index, &member.offer))
            .collect();
        untried::choose(&untried, self.selection.weights.as_ref(), chance).or(known.map(|(_, index)| index))
    }

    /// The one before, while its oldest segment is not older than this.
    fn last_while(&self, now: Instant, limit: Duration, fresh: &impl Fn(&Member) -> bool) -> Option<usize> {
        let index = self.last_index().filter(|index| fresh(&self.members[*index]))?;
        let oldest = self.members[index].oldest()?;
        (now.saturating_duration_since(oldest) < limit).then_some(index)
    }

    fn least_loaded(&self, fresh: &impl Fn(&Member) -> bool) -> Option<usize> {
        let members = self
            .members
            .iter()
            .enumerate()
            .filter(|(_, member)| fresh(member));
        members
            .min_by_key(|(_, member)| member.flights.len())
            .map(|(index, _)| index)
    }

    fn least_suspended(&self, tried: &Tried) -> Option<usize> {
        let members = self.members.iter().enumerate();
        members
            .filter(|(_, member)| tried.admits(&member.offer) && self.is_affordable(member))
            .min_by_key(|(_, member)| (member.penalty, member.flights.len()))
            .map(|(index, _)| index)
    }

    fn once_more(&self, tried: &Tried) -> Option<usize> {
        let members = self.members.iter().enumerate();
        members
            .filter(|(_, member)| tried.may_have_again(member.transcoder()) && self.is_affordable(member))
            .min_by_key(|(_, member)| (member.penalty, member.flights.len()))
            .map(|(index, _)| index)
    }

    /// An orchestrator without a price works for nothing.
    fn is_affordable(&self, member: &Member) -> bool {
        match (self.selection.max_price, member.offer.session.price_per_pixel()) {
            (Some(most), Some(price)) => price <= most,
            _ => true,
        }
    }

    /// Those that ask more than is paid, if there are no others.
    pub(super) fn all_too_dear(&self) -> Option<Vec<(Url, OrchestratorError)>> {
        let most = self.selection.max_price?;
        let dear = self.members.iter().map(|member| {
            let asks = member
                .offer
                .session
                .price_per_pixel()
                .filter(|price| *price > most)?;
            Some((
                member.offer.uri.clone(),
                OrchestratorError::TooDear { asks, most },
            ))
        });
        dear.collect::<Option<Vec<_>>>().filter(|dear| !dear.is_empty())
    }

    /// The same place with the session that is in use now.
    pub(super) fn in_session(&mut self, assignment: Assignment, session: Session) -> Assignment {
        let id = &session.token.session_id;
        if !self.used.contains(id) {
            self.used.push(id.clone());
        }
        Assignment {
            session,
            ..assignment
        }
    }

    /// A segment is back with its result.
    pub(super) fn done(&mut self, assignment: &Assignment, score: u32) {
        if let Some(member) = self.land(assignment) {
            member.score = Some(score);
        }
    }

    /// A segment is back without a result, through no fault of the orchestrator's: the segment's or ours.
    pub(super) fn released(&mut self, assignment: &Assignment) {
        self.land(assignment);
    }

    /// A segment failed: the orchestrator is left out for some refreshes, more in a larger pool, and has to show anew
    /// how quick it is.
    pub(super) fn failed(&mut self, assignment: &Assignment) {
        let wanted = Self::wanted(self.pool);
        let penalty = u32::try_from(self.pool.div_ceil(wanted))
            .unwrap_or(u32::MAX)
            .max(1);
        if let Some(member) = self.land(assignment) {
            member.penalty = member.penalty.max(penalty);
            member.score = None;
        }
        self.unlearn(&assignment.session.transcoder);
    }

    /// Neither the last one nor the favourite any more.
    fn unlearn(&mut self, transcoder: &str) {
        for place in [&mut self.last, &mut self.favourite] {
            if place.as_deref() == Some(transcoder) {
                *place = None;
            }
        }
    }

    /// This one's pictures were compared and are right: it comes first from now on.
    pub(super) fn favour(&mut self, transcoder: &str) {
        self.favourite = Some(transcoder.to_string());
    }

    pub(super) fn has_favourite(&self) -> bool {
        self.favourite.is_some()
    }

    fn land(&mut self, assignment: &Assignment) -> Option<&mut Member> {
        let member = self.member_mut(&assignment.session.transcoder)?;
        member.flights.retain(|flight| flight.number != assignment.flight);
        Some(member)
    }

    /// The session in use with an orchestrator.
    pub(super) fn session(&self, transcoder: &str) -> Option<&Session> {
        let mut members = self.members.iter();
        members
            .find(|member| member.transcoder() == transcoder)
            .map(|member| &member.offer.session)
    }

    /// Takes over what an answer says, if its session is still the one in use.
    ///
    /// # Errors
    /// As [`Session::adopt`].
    pub(super) fn adopt(
        &mut self,
        assignment: &Assignment,
        info: &net::OrchestratorInfo,
    ) -> Result<(), OrchestratorError> {
        let answered = &assignment.session;
        match self.member_mut(&answered.transcoder) {
            Some(member) if member.offer.session.token.session_id == answered.token.session_id => {
                member.offer.session.adopt(info)
            }
            _ => answered.clone().adopt(info),
        }
    }

    /// Puts a new session in the place of an old one.
    ///
    /// # Errors
    /// [`OrchestratorError::OtherAccount`] or [`OrchestratorError::PriceDoubled`]; the old one stays.
    pub(super) fn replace(&mut self, transcoder: &str, mut new: Session) -> Result<(), OrchestratorError> {
        let Some(member) = self.member_mut(transcoder) else {
            return Ok(());
        };
        let uri = member.offer.uri.clone();
        let current = &member.offer.session;
        let judged = current.keeps_account(new.account);
        if let Err(error) = judged.and_then(|()| new.follows(current)) {
            // Not used, but to be given back with the others.
            self.retired.push(Retired::new(uri, new));
            return Err(error);
        }
        let old = std::mem::replace(&mut member.offer.session, new);
        self.retire(uri, old);
        Ok(())
    }

    /// Drops an orchestrator.
    pub(super) fn forget(&mut self, transcoder: &str) {
        let place = self
            .members
            .iter()
            .position(|member| member.transcoder() == transcoder);
        if let Some(place) = place {
            let member = self.members.remove(place);
            self.retire(member.offer.uri, member.offer.session);
        }
        self.unlearn(transcoder);
    }

    /// A session that was never used holds nothing.
    fn retire(&mut self, uri: Url, session: Session) {
        if let Some(place) = self.used.iter().position(|id| *id == session.token.session_id) {
            self.used.remove(place);
            self.retired.push(Retired::new(uri, session));
        }
    }

    /// Sessions to be given back, oldest first, but not the youngest `keep`, which may hold work.
    pub(super) fn take_retired(&mut self, keep: usize) -> Vec<Retired> {
        let surplus = self.retired.len().saturating_sub(keep);
        self.retired.drain(..surplus).collect()
    }

    /// All sessions that were used and are not given back yet; none is used any more.
    pub(super) fn disband(&mut self) -> Vec<Retired> {
        for member in std::mem::take(&mut self.members) {
            self.retire(member.offer.uri, member.offer.session);
        }
        self.last = None;
        self.take_retired(0)
    }

    pub(super) fn standings(&self) -> Vec<Standing> {
        let standing = |member: &Member| Standing {
            offer: member.offer.clone(),
            score: member.score,
            is_suspended: member.penalty > 0,
            in_flight: u32::try_from(member.flights.len()).unwrap_or(u32::MAX),
        };
        self.members.iter().map(standing).collect()
    }

    /// Accounts in use, the one used last first.
    pub(super) fn accounts(&self) -> Vec<Address> {
        let last = self.last.as_deref();
        let mut members: Vec<&Member> = self.members.iter().collect();
        members.sort_by_key(|member| Some(member.transcoder()) != last);
        members
            .into_iter()
            .filter_map(|member| member.offer.session.account)
            .collect()
    }

    fn last_index(&self) -> Option<usize> {
        self.index(self.last.as_deref()?)
    }

    fn index(&self, transcoder: &str) -> Option<usize> {
        self.members
            .iter()
            .position(|member| member.transcoder() == transcoder)
    }

    fn member_mut(&mut self, transcoder: &str) -> Option<&mut Member> {
        self.members
            .iter_mut()
            .find(|member| member.transcoder() == transcoder)
    }
}

impl Member {
    fn transcoder(&self) -> &str {
        &self.offer.session.transcoder
    }

    fn oldest(&self) -> Option<Instant> {
        self.flights.iter().map(|flight| flight.departed).min()
    }
}
