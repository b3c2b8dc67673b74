//! A status as values.

use crate::{
    metrics::{Sheet, count, flag, names, told_apart},
    view::{
        node::{Device, DeviceState, EngineView, NodeStatus, RemoteView, StreamSession},
        reach::{ProbeRole, ProbeState},
        rpc::RelayEndpoint,
    },
};

/// Sessions whose speed is told one by one.
const SESSIONS: usize = 20;
/// All states of a device.
const STATES: [DeviceState; 5] = [
    DeviceState::Ready,
    DeviceState::Trial,
    DeviceState::Resting,
    DeviceState::Lost,
    DeviceState::Unused,
];

/// Work, engine, devices, transcoders, notices.
pub(super) fn tell(sheet: &mut Sheet, status: &NodeStatus) {
    sheet.set(
        &names::VERSIONS,
        &["rustc", std::env::consts::OS, "", &status.version],
        1.0,
    );
    let mode = status.mode.to_string();
    let build = [status.version.as_str(), &status.engine.ffmpeg, &mode];
    sheet.set(&names::BUILD, &build, 1.0);
    let started = status.started.as_second();
    sheet.set(&names::STARTED, &[], count(started.unsigned_abs()));
    let sessions = status.sessions.len() as u64;
    sheet.set(&names::MAX_SESSIONS, &[], f64::from(status.max_sessions));
    sheet.set(&names::CURRENT_SESSIONS, &[], count(sessions));
    sheet.set(&names::DRAINING, &[], flag(status.draining));
    let in_flight = status
        .sessions
        .iter()
        .map(|session| u64::from(session.segments_in_flight));
    sheet.set(&names::IN_FLIGHT, &[], count(in_flight.sum()));
    work(sheet, status);
    speeds(sheet, &status.sessions);
    engine(sheet, &status.engine);
    for device in &status.devices {
        self::device(sheet, device);
    }
    for notice in &status.notices {
        let urgent = if notice.urgent { "true" } else { "false" };
        sheet.set(&names::NOTICE, &[&notice.code, urgent], 1.0);
    }
    match &status.remote {
        Some(remote) => self::remote(sheet, remote),
        None => transcoders(sheet, status),
    }
}

fn work(sheet: &mut Sheet, status: &NodeStatus) {
    let work = &status.work;
    sheet.set(&names::SEGMENTS, &["done"], count(work.segments_done));
    sheet.set(&names::SEGMENTS, &["failed"], count(work.segments_failed));
    sheet.set(&names::BYTES_IN, &[], count(work.bytes_in));
    sheet.set(&names::MEDIA, &[], count(work.media_ms) / 1e3);
    if let Some(latency) = work.latency {
        let each = [
            ("50", latency.p50_ms),
            ("90", latency.p90_ms),
            ("99", latency.p99_ms),
        ];
        for (percentile, millis) in each {
            sheet.set(&names::LATENCY, &[percentile], f64::from(millis) / 1e3);
        }
    }
    sheet.maybe(
        &names::REAL_TIME,
        work.real_time_permille.map(|permille| count(permille) / 1e3),
    );
    if status.remote.is_none() {
        sheet.set(&names::SESSIONS_REFUSED, &[], count(work.sessions_refused));
    }
}

/// The slowest sessions by rank: a session's id or its stream's name would be a new series for each.
fn speeds(sheet: &mut Sheet, sessions: &[StreamSession]) {
    let mut ratios: Vec<f64> = sessions.iter().filter_map(speed).collect();
    ratios.sort_by(f64::total_cmp);
    for (index, ratio) in ratios.into_iter().take(SESSIONS).enumerate() {
        sheet.set(&names::SESSION_REAL_TIME, &[&(index + 1).to_string()], ratio);
    }
}

/// Playing time divided by transcoding time; none before the first segment.
fn speed(session: &StreamSession) -> Option<f64> {
    let done = || session.recent.iter().filter(|timing| timing.ok);
    let played: u64 = done().map(|timing| u64::from(timing.duration_ms)).sum();
    let worked: u64 = done().map(|timing| u64::from(timing.transcode_ms)).sum();
    done().next().map(|_| count(played) / count(worked.max(1)))
}

fn engine(sheet: &mut Sheet, engine: &EngineView) {
    sheet.set(&names::FFMPEG_RUNNING, &[], f64::from(engine.running));
    sheet.set(&names::WAITING, &[], f64::from(engine.waiting));
    sheet.set(&names::WARM_READY, &[], f64::from(engine.warm.ready));
    sheet.set(&names::WARM_BOUND, &[], f64::from(engine.warm.bound));
    let warm = [
        ("hit", engine.warm.hits),
        ("miss", engine.warm.misses),
        ("wasted", engine.warm.wasted),
    ];
    for (outcome, starts) in warm {
        sheet.set(&names::WARM_STARTS, &[outcome], count(starts));
    }
    sheet.set(&names::DISCARDED, &[], count(engine.speculative_discarded));
    sheet.set(&names::SHED, &[], count(engine.segments_shed));
    let failures = [
        ("input", engine.failures.input),
        ("device", engine.failures.device),
        ("resource", engine.failures.resource),
        ("ours", engine.failures.ours),
    ];
    for (class, runs) in failures {
        sheet.set(&names::RUN_FAILURES, &[class], count(runs));
    }
    // `full`, `partial: why` or `none: why`; empty where others transcode.
    let level = engine.fence.split(':').next().unwrap_or_default();
    if !level.is_empty() {
        for known in ["full", "partial", "none"] {
            sheet.set(&names::FENCE, &[known], flag(known == level));
        }
    }
    if let Some(effort) = &engine.effort {
        sheet.set(&names::EFFORT, &[&effort.preset], 1.0);
        sheet.set(&names::EFFORT_REFUSING, &[], flag(effort.refusing));
    }
}

