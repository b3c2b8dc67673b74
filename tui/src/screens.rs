//! Every state of every screen, as pictures; and whole runs of keys.

use std::time::{Duration, Instant};

use engine::view::node::NodeStatus;
use jiff::tz::TimeZone;
use ratatui::{
    Terminal,
    backend::TestBackend,
    crossterm::event::{KeyCode, KeyEvent, KeyModifiers},
    style::Color,
};

use crate::{
    Answer, App, Event, FeedState, Intent, Link, Look, Theme, fixtures,
    picture::{frame, render_once, to_svg, to_text},
};

fn look() -> Look {
    Look {
        theme: Theme::plain(),
        zone: TimeZone::UTC,
        node_url: "http://127.0.0.1:7935".to_string(),
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
        let now = Instant::now();
        Self {
            app: App::new(look(), now),
            now,
            terminal: Terminal::new(TestBackend::new(width, height)).unwrap(),
        }
    }

    /// A dashboard that has followed the node for five minutes up to `status`.
    fn after(status: &NodeStatus, width: u16, height: u16) -> Self {
        let mut bench = Self::new(width, height);
        for past in fixtures::five_minutes(status) {
            bench.now += Duration::from_secs(1);
            bench.feed(&past);
        }
        bench
    }

    fn feed(&mut self, status: &NodeStatus) {
        self.app
            .update(Event::Feed(FeedState::live(status.clone(), self.now)), self.now);
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
        self.app
            .update(Event::Feed(FeedState { link, reading }), self.now);
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
        on_tab(Bench::after(&fixtures::troubled(), 160, 48)).screen()
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
        bench.press("3");
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
        on_tab(Bench::after(&fixtures::troubled(), 160, 48)).screen()
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
        bench.press("4");
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
        on_tab(Bench::after(&fixtures::busy(), 160, 48)).screen()
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
    let mut bench = Bench::after(&newcomer, 80, 24);
    assert!(bench.screen().contains("not registered"));
    bench.press("4");
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
        Bench::after(&fixtures::troubled(), 160, 48).screen()
    );
    snapshot!(
        "overview_wide_idle",
        Bench::after(&fixtures::idle(), 160, 48).screen()
    );
    snapshot!("too_small", Bench::after(&fixtures::busy(), 39, 9).screen());
}

#[test]
fn no_size_and_no_state_panics() {
    for status in [fixtures::busy(), fixtures::troubled(), fixtures::idle()] {
        for tab in ["1", "2", "3", "4", "⏎", "?", "d"] {
            let mut bench = Bench::after(&status, 1, 1);
            bench.press(tab);
            for (width, height) in (0..170u16)
                .step_by(23)
                .flat_map(|width| (0..50u16).step_by(5).map(move |height| (width, height)))
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
        ("2", "[2 Sessions 3]"),
        ("⇥", "[3 CPU]"),
        ("⇥⇥", "[1 Overview]"),
        ("4", "[4 Chain]"),
    ] {
        bench.press(keys);
        assert!(bench.screen().contains(shown), "{keys} does not show {shown}");
    }
    bench.key(KeyCode::BackTab);
    assert!(bench.screen().contains("[3 CPU]"));
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
    assert!(!bench.screen().contains("drain this node?"));
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

#[test]
fn draining_is_asked_for_once_and_only_with_a_node() {
    let mut bench = Bench::after(&fixtures::busy(), 80, 24);
    assert_eq!(bench.press("d"), []);
    snapshot!("confirm_drain", bench.screen());
    assert_eq!(bench.press("n"), []);
    assert_eq!(bench.press("y"), [], "without a question y means nothing");
    assert_eq!(bench.press("dy"), [Intent::Drain]);
    let message = "draining: no new sessions, 3 running".to_string();
    bench
        .app
        .update(Event::Answer(Answer { done: true, message }), bench.now);
    assert!(bench.screen().contains("✓ draining: no new sessions"));
    bench.now += Duration::from_secs(9);
    assert!(!bench.screen().contains("✓ draining"), "an answer goes by itself");

    bench.lose("connection refused", Some(fixtures::busy()));
    assert_eq!(bench.press("dy"), []);
    assert!(bench.screen().contains("nothing was asked of it"));
}

#[test]
fn control_c_quits_from_everywhere() {
    for keys in ["", "?", "d", "/abc", "⏎"] {
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
        bench.now + crate::STALE_AFTER,
        "only the silence itself is worth a frame"
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
        app.update(Event::Feed(feed.clone()), now);
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
