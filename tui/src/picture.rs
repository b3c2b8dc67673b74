//! One frame without a terminal: as text for scripts and tests, as SVG for documents.

use std::{fmt::Write, time::Instant};

use ratatui::{
    buffer::{Buffer, Cell},
    layout::Rect,
    style::{Color, Modifier},
};

use crate::{
    app::{App, Event, Look},
    feed::FeedState,
    theme::Theme,
};

/// Width and height of a cell in an SVG, in its units.
const CELL: (f32, f32) = (8.4, 17.0);
/// Room around the frame in an SVG, and for the bar above it.
const MARGIN: (f32, f32) = (12.0, 34.0);
/// A frame is never larger: it is held in memory whole.
pub const LARGEST: (u16, u16) = (500, 300);

/// One frame of `app` as it looks at `now`. Width and height are in cells, bounded by [`LARGEST`].
#[must_use]
pub fn frame(app: &App, width: u16, height: u16, now: Instant) -> Buffer {
    let area = Rect::new(0, 0, width.min(LARGEST.0), height.min(LARGEST.1));
    let mut buffer = Buffer::empty(area);
    app.render(&mut buffer, area, now);
    buffer
}

/// One frame of a dashboard that knows nothing but `feed`, as plain text.
#[must_use]
pub fn render_once(feed: &FeedState, width: u16, height: u16, look: &Look) -> String {
    let now = Instant::now();
    let mut app = App::new(look.clone(), now);
    app.update(Event::Feed(0, feed.clone()), now);
    to_text(&frame(&app, width, height, now))
}

