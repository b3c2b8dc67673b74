//! Where the encoding happens: one line a device on the overview, gauges with their past on its own tab.

use engine::view::node::{Device, NodeStatus};
use ratatui::{
    buffer::Buffer,
    layout::{Constraint, Layout, Rect},
    text::{Line, Span},
};

use super::{Panel, Scene, transcoding};
use crate::{
    draw::{self, Band},
    keymap::Action,
    text, words,
};

/// One of a device's loads: its name, and how it is read.
type Reading = (&'static str, fn(&Device) -> Option<u32>);

const READINGS: [Reading; 3] = [
    ("encoder", |device| device.encoder_percent),
    ("decoder", |device| device.decoder_percent),
    ("load", |device| device.load_percent),
];

/// Whether the node encodes on its CPU only.
#[must_use]
pub fn only_cpu(status: &NodeStatus) -> bool {
    status.devices.iter().all(|device| device.id == "cpu")
}

fn title(scene: &Scene<'_>) -> &'static str {
    if scene.status.is_some_and(only_cpu) {
        "cpu"
    } else {
        "gpus"
    }
}

/// One line a device.
#[derive(Debug, Default)]
pub struct DeviceLines;

impl DeviceLines {
    /// Rows the panel wants, frame included.
    #[must_use]
    pub fn height(&self, scene: &Scene<'_>) -> u16 {
        let devices = scene.status.map_or(1, |status| status.devices.len().max(1));
        let engine = u16::from(scene.status.and_then(transcoding::told).is_some());
        u16::try_from(devices).unwrap_or(u16::MAX).min(8) + engine + 2
    }
}

impl Panel for DeviceLines {
    fn render(&self, buffer: &mut Buffer, area: Rect, scene: &Scene<'_>) {
        let theme = scene.theme;
        let mut heading = vec![Span::raw(title(scene))];
        let rows = usize::from(area.height.saturating_sub(2));
        let devices = scene.status.map_or(&[][..], |status| &status.devices);
        let engine = scene.status.and_then(transcoding::told).filter(|_| rows > 1);
        let rows = rows - usize::from(engine.is_some());
        if devices.len() > rows {
            heading.push(Span::styled(
                format!(", {} of {}: 3 shows all", rows, devices.len()),
                theme.quiet,
            ));
        }
        let inside = draw::panel(buffer, area, heading, theme);
        if devices.is_empty() {
            let sentence = if scene.status.is_some() {
                "the node reports no device"
            } else {
                "waiting for the node's first report"
            };
            draw::placeholder(buffer, inside, &[sentence.to_string()], theme);
            return;
        }
        let longest = devices
            .iter()
            .map(|device| text::width(&name(device)))
            .max()
            .unwrap_or(0);
        let name_room = longest.min(usize::from(inside.width) / 4);
        let room = usize::from(inside.width);
        let lines: Vec<_> = devices
            .iter()
            .take(rows)
            .map(|device| line(device, name_room, scene, room))
            .chain(engine.map(|engine| transcoding::line(engine, scene, room)))
            .collect();
        draw::lines(buffer, inside, &lines);
    }
}

/// The model's name without the maker's, which says nothing new.
fn name(device: &Device) -> String {
    let mut name = text::clean(&device.name);
    for maker in ["NVIDIA ", "GeForce ", "Intel(R) ", "Xeon(R) ", "Core(TM) "] {
        name = name.replacen(maker, "", 1);
    }
    for ending in [" Processor", " CPU"] {
        if let Some(position) = name.find(ending) {
            name.truncate(position);
        }
    }
    name
}

fn line(device: &Device, name_room: usize, scene: &Scene<'_>, room: usize) -> Line<'static> {
    let theme = scene.theme;
    let id = text::fit(&text::clean(&device.id), 6);
    let mut pieces = vec![
        (0, vec![Span::styled(format!("{id:<4}"), draw::bold(theme.text))]),
        (
            3,
            vec![Span::styled(
                pad(&text::fit(&name(device), name_room), name_room),
                theme.quiet,
            )],
        ),
    ];
    let is_gpu = device.encoder_percent.is_some();
    let cells = if room > 100 || !is_gpu { 10 } else { 6 };
    for (index, (name, read)) in READINGS.iter().enumerate() {
        let Some(percent) = read(device) else { continue };
        let short = ["enc", "dec", "load"][index];
        let importance = if is_gpu && *name == "load" { 8 } else { 1 };
        let mut spans = vec![Span::styled(format!("{short} "), theme.quiet)];
        spans.extend(draw::bar(u64::from(percent.min(100)), 100, cells, theme));
        spans.push(Span::styled(format!("{percent:>3} %"), hot(percent, scene)));
        pieces.push((importance, spans));
    }
    if let (Some(used), Some(total)) = (device.memory_used, device.memory_total) {
        pieces.push((2, vec![Span::styled(words::part_of(used, total), theme.text)]));
    }
    if let Some(degrees) = device.temperature_celsius {
        pieces.push((4, vec![Span::styled(format!("{degrees} °C"), theme.text)]));
    }
    if let Some(watts) = device.power_watts.filter(|_| room > 100) {
        pieces.push((6, vec![Span::styled(format!("{watts} W"), theme.text)]));
    }
    if room > 84 && (room > 100 || !is_gpu) {
        let sessions = words::counted(u64::from(device.sessions), "session");
        pieces.push((5, vec![Span::styled(sessions, theme.quiet)]));
    }
    if room > 100 {
        pieces.push((
            7,
            vec![Span::styled(format!("{} ffmpeg", device.processes), theme.quiet)],
        ));
    }
    let mut line = draw::fitting(pieces, &Span::raw("  "), room);
    let free = room.saturating_sub(line.width() + 2);
    if free >= 5 {
        let read = if is_gpu { READINGS[0].1 } else { READINGS[2].1 };
        let past = scene.history.device(free.min(60), &device.id, read);
        line.push_span(Span::raw("  "));
        line.spans.extend(draw::sparkline(&past, 100.0, theme));
    }
    line
}

/// A load above nine tenths has little left to give.
fn hot(percent: u32, scene: &Scene<'_>) -> ratatui::style::Style {
    if percent >= 90 {
        scene.theme.warn
    } else {
        scene.theme.text
    }
}

fn pad(text: &str, room: usize) -> String {
    format!("{text}{}", " ".repeat(room.saturating_sub(text::width(text))))
}

/// The tab: every device in its own frame.
#[derive(Debug, Default)]
pub struct Devices {
    first: usize,
}

/// Rows of one framed device at least: readings, facts, frame.
const LEAST: u16 = 6;

impl Panel for Devices {
    fn act(&mut self, action: Action, scene: &Scene<'_>) -> bool {
        let last = scene
            .status
            .map_or(0, |status| status.devices.len().saturating_sub(1));
        self.first = match action {
            Action::Down => self.first + 1,
            Action::Up => self.first.saturating_sub(1),
            Action::First => 0,
            Action::Last => last,
            _ => return false,
        }
        .min(last);
        true
    }

    fn render(&self, buffer: &mut Buffer, area: Rect, scene: &Scene<'_>) {
        let theme = scene.theme;
        let devices = scene.status.map_or(&[][..], |status| &status.devices);
        if devices.is_empty() {
            let inside = draw::panel(buffer, area, vec![Span::raw(title(scene))], theme);
            let sentence = if scene.status.is_some() {
                "the node reports no device"
            } else {
                "waiting for the node's first report"
            };
            draw::placeholder(buffer, inside, &[sentence.to_string()], theme);
            return;
        }
        let has_engine = scene.status.and_then(transcoding::told).is_some();
        let engine_rows = match has_engine && area.height >= LEAST + transcoding::HEIGHT {
            true => transcoding::HEIGHT,
            false => 0,
        };
        let [area, below] =
            Layout::vertical([Constraint::Fill(1), Constraint::Length(engine_rows)]).areas(area);
        if engine_rows > 0 {
            transcoding::Engine.render(buffer, below, scene);
        }
        let fit = usize::from((area.height / LEAST).max(1)).min(devices.len());
        let first = self.first.min(devices.len() - fit);
        let frames = Layout::vertical(vec![Constraint::Fill(1); fit]).split(area);
        for (index, (device, frame)) in devices[first..].iter().zip(frames.iter()).enumerate() {
            let below = devices.len() - first - fit;
            let more = if index + 1 == fit && below > 0 {
                format!(" · {below} more below")
            } else {
                String::new()
            };
            framed(device, &more, buffer, *frame, scene);
        }
    }
}

fn framed(device: &Device, more: &str, buffer: &mut Buffer, area: Rect, scene: &Scene<'_>) {
    let theme = scene.theme;
    let heading = vec![
        Span::raw(text::clean(&device.id)),
        Span::styled(" · ", theme.border),
        Span::styled(
            text::fit(&text::clean(&device.name), usize::from(area.width) / 2),
            theme.quiet,
        ),
        Span::styled(more.to_string(), theme.quiet),
    ];
    let inside = draw::panel(buffer, area, heading, theme);
    let readings: Vec<_> = READINGS
        .iter()
        .filter(|(_, read)| read(device).is_some())
        .collect();
    let room = usize::from(inside.width);
    let mut lines: Vec<Line<'_>> = readings
        .iter()
        .map(|(name, read)| {
            gauge(
                name,
                read(device).unwrap_or(0),
                &scene.history.device(room, &device.id, read),
                room,
                scene,
            )
        })
        .collect();
    if let (Some(used), Some(total)) = (device.memory_used, device.memory_total) {
        lines.push(memory(used, total, room, scene));
    }
    let mut facts = vec![
        (
            0,
            vec![Span::styled(
                words::counted(u64::from(device.sessions), "session"),
                theme.text,
            )],
        ),
        (
            3,
            vec![Span::styled(format!("{} ffmpeg", device.processes), theme.text)],
        ),
    ];
    if let Some(degrees) = device.temperature_celsius {
        facts.insert(0, (1, vec![Span::styled(format!("{degrees} °C"), theme.text)]));
    }
    if let Some(watts) = device.power_watts {
        facts.insert(0, (2, vec![Span::styled(format!("{watts} W"), theme.text)]));
    }
    lines.push(draw::fitting(facts, &Span::styled("  ", theme.text), room));
    draw::lines(buffer, inside, &lines);

    let used = u16::try_from(lines.len()).unwrap_or(u16::MAX);
    let rest = Rect {
        y: inside.y.saturating_add(used).saturating_add(1),
        height: inside.height.saturating_sub(used).saturating_sub(1),
        ..inside
    };
    charts(device, &readings, buffer, rest, scene);
}

/// The past of as many readings as there is room for, side by side.
fn charts(device: &Device, readings: &[&Reading], buffer: &mut Buffer, area: Rect, scene: &Scene<'_>) {
    if area.height < 5 || readings.is_empty() {
        return;
    }
    let count = readings.len().min(usize::from(area.width / 40).max(1));
    let places = Layout::horizontal(vec![Constraint::Fill(1); count])
        .spacing(2)
        .split(area);
    for ((name, read), place) in readings.iter().zip(places.iter()) {
        buffer.set_string(place.x + draw::AXIS, place.y, name, scene.theme.quiet);
        let plot = Rect {
            y: place.y + 1,
            height: place.height - 1,
            ..*place
        };
        let band = Band {
            values: scene.history.device(draw::columns_in(plot), &device.id, read),
            fill: "█",
            style: scene.theme.bar,
        };
        draw::chart(
            buffer,
            plot,
            &[band],
            100.0,
            |value| format!("{value:.0} %"),
            scene.theme,
        );
    }
}

fn gauge(name: &str, percent: u32, past: &[Option<f64>], room: usize, scene: &Scene<'_>) -> Line<'static> {
    let theme = scene.theme;
    let cells = (room.saturating_sub(18) / 2).clamp(4, 40);
    let mut spans = vec![Span::styled(format!("{name:<8}"), theme.quiet)];
    spans.extend(draw::bar(u64::from(percent.min(100)), 100, cells, theme));
    spans.push(Span::styled(format!("{percent:>4} %  "), hot(percent, scene)));
    let mut line = Line::from(spans);
    let free = room.saturating_sub(line.width());
    line.spans.extend(draw::sparkline(
        &past[past.len().saturating_sub(free)..],
        100.0,
        theme,
    ));
    line
}

fn memory(used: u64, total: u64, room: usize, scene: &Scene<'_>) -> Line<'static> {
    let theme = scene.theme;
    let cells = (room.saturating_sub(18) / 2).clamp(4, 40);
    let mut spans = vec![Span::styled(format!("{:<8}", "memory"), theme.quiet)];
    spans.extend(draw::bar(used, total, cells, theme));
    let percent = super::header::percent(used, total);
    spans.push(Span::styled(format!("{percent:>4} %  "), theme.text));
    spans.push(Span::styled(words::part_of(used, total), theme.quiet));
    Line::from(spans)
}
