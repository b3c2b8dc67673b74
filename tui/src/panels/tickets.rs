//! The winning tickets: what waits, why, until when, and what was paid.

use engine::view::ticket::{TicketFacts, TicketStatus};
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
    widgets::Cell,
};

use super::{List, Panel, Scene, table};
use crate::{
    draw,
    feed::{Freshness, Part},
    listing::Listing,
    text, words,
};

/// What the rows are ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    /// What waits, the most urgent first, then the rest, newest first.
    Urgent,
    /// Newest first.
    Newest,
    /// Largest first.
    Largest,
}

const ORDERS: [Order; 3] = [Order::Urgent, Order::Newest, Order::Largest];

impl Order {
    fn shown(self) -> &'static str {
        match self {
            Self::Urgent => "most urgent first",
            Self::Newest => "newest first",
            Self::Largest => "largest first",
        }
    }
}

/// The table.
#[derive(Debug, Default)]
pub struct Tickets {
    listing: Listing,
}

type Ticket = (String, TicketFacts);

impl Tickets {
    fn order(&self) -> Order {
        self.listing.order(&ORDERS).unwrap_or(Order::Urgent)
    }

    fn rows<'a>(&self, scene: &Scene<'a>) -> Vec<&'a Ticket> {
        let Some(book) = scene.feed.tickets.value() else {
            return Vec::new();
        };
        let wanted = self.listing.wanted();
        let mut rows: Vec<&Ticket> = book
            .tickets
            .iter()
            .filter(|(hash, ticket)| matches(hash, ticket, &wanted))
            .collect();
        match self.order() {
            Order::Urgent => rows.sort_by_key(|(_, ticket)| {
                let closes = ticket.window.map_or(u64::MAX, |window| window.closes_block);
                (is_settled(ticket), closes, std::cmp::Reverse(ticket.won_at))
            }),
            Order::Newest => rows.sort_by_key(|(_, ticket)| std::cmp::Reverse(ticket.won_at)),
            Order::Largest => rows.sort_by_key(|(_, ticket)| std::cmp::Reverse(ticket.face_value_wei)),
        }
        rows
    }

    fn position(&self, rows: &[&Ticket]) -> usize {
        let keys: Vec<&str> = rows.iter().map(|(hash, _)| hash.as_str()).collect();
        self.listing.position(&keys)
    }
}

fn is_settled(ticket: &TicketFacts) -> bool {
    !matches!(ticket.status, TicketStatus::Waiting | TicketStatus::InFlight)
}

fn matches(hash: &str, ticket: &TicketFacts, wanted: &str) -> bool {
    let state = state_words(ticket);
    wanted.is_empty()
        || hash.contains(wanted)
        || state.contains(wanted)
        || ticket.sender.to_string().to_lowercase().contains(wanted)
        || ticket
            .wait
            .as_ref()
            .is_some_and(|wait| wait.code.contains(wanted))
}

fn state_words(ticket: &TicketFacts) -> &'static str {
    match ticket.status {
        TicketStatus::Waiting => "waiting",
        TicketStatus::InFlight => "in flight",
        TicketStatus::Redeemed => "paid",
        TicketStatus::Lost => "lost",
        TicketStatus::UsedElsewhere => "paid elsewhere",
        TicketStatus::HandedOver => "handed over",
    }
}

fn state(ticket: &TicketFacts, scene: &Scene<'_>) -> (String, Style) {
    let theme = scene.theme;
    let (mark, style) = match ticket.status {
        TicketStatus::Waiting => ("·", theme.text),
        TicketStatus::InFlight => ("→", theme.accent),
        TicketStatus::Redeemed | TicketStatus::UsedElsewhere => ("✓", theme.good),
        TicketStatus::HandedOver => ("→", theme.quiet),
        TicketStatus::Lost => ("✗", theme.bad),
    };
    (format!("{mark} {}", state_words(ticket)), style)
}

