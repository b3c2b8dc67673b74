use rand::{SeedableRng, rngs::StdRng};

use super::*;
use crate::units::Lpt;

fn offer(name: &str, latency_ms: u64) -> Offer {
    let uri: Url = format!("https://{name}:8935").parse().unwrap();
    Offer {
        session: Session {
            transcoder: name.to_string(),
            token: net::AuthToken {
                session_id: format!("session of {name}"),
                ..net::AuthToken::default()
            },
            account: None,
            price: None,
            first_price: None,
            capabilities: net::Capabilities::default(),
            nodes: Vec::new(),
            wants_tickets: false,
            parameters: None,
        },
        uri,
        latency: Duration::from_millis(latency_ms),
        is_trusted: true,
        stake: None,
    }
}

/// A roster, a clock and seeded chance.
struct Scene {
    roster: Roster,
    now: Instant,
    chance: StdRng,
}

const TWO: Duration = Duration::from_secs(2);

impl Scene {
    fn new(offers: &[(&str, u64)]) -> Self {
        Self::with(
            Selection::default(),
            offers
                .iter()
                .map(|(name, latency)| offer(name, *latency))
                .collect(),
        )
    }

    fn with(selection: Selection, offers: Vec<Offer>) -> Self {
        let now = Instant::now();
        let mut roster = Roster::new(selection);
        let pool = offers.len();
        assert!(roster.merge(offers, pool, now).is_empty());
        Self {
            roster,
            now,
            chance: StdRng::seed_from_u64(7),
        }
    }

    fn pass(&mut self, millis: u64) {
        self.now += Duration::from_millis(millis);
    }

    fn reach(&mut self, tried: &Tried, reach: Reach) -> Option<Assignment> {
        self.roster.choose(self.now, TWO, tried, reach, &mut self.chance)
    }

    fn choose(&mut self) -> Option<Assignment> {
        self.reach(&Tried::default(), Reach::Good)
    }

    /// Chooses, and answers with this score.
    fn serve(&mut self, score: u32) -> String {
        let assignment = self.choose().unwrap();
        self.roster.done(&assignment, score);
        name(&assignment)
    }

    fn refresh(&mut self, offers: &[(&str, u64)]) {
        let offers: Vec<_> = offers
            .iter()
            .map(|(name, latency)| offer(name, *latency))
            .collect();
        let pool = self.roster.pool.max(offers.len());
        self.roster.merge(offers, pool, self.now);
    }
}

fn name(assignment: &Assignment) -> String {
    assignment.session.transcoder.clone()
}

#[test]
fn scores_are_times_in_relation_with_a_floor() {
    let score =
        |latency, playing| latency_score(Duration::from_millis(latency), Duration::from_millis(playing));
    assert_eq!(score(2000, 2000), 1000);
    assert_eq!(score(3000, 2000), 1500);
    assert_eq!(
        score(1500, 500),
        1000,
        "short segments count as a second and a half"
    );
    assert_eq!(score(0, 2000), 1, "no time at all is still a score");
    assert_eq!(score(u64::MAX, 2000), u32::MAX);
}

#[test]
fn the_first_to_answer_is_the_first_to_work_and_goes_on_while_quick() {
    let mut scene = Scene::new(&[("slow", 300), ("quick", 20), ("middle", 100)]);
    assert_eq!(scene.serve(400), "quick");
    assert_eq!(scene.serve(1000), "quick", "real time is quick");
    assert_eq!(scene.serve(1001), "quick");
    // Not quick any more: those not tried yet come first, in the order of their answers.
    assert_eq!(scene.serve(1500), "middle");
    assert_eq!(scene.serve(1200), "slow");
    // All are known and none is quick: the best of them.
    assert_eq!(scene.serve(900), "quick");
    assert_eq!(scene.serve(5000), "quick");
    assert_eq!(scene.serve(1200), "slow");
}

#[test]
fn segments_queue_up_at_one_while_the_oldest_is_young() {
    let mut scene = Scene::new(&[("a", 1), ("b", 2)]);
    let first = scene.choose().unwrap();
    scene.pass(1999);
    let second = scene.choose().unwrap();
    assert_eq!((name(&first), name(&second)), ("a".into(), "a".into()));
    // The first has been away for its playing time.
    scene.pass(1);
    let third = scene.choose().unwrap();
    assert_eq!(name(&third), "b");
    // Both are at work, and b's segment is young.
    assert_eq!(name(&scene.choose().unwrap()), "b");
    // Nobody is free, and the oldest of the last one is not yet twice as old.
    scene.pass(3000);
    assert_eq!(name(&scene.choose().unwrap()), "b");
    scene.pass(1000);
    assert!(scene.choose().is_none());
    // Rather than losing a segment it goes to whoever has the fewest.
    let busy = scene.reach(&Tried::default(), Reach::Any).unwrap();
    assert_eq!(name(&busy), "a");
}

