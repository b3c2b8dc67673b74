//! What the operator has done to nodes: asked for, shown as a plan, confirmed by one key, told what became of it. One at a
//! time. Nothing is done here: orders go out, plans and answers come in.

use std::time::{Duration, Instant};

use crate::{
    app::ANSWER_SHOWN,
    feed::{FeedState, Link},
    keymap::{Deed, Mode},
};

/// A value is never longer.
const LONGEST_VALUE: usize = 80;

/// Something that is to be done, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Errand {
    /// Call the round's reward.
    Reward,
    /// Redeem the winning tickets that can be redeemed.
    Redeem,
    /// Take no new sessions.
    Drain,
    /// End the session with this id.
    EndSession(String),
    /// Ask gateways for this price, as it was typed.
    Price(String),
    /// Take so many sessions at once, as it was typed.
    MaxSessions(String),
}

impl Errand {
    /// What it is called while it is under way.
    #[must_use]
    pub fn words(&self) -> &'static str {
        match self {
            Self::Reward => "calling reward",
            Self::Redeem => "redeeming tickets",
            Self::Drain => "asking the node to drain",
            Self::EndSession(_) => "ending the session",
            Self::Price(_) => "changing the price",
            Self::MaxSessions(_) => "changing the sessions at once",
        }
    }
}

/// An errand for a node. The number tells orders apart, so that a late plan is not taken for another's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Which one it is.
    pub number: u64,
    /// For which node, as in [`crate::Look::nodes`].
    pub node: usize,
    /// What is to be done.
    pub errand: Errand,
}

/// How a line of a plan is to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// As it is.
    Plain,
    /// Something that holds.
    Good,
    /// Costs or risks something.
    Warning,
    /// Stands in the way.
    Refusal,
}

/// What an order would do: the same the command prints before it asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Of which order.
    pub number: u64,
    /// What it does, in a line.
    pub title: String,
    /// What changes, what it costs, what stands in its way. May hold text from outside.
    pub lines: Vec<(Weight, String)>,
    /// Whether it can be done.
    pub is_possible: bool,
}

/// What became of an order, in a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Whether it was done.
    pub done: bool,
    /// The sentence. May hold text from outside.
    pub message: String,
}

/// Where the order in front is.
#[derive(Debug, Clone)]
pub enum Stage {
    /// Its value is being typed.
    Value {
        /// For which node.
        node: usize,
        /// Which of the two that take one.
        deed: Deed,
        /// What was typed so far.
        text: String,
        /// What holds now.
        now: String,
    },
    /// Its plan was asked for.
    Preparing(Order, Instant),
    /// Its plan is on the screen.
    Shown(Order, Plan),
}

/// The order in front, the one under way, and the last answer.
#[derive(Debug, Default)]
pub struct Deeds {
    stage: Option<Stage>,
    under_way: Option<(Order, Instant)>,
    answer: Option<(Instant, Answer)>,
    last_number: u64,
}

impl Deeds {
    /// The dialog that is open.
    #[must_use]
    pub fn stage(&self) -> Option<&Stage> {
        self.stage.as_ref()
    }

    /// What the open dialog does with keys; none if none is open.
    #[must_use]
    pub fn mode(&self) -> Option<Mode> {
        Some(match self.stage.as_ref()? {
            Stage::Value { .. } => Mode::Value,
            Stage::Shown(_, plan) if plan.is_possible => Mode::Question,
            Stage::Preparing(..) | Stage::Shown(..) => Mode::Popup,
        })
    }

    /// The last answer, while it is new.
    #[must_use]
    pub fn answer(&self, now: Instant) -> Option<&Answer> {
        let (shown, answer) = self.answer.as_ref()?;
        (now < *shown + ANSWER_SHOWN).then_some(answer)
    }

    /// What is being done, and for how long.
    #[must_use]
    pub fn under_way(&self, now: Instant) -> Option<(&'static str, Duration)> {
        let (order, since) = self.under_way.as_ref()?;
        Some((order.errand.words(), now.saturating_duration_since(*since)))
    }

