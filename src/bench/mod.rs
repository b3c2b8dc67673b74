//! Measuring the transcoder: how long segments take, how many streams are carried in real time, and how that compares
//! with a bare ffmpeg. Nothing is shown here: [`run`] tells of its progress and gives figures.
//!
//! | module | holds |
//! |---|---|
//! | [`clip`], [`playlist`] | the segments: cut from a file, listed in a playlist, or drawn |
//! | [`load`] | sessions that send segments to the engine, flat out or live |
//! | [`bare`] | the same segments through an ffmpeg started anew each time |
//! | [`compare`] | whether both made the same |
//! | [`capacity`] | which numbers of sessions to try, and what real time means |
//! | [`tickets`] | how long checking a ticket takes, and how many winners a second are kept |
//! | [`figures`] | medians, percentiles, rates |

pub mod bare;
pub mod capacity;
pub mod clip;
pub mod compare;
pub mod figures;
pub mod load;
pub mod playlist;
pub mod tickets;

use std::{sync::Arc, time::Duration};

use tokio::sync::mpsc;

use self::{
    bare::Bare,
    capacity::{Counts, is_real_time},
    clip::Piece,
    compare::Pairs,
    figures::Tally,
    load::{Loader, Pace},
};
use crate::media::{job::SegmentTranscoder, ladder::Profile};

/// Segments of each session that come before the measured ones: with the first a session begins.
pub const WARM_UP: u32 = 1;

/// What is to be measured.
#[derive(Debug)]
pub struct Plan {
    /// The segments, used again and again; one at least.
    pub pieces: Vec<Piece>,
    /// What is made of each.
    pub profiles: Vec<Profile>,
    /// How many sessions at once.
    pub counts: Counts,
    /// Measured segments of each session.
    pub segments: u32,
    /// How segments come.
    pub pace: Pace,
    /// Rest before each turn.
    pub gap: Duration,
    /// Segments each session sends in one turn.
    pub turn: u32,
    /// The bare ffmpeg that takes turns with the engine.
    pub against: Option<Bare>,
    /// Whether to keep both sides' renditions of every piece, to be compared.
    pub compares: bool,
}

/// What happens meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// A number of sessions is measured now.
    Began {
        /// The number.
        sessions: u32,
        /// Segments that will be transcoded for it.
        segments: u64,
    },
    /// One more segment was transcoded, or was not.
    Segment,
}

/// What was measured.
#[derive(Debug)]
pub struct Measured {
    /// One for each number of sessions.
    pub runs: Vec<Run>,
    /// Renditions of both sides, if they were to be kept.
    pub pairs: Pairs,
}

/// One number of sessions.
#[derive(Debug)]
pub struct Run {
    /// Sessions at once.
    pub sessions: u32,
    /// The engine.
    pub engine: Tally,
    /// The bare ffmpeg.
    pub bare: Option<Tally>,
    /// Whether every session was served in real time with head-room; none if segments did not come live.
    pub keeps_real_time: Option<bool>,
}

/// Measures. May be dropped at any time: nothing stays behind that the transcoder does not clear away.
pub async fn run<T>(plan: &Plan, transcoder: Arc<T>, progress: mpsc::UnboundedSender<Progress>) -> Measured
where
    T: SegmentTranscoder + 'static,
{
    let mut measured = Measured {
        runs: Vec::new(),
        pairs: Pairs::default(),
    };
    let mut search = plan.counts.search();
    while let Some(sessions) = search.upcoming() {
        let run = measure(plan, sessions, &transcoder, &progress, &mut measured.pairs).await;
        search.record(sessions, run.keeps_real_time.unwrap_or(true));
        measured.runs.push(run);
    }
    measured
}

async fn measure<T>(
    plan: &Plan,
    sessions: u32,
    transcoder: &Arc<T>,
    progress: &mpsc::UnboundedSender<Progress>,
    pairs: &mut Pairs,
) -> Run
where
    T: SegmentTranscoder + 'static,
{
    let sides = if plan.against.is_some() { 2 } else { 1 };
    let each = u64::from(plan.segments + WARM_UP);
    // Nobody listens any more: no reason to stop measuring.
    let _ = progress.send(Progress::Began {
        sessions,
        segments: u64::from(sessions) * each * sides,
    });
    let keeps = |pairs: &Pairs| plan.compares && pairs.pieces() < plan.pieces.len();
    let loader = Loader::new(plan, Arc::clone(transcoder), progress.clone());
    let mut streams = loader.open(sessions);
    let mut engine = Tally::default();
    let mut bare = plan.against.as_ref().map(|_| Tally::default());
    let mut left = plan.segments + WARM_UP;
    while left > 0 {
        let is_warm_up = left > plan.segments;
        let segments = if is_warm_up {
            WARM_UP
        } else {
            plan.turn.clamp(1, left)
        };
        left -= segments;
        let keep = keeps(pairs);
        tokio::time::sleep(plan.gap).await;
        let first = streams.clone();
        let mut turn = loader.turn(&mut streams, segments, plan.pace, keep).await;
        pairs.take_engine(&mut turn.samples);
        if let (Some(against), Some(tally)) = (&plan.against, &mut bare) {
            tokio::time::sleep(plan.gap).await;
            let mut turn = loader.bare_turn(against, &first, segments, keep).await;
            pairs.take_bare(&mut turn.samples);
            if !is_warm_up {
                tally.add(turn);
            }
        }
        if !is_warm_up {
            engine.add(turn);
        }
    }
    loader.close(&streams);
    let keeps_real_time = match plan.pace {
        Pace::Live { arrive } => Some(is_real_time(&engine.samples, arrive)),
        Pace::FlatOut => None,
    };
    Run {
        sessions,
        engine,
        bare,
        keeps_real_time,
    }
}