#[test]
fn short_segments_may_take_a_second_and_a_half() {
    let mut scene = Scene::new(&[("a", 1), ("b", 2)]);
    let choose = |scene: &mut Scene, playing| {
        let tried = Tried::default();
        let chosen = scene.roster.choose(
            scene.now,
            Duration::from_millis(playing),
            &tried,
            Reach::Good,
            &mut scene.chance,
        );
        name(&chosen.unwrap())
    };
    assert_eq!(choose(&mut scene, 1000), "a");
    scene.pass(1499);
    assert_eq!(choose(&mut scene, 1000), "a");
    scene.pass(1);
    assert_eq!(choose(&mut scene, 1000), "b");
}

#[test]
fn whoever_failed_is_left_out_until_the_penalty_is_over() {
    // Nine candidates, of which eight are wanted: a failure costs two refreshes.
    let names: Vec<String> = (0..9).map(|number| format!("o{number}")).collect();
    let offers: Vec<(&str, u64)> = (0_u64..)
        .zip(&names)
        .map(|(latency, name)| (name.as_str(), latency))
        .collect();
    let mut scene = Scene::new(&offers);
    let failed = scene.choose().unwrap();
    assert_eq!(name(&failed), "o0");
    scene.roster.failed(&failed);
    assert!(scene.roster.is_suspended("o0"));
    assert_eq!(scene.serve(100), "o1");
    scene.refresh(&offers);
    assert!(scene.roster.is_suspended("o0"), "one refresh is not two");
    scene.refresh(&offers);
    assert!(!scene.roster.is_suspended("o0"));
    // However late in the stream: the penalty is counted from the failure.
    for _ in 0..100 {
        scene.refresh(&offers);
    }
    let failed = scene.choose().unwrap();
    scene.roster.failed(&failed);
    scene.refresh(&offers);
    assert!(scene.roster.is_suspended(&name(&failed)));
}

#[test]
fn the_suspended_serve_when_there_is_nobody_else_and_the_gone_do_not() {
    let mut scene = Scene::new(&[("a", 1), ("b", 2)]);
    let mut tried = Tried::default();
    let first = scene.choose().unwrap();
    scene.roster.failed(&first);
    tried.note("a", true);
    let second = scene.reach(&tried, Reach::Good).unwrap();
    assert_eq!(name(&second), "b");
    scene.roster.failed(&second);
    tried.note("b", false);
    assert!(scene.reach(&tried, Reach::Good).is_none());
    assert!(scene.reach(&tried, Reach::Others).is_none());
    // For this segment only a may try again; for another one both may.
    let again = scene.reach(&tried, Reach::Any).unwrap();
    assert!(again.is_again);
    assert_eq!(name(&again), "a");
    assert!(scene.reach(&Tried::default(), Reach::Any).is_some());
    scene.roster.failed(&again);

    // Neither answers any more, b had nothing under way: it is forgotten.
    let mut scene = Scene::new(&[("a", 1), ("b", 2)]);
    let failed = scene.choose().unwrap();
    scene.roster.failed(&failed);
    scene.refresh(&[("b", 2)]);
    assert!(scene.roster.session("a").is_none());
    assert_eq!(name(&scene.choose().unwrap()), "b");
}

#[test]
fn a_failure_takes_the_good_name_away() {
    let mut scene = Scene::new(&[("a", 1), ("b", 2)]);
    assert_eq!(scene.serve(100), "a");
    let failed = scene.choose().unwrap();
    scene.roster.failed(&failed);
    assert_eq!(scene.serve(900), "b");
    scene.refresh(&[("a", 1), ("b", 2)]);
    assert!(!scene.roster.is_suspended("a"));
    assert_eq!(scene.serve(900), "b", "the one that works goes on");
}

#[test]
fn more_are_looked_for_when_half_are_gone_but_not_all_the_time() {
    let mut scene = Scene::new(&[("a", 1), ("b", 2), ("c", 3), ("d", 4)]);
    scene.pass(60_000);
    assert!(!scene.roster.needs_refresh(scene.now));
    for _ in 0..2 {
        let failed = scene.choose().unwrap();
        scene.roster.failed(&failed);
    }
    // Two of four are enough; they are asked after for the sake of the others, once in a while.
    assert!(scene.roster.needs_refresh(scene.now));
    scene.roster.refreshed = Some(scene.now);
    scene.pass(29_999);
    assert!(!scene.roster.needs_refresh(scene.now));
    let failed = scene.choose().unwrap();
    scene.roster.failed(&failed);
    assert!(scene.roster.needs_refresh(scene.now));
    scene.roster.refreshed = Some(scene.now);
    scene.pass(4_999);
    assert!(!scene.roster.needs_refresh(scene.now));
    scene.pass(1);
    assert!(scene.roster.needs_refresh(scene.now));
}

