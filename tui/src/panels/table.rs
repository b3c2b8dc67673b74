//! A table of which only the rows on the screen are made, however many there are.

use ratatui::{
    buffer::Buffer,
    layout::{Constraint, Rect},
    style::Style,
    text::{Line, Span},
    widgets::{Cell, HighlightSpacing, Row, StatefulWidget, Table, TableState},
};

use super::Scene;
use crate::{listing, places::Place};

/// A column: its name, its width, and whether its figures stand right.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// What stands above it.
    pub name: &'static str,
    /// How wide it is.
    pub wide: Constraint,
    /// Whether its name stands right, as its figures do.
    pub is_right: bool,
}

/// A column of so many cells.
pub const fn left(name: &'static str, wide: u16) -> Column {
    Column {
        name,
        wide: Constraint::Length(wide),
        is_right: false,
    }
}

/// A column of so many cells whose figures stand right.
pub const fn right(name: &'static str, wide: u16) -> Column {
    Column {
        name,
        wide: Constraint::Length(wide),
        is_right: true,
    }
}

/// A column that takes what is left.
pub const fn rest(name: &'static str) -> Column {
    Column {
        name,
        wide: Constraint::Fill(1),
        is_right: false,
    }
}

/// A text that stands left.
pub fn cell(text: impl Into<String>, style: Style) -> Cell<'static> {
    Cell::from(Span::styled(text.into(), style))
}

/// A text that stands right.
pub fn cell_right(text: impl Into<String>, style: Style) -> Cell<'static> {
    Cell::from(Line::styled(text.into(), style).right_aligned())
}

/// Draws the rows around the selected one, and notes where they are.
pub fn render<T>(
    buffer: &mut Buffer,
    area: Rect,
    scene: &Scene<'_>,
    columns: &[Column],
    (rows, position): (&[T], usize),
    row: impl Fn(&T) -> Vec<Cell<'static>>,
) {
    let theme = scene.theme;
    let has_header = area.height > 3;
    let first_y = area.y + u16::from(has_header);
    let room = usize::from(area.height.saturating_sub(u16::from(has_header)));
    let window = listing::window(position, rows.len(), room);
    for (index, y) in window.clone().zip(first_y..area.bottom()) {
        scene.places.put(Rect { y, height: 1, ..area }, Place::Row(index));
    }
    let widths = columns.iter().map(|column| column.wide);
    let shown = rows.get(window.clone()).unwrap_or_default();
    let mut table = Table::new(shown.iter().map(|one| Row::new(row(one))), widths)
        .column_spacing(2)
        .row_highlight_style(theme.selection)
        .highlight_symbol("> ")
        .highlight_spacing(HighlightSpacing::Always);
    if has_header {
        let names = columns.iter().map(|column| {
            let name = Line::from(column.name);
            if column.is_right {
                name.right_aligned()
            } else {
                name
            }
        });
        table = table.header(Row::new(names).style(theme.quiet));
    }
    let selected = position.saturating_sub(window.start);
    StatefulWidget::render(
        table,
        area,
        buffer,
        &mut TableState::new().with_selected(selected),
    );
}

/// `21-40 of 5 000` where not all rows are on the screen.
#[must_use]
pub fn place_among(position: usize, all: usize, height: u16) -> Option<String> {
    // The frame and, where there is room for it, the header are not rows.
    let inside = usize::from(height.saturating_sub(2));
    let room = inside - usize::from(inside > 3);
    if all <= room {
        return None;
    }
    let window = listing::window(position, all, room);
    let count = |number: usize| crate::words::count(u64::try_from(number).unwrap_or(u64::MAX));
    Some(format!(
        " {}-{} of {}",
        count(window.start + 1),
        count(window.end),
        count(all)
    ))
}
