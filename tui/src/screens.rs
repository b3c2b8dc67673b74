//! Every state of every screen, as pictures; and whole runs of keys.

use std::time::{Duration, Instant};

use engine::view::node::NodeStatus;
use jiff::tz::TimeZone;
use ratatui::{
    Terminal,
    backend::TestBackend,
    crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind},
    layout::Rect,
    style::Color,
};

use crate::{
    Answer, App, Errand, Event, FeedState, Intent, Link, Look, NodeName, Part, Plan, Tab, Theme, Weight,
    fixtures,
    picture::{frame, render_once, to_svg, to_text},
};

fn look() -> Look {
    Look {
        theme: Theme::plain(),
        zone: TimeZone::UTC,
        nodes: vec![NodeName {
            name: "http://127.0.0.1:7935".to_string(),
            url: "http://127.0.0.1:7935".to_string(),
        }],
    }
}

fn named(names: &[&str]) -> Look {
    Look {
        nodes: names
            .iter()
            .map(|name| NodeName {
                name: (*name).to_string(),
                url: format!("https://{name}.example.org:7935"),
            })
            .collect(),
        ..look()
    }
}

/// A dashboard, its clock, and a screen to look at.
struct Bench {
    app: App,
    now: Instant,
    terminal: Terminal<TestBackend>,
}

impl Bench {
    fn new(width: u16, height: u16) -> Self {
        Self::of(look(), width, height)
    }

    fn of(look: Look, width: u16, height: u16) -> Self {
        let now = Instant::now();
        Self {
            app: App::new(look, now),
            now,
            terminal: Terminal::new(TestBackend::new(width, height)).unwrap(),
        }
    }

    /// A dashboard that has followed the node for five minutes up to `status`.
    fn after(status: &NodeStatus, width: u16, height: u16) -> Self {
        let mut bench = Self::new(width, height);
        let mut last = None;
        for past in fixtures::five_minutes(status) {
            let passed = last.map_or(Duration::from_secs(1), |last| {
                Duration::try_from(past.time.duration_since(last)).unwrap()
            });
            last = Some(past.time);
            bench.now += passed;
            bench.feed(&past);
        }
        bench
    }

    fn feed(&mut self, status: &NodeStatus) {
        self.feed_of(0, status);
    }

    fn feed_of(&mut self, node: usize, status: &NodeStatus) {
        let mut feed = FeedState::live(status.clone(), self.now);
        feed.tickets = Part::known(fixtures::tickets(), self.now);
        feed.log = Part::known(fixtures::log(), self.now);
        self.app.update(Event::Feed(node, feed), self.now);
    }

    fn feed_go(&mut self) {
        let (status, go) = fixtures::go();
        let mut feed = FeedState::connecting(self.now);
        feed.take(status, Some(go), self.now);
        self.app.update(Event::Feed(0, feed), self.now);
    }

    fn click(&mut self, column: u16, row: u16) -> Option<Intent> {
        let mouse = MouseEvent {
            kind: MouseEventKind::Down(MouseButton::Left),
            column,
            row,
            modifiers: KeyModifiers::NONE,
        };
        let size = self.terminal.size().unwrap();
        let area = Rect::new(0, 0, size.width, size.height);
        self.app.update(Event::Mouse(mouse, area), self.now)
    }

    /// Where a text is on the screen.
    fn find(&mut self, text: &str) -> (u16, u16) {
        let screen = self.screen();
        let (row, line) = screen
            .lines()
            .enumerate()
            .find(|(_, line)| line.contains(text))
            .unwrap_or_else(|| panic!("{text} is not on the screen:\n{screen}"));
        let column = crate::text::width(&line[..line.find(text).unwrap()]);
        (column.try_into().unwrap(), row.try_into().unwrap())
    }

    fn press(&mut self, keys: &str) -> Vec<Intent> {
        keys.chars()
            .filter_map(|letter| {
                self.key(match letter {
                    '⏎' => KeyCode::Enter,
                    '⎋' => KeyCode::Esc,
                    '⇥' => KeyCode::Tab,
                    '⌫' => KeyCode::Backspace,
                    letter => KeyCode::Char(letter),
                })
            })
            .collect()
    }

    fn key(&mut self, code: KeyCode) -> Option<Intent> {
        self.app.update(Event::Key(KeyEvent::from(code)), self.now)
    }

    fn lose(&mut self, reason: &str, kept: Option<NodeStatus>) {
        let reading = kept.map(|status| FeedState::live(status, self.now).reading.unwrap());
        self.now += Duration::from_secs(12);
        let link = Link::Lost {
            since: self.now - Duration::from_secs(9),
            reason: reason.to_string(),
            retry_at: Some(self.now + Duration::from_millis(2_500)),
        };
        let mut feed = FeedState::connecting(self.now);
        (feed.link, feed.reading) = (link, reading);
        self.app.update(Event::Feed(0, feed), self.now);
    }

    /// The node goes while its tickets and log were looked at.
    fn lose_with_parts(&mut self, reason: &str, kept: &NodeStatus) {
        let seen = self.now;
        self.lose(reason, Some(kept.clone()));
        let mut feed = self.app.nodes[0].feed.clone();
        feed.tickets = Part::known(fixtures::tickets(), seen).failed(reason.to_string());
        feed.log = Part::known(fixtures::log(), seen).failed(reason.to_string());
        self.app.update(Event::Feed(0, feed), self.now);
    }