#[test]
fn a_price_above_the_limit_is_never_paid() {
    let priced = |name: &str, wei| {
        let mut offer = offer(name, 1);
        offer.session.price = Some(net::PriceInfo {
            price_per_unit: wei,
            pixels_per_unit: 3,
            ..net::PriceInfo::default()
        });
        offer
    };
    let selection = Selection {
        weights: Some(Weights::default()),
        max_price: Price::new(1, 3),
    };
    let mut scene = Scene::with(selection, vec![priced("dear", 2), priced("fair", 1)]);
    for _ in 0..20 {
        let assignment = scene.reach(&Tried::default(), Reach::Any).unwrap();
        assert_eq!(name(&assignment), "fair");
        scene.roster.released(&assignment);
    }
    let mut scene = Scene::with(selection, vec![priced("dear", 2)]);
    assert!(scene.reach(&Tried::default(), Reach::Any).is_none());
}

/// How often each of the offers is drawn as the first, out of a thousand.
fn drawn(weights: Weights, offers: &[Offer]) -> Vec<u32> {
    let mut chance = StdRng::seed_from_u64(42);
    let indexed: Vec<(usize, &Offer)> = offers.iter().enumerate().collect();
    let mut counts = vec![0; offers.len()];
    for _ in 0..1000 {
        counts[untried::choose(&indexed, Some(&weights), &mut chance).unwrap()] += 1;
    }
    counts
}

#[test]
fn stake_price_and_chance_weigh_as_they_are_told() {
    let with = |name: &str, stake, wei: i64| {
        let mut offer = offer(name, 1);
        offer.stake = Some(Lpt::whole(stake));
        offer.session.price = Some(net::PriceInfo {
            price_per_unit: wei,
            pixels_per_unit: 1,
            ..net::PriceInfo::default()
        });
        offer
    };
    let near = |found: u32, expected: u32| assert!(found.abs_diff(expected) < 50, "{found}, not {expected}");
    // 0.7 by stake (3:1:0) and 0.3 by chance (a tenth each).
    let offers = [with("a", 3000, 0), with("b", 1000, 0), with("c", 0, 0)];
    let counts = drawn(Weights::default(), &offers);
    near(counts[0], 625);
    near(counts[1], 275);
    near(counts[2], 100);
    // By price alone: a hundred wei dearer is e times less likely, however high both prices are.
    let offers = [with("a", 1, 1_000_000), with("b", 1, 1_000_100)];
    let counts = drawn(Weights::new(1.0, 0.0, 0.0, 100.0).unwrap(), &offers);
    near(counts[0], 731);
    // Nobody has stake: as if all had the same.
    let offers = [with("a", 0, 0), with("b", 0, 0)];
    near(drawn(Weights::new(0.0, 1.0, 0.0, 1.0).unwrap(), &offers)[0], 500);
    assert!(Weights::new(0.5, 0.5, 0.5, 100.0).is_none());
    assert!(Weights::new(-0.5, 1.0, 0.5, 100.0).is_none());
    assert!(Weights::new(0.0, 0.7, 0.3, 0.0).is_none());
    assert!(Weights::new(f64::NAN, 0.7, 0.3, 1.0).is_none());
}

#[test]
fn the_trusted_stand_in_where_strangers_are_not_quick() {
    let mut stranger = offer("stranger", 400);
    stranger.is_trusted = false;
    let mut scene = Scene::with(Selection::default(), vec![stranger, offer("friend", 1)]);
    assert_eq!(scene.serve(2000), "stranger");
    assert_eq!(scene.serve(100), "friend");
}

#[test]
fn only_used_sessions_are_given_back_and_replaced_ones_first() {
    let mut scene = Scene::new(&[("a", 1), ("b", 2)]);
    let first = scene.choose().unwrap();
    let mut new = offer("a", 1).session;
    new.token.session_id = "second session of a".into();
    scene.roster.replace("a", new.clone()).unwrap();
    // The segment under way keeps its place, and what its answer says of itself is judged by the old session.
    scene.roster.done(&first, 100);
    let second = scene.choose().unwrap();
    assert_eq!(second.session.token.session_id, "second session of a");
    let ids: Vec<_> = scene
        .roster
        .disband()
        .into_iter()
        .map(|retired| retired.token.session_id)
        .collect();
    assert_eq!(ids, ["session of a", "second session of a"]);
}

#[test]
fn an_account_stays_with_its_orchestrator() {
    let named = |byte| Some(Address::repeat_byte(byte));
    let with = |account| {
        let mut offer = offer("a", 1);
        offer.session.account = account;
        offer
    };
    let mut scene = Scene::with(Selection::default(), vec![with(named(1))]);
    for account in [named(2), None] {
        assert!(scene.roster.replace("a", with(account).session).is_err());
        let refused = scene.roster.merge(vec![with(account)], 1, scene.now);
        assert_eq!(refused.len(), 1);
        assert!(scene.roster.is_suspended("a"));
    }
    assert!(scene.roster.merge(vec![with(named(1))], 1, scene.now).is_empty());
    assert_eq!(scene.roster.session("a").unwrap().account, named(1));
}

#[test]
fn a_roster_never_grows_without_bound() {
    let mut scene = Scene::new(&[]);
    for round in 0..20 {
        let offers: Vec<_> = (0..10)
            .map(|number| offer(&format!("o{round}-{number}"), 1))
            .collect();
        scene.roster.merge(offers, 10, scene.now);
    }
    assert_eq!(scene.roster.standings().len(), MEMBERS);
}
