//! `lpctl node drain`.

use std::time::{Duration, Instant};

use clap::Args;
use engine::{
    operator::{ApiError, NodeApi},
    view::node::{NodeMode, NodeStatus},
};
use serde::Serialize;

use super::{
    fleet::{Answer, INTERVAL, Teller, Verb},
    target::Node,
};
use crate::{
    failure::{Failure, Kind},
    shell::{Report, Style},
    wording::counted,
};

/// Let a node finish what it has and take nothing new
///
/// An orchestrator takes no new sessions and serves those it has until their gateways end them. A transcoder leaves its
/// orchestrator, finishes its tasks and hands them in; the orchestrator gives the streams to others. Either runs on
/// until it is stopped, and takes work again when it is started again.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl node drain                          and look after it with `lpctl node show`
  lpctl node drain --wait                   until nothing is left
  lpctl node drain --wait --timeout 600 && systemctl stop lpctl")]
pub struct DrainArgs {
    /// Follow the node until nothing is left
    #[arg(long)]
    wait: bool,
    /// Give up waiting after so many seconds; the node goes on draining
    #[arg(long, value_name = "SECONDS", requires = "wait", value_parser = clap::value_parser!(u64).range(1..=604_800))]
    timeout: Option<u64>,
}

/// So many answers in a row may be missing before the node is taken for gone.
const PATIENCE: u32 = 8;

/// What is left.
#[derive(Serialize)]
pub(super) struct Draining {
    mode: NodeMode,
    draining: bool,
    /// Sessions, or of a transcoder tasks, that are not finished.
    left: usize,
    /// Whether nothing is left, and nothing more can come.
    done: bool,
}

impl Draining {
    fn of(status: &NodeStatus) -> Self {
        let (left, may_come) = match &status.remote {
            Some(remote) => (
                usize::try_from(remote.tasks_running).unwrap_or(usize::MAX),
                remote.registered_since.is_some(),
            ),
            None => (status.sessions.len(), false),
        };
        Self {
            mode: status.mode,
            draining: status.draining,
            left,
            done: left == 0 && !may_come && status.draining,
        }
    }

    fn what(&self) -> &'static str {
        match self.mode {
            NodeMode::Transcoder => "task",
            NodeMode::Combined | NodeMode::Orchestrator => "session",
        }
    }
}

impl Report for Draining {
    fn text(&self, style: &Style) -> String {
        match self.done {
            true => format!(
                "{} drained: nothing is left, it can be stopped",
                style.good_mark()
            ),
            false => format!(
                "draining: {} left; `lpctl node show` tells how many there are still",
                counted(self.left, self.what())
            ),
        }
    }
}

impl Answer for Draining {
    const COLUMNS: &'static [&'static str] = &["left", "state"];

    fn cells(&self, _: &Style) -> Vec<String> {
        let state = if self.done { "drained" } else { "draining" };
        vec![counted(self.left, self.what()), state.to_string()]
    }
}

impl Verb for DrainArgs {
    type Answer = Draining;

    fn question(&self) -> Option<String> {
        Some("take nothing new".to_string())
    }

    async fn ask(&self, node: &Node, teller: &Teller) -> Result<Draining, Failure> {
        let (_, api) = node.own(
            "it cannot be told to finish what it has and take nothing new",
            "of a go-livepeer orchestrator `lpctl node set-max-sessions 1` keeps nearly all new streams away; a gateway has \
             no more to do once nobody sends to it",
        )?;
        let status = api.drain().await.map_err(|error| node.failed(&error))?;
        let draining = Draining::of(&status);
        match self.wait {
            true => Box::pin(wait(draining, self, node, &api, teller)).await,
            false => Ok(draining),
        }
    }
}

async fn wait(
    mut draining: Draining,
    args: &DrainArgs,
    node: &Node,
    api: &NodeApi,
    teller: &Teller,
) -> Result<Draining, Failure> {
    let until = args
        .timeout
        .map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let (mut told, mut missing) = (None, 0);
    while !draining.done {
        if draining.left > 0 && told != Some(draining.left) {
            told = Some(draining.left);
            teller.tell(&format!("{} left", counted(draining.left, draining.what())));
        }
        if until.is_some_and(|until| Instant::now() >= until) {
            return Err(time_is_up(&draining));
        }
        tokio::time::sleep(INTERVAL).await;
        match api.status().await {
            Ok(status) => {
                missing = 0;
                draining = Draining::of(&status);
                if !draining.draining {
                    return Err(restarted(node));
                }
            }
            Err(error @ (ApiError::Garbled(_) | ApiError::NotANode)) => return Err(node.failed(&error)),
            Err(error) => {
                missing += 1;
                if missing >= PATIENCE {
                    return Err(gone(node, &draining, &error));
                }
            }
        }
    }
    Ok(draining)
}

fn time_is_up(draining: &Draining) -> Failure {
    let left = counted(draining.left, draining.what());
    Failure::new(
        Kind::Failed,
        "still_draining",
        format!("the time is up and {left} are not finished; the node goes on draining"),
    )
    .hint("run it again to wait on, or stop the node: it lets running segments finish")
}

fn restarted(node: &Node) -> Failure {
    let message = format!(
        "the node at {} does not drain any more: it was started again",
        node.shown()
    );
    Failure::new(Kind::Failed, "not_draining", message).hint("run it again")
}

fn gone(node: &Node, draining: &Draining, error: &ApiError) -> Failure {
    let left = counted(draining.left, draining.what());
    Failure::new(
        Kind::Unreachable,
        "node_unreachable",
        format!(
            "the node at {} does not answer any more, with {left} last known: {error}",
            node.shown()
        ),
    )
    .hint("its log tells whether it was stopped")
}
