//! Small drawn things the panels share: frames, bars, sparklines, column charts, popups.

use ratatui::{
    buffer::Buffer,
    layout::{Constraint, Rect},
    style::{Modifier, Style},
    text::{Line, Span},
    widgets::{Block, Borders, Clear, Padding, Widget},
};

use crate::{panels::Scene, places::Place, text, theme::Theme};

const LEVELS: [&str; 8] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];

/// A titled frame, drawn; returns what is inside. Narrow panels have only a line above, to save room.
pub fn panel(buffer: &mut Buffer, area: Rect, title: Vec<Span<'_>>, theme: &Theme) -> Rect {
    let narrow = area.width < 60 && area.height < 6;
    panel_with(buffer, area, title, narrow, theme)
}

/// See [`panel`]; `open` leaves out the sides and the bottom.
pub fn panel_with(buffer: &mut Buffer, area: Rect, title: Vec<Span<'_>>, open: bool, theme: &Theme) -> Rect {
    let mut spans = vec![Span::raw(" ")];
    spans.extend(title);
    spans.push(Span::raw(" "));
    let block = Block::new()
        .borders(if open { Borders::TOP } else { Borders::ALL })
        .border_style(theme.border)
        .padding(Padding::horizontal(1))
        .title(Line::from(spans).style(theme.title));
    let inside = block.inner(area);
    block.render(area, buffer);
    inside
}

/// A frame in the middle of `around`, over what was there; returns what is inside.
pub fn popup(buffer: &mut Buffer, around: Rect, size: (u16, u16), title: &str, scene: &Scene<'_>) -> Rect {
    let theme = scene.theme;
    let area = around.centered(
        Constraint::Length(size.0.min(around.width)),
        Constraint::Length(size.1.min(around.height)),
    );
    Clear.render(area, buffer);
    scene.places.put(area, Place::Popup);
    let block = Block::bordered()
        .border_style(theme.accent)
        .padding(Padding::horizontal(1))
        .title(
            Line::from(format!(
                " {} ",
                text::fit(title, usize::from(area.width).saturating_sub(4))
            ))
            .style(theme.title),
        );
    let inside = block.inner(area);
    block.render(area, buffer);
    inside
}

/// A bar of `cells` cells between two ticks: `▕█████░░░░░▏`.
#[must_use]
pub fn bar(part: u64, whole: u64, cells: usize, theme: &Theme) -> Vec<Span<'static>> {
    let whole = u128::from(whole);
    let reached = u128::from(part).min(whole) * cells as u128 + whole / 2;
    let full = reached.checked_div(whole).unwrap_or(0) as usize;
    vec![
        Span::styled("▕", theme.border),
        Span::styled("█".repeat(full), theme.bar),
        Span::styled("░".repeat(cells - full), theme.bar_rest),
        Span::styled("▏", theme.border),
    ]
}

/// A sparkline, one cell a value. What is not known is blank, and nothing is a flat line: they differ.
#[must_use]
pub fn sparkline(values: &[Option<f64>], top: f64, theme: &Theme) -> Vec<Span<'static>> {
    values
        .iter()
        .map(|value| match value {
            None => Span::raw(" "),
            Some(value) if *value <= 0.0 => Span::styled("▁", theme.bar_rest),
            Some(value) => Span::styled(
                LEVELS[eighths(*value, top, 8).saturating_sub(1).min(7)],
                theme.bar,
            ),
        })
        .collect()
}

/// How many of `steps` steps a value reaches, at least one if it is anything at all.
fn eighths(value: f64, top: f64, steps: usize) -> usize {
    if value <= 0.0 || top <= 0.0 {
        return 0;
    }
    let reached = (value / top * steps as f64).round();
    if reached >= steps as f64 {
        steps
    } else {
        (reached as usize).max(1)
    }
}

/// The largest known value, at least `least`.
#[must_use]
pub fn largest(values: &[Option<f64>], least: f64) -> f64 {
    values.iter().flatten().copied().fold(least, f64::max)
}

/// Cells left of a column chart for the labels of its height.
pub const AXIS: u16 = 8;

/// One band of a stacked column chart: its values reach from the ground and are drawn below those before it.
pub struct Band {
    /// One value a column, oldest first.
    pub values: Vec<Option<f64>>,
    /// Its fill; `█` is drawn in eighths.
    pub fill: &'static str,
    /// Its colour.
    pub style: Style,
}

/// How many columns a chart of this area has.
#[must_use]
pub fn columns_in(area: Rect) -> usize {
    usize::from(area.width.saturating_sub(AXIS))
}