fn device(sheet: &mut Sheet, device: &Device) {
    let id = device.id.as_str();
    let driver = device.driver.as_deref().unwrap_or_default();
    sheet.set(&names::DEVICE_INFO, &[id, &device.name, driver], 1.0);
    for state in STATES {
        let is_it = flag(device.state == state);
        sheet.set(&names::DEVICE_STATE, &[id, &state.to_string()], is_it);
    }
    sheet.set(&names::DEVICE_SESSIONS, &[id], f64::from(device.sessions));
    sheet.set(&names::DEVICE_PROCESSES, &[id], f64::from(device.processes));
    sheet.set(&names::DEVICE_MOVED, &[id], count(device.sessions_moved));
    let loads = [
        ("compute", device.load_percent),
        ("encoder", device.encoder_percent),
        ("decoder", device.decoder_percent),
    ];
    for (part, percent) in loads {
        if let Some(percent) = percent {
            sheet.set(&names::DEVICE_LOAD, &[id, part], f64::from(percent) / 100.0);
        }
    }
    let readings = [
        (&names::DEVICE_ENCODERS, device.encoder_sessions.map(f64::from)),
        (&names::DEVICE_MEMORY, device.memory_used.map(count)),
        (&names::DEVICE_MEMORY_TOTAL, device.memory_total.map(count)),
        (
            &names::DEVICE_TEMPERATURE,
            device.temperature_celsius.map(f64::from),
        ),
        (
            &names::DEVICE_TEMPERATURE_LIMIT,
            device.temperature_limit_celsius.map(f64::from),
        ),
        (&names::DEVICE_POWER, device.power_watts.map(f64::from)),
        (
            &names::DEVICE_POWER_LIMIT,
            device.power_limit_watts.map(f64::from),
        ),
    ];
    for (metric, reading) in readings {
        if let Some(reading) = reading {
            sheet.set(metric, &[id], reading);
        }
    }
    if id.starts_with("gpu") {
        sheet.set(&names::DEVICE_XIDS, &[id], count(device.xids.values().sum()));
    }
}

fn transcoders(sheet: &mut Sheet, status: &NodeStatus) {
    let sum = |part: fn(&crate::view::node::RemoteTranscoder) -> u32| {
        count(status.transcoders.iter().map(|one| u64::from(part(one))).sum())
    };
    sheet.set(
        &names::TRANSCODERS_NUMBER,
        &[],
        count(status.transcoders.len() as u64),
    );
    sheet.set(&names::TRANSCODERS_CAPACITY, &[], sum(|one| one.capacity));
    sheet.set(&names::TRANSCODERS_LOAD, &[], sum(|one| one.load));
    sheet.set(&names::TRANSCODER_TASKS, &[], sum(|one| one.running));
    for (role, name) in [(ProbeRole::Own, "own"), (ProbeRole::Node, "node")] {
        let mut tried = status
            .reach
            .probes
            .iter()
            .filter(|probe| probe.role == role && probe.state != ProbeState::Waiting)
            .peekable();
        if tried.peek().is_some() {
            let all = tried.all(|probe| probe.state == ProbeState::Reachable);
            sheet.set(&names::REACHABLE, &[name], flag(all));
        }
    }
}

fn remote(sheet: &mut Sheet, remote: &RemoteView) {
    sheet.set(
        &names::REMOTE_REGISTERED,
        &[],
        flag(remote.registered_since.is_some()),
    );
    let outcomes = [
        ("done", remote.registrations),
        ("failed", remote.registrations_failed),
    ];
    for (outcome, times) in outcomes {
        sheet.set(&names::REMOTE_REGISTRATIONS, &[outcome], count(times));
    }
    sheet.set(&names::REMOTE_LOST, &[], count(remote.results_lost));
}

/// How each endpoint does.
pub(super) fn tell_rpc(sheet: &mut Sheet, endpoints: &[RelayEndpoint]) {
    let best = endpoints.iter().filter_map(|endpoint| endpoint.block).max();
    for (name, endpoint) in told_apart(endpoints) {
        let labels = [name.as_str()];
        sheet.set(&names::RPC_UP, &labels, flag(endpoint.failure.is_none()));
        sheet.set(&names::RPC_ANSWERS, &labels, count(endpoint.answered));
        sheet.set(&names::RPC_FAILURES, &labels, count(endpoint.failed));
        if let Some(millis) = endpoint.latency_ms {
            sheet.set(&names::RPC_LATENCY, &labels, millis / 1e3);
        }
        if let (Some(best), Some(block)) = (best, endpoint.block) {
            sheet.set(&names::RPC_LAG, &labels, count(best - block));
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