    fn screen(&mut self) -> String {
        let (app, now) = (&self.app, self.now);
        self.terminal
            .draw(|frame| {
                let area = frame.area();
                app.render(frame.buffer_mut(), area, now);
            })
            .unwrap();
        to_text(self.terminal.backend().buffer())
    }
}

macro_rules! snapshot {
    ($name:literal, $screen:expr) => {
        insta::with_settings!({ snapshot_path => "../snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!($name, $screen);
        });
    };
}

#[test]
fn overview_in_every_state() {
    snapshot!("overview_loading", Bench::new(80, 24).screen());
    snapshot!("overview_empty", Bench::after(&fixtures::idle(), 80, 24).screen());
    snapshot!("overview_full", Bench::after(&fixtures::busy(), 80, 24).screen());
    snapshot!(
        "overview_troubled",
        Bench::after(&fixtures::troubled(), 80, 24).screen()
    );

    let mut stale = Bench::after(&fixtures::busy(), 80, 24);
    stale.now += Duration::from_secs(12);
    snapshot!("overview_stale", stale.screen());

    let mut lost = Bench::after(&fixtures::busy(), 80, 24);
    lost.lose("connection refused", Some(fixtures::busy()));
    snapshot!("overview_lost", lost.screen());

    let mut never = Bench::new(80, 24);
    never.lose("connection refused", None);
    snapshot!("overview_never_connected", never.screen());
}

#[test]
fn sessions_in_every_state() {
    let on_tab = |mut bench: Bench| {
        bench.press("2");
        bench
    };
    snapshot!("sessions_loading", on_tab(Bench::new(80, 24)).screen());
    snapshot!(
        "sessions_empty",
        on_tab(Bench::after(&fixtures::idle(), 80, 24)).screen()
    );
    snapshot!(
        "sessions_full",
        on_tab(Bench::after(&fixtures::troubled(), 80, 24)).screen()
    );
    snapshot!(
        "sessions_wide",
        on_tab(Bench::after(&fixtures::troubled(), 200, 60)).screen()
    );
    snapshot!(
        "sessions_small",
        on_tab(Bench::after(&fixtures::troubled(), 40, 10)).screen()
    );

    let mut stale = on_tab(Bench::after(&fixtures::busy(), 80, 24));
    stale.now += Duration::from_secs(12);
    snapshot!("sessions_stale", stale.screen());
    let mut lost = on_tab(Bench::after(&fixtures::busy(), 80, 24));
    lost.lose("the node closed the stream", Some(fixtures::busy()));
    snapshot!("sessions_lost", lost.screen());

    let mut drained = fixtures::idle();
    drained.draining = true;
    snapshot!(
        "sessions_drained",
        on_tab(Bench::after(&drained, 80, 24)).screen()
    );
}

#[test]
fn devices_in_every_state() {
    let on_tab = |mut bench: Bench| {
        bench.press("4");
        bench
    };
    snapshot!("devices_loading", on_tab(Bench::new(80, 24)).screen());
    snapshot!(
        "devices_cpu",
        on_tab(Bench::after(&fixtures::busy(), 80, 24)).screen()
    );
    snapshot!(
        "devices_gpus",
        on_tab(Bench::after(&fixtures::troubled(), 80, 24)).screen()
    );
    snapshot!(
        "devices_wide",
        on_tab(Bench::after(&fixtures::troubled(), 200, 60)).screen()
    );
    snapshot!(
        "devices_small",
        on_tab(Bench::after(&fixtures::troubled(), 40, 10)).screen()
    );
    let mut none = fixtures::busy();
    none.devices.clear();
    snapshot!("devices_empty", on_tab(Bench::after(&none, 80, 24)).screen());
    let mut lost = on_tab(Bench::after(&fixtures::busy(), 80, 24));
    lost.lose("connection reset", Some(fixtures::busy()));
    snapshot!("devices_lost", lost.screen());
    let mut stale = on_tab(Bench::after(&fixtures::busy(), 80, 24));
    stale.now += Duration::from_secs(8);
    snapshot!("devices_stale", stale.screen());

    let mut many = fixtures::busy();
    many.devices = (0..8).map(|index| fixtures::gpu(index % 2)).collect();
    let mut bench = on_tab(Bench::after(&many, 80, 24));
    assert!(bench.screen().contains("6 more below"));
    bench.press("G");
    assert!(!bench.screen().contains("more below"));
}

