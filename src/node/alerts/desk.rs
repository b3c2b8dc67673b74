//! When somebody is told: once when it begins, again while it lasts, once when it is over. Decided from notices and time
//! that passed alone; what the clock says plays no part in it.

use std::{collections::BTreeMap, path::Path, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Alert, AlertState,
    rules::{RULES, Severity},
};
use crate::{private_file, view::node::Notice};

/// A trouble that is gone for less than this may be back.
const CALM: Duration = Duration::from_secs(60);
/// After a start it takes a while until what held before can be seen again.
const WARM_UP: Duration = Duration::from_secs(120);
/// More than any state file of ours.
const MOST_BYTES: u64 = 256 << 10;

/// How one code is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Treatment {
    pub(super) severity: Severity,
    pub(super) hold: Duration,
    pub(super) is_event: bool,
    pub(super) is_told: bool,
}

/// What was told of a code, as it is kept over a restart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Told {
    /// Since when it holds.
    since: Timestamp,
    /// The last message.
    message: String,
    /// Seconds since it was last told.
    quiet_seconds: u64,
}

#[derive(Debug, Default)]
struct Case {
    /// How long it has held without being told.
    held: Duration,
    /// How long it has been gone.
    gone: Duration,
    /// What was told, and how long ago.
    told: Option<(Told, Duration)>,
}

/// Remembers what was told.
#[derive(Debug)]
pub(super) struct Desk {
    treatments: BTreeMap<&'static str, Treatment>,
    repeat: Option<Duration>,
    cases: BTreeMap<&'static str, Case>,
    age: Duration,
}

/// The state file's whole content.
type Kept = BTreeMap<String, Told>;

impl Desk {
    pub(super) fn new(treatments: BTreeMap<&'static str, Treatment>, repeat: Option<Duration>) -> Self {
        Self {
            treatments,
            repeat,
            cases: BTreeMap::new(),
            age: Duration::ZERO,
        }
    }

