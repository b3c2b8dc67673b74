//! How the whole screen is laid out and drawn, from `&self` and a moment in time.

use std::{
    cmp::Ordering,
    time::{Duration, Instant},
};

use engine::view::node::API_VERSION;
use ratatui::{
    buffer::Buffer,
    layout::{Constraint, Layout, Rect},
    text::{Line, Span},
};

use crate::{
    app::{App, LEAST_SIZE, Popup},
    deed::{Stage, Weight},
    draw,
    feed::{Freshness, Link},
    keymap::{self, Action, Deed, Mode, Tab},
    panels::{
        List, Panel, Scene,
        chain::{ChainDetail, ChainSummary},
        devices::DeviceLines,
        go,
        header::{Header, Tabs},
        money::Money,
        notices::Notices,
        redemption::Redemption,
        work::{Charts, Work},
    },
    places::{Place, Places},
    text, words,
};

impl App {
    pub(crate) fn scene<'a>(&'a self, now: Instant, places: &'a Places) -> Scene<'a> {
        let watched = &self.nodes[self.front.min(self.nodes.len() - 1)];
        let (feed, history) = watched.shown();
        Scene {
            status: feed.reading.as_ref().map(|reading| &*reading.status),
            go: feed.reading.as_ref().and_then(|reading| reading.go.as_deref()),
            feed,
            freshness: watched.freshness(now),
            held: watched.held_for(now),
            history,
            range: self.range,
            theme: &self.look.theme,
            zone: &self.look.zone,
            node: &self.look.nodes[self.front.min(self.nodes.len() - 1)],
            nodes: (&self.nodes, &self.look.nodes),
            places,
            now,
        }
    }

    /// Draws everything into `area`.
    pub fn render(&self, buffer: &mut Buffer, area: Rect, now: Instant) {
        self.render_noting(buffer, area, now, &Places::default());
    }

    /// Draws everything, and notes in `places` what is where.
    pub(crate) fn render_noting(&self, buffer: &mut Buffer, area: Rect, now: Instant, places: &Places) {
        let scene = self.scene(now, places);
        let theme = scene.theme;
        if area.width < LEAST_SIZE.0 || area.height < LEAST_SIZE.1 {
            let (width, height) = LEAST_SIZE;
            let sentence = format!(
                "{}×{} is too small, make it {width}×{height}",
                area.width, area.height
            );
            draw::placeholder(buffer, area, &[sentence, "q quits".to_string()], theme);
            theme.finish(buffer);
            return;
        }
        let banner = match self.is_fleet {
            true => None,
            false => banner(&scene),
        };
        let [top, tabs, trouble, body, help] = Layout::vertical([
            Constraint::Length(1),
            Constraint::Length(1),
            Constraint::Length(u16::from(banner.is_some())),
            Constraint::Fill(1),
            Constraint::Length(1),
        ])
        .areas(area);
        if self.is_fleet {
            self.fleet.header(buffer, top, &scene);
            self.fleet.render(buffer, tabs.union(body), &scene);
        } else {
            self.body(buffer, body, &scene);
            if scene.freshness.is_old() {
                theme.make_stale(buffer, body);
            }
            Header.render(buffer, top, &scene);
            Tabs { shown: self.tab }.render(buffer, tabs, &scene);
        }
        if let Some(banner) = banner {
            let fitted = text::fit(&banner, usize::from(area.width).saturating_sub(2));
            let style = if matches!(scene.freshness, Freshness::Lost { .. }) {
                theme.bad
            } else {
                theme.warn
            };
            buffer.set_string(trouble.x + 1, trouble.y, fitted, style);
        }
        self.popups(buffer, body, &scene);
        self.dialog(buffer, body, &scene);
        self.help_bar(buffer, help, &scene);
        theme.finish(buffer);
    }

