//! What needs the operator. Nothing to say, no panel.

use engine::view::node::NodeStatus;
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
};

use super::{Panel, Scene};
use crate::{draw, text, words};

/// Lines of text at most; the rest is counted.
const MOST: usize = 5;

/// The panel called "needs you".
#[derive(Debug, Default)]
pub struct Notices;

impl Notices {
    /// How tall the panel is at this width; 0 when there is nothing.
    #[must_use]
    pub fn height(&self, width: u16, scene: &Scene<'_>) -> u16 {
        match scene.status {
            Some(status) if !status.notices.is_empty() => {
                let rows = lines(status, usize::from(width).saturating_sub(4), scene).len();
                u16::try_from(rows).unwrap_or(u16::MAX).saturating_add(2)
            }
            _ => 0,
        }
    }

    /// The first notice in one line, for screens without room for the panel.
    #[must_use]
    pub fn first(&self, width: u16, scene: &Scene<'_>) -> Option<Line<'static>> {
        let status = scene.status?;
        let notice = status.notices.first()?;
        let more = match status.notices.len() {
            1 => String::new(),
            all => format!(" (+{})", all - 1),
        };
        let room = usize::from(width).saturating_sub(more.len());
        let shown = text::fit(&format!("! {}", text::clean(&notice.message)), room);
        let style = if notice.urgent {
            scene.theme.bad
        } else {
            scene.theme.warn
        };
        Some(Line::styled(format!("{shown}{more}"), style))
    }
}

impl Panel for Notices {
    fn render(&self, buffer: &mut Buffer, area: Rect, scene: &Scene<'_>) {
        let Some(status) = scene.status else { return };
        let urgent = status.notices.iter().any(|notice| notice.urgent);
        let style = if urgent { scene.theme.bad } else { scene.theme.warn };
        let inside = draw::panel_with(
            buffer,
            area,
            vec![Span::styled("needs you", style)],
            false,
            scene.theme,
        );
        draw::lines(buffer, inside, &lines(status, usize::from(inside.width), scene));
    }
}

fn lines(status: &NodeStatus, room: usize, scene: &Scene<'_>) -> Vec<Line<'static>> {
    let theme = scene.theme;
    let mut lines: Vec<Line<'static>> = Vec::new();
    for (index, notice) in status.notices.iter().enumerate() {
        let age = words::span(words::between(notice.since, status.time));
        let message = format!("{} (for {age})", text::clean(&notice.message));
        let wrapped = text::wrap(&message, room.saturating_sub(2));
        let left = status.notices.len() - index;
        if lines.len() + wrapped.len() > MOST - usize::from(left > 1) && !lines.is_empty() {
            lines.push(Line::styled(format!("  and {left} more"), theme.quiet));
            break;
        }
        let (mark, style) = if notice.urgent {
            ("! ", theme.bad)
        } else {
            ("· ", theme.warn)
        };
        for (row, sentence) in wrapped.into_iter().take(MOST - 1).enumerate() {
            lines.push(Line::from(vec![
                Span::styled(if row == 0 { mark } else { "  " }, style),
                Span::styled(sentence, theme.text),
            ]));
        }
    }
    lines
}