#[test]
fn chain_in_every_state() {
    let on_tab = |mut bench: Bench| {
        bench.press("6");
        bench
    };
    snapshot!("chain_loading", on_tab(Bench::new(80, 24)).screen());
    snapshot!(
        "chain_full",
        on_tab(Bench::after(&fixtures::busy(), 80, 24)).screen()
    );
    snapshot!(
        "chain_troubled",
        on_tab(Bench::after(&fixtures::troubled(), 80, 24)).screen()
    );
    snapshot!(
        "chain_off_chain",
        on_tab(Bench::after(&fixtures::idle(), 80, 24)).screen()
    );
    snapshot!(
        "chain_small",
        on_tab(Bench::after(&fixtures::busy(), 40, 10)).screen()
    );
    snapshot!(
        "chain_wide",
        on_tab(Bench::after(&fixtures::busy(), 200, 60)).screen()
    );
    let mut stale = on_tab(Bench::after(&fixtures::busy(), 80, 24));
    stale.now += Duration::from_secs(75);
    snapshot!("chain_stale", stale.screen());
    let mut lost = on_tab(Bench::after(&fixtures::busy(), 80, 24));
    lost.lose("connection refused", Some(fixtures::busy()));
    snapshot!("chain_lost", lost.screen());

    let mut newcomer = fixtures::busy();
    if let Some(chain) = &mut newcomer.chain {
        (
            chain.registered,
            chain.active,
            chain.rank,
            chain.round_initialized,
        ) = (false, false, None, false);
    }
    let mut bench = Bench::after(&newcomer, 200, 60);
    assert!(bench.screen().contains("not registered"));
    bench.press("6");
    assert!(bench.screen().contains("not initialised: `lpctl round init`"));
}

#[test]
fn overview_at_every_size() {
    snapshot!(
        "overview_small",
        Bench::after(&fixtures::troubled(), 40, 10).screen()
    );
    snapshot!(
        "overview_wide",
        Bench::after(&fixtures::troubled(), 200, 60).screen()
    );
    snapshot!(
        "overview_wide_idle",
        Bench::after(&fixtures::idle(), 200, 60).screen()
    );
    snapshot!("too_small", Bench::after(&fixtures::busy(), 39, 9).screen());
}

#[test]
fn no_size_and_no_state_panics() {
    for status in [fixtures::busy(), fixtures::troubled(), fixtures::idle()] {
        // Every tab, popup and dialog.
        for tab in [
            "1", "2", "3", "4", "5", "6", "7", "⏎", "4⏎", "?", "$", "m", "d", "r",
        ] {
            let mut bench = Bench::new(1, 1);
            bench.feed(&status);
            bench.press(tab);
            for (width, height) in (0..210u16)
                .step_by(41)
                .flat_map(|width| (0..62u16).step_by(9).map(move |height| (width, height)))
            {
                bench.terminal.backend_mut().resize(width, height);
                bench.screen();
            }
        }
    }
}

#[test]
fn keys_move_between_tabs() {
    let mut bench = Bench::after(&fixtures::busy(), 80, 24);
    for (keys, shown) in [
        ("2", "[2 Sessions"),
        ("⇥", "[3 Tickets"),
        ("⇥", "[4 CPU"),
        ("⇥", "[5 Transcoders"),
        ("⇥", "[6 Chain"),
        ("⇥", "[7 Log"),
        ("⇥", "[1 Overview"),
        ("4", "[4 CPU"),
    ] {
        bench.press(keys);
        assert!(bench.screen().contains(shown), "{keys} does not show {shown}");
    }
    bench.key(KeyCode::BackTab);
    assert!(bench.screen().contains("[3 Tickets"));
}

#[test]
fn the_selection_follows_its_session() {
    let mut status = fixtures::busy();
    let mut bench = Bench::after(&status, 80, 24);
    bench.press("2j");
    assert!(bench.screen().contains("> 5f0e1a77-live"));
    for timing in &mut status.sessions[1].recent {
        timing.total_ms = 9_000;
    }
    bench.feed(&status);
    let screen = bench.screen();
    let (slowest, other) = (
        screen.find("> 5f0e1a77-live").unwrap(),
        screen.find("breakfast-show").unwrap(),
    );
    assert!(
        slowest < other,
        "the slowest is first and still selected:\n{screen}"
    );
    status.sessions.remove(1);
    bench.feed(&status);
    assert!(
        bench.screen().contains("> breakfast-show"),
        "the selection stays near when its session ends"
    );
}

#[test]
fn sorting_goes_through_the_orders() {
    let mut bench = Bench::after(&fixtures::troubled(), 80, 24);
    bench.press("2");
    for (heading, first) in [
        ("last active first", "> breakfast-show"),
        ("most failures first", "> harbour cam"),
        ("by name", "> 5f0e1a77-live"),
        ("slowest first", "> breakfast-show"),
    ] {
        bench.press("s");
        let screen = bench.screen();
        assert!(
            screen.contains(heading) && screen.contains(first),
            "{heading}, {first}:\n{screen}"
        );
    }
}

#[test]
fn a_filter_is_typed_kept_and_cleared() {
    let mut bench = Bench::after(&fixtures::busy(), 80, 24);
    assert_eq!(bench.press("2/harq"), [], "letters are text, not commands");
    bench.press("⌫");
    snapshot!("filter_typing", bench.screen());
    bench.press("⏎");
    assert!(bench.screen().contains("/har 1 of 3"));
    bench.press("⎋");
    assert!(bench.screen().contains("breakfast-show"));
    bench.press("/nothing like it⏎");
    assert!(
        bench
            .screen()
            .contains("no session matches; esc clears the filter")
    );
}

#[test]
fn pasted_text_never_presses_keys() {
    let mut bench = Bench::after(&fixtures::busy(), 80, 24);
    assert_eq!(bench.app.update(Event::Paste("dyq".to_string()), bench.now), None);
    assert!(!bench.screen().contains("finding out what it would do"));
    bench.press("/");
    bench
        .app
        .update(Event::Paste("harb\x1b\n".to_string()), bench.now);
    assert!(bench.screen().contains("/harb_ 1 of 3"));
}