    fn body(&self, buffer: &mut Buffer, area: Rect, scene: &Scene<'_>) {
        if scene.status.is_none() {
            draw::placeholder(buffer, area, &first_words(scene), scene.theme);
            return;
        }
        let panels = &self.nodes[self.front].panels;
        match self.tab {
            Tab::Overview => self.overview(buffer, area, scene),
            Tab::Sessions if area.width >= 150 => {
                let [table, detail] =
                    Layout::horizontal([Constraint::Fill(1), Constraint::Length(72)]).areas(area);
                panels.sessions.render(buffer, table, scene);
                selected(&panels.sessions, "selected session", buffer, detail, scene);
            }
            Tab::Sessions => panels.sessions.render(buffer, area, scene),
            Tab::Tickets => {
                let money = if area.height >= 16 { 7 } else { 0 };
                let [above, list] =
                    Layout::vertical([Constraint::Length(money), Constraint::Fill(1)]).areas(area);
                if money > 0 && Redemption::is_told(scene) {
                    let [left, right] = Layout::horizontal([Constraint::Fill(1); 2]).areas(above);
                    Money {
                        beside_redemption: true,
                    }
                    .render(buffer, left, scene);
                    Redemption.render(buffer, right, scene);
                } else if money > 0 {
                    Money::default().render(buffer, above, scene);
                }
                if list.width >= 150 {
                    let [table, detail] =
                        Layout::horizontal([Constraint::Fill(1), Constraint::Length(72)]).areas(list);
                    panels.tickets.render(buffer, table, scene);
                    selected(&panels.tickets, "selected ticket", buffer, detail, scene);
                } else {
                    panels.tickets.render(buffer, list, scene);
                }
            }
            Tab::Devices => panels.devices.render(buffer, area, scene),
            Tab::Transcoders => panels.transcoders.render(buffer, area, scene),
            Tab::Chain if scene.go.is_some() => go::Facts.render(buffer, area, scene),
            Tab::Chain => ChainDetail.render(buffer, area, scene),
            Tab::Log => panels.log.render(buffer, area, scene),
        }
    }

    fn overview(&self, buffer: &mut Buffer, area: Rect, scene: &Scene<'_>) {
        if area.height < 16 || area.width < 60 {
            self.small_overview(buffer, area, scene);
            return;
        }
        let panels = &self.nodes[self.front].panels;
        let (main, charts) = if area.width >= 130 && area.height >= 24 {
            let [main, charts] =
                Layout::horizontal([Constraint::Fill(1), Constraint::Length(64)]).areas(area);
            (main, Some(charts))
        } else {
            (area, None)
        };
        let notices = Notices.height(main.width, scene);
        let device_rows = DeviceLines.height(scene).min(area.height / 3);
        let [top, devices, sessions, needs] = Layout::vertical([
            Constraint::Length(7),
            Constraint::Length(device_rows),
            Constraint::Min(4),
            Constraint::Length(notices),
        ])
        .areas(main);
        let is_paid = scene.status.is_some_and(|status| status.payments.is_some());
        if is_paid && top.width >= 120 {
            let [work, money, chain] = Layout::horizontal([Constraint::Fill(1); 3]).areas(top);
            Work.render(buffer, work, scene);
            Money::default().render(buffer, money, scene);
            ChainSummary.render(buffer, chain, scene);
        } else {
            let [work, beside] = Layout::horizontal([Constraint::Fill(1); 2]).areas(top);
            Work.render(buffer, work, scene);
            match is_paid {
                true => Money::default().render(buffer, beside, scene),
                false => ChainSummary.render(buffer, beside, scene),
            }
        }
        DeviceLines.render(buffer, devices, scene);
        let rows = u16::try_from(scene.status.map_or(0, |status| status.sessions.len())).unwrap_or(u16::MAX);
        let table_rows = rows.max(3).saturating_add(3);
        if charts.is_some() && sessions.height >= table_rows.saturating_add(16) && rows > 0 {
            let [table, detail] =
                Layout::vertical([Constraint::Length(table_rows), Constraint::Fill(1)]).areas(sessions);
            panels.sessions.render(buffer, table, scene);
            selected(&panels.sessions, "selected session", buffer, detail, scene);
        } else {
            panels.sessions.render(buffer, sessions, scene);
        }
        if notices > 0 {
            Notices.render(buffer, needs, scene);
        }
        if let Some(charts) = charts {
            Charts.render(buffer, charts, scene);
        }
    }

    /// What matters most where there is little room: what needs the operator, the work, the sessions.
    fn small_overview(&self, buffer: &mut Buffer, area: Rect, scene: &Scene<'_>) {
        let notice = Notices.first(area.width.saturating_sub(2), scene);
        let [needs, work, sessions] = Layout::vertical([
            Constraint::Length(u16::from(notice.is_some())),
            Constraint::Length(3),
            Constraint::Fill(1),
        ])
        .areas(area);
        if let Some(notice) = notice {
            buffer.set_line(needs.x + 1, needs.y, &notice, needs.width.saturating_sub(2));
        }
        Work.render(buffer, work, scene);
        self.nodes[self.front]
            .panels
            .sessions
            .render(buffer, sessions, scene);
    }

