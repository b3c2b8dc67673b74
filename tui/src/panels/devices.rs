//! Where the encoding happens: one line a device on the overview, gauges with their past on its own tab.

use engine::view::node::{Device, DeviceState, NodeStatus};
use ratatui::{
    buffer::Buffer,
    layout::{Constraint, Layout, Rect},
    text::{Line, Span},
};

use super::{List, Panel, Scene, WAITING, transcoding};
use crate::{
    draw::{self, Band},
    history::DevicePoint,
    listing::Listing,
    places::Place,
    text, words,
};

/// One of a device's loads: its name, how it is read, and how its past is.
type Reading = (
    &'static str,
    fn(&Device) -> Option<u32>,
    fn(&DevicePoint) -> Option<u16>,
);

const READINGS: [Reading; 3] = [
    ("encoder", |device| device.encoder_percent, |past| past.encoder),
    ("decoder", |device| device.decoder_percent, |past| past.decoder),
    ("load", |device| device.load_percent, |past| past.load),
];

/// What has a chart beside the loads: its name, the top of its chart, its unit, and its past.
type Charted = (&'static str, f64, &'static str, fn(&DevicePoint) -> Option<u16>);

const CHARTED: [Charted; 5] = [
    ("encoder", 100.0, "%", |past| past.encoder),
    ("decoder", 100.0, "%", |past| past.decoder),
    ("load", 100.0, "%", |past| past.load),
    ("memory", 100.0, "%", |past| past.memory),
    ("temperature", 100.0, "°C", |past| past.temperature),
];

/// Whether the node encodes on its CPU only.
#[must_use]
pub fn only_cpu(status: &NodeStatus) -> bool {
    status.devices.iter().all(|device| device.id == "cpu")
}

fn title(scene: &Scene<'_>) -> &'static str {
    if scene.go.is_none() && scene.status.is_some_and(only_cpu) {
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
                format!(", {} of {}: 4 shows all", rows, devices.len()),
                theme.quiet,
            ));
        }
        let inside = draw::panel(buffer, area, heading, theme);
        if devices.is_empty() {
            let sentence = if scene.status.is_some() {
                nothing(scene)
            } else {
                WAITING
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
    if device.state != DeviceState::Ready {
        pieces.push((0, vec![Span::styled(format!("! {}", device.state), theme.warn)]));
    }
    let is_gpu = device.encoder_percent.is_some();
    let cells = if room > 100 || !is_gpu { 10 } else { 6 };
    for (index, (name, read, _)) in READINGS.iter().enumerate() {
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
        let read = if is_gpu { READINGS[0].2 } else { READINGS[2].2 };
        let past = scene.history.device(scene.range, free.min(60), &device.id, read);
        line.push_span(Span::raw("  "));
        line.spans.extend(draw::sparkline(&past, 100.0, theme));
    }
    line
}

/// Why there is no device.
fn nothing(scene: &Scene<'_>) -> &'static str {
    match scene.go {
        Some(_) => "go-livepeer's operator API does not tell of GPUs",
        None => "the node reports no device",
    }
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
    listing: Listing,
}

/// Rows of one framed device at least: readings, facts, frame.
const LEAST: u16 = 6;

impl Devices {
    fn rows<'a>(&self, scene: &Scene<'a>) -> Vec<&'a Device> {
        let wanted = self.listing.wanted();
        let devices = scene.status.map_or(&[][..], |status| &status.devices);
        let matches = |device: &&Device| {
            wanted.is_empty()
                || device.id.to_lowercase().contains(&wanted)
                || device.name.to_lowercase().contains(&wanted)
        };
        devices.iter().filter(matches).collect()
    }

    fn position(&self, rows: &[&Device]) -> usize {
        let keys: Vec<&str> = rows.iter().map(|device| device.id.as_str()).collect();
        self.listing.position(&keys)
    }
}

impl List for Devices {
    fn listing(&self) -> &Listing {
        &self.listing
    }

    fn listing_mut(&mut self) -> &mut Listing {
        &mut self.listing
    }

