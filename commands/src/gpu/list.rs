//! `lpctl gpu list`: the devices now.

use clap::Args;

use super::{DriverArgs, rig::Rig};
use crate::context::Context;

/// List the GPUs and the CPU: readings, state, sessions
///
/// A node that runs is asked, as it knows where its sessions are and which devices rest; without one the driver is
/// read. Numbers are the driver's and can change when a GPU goes; UUIDs stay.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl gpu list
  lpctl gpu list --json | jq '.data.devices[] | {id, uuid, encoder_percent}'
  lpctl gpu list --nvml /usr/lib/wsl/lib/libnvidia-ml.so.1
  lpctl gpu list --node http://127.0.0.1:7936

Exit codes: 0 also without a GPU, 7 if the node named by --node does not answer.")]
pub struct ListArgs {
    #[command(flatten)]
    driver: DriverArgs,
}

/// Lists them.
///
/// # Errors
/// Unreachable where a node was named and does not answer.
pub async fn run(args: ListArgs, context: &mut Context) -> eyre::Result<()> {
    let mut rig = Rig::new(&args.driver, context)?;
    let list = rig.read().await?;
    Ok(context.shell.report(&list)?)
}