    fn popups(&self, buffer: &mut Buffer, area: Rect, scene: &Scene<'_>) {
        let theme = scene.theme;
        match self.popup {
            None => {}
            Some(Popup::Detail) => {
                let size = (
                    area.width.saturating_sub(4).min(110),
                    area.height.saturating_sub(1).min(30),
                );
                let room = usize::from(size.0.saturating_sub(4));
                let panels = &self.nodes[self.front].panels;
                let (title, lines) = panels
                    .list_of(self.tab)
                    .and_then(|list| list.detail(scene, room))
                    .unwrap_or_else(|| {
                        let gone = Line::styled("what was selected is gone", theme.quiet);
                        ("details".to_string(), vec![gone])
                    });
                let inside = draw::popup(buffer, area, size, &title, scene);
                draw::lines(buffer, inside, &lines);
                if scene.freshness.is_old() {
                    theme.make_stale(buffer, inside);
                }
            }
            Some(Popup::Help) => {
                let lines = help_lines(scene, area);
                let wide = lines.iter().map(Line::width).max().unwrap_or(0);
                let size = (
                    u16::try_from(wide + 4).unwrap_or(u16::MAX),
                    u16::try_from(lines.len() + 2).unwrap_or(u16::MAX),
                );
                let inside = draw::popup(buffer, area, size, "keys", scene);
                draw::lines(buffer, inside, &lines);
            }
        }
    }

    /// What is to be done: a value being typed, or a plan to be said yes to.
    fn dialog(&self, buffer: &mut Buffer, area: Rect, scene: &Scene<'_>) {
        let theme = scene.theme;
        let room = usize::from(area.width.saturating_sub(8).min(86));
        let mut lines = Vec::new();
        let title = match self.deeds.stage() {
            None => return,
            Some(Stage::Value { deed, text, now, .. }) => {
                let (title, hint) = match deed {
                    Deed::Price => ("another price", "for a pixel, like 1200 (wei), 0.02usd/1000000"),
                    _ => ("sessions at once", "a number, or auto"),
                };
                lines.push(Line::from(vec![
                    Span::styled("now  ", theme.quiet),
                    Span::styled(text::fit(&text::clean(now), room.saturating_sub(5)), theme.text),
                ]));
                lines.push(Line::from(vec![
                    Span::styled("new  ", theme.quiet),
                    Span::styled(format!("{}_", text::clean(text)), theme.accent),
                ]));
                lines.push(Line::styled(text::fit(hint, room), theme.quiet));
                lines.push(Line::default());
                lines.push(Line::styled(
                    "enter  see what it would do      esc  leave it",
                    theme.text,
                ));
                title.to_string()
            }
            Some(Stage::Preparing(order, since)) => {
                let waited = scene.now.saturating_duration_since(*since);
                lines.push(Line::styled(
                    format!("finding out what it would do, {}", words::span(waited)),
                    theme.quiet,
                ));
                lines.push(Line::default());
                lines.push(Line::styled("esc  leave it", theme.text));
                order.errand.words().to_string()
            }
            Some(Stage::Shown(_, plan)) => {
                for (weight, sentence) in &plan.lines {
                    let (mark, style) = match weight {
                        Weight::Plain => ("", theme.text),
                        Weight::Good => ("✓ ", theme.good),
                        Weight::Warning => ("! ", theme.warn),
                        Weight::Refusal => ("✗ ", theme.bad),
                    };
                    let cleaned = text::clean(sentence);
                    let indent = cleaned.len() - cleaned.trim_start_matches(' ').len();
                    // Tables of figures stay as they are; sentences are wrapped.
                    let pieces = if *weight == Weight::Plain && text::width(&cleaned) <= room {
                        vec![cleaned]
                    } else {
                        let margin = " ".repeat(indent.min(8));
                        text::wrap(&cleaned, room.saturating_sub(indent + 2))
                            .into_iter()
                            .map(|piece| format!("{margin}{piece}"))
                            .collect()
                    };
                    if pieces.is_empty() {
                        lines.push(Line::default());
                    }
                    for (row, piece) in pieces.into_iter().enumerate() {
                        let mark = if row == 0 {
                            mark.to_string()
                        } else {
                            " ".repeat(text::width(mark))
                        };
                        lines.push(Line::from(vec![
                            Span::styled(mark, style),
                            Span::styled(piece, theme.text),
                        ]));
                    }
                }
                lines.push(Line::default());
                lines.push(match plan.is_possible {
                    true => Line::from(vec![
                        Span::styled("y", theme.accent),
                        Span::styled("  do it      ", theme.text),
                        Span::styled("n", theme.accent),
                        Span::styled("  leave it", theme.text),
                    ]),
                    false => Line::styled("esc  close; nothing was done", theme.text),
                });
                text::clean(&plan.title)
            }
        };
        let most = usize::from(area.height.saturating_sub(2)).max(1);
        if lines.len() > most {
            // The last line says which keys there are: it stays.
            let last = lines.pop().unwrap_or_default();
            lines.truncate(most.saturating_sub(1));
            if let Some(cut) = lines.last_mut() {
                *cut = Line::styled("… more than fits; a taller terminal shows it", theme.warn);
            }
            lines.push(last);
        }
        let wide = lines
            .iter()
            .map(Line::width)
            .max()
            .unwrap_or(0)
            .max(text::width(&title) + 2);
        let size = (
            u16::try_from(wide + 4).unwrap_or(u16::MAX),
            u16::try_from(lines.len() + 2).unwrap_or(u16::MAX),
        );
        let inside = draw::popup(buffer, area, size, &title, scene);
        draw::lines(buffer, inside, &lines);
        if let Some(Stage::Shown(_, plan)) = self.deeds.stage()
            && plan.is_possible
        {
            let row = inside.bottom().saturating_sub(1);
            scene
                .places
                .put(Rect::new(inside.x, row, 8, 1), Place::Key(Action::Confirm));
            scene
                .places
                .put(Rect::new(inside.x + 13, row, 12, 1), Place::Key(Action::Close));
        }
    }