    fn keys<'a>(&self, scene: &Scene<'a>) -> Vec<&'a str> {
        let rows = self.rows(scene);
        rows.into_iter().map(|device| device.id.as_str()).collect()
    }

    fn detail(&self, scene: &Scene<'_>, room: usize) -> Option<(String, Vec<Line<'static>>)> {
        let rows = self.rows(scene);
        let device = rows.get(self.position(&rows))?;
        let title = format!("device {}", text::clean(&device.id));
        Some((title, facts(device, scene, room)))
    }
}

impl Panel for Devices {
    fn render(&self, buffer: &mut Buffer, area: Rect, scene: &Scene<'_>) {
        let theme = scene.theme;
        let devices = scene.status.map_or(&[][..], |status| &status.devices);
        if devices.is_empty() {
            let inside = draw::panel(buffer, area, vec![Span::raw(title(scene))], theme);
            let sentence = if scene.status.is_some() {
                nothing(scene)
            } else {
                WAITING
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
        let rows = self.rows(scene);
        if rows.is_empty() {
            let inside = draw::panel(buffer, area, vec![Span::raw(title(scene))], theme);
            let sentence = "no device matches; esc clears the filter".to_string();
            draw::placeholder(buffer, inside, &[sentence], theme);
            return;
        }
        let fit = usize::from((area.height / LEAST).max(1)).min(rows.len());
        let position = self.position(&rows);
        let first = position.min(rows.len() - fit);
        let frames = Layout::vertical(vec![Constraint::Fill(1); fit]).split(area);
        for (index, (device, frame)) in rows[first..].iter().zip(frames.iter()).enumerate() {
            let below = rows.len() - first - fit;
            let more = if index + 1 == fit && below > 0 {
                format!(" · {below} more below")
            } else {
                String::new()
            };
            let mark = if rows.len() > 1 && first + index == position {
                "> "
            } else {
                ""
            };
            scene.places.put(*frame, Place::Row(first + index));
            framed(device, (mark, &more), buffer, *frame, scene);
        }
    }
}

/// Everything a device tells, in lines.
fn facts(device: &Device, scene: &Scene<'_>, room: usize) -> Vec<Line<'static>> {
    let theme = scene.theme;
    let mut lines = Vec::new();
    let mut says = |name: &'static str, sentence: Option<String>| {
        if let Some(sentence) = sentence {
            for (row, piece) in text::wrap(&text::clean(&sentence), room.saturating_sub(13))
                .into_iter()
                .enumerate()
            {
                let label = if row == 0 { name } else { "" };
                lines.push(Line::from(vec![
                    Span::styled(format!("{label:<13}"), theme.quiet),
                    Span::styled(piece, theme.text),
                ]));
            }
        }
    };
    let of = |part: Option<u32>, unit: &str| part.map(|part| format!("{part} {unit}"));
    let limited = |now: Option<u32>, limit: Option<u32>, unit: &str| {
        now.map(|now| match limit {
            Some(limit) => format!("{now} of {limit} {unit}"),
            None => format!("{now} {unit}"),
        })
    };
    says("name", Some(device.name.clone()));
    let reason = device
        .state_reason
        .as_ref()
        .map_or_else(String::new, |reason| format!(": {reason}"));
    let until = device.resting_until.map_or_else(String::new, |until| {
        format!(", tried again at {}", words::clock(until, scene.zone))
    });
    says("state", Some(format!("{}{reason}{until}", device.state)));
    says(
        "work",
        Some(format!(
            "{}, {} ffmpeg, {} moved away",
            words::counted(u64::from(device.sessions), "session"),
            device.processes,
            words::counted(device.sessions_moved, "session"),
        )),
    );
    says("load", of(device.load_percent, "%"));
    says(
        "encoder",
        device
            .encoder_percent
            .map(|percent| match device.encoder_sessions {
                Some(sessions) => format!("{percent} %, {sessions} sessions of all programs"),
                None => format!("{percent} %"),
            }),
    );
    says("decoder", of(device.decoder_percent, "%"));
    says(
        "memory",
        device
            .memory_used
            .zip(device.memory_total)
            .map(|(used, total)| words::part_of(used, total)),
    );
    says(
        "temperature",
        limited(device.temperature_celsius, device.temperature_limit_celsius, "°C"),
    );
    says(
        "power",
        limited(device.power_watts, device.power_limit_watts, "W"),
    );
    let clocks: Vec<String> = [
        (device.clock_sm_mhz, "MHz"),
        (device.clock_video_mhz, "MHz video"),
        (device.clock_memory_mhz, "MHz memory"),
    ]
    .into_iter()
    .filter_map(|(clock, unit)| of(clock, unit))
    .collect();
    says("clocks", (!clocks.is_empty()).then(|| clocks.join(", ")));
    says(
        "pcie",
        device
            .pcie_generation
            .zip(device.pcie_width)
            .map(|(generation, width)| match device.pcie_max_width {
                Some(most) => format!("generation {generation}, {width} of {most} lanes"),
                None => format!("generation {generation}, {width} lanes"),
            }),
    );
    says(
        "ecc",
        device
            .ecc_corrected
            .zip(device.ecc_uncorrected)
            .map(|(right, wrong)| format!("{right} put right, {wrong} not")),
    );
    let xids: Vec<String> = device
        .xids
        .iter()
        .take(8)
        .map(|(number, times)| format!("{number} ({times} times)"))
        .collect();
    says("xid errors", (!xids.is_empty()).then(|| xids.join(", ")));
    says(
        "driver",
        device.driver.clone().map(|driver| match &device.cuda {
            Some(cuda) => format!("{driver}, CUDA {cuda}"),
            None => driver,
        }),
    );
    says("uuid", device.uuid.clone());
    says("bus", device.pci_bus_id.clone());
    lines
}

fn framed(
    device: &Device,
    (mark, more): (&'static str, &str),
    buffer: &mut Buffer,
    area: Rect,
    scene: &Scene<'_>,
) {
    let theme = scene.theme;
    let heading = vec![
        Span::styled(mark, theme.accent),
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
        .filter(|(_, read, _)| read(device).is_some())
        .collect();
    let room = usize::from(inside.width);
    let mut lines: Vec<Line<'_>> = readings
        .iter()
        .map(|(name, read, past)| {
            gauge(
                name,
                read(device).unwrap_or(0),
                &scene
                    .history
                    .device(scene.range, past_room(room), &device.id, past),
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
    if device.state != DeviceState::Ready {
        let reason = device
            .state_reason
            .as_ref()
            .map_or_else(String::new, |reason| format!(": {}", text::clean(reason)));
        let state = format!("! {}{reason}", device.state);
        facts.push((0, vec![Span::styled(state, theme.warn)]));
    }
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
    charts(device, buffer, rest, scene);
}

/// The past of as many readings as there is room for, side by side.
fn charts(device: &Device, buffer: &mut Buffer, area: Rect, scene: &Scene<'_>) {
    let known: Vec<_> = CHARTED
        .iter()
        .map(|charted| {
            (
                charted,
                scene.history.device(scene.range, 24, &device.id, charted.3),
            )
        })
        .filter(|(_, past)| past.iter().any(Option::is_some))
        .map(|(charted, _)| charted)
        .collect();
    if area.height < 5 || known.is_empty() {
        return;
    }
    let count = known.len().min(usize::from(area.width / 36).max(1));
    let places = Layout::horizontal(vec![Constraint::Fill(1); count])
        .spacing(2)
        .split(area);
    for ((name, top, unit, read), place) in known.into_iter().zip(places.iter()) {
        buffer.set_string(place.x + draw::AXIS, place.y, name, scene.theme.quiet);
        let plot = Rect {
            y: place.y + 1,
            height: place.height - 1,
            ..*place
        };
        let columns = draw::columns_in(plot);
        let band = Band {
            values: scene.history.device(scene.range, columns, &device.id, read),
            fill: "█",
            style: scene.theme.bar,
        };
        draw::chart(
            buffer,
            plot,
            &[band],
            *top,
            |value| format!("{value:.0} {unit}"),
            (scene.range.shown(), scene.theme),
        );
    }
}

/// Cells right of a gauge.
fn past_room(room: usize) -> usize {
    room.saturating_sub(18) / 2
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