#[test]
fn enter_shows_where_the_time_went() {
    let mut bench = Bench::after(&fixtures::troubled(), 80, 24);
    bench.press("⏎");
    snapshot!("detail", bench.screen());
    bench.press("jj");
    let screen = bench.screen();
    assert!(
        screen.contains("session 77aa90c3"),
        "the next ones can be walked through:\n{screen}"
    );
    assert!(
        screen.contains("no video stream\\u{1b}[31m"),
        "a stranger's text is escaped:\n{screen}"
    );
    bench.press("⎋");
    assert!(!bench.screen().contains("where the time went"));

    let mut small = Bench::after(&fixtures::troubled(), 40, 10);
    small.press("⏎");
    snapshot!("detail_small", small.screen());
}

#[test]
fn help_is_made_from_the_keys() {
    let mut bench = Bench::after(&fixtures::busy(), 80, 24);
    bench.press("?");
    snapshot!("help", bench.screen());
    assert_eq!(bench.press("q"), [], "q closes the popup first");
    assert_eq!(bench.press("q"), [Intent::Quit]);
}

fn plan_of(intents: &[Intent], is_possible: bool) -> Plan {
    let [Intent::Prepare(order)] = intents else {
        panic!("not one order to prepare: {intents:?}");
    };
    Plan {
        number: order.number,
        title: "Call reward for round 3412 on arbitrum-one".to_string(),
        lines: vec![
            (
                Weight::Plain,
                "  total stake   20 134.70 LPT →  20 147.11 LPT".to_string(),
            ),
            (
                Weight::Warning,
                "gas costs 0.014 gwei, more than usual \x1b[2J".to_string(),
            ),
            (
                Weight::Plain,
                "  1 transaction (reward), at most 0.000031 ETH".to_string(),
            ),
        ],
        is_possible,
    }
}

#[test]
fn nothing_is_done_before_its_plan_was_seen_and_confirmed_by_one_key() {
    let mut bench = Bench::after(&fixtures::busy(), 80, 24);
    let asked = bench.press("r");
    snapshot!("plan_waiting", bench.screen());
    assert_eq!(bench.press("y"), [], "there is no plan to say yes to yet");
    let plan = plan_of(&asked, true);
    bench.app.update(Event::Plan(plan), bench.now);
    snapshot!("plan_shown", bench.screen());
    assert_eq!(bench.press("n"), []);
    assert_eq!(bench.press("y"), [], "without a plan y means nothing");

    let asked = bench.press("r");
    bench.app.update(Event::Plan(plan_of(&asked, true)), bench.now);
    let done = bench.press("y");
    assert!(
        matches!(&done[..], [Intent::CarryOut(order)] if order.errand == Errand::Reward),
        "{done:?}"
    );
    bench.now += Duration::from_secs(3);
    assert!(bench.screen().contains("calling reward, 3 s"));
    let message = "the round's reward is called".to_string();
    bench
        .app
        .update(Event::Answer(Answer { done: true, message }), bench.now);
    assert!(bench.screen().contains("✓ the round's reward is called"));
    bench.now += Duration::from_secs(9);
    assert!(
        !bench.screen().contains("✓ the round's"),
        "an answer goes by itself"
    );

    let asked = bench.press("w");
    bench.app.update(Event::Plan(plan_of(&asked, false)), bench.now);
    assert!(bench.screen().contains("esc  close; nothing was done"));
    assert_eq!(bench.press("y"), []);
    bench.press("⎋");

    bench.lose("connection refused", Some(fixtures::busy()));
    assert_eq!(bench.press("r"), []);
    assert!(bench.screen().contains("nothing was asked of it"));
}

#[test]
fn values_are_typed_and_then_shown_as_a_plan() {
    let mut bench = Bench::after(&fixtures::busy(), 80, 24);
    assert_eq!(bench.press("$90q"), [], "letters are text, not commands");
    bench.press("⌫0");
    snapshot!("value_typed", bench.screen());
    let asked = bench.press("⏎");
    assert!(
        matches!(&asked[..], [Intent::Prepare(order)] if order.errand == Errand::Price("900".to_string())),
        "{asked:?}"
    );
    bench.press("⎋m⏎");
    assert!(
        !bench.screen().contains("sessions at once"),
        "nothing typed changes nothing"
    );
    let asked = bench.press("m12⏎");
    assert!(
        matches!(&asked[..], [Intent::Prepare(order)] if order.errand == Errand::MaxSessions("12".to_string())),
        "{asked:?}"
    );
    bench.press("⎋2j");
    let asked = bench.press("x");
    assert!(
        matches!(&asked[..], [Intent::Prepare(order)] if order.errand == Errand::EndSession("1b77e0d2".to_string())),
        "{asked:?}"
    );
}