    /// The last line: what is under way, an answer while it is new, else the keys that work now.
    fn help_bar(&self, buffer: &mut Buffer, area: Rect, scene: &Scene<'_>) {
        let theme = scene.theme;
        let room = usize::from(area.width).saturating_sub(2);
        if let Some((what, since)) = self.deeds.under_way(scene.now) {
            let sentence = format!("{what}, {}", words::span(since));
            buffer.set_string(area.x + 1, area.y, text::fit(&sentence, room), theme.warn);
            return;
        }
        if let Some(answer) = self.deeds.answer(scene.now) {
            let (mark, style) = if answer.done {
                ("✓", theme.good)
            } else {
                ("!", theme.warn)
            };
            let shown = text::fit(&format!("{mark} {}", text::clean(&answer.message)), room);
            buffer.set_string(area.x + 1, area.y, shown, style);
            return;
        }
        let mode = self.mode();
        let bindings = keymap::BINDINGS.iter().filter(|binding| {
            let about_one = matches!(binding.action, Action::Ask(_) | Action::Pause);
            binding.mode == mode && !binding.short.is_empty() && !(self.is_fleet && about_one)
        });
        let pieces = bindings
            .enumerate()
            .map(|(position, binding)| {
                // Where there is little room, the way out stays.
                let importance = match binding.action {
                    Action::Quit | Action::Close => 0,
                    Action::Help => 1,
                    _ => position + 2,
                };
                let key = Span::styled(binding.shown, theme.accent);
                (
                    u8::try_from(importance).unwrap_or(u8::MAX),
                    vec![key, Span::styled(format!(" {}", binding.short), theme.quiet)],
                )
            })
            .collect();
        let line = draw::fitting(pieces, &Span::raw("  "), room);
        buffer.set_line(area.x + 1, area.y, &line, area.width.saturating_sub(1));
        // Every other span is a key with its word, from left to right.
        let mut x = area.x + 1;
        for pair in line.spans.split(|span| span.content == "  ") {
            let wide: usize = pair.iter().map(Span::width).sum();
            let wide = u16::try_from(wide).unwrap_or(u16::MAX);
            let action = pair.first().and_then(|key| {
                keymap::BINDINGS
                    .iter()
                    .find(|binding| binding.mode == mode && binding.shown == key.content)
            });
            if let Some(binding) = action {
                scene
                    .places
                    .put(Rect::new(x, area.y, wide, 1), Place::Key(binding.action));
            }
            x = x.saturating_add(wide).saturating_add(2);
        }
    }
}