/// A column chart with its largest value at the top left and the time it spans below.
/// Bands are given from the highest to the lowest; later ones cover earlier ones. `span` is the length of the past shown.
pub fn chart(
    buffer: &mut Buffer,
    area: Rect,
    bands: &[Band],
    top: f64,
    label: impl Fn(f64) -> String,
    (span, theme): (&str, &Theme),
) {
    if area.height < 3 || area.width <= AXIS + 2 {
        return;
    }
    let plot = Rect {
        x: area.x + AXIS,
        width: area.width - AXIS,
        height: area.height - 1,
        ..area
    };
    for (row, value) in [(plot.top(), top), (plot.bottom() - 1, 0.0)] {
        let shown = text::fit(&label(value), usize::from(AXIS) - 2);
        let indent = usize::from(AXIS) - 2 - text::width(&shown);
        buffer.set_string(area.x, row, format!("{}{shown}", " ".repeat(indent)), theme.quiet);
    }
    for row in plot.top()..plot.bottom() {
        buffer.set_string(plot.x - 1, row, "│", theme.border);
    }
    let rows = usize::from(plot.height);
    for band in bands {
        let skipped = band.values.len().saturating_sub(usize::from(plot.width));
        for (x, value) in (plot.left()..plot.right()).zip(&band.values[skipped..]) {
            let Some(value) = value else { continue };
            if *value <= 0.0 {
                buffer.set_string(x, plot.bottom() - 1, "▁", theme.bar_rest);
                continue;
            }
            let reached = eighths(*value, top, rows * 8);
            for (level, y) in (plot.top()..plot.bottom()).rev().enumerate() {
                let here = reached.saturating_sub(level * 8).min(8);
                if here == 0 {
                    break;
                }
                let is_behind = buffer.cell((x, y)).is_some_and(|cell| cell.symbol() != " ");
                let symbol = match (band.fill, is_behind) {
                    ("█", false) => LEVELS[here - 1],
                    // Part of a cell would leave a hole in the band behind it.
                    ("█", true) if here < 4 => break,
                    (fill, _) => fill,
                };
                buffer.set_string(x, y, symbol, band.style);
            }
        }
    }
    let ago = format!("{span} ago");
    buffer.set_string(
        plot.x,
        area.bottom() - 1,
        text::fit(&ago, usize::from(plot.width)),
        theme.quiet,
    );
    if plot.width > 20 {
        buffer.set_string(plot.right() - 3, area.bottom() - 1, "now", theme.quiet);
    }
}

/// Lines one below the other, as many as fit.
pub fn lines(buffer: &mut Buffer, area: Rect, lines: &[Line<'_>]) {
    for (y, line) in (area.top()..area.bottom()).zip(lines) {
        buffer.set_line(area.x, y, line, area.width);
    }
}

/// One quiet sentence in the middle of an otherwise empty area, with another below it.
pub fn placeholder(buffer: &mut Buffer, area: Rect, sentences: &[String], theme: &Theme) {
    let wrapped: Vec<String> = sentences
        .iter()
        .flat_map(|sentence| text::wrap(sentence, usize::from(area.width)))
        .collect();
    let height = u16::try_from(wrapped.len()).unwrap_or(u16::MAX).min(area.height);
    let top = area.y + (area.height - height) / 2;
    for (y, line) in (top..top + height).zip(&wrapped) {
        let indent = area
            .width
            .saturating_sub(u16::try_from(text::width(line)).unwrap_or(u16::MAX))
            / 2;
        buffer.set_string(area.x + indent, y, line, theme.quiet);
    }
}

/// Puts pieces into one line, separated by `gap`, leaving out the least important ones until all fit into `room`.
/// A piece with a higher number is less important.
#[must_use]
pub fn fitting(mut pieces: Vec<(u8, Vec<Span<'static>>)>, gap: &Span<'static>, room: usize) -> Line<'static> {
    let width_of = |pieces: &[(u8, Vec<Span<'static>>)]| {
        let spans: usize = pieces.iter().flat_map(|(_, spans)| spans).map(Span::width).sum();
        spans + gap.width() * pieces.len().saturating_sub(1)
    };
    while pieces.len() > 1 && width_of(&pieces) > room {
        let Some(least) = pieces.iter().map(|(importance, _)| *importance).max() else {
            break;
        };
        if let Some(position) = pieces.iter().rposition(|(importance, _)| *importance == least) {
            pieces.remove(position);
        }
    }
    let mut line = Line::default();
    for (index, (_, spans)) in pieces.into_iter().enumerate() {
        if index > 0 {
            line.push_span(gap.clone());
        }
        line.spans.extend(spans);
    }
    line
}

/// Makes a style bold.
#[must_use]
pub fn bold(style: Style) -> Style {
    style.add_modifier(Modifier::BOLD)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(spans: &[Span<'_>]) -> String {
        spans.iter().map(|span| span.content.as_ref()).collect()
    }

    #[test]
    fn bars_never_leave_their_frame() {
        let theme = Theme::plain();
        assert_eq!(shown(&bar(48, 100, 10, &theme)), "▕█████░░░░░▏");
        assert_eq!(shown(&bar(300, 100, 4, &theme)), "▕████▏");
        assert_eq!(shown(&bar(5, 0, 4, &theme)), "▕░░░░▏");
        assert_eq!(shown(&bar(u64::MAX, u64::MAX, 4, &theme)), "▕████▏");
    }

    #[test]
    fn a_sparkline_tells_nothing_from_unknown() {
        let values = [None, Some(0.0), Some(0.1), Some(4.0), Some(8.0), Some(99.0)];
        assert_eq!(shown(&sparkline(&values, 8.0, &Theme::plain())), " ▁▁▄██");
        assert_eq!(shown(&sparkline(&[Some(f64::NAN)], 8.0, &Theme::plain())), "▁");
    }

    #[test]
    fn the_least_important_piece_goes_first() {
        let piece = |importance, text: &'static str| (importance, vec![Span::raw(text)]);
        let pieces = vec![piece(0, "name"), piece(9, "detail"), piece(1, "state")];
        let line = fitting(pieces.clone(), &Span::raw(" · "), 12);
        assert_eq!(line.to_string(), "name · state");
        assert_eq!(fitting(pieces, &Span::raw(" · "), 3).to_string(), "name");
    }

    #[test]
    fn a_chart_in_no_room_draws_nothing() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 4, 2));
        let band = Band {
            values: vec![Some(1.0)],
            fill: "█",
            style: Style::new(),
        };
        chart(
            &mut buffer,
            Rect::new(0, 0, 4, 2),
            &[band],
            1.0,
            crate::words::rate,
            ("5 min", &Theme::plain()),
        );
        assert_eq!(buffer, Buffer::empty(Rect::new(0, 0, 4, 2)));
    }
}