#[test]
fn the_mouse_does_what_keys_do() {
    let mut bench = Bench::after(&fixtures::busy(), 80, 24);
    let (column, row) = bench.find("2 Sessions");
    bench.click(column + 3, row);
    assert!(bench.screen().contains("[2 Sessions"));
    let (column, row) = bench.find("harbour cam");
    bench.click(column, row);
    assert!(bench.screen().contains("> harbour cam"));
    bench.click(column, row);
    assert!(
        bench.screen().contains("session 77aa90c3"),
        "a second click opens it"
    );
    bench.click(0, 0);
    assert!(
        !bench.screen().contains("where the time went"),
        "a click beside closes it"
    );
    let asked: Vec<Intent> = bench.press("r");
    bench.app.update(Event::Plan(plan_of(&asked, true)), bench.now);
    let (column, row) = bench.find("y  do it");
    assert!(matches!(bench.click(column, row), Some(Intent::CarryOut(_))));
    let message = "done".to_string();
    bench
        .app
        .update(Event::Answer(Answer { done: true, message }), bench.now);
    bench.now += Duration::from_secs(29);
    let (column, row) = bench.find("p pause");
    bench.click(column, row);
    assert!(bench.screen().contains("‖ paused"));
    assert_eq!(bench.press("M"), [Intent::Mouse(false)]);
    assert_eq!(bench.press("M"), [Intent::Mouse(true)]);
}

#[test]
fn a_held_picture_stays_while_the_node_goes_on() {
    let mut bench = Bench::after(&fixtures::busy(), 80, 24);
    bench.press("p");
    bench.now += Duration::from_secs(4);
    bench.feed(&fixtures::troubled());
    let screen = bench.screen();
    assert!(
        screen.contains("‖ paused 4 s") && !screen.contains("needs you"),
        "{screen}"
    );
    bench.press("p");
    let screen = bench.screen();
    assert!(
        !screen.contains("paused") && screen.contains("needs you"),
        "{screen}"
    );
}

#[test]
fn the_past_can_be_longer() {
    let mut bench = Bench::after(&fixtures::busy(), 160, 48);
    assert!(bench.screen().contains("5 min ago"));
    bench.press("t");
    assert!(bench.screen().contains("15 min ago"));
    bench.press("tttt");
    assert!(bench.screen().contains(" 5 min ago"));
}

#[test]
fn the_age_of_what_is_shown_is_always_there() {
    let mut bench = Bench::after(&fixtures::busy(), 80, 24);
    for keys in ["1", "2", "3", "4", "5", "6", "7"] {
        bench.press(keys);
        assert!(bench.screen().contains("● 12:41:07"), "{keys}");
    }
    bench.now += Duration::from_secs(3);
    assert!(bench.screen().contains("● 12:41:07 · 3 s"));
}

#[test]
fn tickets_in_every_state() {
    let on_tab = |mut bench: Bench| {
        bench.press("3");
        bench
    };
    snapshot!("tickets_loading", on_tab(Bench::new(80, 24)).screen());
    snapshot!(
        "tickets_full",
        on_tab(Bench::after(&fixtures::busy(), 80, 24)).screen()
    );
    snapshot!(
        "tickets_wide",
        on_tab(Bench::after(&fixtures::busy(), 200, 60)).screen()
    );
    snapshot!(
        "tickets_small",
        on_tab(Bench::after(&fixtures::busy(), 40, 10)).screen()
    );
    let mut empty = on_tab(Bench::new(80, 24));
    let mut feed = FeedState::live(fixtures::idle(), empty.now);
    feed.tickets = Part::known(crate::TicketBook::new(Vec::new(), false), empty.now);
    empty.app.update(Event::Feed(0, feed.clone()), empty.now);
    snapshot!("tickets_empty", empty.screen());
    feed.tickets = Part::Absent("the node is older: it tells no tickets\x1b[2J".to_string());
    empty.app.update(Event::Feed(0, feed), empty.now);
    snapshot!("tickets_error", empty.screen());
    let mut stale = on_tab(Bench::after(&fixtures::busy(), 80, 24));
    stale.now += Duration::from_secs(75);
    snapshot!("tickets_stale", stale.screen());
    let mut lost = on_tab(Bench::after(&fixtures::busy(), 80, 24));
    lost.lose_with_parts("connection refused", &fixtures::busy());
    snapshot!("tickets_lost", lost.screen());
    snapshot!(
        "tickets_troubled",
        on_tab(Bench::after(&fixtures::troubled(), 80, 24)).screen()
    );
    let mut none = fixtures::busy();
    none.redeem = None;
    let screen = on_tab(Bench::after(&none, 80, 24)).screen();
    assert!(screen.contains("this node redeems none"), "{screen}");
    let mut detail = on_tab(Bench::after(&fixtures::busy(), 80, 24));
    detail.press("j⏎");
    snapshot!("tickets_detail", detail.screen());
}

#[test]
fn transcoders_in_every_state() {
    let on_tab = |mut bench: Bench| {
        bench.press("5");
        bench
    };
    snapshot!("transcoders_loading", on_tab(Bench::new(80, 24)).screen());
    snapshot!(
        "transcoders_full",
        on_tab(Bench::after(&fixtures::pool(), 80, 24)).screen()
    );
    snapshot!(
        "transcoders_wide",
        on_tab(Bench::after(&fixtures::pool(), 200, 60)).screen()
    );
    snapshot!(
        "transcoders_small",
        on_tab(Bench::after(&fixtures::pool(), 40, 10)).screen()
    );
    snapshot!(
        "transcoders_none",
        on_tab(Bench::after(&fixtures::busy(), 80, 24)).screen()
    );
    snapshot!(
        "transcoders_orchestrator",
        on_tab(Bench::after(&fixtures::lent(), 80, 24)).screen()
    );
    let mut lost = on_tab(Bench::after(&fixtures::pool(), 80, 24));
    lost.lose("connection refused", Some(fixtures::pool()));
    snapshot!("transcoders_lost", lost.screen());
    let mut stale = on_tab(Bench::after(&fixtures::pool(), 80, 24));
    stale.now += Duration::from_secs(12);
    snapshot!("transcoders_stale", stale.screen());
    let mut detail = on_tab(Bench::after(&fixtures::pool(), 80, 24));
    detail.press("⏎");
    snapshot!("transcoders_detail", detail.screen());
}