    /// When something of it next changes on the screen.
    #[must_use]
    pub fn next_change(&self, now: Instant) -> Option<Instant> {
        let answer_goes = self
            .answer
            .as_ref()
            .map(|(shown, _)| *shown + ANSWER_SHOWN)
            .filter(|goes| *goes > now);
        let waiting = match &self.stage {
            Some(Stage::Preparing(_, since)) => Some(*since),
            _ => self.under_way.as_ref().map(|(_, since)| *since),
        };
        let next_second = waiting.map(|since| {
            let age = now.saturating_duration_since(since);
            since + Duration::from_secs(age.as_secs() + 1)
        });
        [answer_goes, next_second].into_iter().flatten().min()
    }

    /// Says why something is not done.
    pub fn refuse(&mut self, reason: &str, now: Instant) {
        let message = reason.to_string();
        self.answer = Some((now, Answer { done: false, message }));
    }

    /// A key asked for something: an order to be prepared, or a dialog for its value.
    pub fn ask(
        &mut self,
        deed: Deed,
        node: usize,
        feed: &FeedState,
        session: Option<String>,
        now: Instant,
    ) -> Option<Order> {
        let (Link::Live, Some(reading)) = (&feed.link, &feed.reading) else {
            self.refuse("not connected to the node: nothing was asked of it", now);
            return None;
        };
        if self.under_way.is_some() {
            self.refuse("the last request has not been answered yet", now);
            return None;
        }
        let status = &reading.status;
        let errand = match deed {
            Deed::Reward => Errand::Reward,
            Deed::Redeem => Errand::Redeem,
            Deed::Drain if status.draining => {
                self.refuse("the node is draining already", now);
                return None;
            }
            Deed::Drain => Errand::Drain,
            Deed::EndSession => match session {
                Some(id) => Errand::EndSession(id),
                None => {
                    self.refuse("no session is selected", now);
                    return None;
                }
            },
            Deed::Price => {
                let price = status.payments.as_ref().map(|payments| payments.price.clone());
                let Some(price) = price else {
                    self.refuse("this node asks for no payment, so it has no price", now);
                    return None;
                };
                self.open_value(deed, node, price);
                return None;
            }
            Deed::MaxSessions => {
                self.open_value(deed, node, status.max_sessions.to_string());
                return None;
            }
        };
        Some(self.order(node, errand, now))
    }

    fn open_value(&mut self, deed: Deed, node: usize, now: String) {
        self.stage = Some(Stage::Value {
            node,
            deed,
            text: String::new(),
            now,
        });
    }

    fn order(&mut self, node: usize, errand: Errand, now: Instant) -> Order {
        self.last_number += 1;
        let order = Order {
            number: self.last_number,
            node,
            errand,
        };
        self.answer = None;
        self.stage = Some(Stage::Preparing(order.clone(), now));
        order
    }

    /// Letters of a value. Control characters are left out.
    pub fn type_text(&mut self, letters: &str) {
        if let Some(Stage::Value { text, .. }) = &mut self.stage {
            let room = LONGEST_VALUE.saturating_sub(text.chars().count());
            text.extend(letters.chars().filter(|letter| !letter.is_control()).take(room));
        }
    }

    /// Takes the value's last letter away.
    pub fn delete_letter(&mut self) {
        if let Some(Stage::Value { text, .. }) = &mut self.stage {
            text.pop();
        }
    }

    /// The value is there: its plan is asked for. An empty one changes nothing.
    pub fn submit(&mut self, now: Instant) -> Option<Order> {
        let Some(Stage::Value { node, deed, text, .. }) = &self.stage else {
            return None;
        };
        let (node, text) = (*node, text.trim().to_string());
        if text.is_empty() {
            self.stage = None;
            return None;
        }
        let errand = match deed {
            Deed::Price => Errand::Price(text),
            _ => Errand::MaxSessions(text),
        };
        Some(self.order(node, errand, now))
    }