/// The selected row's details in a frame of their own.
fn selected(list: &dyn List, title: &'static str, buffer: &mut Buffer, area: Rect, scene: &Scene<'_>) {
    let inside = draw::panel(buffer, area, vec![Span::raw(title)], scene.theme);
    match list.detail(scene, usize::from(inside.width)) {
        Some((_, lines)) => draw::lines(buffer, inside, &lines),
        None => draw::placeholder(buffer, inside, &["nothing is selected".to_string()], scene.theme),
    }
}

/// The table of keys, as lines; two columns where they fit and one would not.
fn help_lines(scene: &Scene<'_>, area: Rect) -> Vec<Line<'static>> {
    let theme = scene.theme;
    let entries: Vec<_> = keymap::BINDINGS
        .iter()
        .filter(|binding| binding.mode == Mode::Panels)
        .collect();
    let rows = usize::from(area.height.saturating_sub(2)).max(1);
    let columns = if entries.len() > rows && area.width >= 76 {
        2
    } else {
        1
    };
    let each = entries.len().div_ceil(columns);
    let room = (usize::from(area.width).saturating_sub(4) / columns).saturating_sub(12 + columns);
    (0..each)
        .map(|row| {
            let mut line = Line::default();
            for (column, binding) in entries.iter().skip(row).step_by(each).enumerate() {
                let long = match columns {
                    1 => text::fit(binding.long, room),
                    _ if column == 0 => {
                        let fitted = text::fit(binding.long, room);
                        let blank = " ".repeat(room.saturating_sub(text::width(&fitted)) + 1);
                        format!("{fitted}{blank}")
                    }
                    _ => text::fit(binding.long, room),
                };
                line.push_span(Span::styled(format!("{:<11}", binding.shown), theme.accent));
                line.push_span(Span::styled(long, theme.text));
            }
            line
        })
        .collect()
}

/// What stands where the panels will be, before the first report.
fn first_words(scene: &Scene<'_>) -> Vec<String> {
    let url = text::clean(&scene.node.url);
    match &scene.feed.link {
        Link::Lost { .. } => vec![
            format!("no node answers at {url}"),
            String::new(),
            "start one with `lpctl run`, or name another with `--node URL`".to_string(),
            "this screen keeps trying".to_string(),
        ],
        Link::Connecting { .. } | Link::Live => vec![format!("connecting to {url}")],
    }
}

/// One line about a connection that is not well.
fn banner(scene: &Scene<'_>) -> Option<String> {
    match (&scene.feed.link, scene.freshness) {
        (Link::Lost { reason, retry_at, .. }, _) => {
            let next = match retry_at.map(|at| at.saturating_duration_since(scene.now)) {
                Some(wait) if wait >= Duration::from_secs(1) => {
                    format!("trying again in {}", words::span(wait))
                }
                _ => "trying again".to_string(),
            };
            let reason = text::clean(reason);
            Some(match scene.status {
                Some(_) => format!("✗ node lost: {reason} · {next} · last picture kept"),
                None => format!("✗ no answer: {reason} · {next}"),
            })
        }
        (_, Freshness::Stale { age }) => Some(format!(
            "! the node is connected and has said nothing for {}",
            words::span(age)
        )),
        (Link::Live, _) => another_version(scene),
        _ => None,
    }
}

/// A node that tells more or less than is known here.
fn another_version(scene: &Scene<'_>) -> Option<String> {
    // Go-livepeer's nodes have none.
    let status = scene.status.filter(|_| scene.go.is_none())?;
    let (theirs, ours) = (status.api_version, API_VERSION);
    let node = format!(
        "(API {theirs}, lpctl {})",
        text::fit(&text::clean(&status.version), 16)
    );
    match theirs.cmp(&ours) {
        Ordering::Equal => None,
        Ordering::Greater => Some(format!(
            "! newer node {node}: this lpctl (API {ours}) shows only part of it"
        )),
        Ordering::Less => Some(format!(
            "! older node {node}: some of what this lpctl shows is not known"
        )),
    }
}