/// How long it can still be redeemed: `9 h 40 min`, else blocks.
fn left(ticket: &TicketFacts) -> Option<String> {
    let window = ticket.window.as_ref()?;
    Some(match window.seconds_left {
        Some(seconds) => words::span(std::time::Duration::from_secs(seconds)),
        None => words::counted(window.blocks_left, "block"),
    })
}

/// Why it waits, what became of it, in a few words.
fn remark(ticket: &TicketFacts) -> String {
    let said = match (&ticket.note, &ticket.wait, &ticket.last_failure) {
        (Some(note), ..) => note.clone(),
        (None, Some(wait), _) => wait.message.clone(),
        (None, None, Some(failure)) if !is_settled(ticket) => failure.clone(),
        (None, None, _) => ticket
            .paid_wei
            .map_or_else(String::new, |paid| format!("{} came in", paid.human())),
    };
    text::clean(&said)
}

impl List for Tickets {
    fn listing(&self) -> &Listing {
        &self.listing
    }

    fn listing_mut(&mut self) -> &mut Listing {
        &mut self.listing
    }

    fn keys<'a>(&self, scene: &Scene<'a>) -> Vec<&'a str> {
        let rows = self.rows(scene);
        rows.into_iter().map(|(hash, _)| hash.as_str()).collect()
    }

    fn detail(&self, scene: &Scene<'_>, room: usize) -> Option<(String, Vec<Line<'static>>)> {
        let rows = self.rows(scene);
        let (hash, ticket) = rows.get(self.position(&rows)).copied()?;
        Some((
            format!("ticket {}", words::address(hash)),
            facts(hash, ticket, scene, room),
        ))
    }
}

/// Everything about a ticket.
fn facts(hash: &str, ticket: &TicketFacts, scene: &Scene<'_>, room: usize) -> Vec<Line<'static>> {
    let theme = scene.theme;
    let mut lines = Vec::new();
    let mut says = |name: &'static str, sentence: String, style: Style| {
        let (cleaned, room) = (text::clean(&sentence), room.saturating_sub(13));
        let pieces = match cleaned.contains(' ') {
            true => text::wrap(&cleaned, room),
            false => text::chop(&cleaned, room),
        };
        for (row, piece) in pieces.into_iter().enumerate() {
            let label = if row == 0 { name } else { "" };
            lines.push(Line::from(vec![
                Span::styled(format!("{label:<13}"), theme.quiet),
                Span::styled(piece, style),
            ]));
        }
    };
    let (state, style) = state(ticket, scene);
    says("state", state, style);
    says("value", ticket.face_value_wei.human(), draw::bold(theme.text));
    says("hash", hash.to_string(), theme.text);
    says("sender", ticket.sender.to_string(), theme.text);
    says("recipient", ticket.recipient.to_string(), theme.quiet);
    let won = format!(
        "{}, in round {}",
        words::day_and_clock(ticket.won_at, scene.zone),
        ticket.creation_round
    );
    says("won", won, theme.text);
    if let Some(wait) = &ticket.wait {
        says("waits", format!("{} ({})", wait.message, wait.code), theme.text);
    }
    if let Some(window) = &ticket.window {
        let moment = window.closes_at.map_or_else(String::new, |at| {
            format!(", {}", words::day_and_clock(at, scene.zone))
        });
        let closes = format!(
            "{} left{moment}: worthless from block {} on",
            left(ticket).unwrap_or_default(),
            words::count(window.closes_block)
        );
        says("closes", closes, theme.warn);
    }
    says(
        "break-even",
        format!(
            "at {} for gas, redeemed by itself",
            ticket.break_even_gas_price_wei.human_gwei()
        ),
        theme.quiet,
    );
    if ticket.attempts > 0 {
        says("attempts", ticket.attempts.to_string(), theme.text);
    }
    if let Some(failure) = &ticket.last_failure {
        says("last failure", failure.clone(), theme.warn);
    }
    if let Some(transaction) = &ticket.transaction {
        says("transaction", transaction.to_string(), theme.text);
    }
    if let (Some(paid), Some(cost)) = (ticket.paid_wei, ticket.cost_wei) {
        let came = format!("{}, for {} of gas", paid.human(), cost.human());
        says("paid", came, theme.good);
    }
    if let Some(note) = &ticket.note {
        says("note", note.clone(), theme.text);
    }
    lines
}