#[test]
fn the_log_in_every_state() {
    let on_tab = |mut bench: Bench| {
        bench.press("7");
        bench
    };
    snapshot!("log_loading", on_tab(Bench::new(80, 24)).screen());
    snapshot!(
        "log_full",
        on_tab(Bench::after(&fixtures::busy(), 80, 24)).screen()
    );
    snapshot!(
        "log_wide",
        on_tab(Bench::after(&fixtures::busy(), 200, 60)).screen()
    );
    snapshot!(
        "log_small",
        on_tab(Bench::after(&fixtures::busy(), 40, 10)).screen()
    );
    let mut bench = on_tab(Bench::after(&fixtures::busy(), 80, 24));
    bench.press("ss");
    let screen = bench.screen();
    assert!(
        screen.contains("warn and worse")
            && !screen.contains("was transcoded")
            && screen.contains("fell off"),
        "{screen}"
    );
    bench.press("s⏎");
    snapshot!("log_detail", bench.screen());
    bench.press("⎋s");
    bench.press("k");
    assert!(bench.screen().contains("1 newer line: end follows"));
    bench.press("G/9f3c");
    assert!(bench.screen().contains("/9f3c_ 40 of 43"));
    let mut error = on_tab(Bench::new(80, 24));
    let mut feed = FeedState::live(fixtures::busy(), error.now);
    feed.log = Part::Absent("the node does not tell its log: HTTP 404".to_string());
    error.app.update(Event::Feed(0, feed), error.now);
    snapshot!("log_error", error.screen());
    let mut stale = on_tab(Bench::after(&fixtures::busy(), 80, 24));
    stale.now += Duration::from_secs(12);
    snapshot!("log_stale", stale.screen());
    let mut lost = on_tab(Bench::after(&fixtures::busy(), 80, 24));
    lost.lose_with_parts("connection refused", &fixtures::busy());
    snapshot!("log_lost", lost.screen());
    let mut empty = on_tab(Bench::new(80, 24));
    let mut feed = FeedState::live(fixtures::idle(), empty.now);
    feed.log = Part::known(crate::LogBook::default(), empty.now);
    empty.app.update(Event::Feed(0, feed.clone()), empty.now);
    snapshot!("log_empty", empty.screen());
    let mut rolled = fixtures::log();
    rolled.missed = 1_204;
    feed.log = Part::known(rolled, empty.now);
    empty.app.update(Event::Feed(0, feed), empty.now);
    assert!(empty.screen().contains("! 1\u{2009}204 lines gone unread"));
}

#[test]
fn a_fleet_has_a_line_a_node_and_the_way_to_each() {
    let names = ["eu1", "us1", "as1", "old \u{202e}name"];
    let fleet = |width, height| {
        let mut bench = Bench::of(named(&names), width, height);
        for past in fixtures::five_minutes(&fixtures::busy()) {
            bench.now += Duration::from_secs(1);
            bench.feed_of(0, &past);
        }
        bench.feed_of(1, &fixtures::troubled());
        let mut lost = FeedState::live(fixtures::pool(), bench.now - Duration::from_secs(30));
        lost.link = Link::Lost {
            since: bench.now,
            reason: "connection refused".to_string(),
            retry_at: None,
        };
        bench.app.update(Event::Feed(2, lost), bench.now);
        bench
    };
    snapshot!("fleet", fleet(80, 24).screen());
    snapshot!("fleet_wide", fleet(200, 60).screen());
    snapshot!("fleet_small", fleet(40, 10).screen());
    let mut bench = fleet(80, 24);
    assert_eq!(bench.press("r"), [], "nothing is done to all of them at once");
    assert!(bench.screen().contains("open a node with enter first"));
    bench.now += Duration::from_secs(9);
    bench.feed_of(1, &fixtures::troubled());
    bench.press("/us1⏎⏎");
    let screen = bench.screen();
    assert!(
        screen.contains(" us1 · ") && screen.contains("needs you"),
        "{screen}"
    );
    let asked = bench.press("r");
    assert!(
        matches!(&asked[..], [Intent::Prepare(order)] if order.node == 1),
        "{asked:?}"
    );
    bench.press("⎋0");
    assert!(bench.screen().contains("4 nodes"));
}

#[test]
fn of_a_go_livepeer_node_is_shown_what_it_tells_and_nothing_made_up() {
    let mut bench = Bench::new(80, 24);
    bench.feed_go();
    snapshot!("go_overview", bench.screen());
    bench.press("6");
    snapshot!("go_chain", bench.screen());
    for (key, says) in [
        ("2", "counts sessions and does not list them"),
        ("3", "does not list winning tickets"),
        ("4", "does not tell of GPUs"),
        ("5", "10.0.0.7:41822"),
        ("7", "does not tell its log"),
    ] {
        bench.press(key);
        let screen = bench.screen();
        assert!(screen.contains(says), "{says}:\n{screen}");
    }
}