/// A frame as plain text, lines without trailing blanks.
#[must_use]
pub fn to_text(buffer: &Buffer) -> String {
    let mut text = String::new();
    for row in rows(buffer) {
        let mut line = String::new();
        let mut covered = 0;
        for cell in row {
            // A wide letter covers the cells after it.
            if covered > 0 {
                covered -= 1;
                continue;
            }
            covered = crate::text::width(cell.symbol()).saturating_sub(1);
            line.push_str(cell.symbol());
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn rows(buffer: &Buffer) -> impl Iterator<Item = &[Cell]> {
    buffer.content.chunks(usize::from(buffer.area.width).max(1))
}

/// A frame as an SVG document: a grid of cells in the viewer's monospaced font. Blocks and frames are drawn as shapes,
/// so that they join whatever the font.
#[must_use]
pub fn to_svg(buffer: &Buffer, title: &str, theme: &Theme) -> String {
    let (letters, ground) = theme.picture;
    let width = f32::from(buffer.area.width) * CELL.0 + 2.0 * MARGIN.0;
    let height = f32::from(buffer.area.height) * CELL.1 + MARGIN.1 + MARGIN.0;
    let mut svg = String::new();
    // Writing to a String cannot fail.
    let _ = write!(
        svg,
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.1} {height:.1}" width="{width:.0}" height="{height:.0}" role="img" aria-label="{0}">
<style>text{{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;white-space:pre}}</style>
<rect width="100%" height="100%" rx="9" fill="{1}"/>
<g fill="{2}" fill-opacity=".28"><circle cx="20" cy="17" r="5.5"/><circle cx="38" cy="17" r="5.5"/><circle cx="56" cy="17" r="5.5"/></g>
<text x="{3:.1}" y="21.5" fill="{2}" fill-opacity=".6" text-anchor="middle">{0}</text>
"#,
        escape(title),
        hex(ground),
        hex(letters),
        width / 2.0,
    );
    for (y, row) in rows(buffer).enumerate() {
        svg_row(&mut svg, row, y, theme);
    }
    svg.push_str("</svg>\n");
    svg
}

/// Everything but position that makes two cells look alike.
#[derive(Clone, Copy, PartialEq)]
struct Ink {
    letters: Color,
    ground: Option<Color>,
    bold: bool,
    dim: bool,
}

fn ink(cell: &Cell, theme: &Theme) -> Ink {
    let (mut letters, ground) = (cell.fg, cell.bg);
    if letters == Color::Reset {
        letters = theme.picture.0;
    }
    let mut ground = (ground != Color::Reset).then_some(ground);
    if cell.modifier.contains(Modifier::REVERSED) {
        (letters, ground) = (ground.unwrap_or(theme.picture.1), Some(letters));
    }
    Ink {
        letters,
        ground,
        bold: cell.modifier.contains(Modifier::BOLD),
        dim: cell.modifier.contains(Modifier::DIM),
    }
}

fn svg_row(svg: &mut String, row: &[Cell], y: usize, theme: &Theme) {
    let top = y as f32 * CELL.1 + MARGIN.1;
    let mut x = 0;
    while x < row.len() {
        let look = ink(&row[x], theme);
        let shape = shape_of(row[x].symbol());
        let mut end = x;
        let mut run = String::new();
        while end < row.len() && ink(&row[end], theme) == look && shape_of(row[end].symbol()) == shape {
            let symbol = row[end].symbol();
            let wide = crate::text::width(symbol);
            // A wide letter stands alone, or fonts would shift what follows; so does text after a wider space.
            let alone = shape == Shape::Letter && (wide != 1 || run.ends_with("  "));
            if alone && end > x {
                break;
            }
            run.push_str(symbol);
            end += wide.max(1);
            if alone && wide != 1 {
                break;
            }
        }
        let end = end.min(row.len());
        let (left, wide) = (x as f32 * CELL.0 + MARGIN.0, (end - x) as f32 * CELL.0);
        let opacity = if look.dim { r#" opacity=".6""# } else { "" };
        if let Some(ground) = look.ground {
            let _ = writeln!(
                svg,
                r#"<rect x="{left:.1}" y="{top:.1}" width="{wide:.1}" height="{:.1}" fill="{}"/>"#,
                CELL.1,
                hex(ground)
            );
        }
        match shape {
            Shape::Letter if run.trim().is_empty() => {}
            Shape::Letter => {
                // Blanks at the ends would be dropped by some viewers, and then stretched.
                let (before, after) = (
                    run.len() - run.trim_start_matches(' ').len(),
                    run.len() - run.trim_end_matches(' ').len(),
                );
                let (left, wide) = (
                    left + before as f32 * CELL.0,
                    wide - (before + after) as f32 * CELL.0,
                );
                let weight = if look.bold { r#" font-weight="600""# } else { "" };
                let _ = writeln!(
                    svg,
                    r#"<text x="{left:.1}" y="{:.1}" textLength="{wide:.1}" lengthAdjust="spacingAndGlyphs" fill="{}"{weight}{opacity}>{}</text>"#,
                    top + 13.0,
                    hex(look.letters),
                    escape(run.trim_matches(' ')),
                );
            }
            Shape::Block { from, to, fill } => {
                let _ = writeln!(
                    svg,
                    r#"<rect x="{left:.1}" y="{:.1}" width="{wide:.1}" height="{:.1}" fill="{}" fill-opacity="{fill}"{opacity}/>"#,
                    top + f32::from(from) / 8.0 * CELL.1,
                    f32::from(to - from) / 8.0 * CELL.1,
                    hex(look.letters),
                );
            }
            Shape::Lines { arms } => {
                let mut path = String::new();
                if arms == [true, true, false, false] {
                    let middle = top + CELL.1 / 2.0;
                    let _ = write!(path, "M{left:.1} {middle:.1}H{:.1}", left + wide);
                } else {
                    for cell in x..end {
                        arms_path(&mut path, arms, cell as f32 * CELL.0 + MARGIN.0, top);
                    }
                }
                let _ = writeln!(
                    svg,
                    r#"<path d="{path}" stroke="{}" fill="none"{opacity}/>"#,
                    hex(look.letters)
                );
            }
        }
        x = end;
    }
}

/// How a symbol is drawn.
#[derive(Clone, Copy, PartialEq)]
enum Shape {
    Letter,
    /// Filled from `from` to `to` eighths from the top, with an opacity.
    Block {
        from: u8,
        to: u8,
        fill: f32,
    },
    /// Lines from the middle: left, right, up, down.
    Lines {
        arms: [bool; 4],
    },
}

fn shape_of(symbol: &str) -> Shape {
    let block = |eighths: u8| Shape::Block {
        from: 8 - eighths,
        to: 8,
        fill: 1.0,
    };
    let shade = |fill| Shape::Block { from: 0, to: 8, fill };
    let arms = |left, right, up, down| Shape::Lines {
        arms: [left, right, up, down],
    };
    match symbol {
        "▁" => block(1),
        "▂" => block(2),
        "▃" => block(3),
        "▄" => block(4),
        "▅" => block(5),
        "▆" => block(6),
        "▇" => block(7),
        "█" => block(8),
        "▓" => shade(0.75),
        "▒" => shade(0.5),
        "░" => shade(0.25),
        "─" => arms(true, true, false, false),
        "│" => arms(false, false, true, true),
        "┌" => arms(false, true, false, true),
        "┐" => arms(true, false, false, true),
        "└" => arms(false, true, true, false),
        "┘" => arms(true, false, true, false),
        _ => Shape::Letter,
    }
}

fn arms_path(path: &mut String, [left, right, up, down]: [bool; 4], x: f32, y: f32) {
    let (middle_x, middle_y) = (x + CELL.0 / 2.0, y + CELL.1 / 2.0);
    for (drawn, to_x, to_y) in [
        (left, x, middle_y),
        (right, x + CELL.0, middle_y),
        (up, middle_x, y),
        (down, middle_x, y + CELL.1),
    ] {
        if drawn {
            let _ = write!(path, "M{middle_x:.1} {middle_y:.1}L{to_x:.1} {to_y:.1}");
        }
    }
}

fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            // XML knows no other control characters, not even escaped.
            character if character.is_control() => safe.push('\u{fffd}'),
            character => safe.push(character),
        }
    }
    safe
}

/// A colour as `#rrggbb`; the named sixteen as most terminals show them.
fn hex(color: Color) -> String {
    let (red, green, blue) = match color {
        Color::Rgb(red, green, blue) => (red, green, blue),
        Color::Indexed(index) => indexed(index),
        Color::Red => (0xcd, 0x31, 0x31),
        Color::Green => (0x0d, 0xbc, 0x79),
        Color::Yellow => (0xc8, 0xa2, 0x12),
        Color::Blue => (0x3b, 0x78, 0xd8),
        Color::Magenta => (0xbc, 0x3f, 0xbc),
        Color::Cyan => (0x11, 0xa8, 0xcd),
        _ => (0x80, 0x80, 0x80),
    };
    format!("#{red:02x}{green:02x}{blue:02x}")
}

/// The 256 colours: sixteen named ones, a cube of six steps a side, greys.
fn indexed(index: u8) -> (u8, u8, u8) {
    match index {
        0..16 => {
            let level = if index < 8 { 0xaa } else { 0xff };
            let on = |bit: u8| if index & bit != 0 { level } else { 0 };
            (on(1), on(2), on(4))
        }
        16..232 => {
            let step = |place: u8| match (index - 16) / place % 6 {
                0 => 0,
                step => 55 + 40 * step,
            };
            (step(36), step(6), step(1))
        }
        _ => {
            let grey = 8 + 10 * (index - 232);
            (grey, grey, grey)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_stranger_named_does_not_become_markup() {
        let buffer = Buffer::with_lines(["<script>&\"x\"</script>"]);
        let svg = to_svg(&buffer, "<b>&", &Theme::dark());
        assert!(!svg.contains("<script>") && !svg.contains("<b>"), "{svg}");
        assert!(svg.contains("&lt;script&gt;&amp;&quot;x&quot;"));
    }

    #[test]
    fn the_palette_is_the_one_terminals_use() {
        assert_eq!(hex(Color::Indexed(43)), "#00d7af");
        assert_eq!(hex(Color::Indexed(232)), "#080808");
        assert_eq!(hex(Color::Indexed(255)), "#eeeeee");
        assert_eq!(hex(Color::Indexed(196)), "#ff0000");
    }

    #[test]
    fn every_letter_of_the_frame_is_in_the_picture() {
        let buffer = Buffer::with_lines(["┌ work ──┐", "│▃█░ 🎬 x│"]);
        let svg = to_svg(&buffer, "t", &Theme::plain());
        for part in [">work</text>", ">🎬</text>", "<path d=", "fill-opacity=\"0.25\""] {
            assert!(svg.contains(part), "{part} in {svg}");
        }
        assert_eq!(to_text(&buffer), "┌ work ──┐\n│▃█░ 🎬 x│\n");
    }
}