    /// The plan of the order in front. One that was closed meanwhile is not shown any more.
    pub fn take_plan(&mut self, plan: Plan) {
        if let Some(Stage::Preparing(order, _)) = &self.stage
            && order.number == plan.number
        {
            self.stage = Some(Stage::Shown(order.clone(), plan));
        }
    }

    /// The operator said yes.
    pub fn confirm(&mut self, now: Instant) -> Option<Order> {
        match self.stage.take() {
            Some(Stage::Shown(order, plan)) if plan.is_possible => {
                self.under_way = Some((order.clone(), now));
                Some(order)
            }
            other => {
                self.stage = other;
                None
            }
        }
    }

    /// The operator left it. What is under way goes on.
    pub fn close(&mut self) {
        self.stage = None;
    }

    /// What became of the order under way, or why its plan could not be made.
    pub fn take_answer(&mut self, answer: Answer, now: Instant) {
        self.under_way = None;
        if matches!(self.stage, Some(Stage::Preparing(..))) {
            self.stage = None;
        }
        self.answer = Some((now, answer));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    fn plan(number: u64, is_possible: bool) -> Plan {
        Plan {
            number,
            title: "call reward".to_string(),
            lines: Vec::new(),
            is_possible,
        }
    }

    #[test]
    fn one_key_confirms_the_plan_that_is_shown_and_no_other() {
        let now = Instant::now();
        let feed = FeedState::live(fixtures::busy(), now);
        let mut deeds = Deeds::default();
        let first = deeds.ask(Deed::Reward, 0, &feed, None, now).unwrap();
        assert_eq!(deeds.confirm(now), None, "there is no plan yet");
        deeds.close();
        let second = deeds.ask(Deed::Reward, 0, &feed, None, now).unwrap();
        deeds.take_plan(plan(first.number, true));
        assert_eq!(
            deeds.confirm(now),
            None,
            "that was the plan of an order that was closed"
        );
        deeds.take_plan(plan(second.number, true));
        assert_eq!(deeds.mode(), Some(Mode::Question));
        assert_eq!(deeds.confirm(now), Some(second.clone()));
        assert_eq!(deeds.confirm(now), None, "once");
        assert!(
            deeds.ask(Deed::Drain, 0, &feed, None, now).is_none(),
            "one at a time"
        );
        let done = Answer {
            done: true,
            message: "called".to_string(),
        };
        deeds.take_answer(done, now);
        assert!(deeds.ask(Deed::Drain, 0, &feed, None, now).is_some());
    }

    #[test]
    fn what_cannot_be_done_cannot_be_confirmed() {
        let now = Instant::now();
        let feed = FeedState::live(fixtures::busy(), now);
        let mut deeds = Deeds::default();
        let order = deeds.ask(Deed::Redeem, 0, &feed, None, now).unwrap();
        deeds.take_plan(plan(order.number, false));
        assert_eq!((deeds.mode(), deeds.confirm(now)), (Some(Mode::Popup), None));
    }

    #[test]
    fn values_are_bounded_and_an_empty_one_is_nothing() {
        let now = Instant::now();
        let feed = FeedState::live(fixtures::busy(), now);
        let mut deeds = Deeds::default();
        assert!(deeds.ask(Deed::MaxSessions, 0, &feed, None, now).is_none());
        assert_eq!((deeds.submit(now), deeds.mode()), (None, None));
        deeds.ask(Deed::MaxSessions, 0, &feed, None, now);
        deeds.type_text("1\x1b2\n");
        let order = deeds.submit(now).unwrap();
        assert_eq!(order.errand, Errand::MaxSessions("12".to_string()));
        deeds.close();
        deeds.ask(Deed::MaxSessions, 0, &feed, None, now);
        deeds.type_text(&"9".repeat(1_000));
        let Some(Errand::MaxSessions(text)) = deeds.submit(now).map(|order| order.errand) else {
            panic!("no order");
        };
        assert_eq!(text.len(), LONGEST_VALUE);
    }
}