    /// Takes over what an earlier run had told. A file that cannot be read, or is none of ours, is as good as none.
    pub(super) fn remember(&mut self, path: &Path) {
        let is_small = std::fs::metadata(path).is_ok_and(|file| file.len() <= MOST_BYTES);
        let text = is_small.then(|| std::fs::read(path).ok()).flatten();
        let Some(text) = text else { return };
        let kept: Kept = match serde_json::from_slice(&text) {
            Ok(kept) => kept,
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "what was told before the restart cannot be read: some alerts may come again");
                return;
            }
        };
        for rule in RULES {
            if let Some(told) = kept.get(rule.code) {
                let quiet = Duration::from_secs(told.quiet_seconds);
                let case = self.cases.entry(rule.code).or_default();
                case.told = Some((told.clone(), quiet));
            }
        }
    }

    /// Keeps what was told for the next run.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn keep(&self, path: &Path) -> std::io::Result<()> {
        let kept: BTreeMap<_, _> = self
            .cases
            .iter()
            .filter_map(|(code, case)| {
                let (told, quiet) = case.told.as_ref()?;
                let told = Told {
                    quiet_seconds: quiet.as_secs(),
                    ..told.clone()
                };
                Some((*code, told))
            })
            .collect();
        let text = serde_json::to_vec(&kept).map_err(std::io::Error::from)?;
        private_file::replace(path, text)
    }

    /// What is to be told now that `passed` went by and these notices hold.
    pub(super) fn update(&mut self, now: Timestamp, passed: Duration, notices: &[Notice]) -> Vec<Alert> {
        self.age = self.age.saturating_add(passed);
        let mut alerts = Vec::new();
        for rule in RULES {
            let Some(treatment) = self
                .treatments
                .get(rule.code)
                .filter(|treatment| treatment.is_told)
            else {
                // Turned off since it was told: nobody waits for its end.
                self.cases.remove(rule.code);
                continue;
            };
            let notice = notices.iter().find(|notice| notice.code == rule.code);
            if notice.is_none() && !self.cases.contains_key(rule.code) {
                continue;
            }
            let case = self.cases.entry(rule.code).or_default();
            let alert = |state, message: &str, since| Alert {
                code: rule.code,
                severity: treatment.severity,
                state,
                message: message.to_string(),
                next: rule.next,
                since,
                time: now,
            };
            if let Some((_, quiet)) = &mut case.told {
                *quiet = quiet.saturating_add(passed);
            }
            let Some(notice) = notice else {
                case.held = Duration::ZERO;
                case.gone = case.gone.saturating_add(passed);
                let calm = match self.age < WARM_UP {
                    true => WARM_UP,
                    false => CALM.min(treatment.hold.max(passed)),
                };
                match &case.told {
                    None => drop(self.cases.remove(rule.code)),
                    Some((told, _)) if treatment.is_event || case.gone >= calm => {
                        if !treatment.is_event {
                            alerts.push(alert(AlertState::Recovered, &told.message, told.since));
                        }
                        self.cases.remove(rule.code);
                    }
                    Some(_) => {}
                }
                continue;
            };
            case.gone = Duration::ZERO;
            let state = match &case.told {
                Some((told, _)) if treatment.is_event && told.message != notice.message => {
                    Some(AlertState::Began)
                }
                Some((_, quiet)) => {
                    let is_due = self.repeat.is_some_and(|repeat| *quiet >= repeat) && !treatment.is_event;
                    is_due.then_some(AlertState::Lasts)
                }
                None if case.held >= treatment.hold => Some(AlertState::Began),
                None => {
                    case.held = case.held.saturating_add(passed);
                    None
                }
            };
            if let Some(state) = state {
                let since = case.told.as_ref().map_or(notice.since, |(told, _)| told.since);
                let told = Told {
                    since,
                    message: notice.message.clone(),
                    quiet_seconds: 0,
                };
                case.told = Some((told, Duration::ZERO));
                alerts.push(alert(state, &notice.message, since));
            }
        }
        alerts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICK: Duration = Duration::from_secs(5);

    fn desk(repeat: Option<u64>) -> Desk {
        let treatments = RULES.iter().map(|rule| {
            let treatment = Treatment {
                severity: rule.severity,
                hold: rule.hold(),
                is_event: rule.is_event,
                is_told: rule.severity != Severity::Info,
            };
            (rule.code, treatment)
        });
        Desk::new(treatments.collect(), repeat.map(Duration::from_secs))
    }

    fn notice(code: &str, message: &str) -> Notice {
        Notice {
            since: Timestamp::UNIX_EPOCH,
            code: code.into(),
            message: message.into(),
            urgent: true,
        }
    }

    /// What is told in so many ticks, and at which of them.
    fn told(desk: &mut Desk, ticks: usize, notices: &[Notice]) -> Vec<(usize, &'static str, AlertState)> {
        let mut all = Vec::new();
        for tick in 0..ticks {
            // The clock jumps about: it is not asked.
            let now = Timestamp::from_second(if tick % 2 == 0 { 4_000_000_000 } else { 1 }).unwrap();
            let alerts = desk.update(now, TICK, notices);
            all.extend(alerts.into_iter().map(|alert| (tick, alert.code, alert.state)));
        }
        all
    }

    #[test]
    fn it_is_told_once_when_it_held_and_once_when_it_is_over() {
        let mut desk = desk(None);
        let stale = [notice("chain_stale", "old")];
        // 60 seconds of hold are twelve ticks.
        assert_eq!(
            told(&mut desk, 100, &stale),
            [(12, "chain_stale", AlertState::Began)]
        );
        // A moment without it is no end.
        assert_eq!(told(&mut desk, 11, &[]), []);
        assert_eq!(told(&mut desk, 3, &stale), []);
        assert_eq!(
            told(&mut desk, 100, &[]),
            [(11, "chain_stale", AlertState::Recovered)]
        );
        // What never lasted is never told.
        assert_eq!(told(&mut desk, 12, &stale), []);
        assert_eq!(told(&mut desk, 100, &[]), []);
    }

    #[test]
    fn what_lasts_is_told_again_and_events_have_no_end() {
        let mut desk = desk(Some(100));
        let books = [notice("books_not_written", "full")];
        let all = told(&mut desk, 45, &books);
        assert_eq!(
            all,
            [
                (0, "books_not_written", AlertState::Began),
                (20, "books_not_written", AlertState::Lasts),
                (40, "books_not_written", AlertState::Lasts)
            ]
        );
        let mut desk = super::tests::desk(Some(10));
        let left = |who: &str| [notice("transcoder_left", who)];
        assert_eq!(
            told(&mut desk, 9, &left("a")),
            [(0, "transcoder_left", AlertState::Began)]
        );
        assert_eq!(
            told(&mut desk, 2, &left("b")),
            [(0, "transcoder_left", AlertState::Began)]
        );
        assert_eq!(told(&mut desk, 90, &[]), []);
        assert_eq!(
            told(&mut desk, 2, &left("b")),
            [(0, "transcoder_left", AlertState::Began)]
        );
        // Not asked for, and not known.
        assert_eq!(
            told(
                &mut desk,
                200,
                &[notice("sessions_full", "x"), notice("strange", "x")]
            ),
            []
        );
    }

    #[test]
    fn a_restart_repeats_nothing_and_forgets_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("alerts.json");
        let stale = [notice("chain_stale", "old")];
        let mut first = desk(None);
        assert_eq!(told(&mut first, 20, &stale).len(), 1);
        first.keep(&path).unwrap();

        let mut second = desk(None);
        second.remember(&path);
        assert_eq!(told(&mut second, 50, &stale), []);
        let mut third = desk(None);
        third.remember(&path);
        // It takes a while after a start until anything is known.
        let over = told(&mut third, 100, &[]);
        assert_eq!(over, [(23, "chain_stale", AlertState::Recovered)]);
        third.keep(&path).unwrap();
        let mut fourth = desk(None);
        fourth.remember(&path);
        assert_eq!(told(&mut fourth, 100, &[]), []);

        for rubbish in ["", "[]", "{\"chain_stale\":7}", "\u{0}"] {
            std::fs::write(&path, rubbish).unwrap();
            let mut desk = desk(None);
            desk.remember(&path);
            assert_eq!(told(&mut desk, 20, &stale).len(), 1, "{rubbish}");
        }
    }
}