impl Panel for Tickets {
    fn render(&self, buffer: &mut Buffer, area: Rect, scene: &Scene<'_>) {
        let theme = scene.theme;
        let rows = self.rows(scene);
        let mut heading = vec![
            Span::raw("winning tickets"),
            Span::styled(format!(", {}", self.order().shown()), theme.quiet),
        ];
        let position = self.position(&rows);
        let book = scene.feed.tickets.value();
        let all = book.map_or(0, |book| book.tickets.len());
        if let Some((filter, count)) = self.listing.shown_filter(rows.len(), all) {
            heading.push(Span::styled(filter, theme.accent));
            heading.push(Span::styled(count, theme.quiet));
        } else if let Some(place) = table::place_among(position, rows.len(), area.height) {
            heading.push(Span::styled(place, theme.quiet));
        }
        if book.is_some_and(|book| book.has_more) {
            heading.push(Span::styled(", older ones: `lpctl ticket list`", theme.quiet));
        }
        heading.extend(age(&scene.feed.tickets, scene));
        let inside = draw::panel(buffer, area, heading, theme);
        if rows.is_empty() {
            draw::placeholder(buffer, inside, &[self.nothing(scene)], theme);
            return;
        }
        let wide = inside.width;
        let mut columns = vec![table::left("ticket", 11)];
        if wide >= 90 {
            columns.push(table::left("sender", 11));
        }
        columns.push(table::right("value", 14));
        columns.push(table::left("state", 11));
        if wide >= 56 {
            columns.push(table::right("closes in", 11));
        }
        if wide >= 70 {
            columns.push(table::rest("what it waits for"));
        }
        table::render(
            buffer,
            inside,
            scene,
            &columns,
            (&rows, position),
            |(hash, ticket)| row(hash, ticket, wide, scene),
        );
    }
}

impl Tickets {
    /// Why there is no row.
    fn nothing(&self, scene: &Scene<'_>) -> String {
        match &scene.feed.tickets {
            Part::NotAsked if scene.go.is_some() => {
                "go-livepeer's operator API does not list winning tickets".to_string()
            }
            Part::NotAsked => "asking the node for its winning tickets".to_string(),
            Part::Absent(reason) => text::clean(reason),
            Part::Known { value, .. } if value.tickets.is_empty() => {
                "no ticket has won yet: one in many does".to_string()
            }
            Part::Known { .. } => "no ticket matches; esc clears the filter".to_string(),
        }
    }
}

fn row(hash: &str, ticket: &TicketFacts, wide: u16, scene: &Scene<'_>) -> Vec<Cell<'static>> {
    let theme = scene.theme;
    let mut cells = vec![table::cell(words::address(&hash), theme.text)];
    if wide >= 90 {
        cells.push(table::cell(words::address(&ticket.sender), theme.quiet));
    }
    cells.push(table::cell_right(ticket.face_value_wei.human(), theme.text));
    let (state, style) = state(ticket, scene);
    cells.push(table::cell(state, style));
    if wide >= 56 {
        let left = left(ticket).unwrap_or_else(|| "–".to_string());
        cells.push(table::cell_right(left, theme.text));
    }
    if wide >= 70 {
        cells.push(table::cell(remark(ticket), theme.quiet));
    }
    cells
}

/// How old a part is that is not as new as it should be, and why.
pub fn age<T>(part: &Part<T>, scene: &Scene<'_>) -> Option<Span<'static>> {
    let Part::Known {
        received,
        trouble: Some(trouble),
        ..
    } = part
    else {
        return None;
    };
    // The banner says all of it of a node that is gone.
    if matches!(scene.freshness, Freshness::Lost { .. }) {
        return None;
    }
    let age = words::span(scene.now.saturating_duration_since(*received));
    let trouble = text::fit(&text::clean(trouble), 40);
    Some(Span::styled(format!(" ! {age} old: {trouble}"), scene.theme.warn))
}
