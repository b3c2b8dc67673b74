//! Asking many orchestrators at once and taking those that answer first.

use std::{
    collections::{HashSet, VecDeque},
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use alloy::primitives::Address;
use futures_util::{FutureExt, StreamExt, stream::FuturesUnordered};
use rand::seq::SliceRandom;
use tokio::time::timeout_at;
use url::Url;

use super::Candidate;
use crate::{
    gateway::{
        orchestrator::{Orchestrator, OrchestratorError, Session},
        payment::PaymentError,
    },
    payments::TicketSender,
    units::Lpt,
    wire::{client::parse_node_address, net, signature::MessageSigner},
};

/// How long the first answer is waited for; then whoever is there is taken, or the wait doubled.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// How long all of it may take.
const WAIT: Duration = Duration::from_secs(6);
/// Orchestrators asked at the same time.
const AT_ONCE: usize = 64;

/// A session an orchestrator offers, and what was known of it before.
#[derive(Debug, Clone)]
pub struct Offer {
    /// Where it was asked.
    pub uri: Url,
    /// What it offers.
    pub session: Session,
    /// How long it took to answer.
    pub latency: Duration,
    /// Whether its operator is known.
    pub is_trusted: bool,
    /// Stake behind it, if it was found on the chain.
    pub stake: Option<Lpt>,
}

/// What is asked for, and of whom it is not taken.
pub(in crate::gateway) struct Ask<'a> {
    pub signer: &'a Arc<dyn MessageSigner>,
    pub job: &'a net::Capabilities,
    /// After so many offers of orchestrators that are not suspended no more are waited for.
    pub wanted: usize,
    /// How many of the further addresses each one names are asked as well.
    pub extra_nodes: usize,
    pub blocked: &'a HashSet<Address>,
    /// Who has to make the tickets an orchestrator wants.
    pub payer: Option<&'a TicketSender>,
    /// By the address for segments.
    pub is_suspended: &'a (dyn Fn(&str) -> bool + Send + Sync),
}

/// What came of asking.
#[derive(Debug, Default)]
pub(in crate::gateway) struct Found {
    /// At most one for each address for segments, the quickest first.
    pub offers: Vec<Offer>,
    /// Who was asked and gave none, and why.
    pub refusals: Vec<(Url, OrchestratorError)>,
}

/// Nobody gives a session.
#[derive(Debug, Default)]
pub struct Nobody {
    /// Who was asked, and why there is no session with them.
    pub refusals: Vec<(Url, OrchestratorError)>,
    /// Why nobody could be asked, if that is so.
    pub no_list: Option<super::SourceError>,
}

impl Nobody {
    /// True if those who were asked may be down, all of them.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        let mut errors = self.refusals.iter().map(|(_, error)| error);
        self.no_list.is_some() || (!self.refusals.is_empty() && errors.all(OrchestratorError::is_unreachable))
    }
}

impl std::error::Error for Nobody {}

impl fmt::Display for Nobody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.no_list, self.refusals.as_slice()) {
            (Some(error), _) => error.fmt(f),
            (None, []) => f.write_str("there are no orchestrators to ask"),
            (None, [(_, error)]) => error.fmt(f),
            (None, [(uri, error), rest @ ..]) => {
                let uri = uri.as_str().trim_end_matches('/');
                write!(
                    f,
                    "none of {} orchestrators gives a session; {uri}: {error}",
                    rest.len() + 1
                )
            }
        }
    }
}

/// Who is asked at which level: those an orchestrator names are asked, those they name are not.
struct Question {
    candidate: Candidate,
    is_named_by_another: bool,
}