#[test]
fn five_thousand_sessions_are_walked_through() {
    let mut status = fixtures::busy();
    let one = status.sessions[0].clone();
    status.sessions = (0..5_000)
        .map(|number| {
            let mut session = one.clone();
            session.id = format!("{number:08x}");
            session.manifest_id = format!("stream {number}");
            session.recent.truncate(2);
            session
        })
        .collect();
    let mut bench = Bench::new(80, 24);
    bench.feed(&status);
    bench.press("2sss");
    assert!(bench.screen().contains("of 5\u{2009}000"));
    bench.press("G");
    let last = bench.screen();
    assert!(last.contains("> stream 999"), "{last}");
    bench.press("/stream 4999⏎");
    assert!(bench.screen().contains("1 of 5000"));
    bench.press("⏎");
    assert!(bench.screen().contains("session 00001387"));
}

#[test]
fn a_screen_may_become_tiny_and_large_again() {
    let mut bench = Bench::after(&fixtures::troubled(), 80, 24);
    let before = bench.screen();
    bench.terminal.backend_mut().resize(20, 5);
    assert!(bench.screen().contains("too small"));
    bench.press("j");
    bench.press("k");
    bench.terminal.backend_mut().resize(80, 24);
    assert_eq!(bench.screen(), before);
}

#[test]
fn a_tab_can_be_chosen_beforehand() {
    let mut bench = Bench::after(&fixtures::busy(), 80, 24);
    bench.app.show(Tab::Chain);
    assert!(bench.screen().contains("[6 Chain"));
}

#[test]
fn control_c_quits_from_everywhere() {
    for keys in ["", "?", "d", "/abc", "⏎", "$12"] {
        let mut bench = Bench::after(&fixtures::busy(), 80, 24);
        bench.press(keys);
        let control_c = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        assert_eq!(
            bench.app.update(Event::Key(control_c), bench.now),
            Some(Intent::Quit),
            "after {keys:?}"
        );
    }
}

#[test]
fn a_lost_node_that_comes_back_is_live_again() {
    let mut bench = Bench::after(&fixtures::busy(), 80, 24);
    bench.lose("connection refused", Some(fixtures::busy()));
    assert!(bench.screen().contains("✗ lost"));
    bench.feed(&fixtures::busy());
    let screen = bench.screen();
    assert!(
        screen.contains("● 12:41:07") && !screen.contains("lost"),
        "{screen}"
    );
}

#[test]
fn nothing_is_drawn_again_while_nothing_changes() {
    let bench = Bench::after(&fixtures::busy(), 80, 24);
    let next = bench.app.next_change(bench.now).unwrap();
    assert_eq!(
        next,
        bench.now + Duration::from_secs(1),
        "only the age it shows is worth a frame"
    );
}

#[test]
fn what_is_not_seen_is_not_worth_a_frame() {
    let mut bench = Bench::of(named(&["eu1", "us1"]), 80, 24);
    let mut feeds = vec![
        FeedState::live(fixtures::busy(), bench.now),
        FeedState::live(fixtures::busy(), bench.now),
    ];
    assert!(bench.app.take_feeds(&feeds, bench.now), "all nodes are shown");
    assert!(!bench.app.take_feeds(&feeds, bench.now), "nothing new");
    bench.press("⏎");
    bench.now += Duration::from_secs(1);
    feeds[1] = FeedState::live(fixtures::troubled(), bench.now);
    assert!(
        !bench.app.take_feeds(&feeds, bench.now),
        "another node is in front"
    );
    feeds[0].log = Part::known(fixtures::log(), bench.now);
    assert!(
        !bench.app.take_feeds(&feeds, bench.now),
        "the log is on another tab"
    );
    bench.press("7");
    feeds[0].log = Part::known(fixtures::log(), bench.now);
    assert!(bench.app.take_feeds(&feeds, bench.now));
    bench.press("p");
    feeds[0] = FeedState::live(fixtures::troubled(), bench.now);
    assert!(
        !bench.app.take_feeds(&feeds, bench.now),
        "a held picture stays as it is"
    );
    assert!(!bench.app.interest().log, "and needs no lines");
}

#[test]
fn a_held_picture_grows_no_older() {
    let mut bench = Bench::after(&fixtures::busy(), 80, 24);
    bench.press("p");
    bench.now += Duration::from_secs(700);
    let screen = bench.screen();
    assert!(
        screen.contains("‖ paused 11 min") && !screen.contains("has said nothing"),
        "{screen}"
    );
    assert_eq!(
        bench.app.next_change(bench.now),
        Some(bench.now + Duration::from_secs(20)),
        "its minutes are counted"
    );
}

