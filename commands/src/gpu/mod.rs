//! `lpctl gpu`: the devices that encode.

mod list;
mod rig;
mod table;
mod test;
mod watch;

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

use crate::context::Context;

/// See and test the GPUs that encode, and the CPU
#[derive(Debug, Subcommand)]
#[allow(
    missing_docs,
    reason = "the help of a command is the doc comment of its `Args`"
)]
pub enum GpuCommand {
    List(list::ListArgs),
    Watch(watch::WatchArgs),
    Test(test::TestArgs),
}

/// Where the driver is found.
#[derive(Debug, Clone, Default, Args)]
pub struct DriverArgs {
    /// The driver's management library, where the system does not find it, as in containers [default: libnvidia-ml.so.1]
    #[arg(long, value_name = "PATH", env = "LPCTL_NVML", hide_env = true, value_hint = ValueHint::FilePath)]
    pub nvml: Option<PathBuf>,
}

/// Carries out one of them.
///
/// # Errors
/// As the command says.
pub async fn run(command: GpuCommand, context: &mut Context) -> eyre::Result<()> {
    match command {
        GpuCommand::List(args) => list::run(args, context).await,
        GpuCommand::Watch(args) => watch::run(args, context).await,
        GpuCommand::Test(args) => test::run(args, context).await,
    }
}