/// Asks all of them in random order, many at a time, each over a connection of its own.
pub(in crate::gateway) async fn ask(candidates: &[Candidate], ask: &Ask<'_>) -> Found {
    let mut waiting: Vec<Question> = candidates
        .iter()
        .map(|candidate| Question {
            candidate: candidate.clone(),
            is_named_by_another: false,
        })
        .collect();
    waiting.shuffle(&mut rand::rng());
    let mut asked: HashSet<Url> = candidates.iter().map(|candidate| candidate.uri.clone()).collect();
    let mut waiting = VecDeque::from(waiting);
    let mut running = FuturesUnordered::new();
    let mut found = Found::default();
    let start = tokio::time::Instant::now();
    let mut wait = FIRST_WAIT;
    let mut deadline = start + wait;
    // Those on their way, to be told apart from those who refused.
    let mut unheard: HashSet<Url> = HashSet::new();
    loop {
        while running.len() < AT_ONCE
            && let Some(question) = waiting.pop_front()
        {
            unheard.insert(question.candidate.uri.clone());
            running.push(put(question, ask).boxed());
        }
        let answer = match timeout_at(deadline, running.next()).await {
            Ok(Some(answer)) => answer,
            Ok(None) => break,
            Err(_) => {
                wait *= 2;
                let next = (deadline + wait).min(start + WAIT);
                if found.usable(ask) > 0 || next <= deadline {
                    break;
                }
                deadline = next;
                continue;
            }
        };
        let (question, latency, answer) = answer;
        unheard.remove(&question.candidate.uri);
        match answer {
            Ok(session) => {
                if !question.is_named_by_another {
                    waiting.extend(named(&session, &question.candidate, ask.extra_nodes, &mut asked));
                }
                found.take(question.candidate, session, latency);
            }
            Err(error) => {
                tracing::debug!(uri = %question.candidate.uri, %error, "no session");
                found.refusals.push((question.candidate.uri, error));
            }
        }
        if found.usable(ask) >= ask.wanted.max(1) {
            break;
        }
    }
    let late = unheard
        .into_iter()
        .chain(waiting.into_iter().map(|question| question.candidate.uri));
    found
        .refusals
        .extend(late.map(|uri| (uri, OrchestratorError::Late)));
    found
}

impl Found {
    /// Offers of orchestrators that are not suspended.
    fn usable(&self, ask: &Ask<'_>) -> usize {
        let usable = |offer: &&Offer| !(ask.is_suspended)(&offer.session.transcoder);
        self.offers.iter().filter(usable).count()
    }

    /// Two addresses of one orchestrator are one: the first to answer counts.
    fn take(&mut self, candidate: Candidate, session: Session, latency: Duration) {
        let is_new = self
            .offers
            .iter()
            .all(|offer| offer.session.transcoder != session.transcoder);
        if is_new {
            self.offers.push(Offer {
                uri: candidate.uri,
                session,
                latency,
                is_trusted: candidate.is_trusted,
                stake: candidate.stake,
            });
        }
    }
}

/// Asks one and judges its answer.
async fn put(question: Question, ask: &Ask<'_>) -> (Question, Duration, Result<Session, OrchestratorError>) {
    let start = Instant::now();
    let orchestrator = Orchestrator::new(question.candidate.uri.clone(), Arc::clone(ask.signer));
    let answer = orchestrator.open(ask.job).await;
    let latency = start.elapsed();
    let judged = match answer {
        Ok(session) => match judge(&session, &question.candidate, ask).await {
            Ok(()) => Ok(session),
            Err(error) => Err(error),
        },
        Err(error) => Err(error),
    };
    (question, latency, judged)
}

/// Whether this orchestrator may be used.
async fn judge(session: &Session, candidate: &Candidate, ask: &Ask<'_>) -> Result<(), OrchestratorError> {
    if let Some(account) = session.account
        && ask.blocked.contains(&account)
    {
        return Err(OrchestratorError::Blocked(account));
    }
    // One from the chain's registry works for tickets, and whoever works for tickets names all of this.
    if candidate.account.is_some() {
        let facts = [
            (session.account.is_some(), "account"),
            (session.price.is_some(), "price"),
            (session.wants_tickets, "ticket parameters"),
        ];
        if let Some((_, what)) = facts.into_iter().find(|(is_there, _)| !is_there) {
            return Err(OrchestratorError::Lacks(what));
        }
    }
    if let (Some(payer), Some(parameters)) = (ask.payer, &session.parameters) {
        payer.check(parameters, 1).await.map_err(PaymentError::from)?;
    }
    Ok(())
}

/// Further addresses an orchestrator names that were not asked yet; they are trusted as it is.
fn named(session: &Session, by: &Candidate, most: usize, asked: &mut HashSet<Url>) -> Vec<Question> {
    let addresses = session.nodes.iter().take(most);
    addresses
        .filter_map(|address| parse_node_address(address).ok())
        .filter(|uri| asked.insert(uri.clone()))
        .map(|uri| Question {
            candidate: Candidate { uri, ..by.clone() },
            is_named_by_another: true,
        })
        .collect()
}