#[test]
fn clocks_that_jump_show_no_absurd_age_and_leave_gaps() {
    let day = jiff::SignedDuration::from_hours(24);
    for jump in [day, -day] {
        let mut bench = Bench::after(&fixtures::busy(), 80, 24);
        let mut jumped = fixtures::busy();
        jumped.time += jump;
        jumped.work.segments_done += 3;
        bench.now += Duration::from_secs(1);
        bench.feed(&jumped);
        bench.now += Duration::from_secs(2);
        for tab in ["1", "2", "3", "4", "5", "6", "7", "2⏎", "⎋3⏎", "⎋"] {
            bench.press(tab);
            let screen = bench.screen();
            let header = screen.lines().next().unwrap();
            assert!(header.contains("● 12:41:07 · 2 s"), "{jump:?} {tab}:\n{screen}");
            assert!(
                !screen.contains("-1 ") && !screen.contains("-24") && !screen.contains("584"),
                "{jump:?} {tab}:\n{screen}"
            );
        }
        // An hour in which this machine slept.
        bench.now += Duration::from_secs(3_600);
        jumped.time -= jump;
        bench.feed(&jumped);
        bench.terminal.backend_mut().resize(160, 48);
        bench.press("1ttt");
        let screen = bench.screen();
        assert!(
            screen.contains("6 h ago") && screen.lines().next().unwrap().ends_with("● 12:41:07"),
            "{screen}"
        );
        let history = bench.app.nodes[0].shown().1;
        let columns = history.throughput(crate::history::Range::Hour, 60);
        assert!(
            columns[5..55].iter().all(Option::is_none),
            "nothing is made up for it: {columns:?}"
        );
    }
    // A moment before the reading came.
    let now = Instant::now() + Duration::from_secs(60);
    let feed = FeedState::live(fixtures::busy(), now);
    let earlier = now - Duration::from_secs(30);
    assert_eq!(feed.freshness(earlier), crate::Freshness::Live);
    assert!(feed.next_change(earlier, true).unwrap() > earlier);
}

#[test]
fn another_version_of_the_node_is_told() {
    let mut newer = fixtures::busy();
    newer.api_version += 1;
    newer.version = "9.0.0\x1b[2J".to_string();
    snapshot!("overview_newer", Bench::after(&newer, 80, 24).screen());
    let mut older = fixtures::busy();
    (older.api_version, older.reward, older.redeem) = (0, None, None);
    let mut bench = Bench::after(&older, 80, 24);
    bench.press("6");
    snapshot!("chain_older", bench.screen());
    bench.press("3");
    let screen = bench.screen();
    assert!(screen.contains("this older node does not tell"), "{screen}");
    assert!(
        !Bench::after(&fixtures::busy(), 80, 24)
            .screen()
            .contains(" node (API")
    );
}

#[test]
fn hostile_names_cannot_move_anything() {
    let mut status = fixtures::busy();
    status.sessions[0].manifest_id = "\u{202e}evil\x1b[2J\u{200b}".to_string();
    status.sessions[1].manifest_id = "👩\u{200d}👩\u{200d}👧 wide".to_string();
    status.sessions[1].device = "\x07".to_string();
    status.sessions[2].source = Some("1x\x1b[31m".to_string());
    status.service_uri = "https://\u{2067}x".to_string();
    status.network = "net\r\nwork".to_string();
    let mut bench = Bench::after(&status, 100, 24);
    let mut all = bench.screen();
    bench.press("⏎");
    all.push_str(&bench.screen());
    assert!(
        all.chars()
            .all(|character| character == '\n' || !character.is_control()),
        "{all:?}"
    );
    assert!(
        !all.contains(['\u{202e}', '\u{200b}', '\u{200d}', '\u{2067}']),
        "{all:?}"
    );
    // The picture column still stands in line.
    bench.press("⎋");
    let screen = bench.screen();
    let places: Vec<usize> = screen
        .lines()
        .filter(|line| line.contains("p→") || line.contains("?→"))
        .filter_map(|line| line.find('→').map(|byte| crate::text::width(&line[..byte])))
        .collect();
    assert!(
        places.len() >= 2 && places.windows(2).all(|pair| pair[0].abs_diff(pair[1]) <= 12),
        "{places:?}\n{screen}"
    );
}

#[test]
fn stale_is_grey_and_live_is_not() {
    let dark = Look {
        theme: Theme::dark(),
        ..look()
    };
    let mut feed = FeedState::live(fixtures::busy(), Instant::now());
    let colours = |feed: &FeedState| {
        let now = Instant::now();
        let mut app = App::new(dark.clone(), now);
        app.update(Event::Feed(0, feed.clone()), now);
        let buffer = frame(&app, 80, 24, now);
        let mut colours: Vec<Color> = Vec::new();
        for cell in &buffer.content[80 * 4..80 * 22] {
            if cell.symbol() != " " && !colours.contains(&cell.fg) {
                colours.push(cell.fg);
            }
        }
        colours
    };
    assert!(colours(&feed).len() > 3);
    feed.link = Link::Lost {
        since: Instant::now(),
        reason: "gone".to_string(),
        retry_at: None,
    };
    assert_eq!(colours(&feed), [Color::Indexed(242)]);
}

#[test]
fn a_frame_without_a_terminal() {
    let feed = FeedState::live(fixtures::busy(), Instant::now());
    let text = render_once(&feed, 80, 24, &look());
    assert_eq!(text.lines().count(), 24);
    assert!(text.contains("0x7099…79C8") && text.contains("breakfast-show"));
    let ascii = Look {
        theme: Theme::plain().ascii(),
        ..look()
    };
    assert!(render_once(&feed, 80, 24, &ascii).is_ascii());
    let mut bench = Bench::after(&fixtures::busy(), 120, 36);
    bench.app.change_theme(Theme::dark());
    let svg = to_svg(
        &frame(&bench.app, 120, 36, bench.now),
        "lpctl dashboard",
        &Theme::dark(),
    );
    assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
    assert!(svg.contains("segments/s"));
}
