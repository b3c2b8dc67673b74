//! Outcomes of segments added up.

use std::time::Duration;

use alloy::primitives::Address;

use super::{Outcome, PushConfig, Source};
use crate::{
    gateway::verify::size_text,
    media::ladder::Profile,
    view::{
        node::Latency,
        push::{OrchestratorShare, PushReport, PushSource, RenditionCounts, RungOutcome, SegmentCounts},
    },
};

/// How a push ended, beyond its segments.
pub(super) struct Ending {
    pub sessions: Vec<String>,
    pub account: Option<Address>,
    pub not_sent: Option<String>,
    pub interrupted: bool,
    pub wall: Duration,
}

pub(super) fn report(
    config: &PushConfig,
    source: &Source,
    outcomes: &[Outcome],
    ending: Ending,
) -> PushReport {
    let answered = || outcomes.iter().filter(|outcome| outcome.latency.is_some());
    let media_ms = millis(answered().map(|outcome| outcome.duration).sum());
    let transfer_ms = transfer(outcomes);
    let received = || outcomes.iter().flat_map(|outcome| &outcome.renditions);
    let failed = outcomes
        .iter()
        .filter(|outcome| !outcome.failures.is_empty())
        .count() as u64;
    let cut = outcomes.len() as u64;
    PushReport {
        input: config.input.display().to_string(),
        orchestrator: config.orchestrator.clone(),
        orchestrators: shares(outcomes),
        orchestrator_account: ending.account,
        sessions: ending.sessions,
        source: PushSource {
            codec: source.codec.clone(),
            width: source.size.width,
            height: source.size.height,
            duration_ms: source.duration.map(millis),
            audio_codec: source.audio_codec.clone(),
            encoded_because: source.uncuttable.as_ref().map(ToString::to_string),
        },
        segments: SegmentCounts {
            cut,
            done: cut - failed,
            failed,
            retried: outcomes.iter().filter(|outcome| outcome.attempts > 1).count() as u64,
        },
        renditions: RenditionCounts {
            expected: cut * config.ladder.len() as u64,
            received: received().filter(|rendition| rendition.bytes.is_some()).count() as u64,
            verified: received()
                .filter(|rendition| rendition.verified.is_some())
                .count() as u64,
            silent: match source.audio_codec {
                Some(_) => received()
                    .filter(|rendition| rendition.verified.is_some_and(|v| !v.has_sound))
                    .count() as u64,
                None => 0,
            },
        },
        ladder: config
            .ladder
            .iter()
            .enumerate()
            .map(|(index, profile)| rung(index, profile, outcomes))
            .collect(),
        pixels_reported: answered()
            .map(|outcome| outcome.pixels_reported)
            .fold(0, u64::saturating_add),
        pixels_verified: received()
            .filter_map(|rendition| rendition.verified)
            .map(|verified| verified.pixels)
            .sum(),
        signatures_verified: outcomes
            .iter()
            .filter(|outcome| outcome.signature_checked)
            .count() as u64,
        bytes_sent: outcomes.iter().map(|outcome| outcome.bytes_sent).sum(),
        bytes_received: received().filter_map(|rendition| rendition.bytes).sum(),
        media_ms,
        transfer_ms,
        wall_ms: millis(ending.wall),
        real_time_permille: (media_ms > 0).then(|| media_ms.saturating_mul(1000) / transfer_ms.max(1)),
        latency: latency(answered().filter_map(|outcome| outcome.latency).collect()),
        failures: outcomes
            .iter()
            .flat_map(|outcome| outcome.failures.clone())
            .collect(),
        not_sent: ending.not_sent,
        interrupted: ending.interrupted,
        payments: None,
        output: config.output.as_ref().map(|folder| folder.display().to_string()),
    }
}

fn rung(index: usize, profile: &Profile, outcomes: &[Outcome]) -> RungOutcome {
    let of = || {
        outcomes
            .iter()
            .filter_map(|outcome| outcome.renditions.get(index))
    };
    let verified = || of().filter_map(|rendition| rendition.verified);
    RungOutcome {
        name: profile.name.clone(),
        size: verified().next().map(|verified| size_text(&verified.size)),
        received: of().filter(|rendition| rendition.bytes.is_some()).count() as u64,
        verified: verified().count() as u64,
        frames: verified().map(|verified| verified.frames).sum(),
        bytes: of().filter_map(|rendition| rendition.bytes).sum(),
    }
}

/// Who made how many of the segments, most first.
fn shares(outcomes: &[Outcome]) -> Vec<OrchestratorShare> {
    let mut shares: Vec<OrchestratorShare> = Vec::new();
    for url in outcomes
        .iter()
        .filter_map(|outcome| outcome.orchestrator.as_ref())
    {
        match shares.iter_mut().find(|share| share.url == *url) {
            Some(share) => share.segments += 1,
            None => shares.push(OrchestratorShare {
                url: url.clone(),
                segments: 1,
            }),
        }
    }
    shares.sort_by_key(|share| std::cmp::Reverse(share.segments));
    shares
}

fn transfer(outcomes: &[Outcome]) -> u64 {
    let first = outcomes.iter().filter_map(|outcome| outcome.departed).min();
    let last = outcomes.iter().filter_map(|outcome| outcome.arrived).max();
    match (first, last) {
        (Some(first), Some(last)) => millis(last.saturating_duration_since(first)),
        _ => 0,
    }
}

/// Percentiles by nearest rank; none of nothing.
fn latency(mut latencies: Vec<Duration>) -> Option<Latency> {
    latencies.sort_unstable();
    let rank = |percent: usize| {
        let place = (latencies.len() * percent).div_ceil(100).checked_sub(1)?;
        let millis = latencies.get(place)?.as_millis();
        Some(u32::try_from(millis).unwrap_or(u32::MAX))
    };
    Some(Latency {
        p50_ms: rank(50)?,
        p90_ms: rank(90)?,
        p99_ms: rank(99)?,
    })
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_occurred() {
        let millis = |range: std::ops::RangeInclusive<u64>| range.map(Duration::from_millis).rev().collect();
        let of = |latencies| latency(latencies).map(|l| (l.p50_ms, l.p90_ms, l.p99_ms));
        assert_eq!(of(millis(1..=100)), Some((50, 90, 99)));
        assert_eq!(of(millis(7..=7)), Some((7, 7, 7)));
        assert_eq!(of(millis(1..=3)), Some((2, 3, 3)));
        assert_eq!(of(Vec::new()), None);
    }
}
