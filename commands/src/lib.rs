//! The `lpctl` command line as a library, so that the generator of completions and man pages can use it.
//!
//! A command flows one way: flags → settings → context → engine → view → shell. Each command is one file with its
//! `Args`, whose doc comment is the help, and `run`.

pub mod account;
pub mod alerts;
pub mod api_key;
pub mod bench;
pub mod cli;
pub mod complete;
pub mod completions;
pub mod config;
pub mod connection;
pub mod context;
pub mod dashboard;
pub mod deposit;
pub mod devnet;
pub mod doctor;
pub mod explain;
pub mod explorer;
pub mod exporter;
pub mod failure;
pub mod fees;
pub mod gateway;
pub mod gov;
pub mod gpu;
pub mod help;
pub mod init;
pub mod ledger;
mod logging;
pub mod logs;
pub mod man;
pub mod menu;
pub mod migrate;
pub mod node;
pub mod orch;
pub mod protocol;
pub mod reward;
pub mod round;
pub mod rpc;
pub mod run;
pub mod set_fees;
pub mod settings;
pub mod shell;
pub mod stake;
pub mod status;
pub mod studio;
pub mod ticket;
pub mod token;
pub mod transact;
pub mod tx;
pub mod why;
pub mod wording;

use std::process::ExitCode;

use crate::{
    cli::{Cli, Command},
    context::{Context, shell_options},
    failure::{Failure, Kind},
    shell::Shell,
};

/// Everything `main` does: completes, parses, runs, and tells how it ended.
#[must_use]
pub fn main() -> ExitCode {
    // Before all else: this process may be about to become ffmpeg.
    if let Some(code) = engine::process::child_main(std::env::args_os().skip(1)) {
        return code;
    }
    // Set already if a second caller is faster: the same one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    clap_complete::CompleteEnv::with_factory(help::command)
        .bin("lpctl")
        .complete();
    let cli = match menu::parse(std::env::args_os().collect()) {
        Ok(cli) => cli,
        Err(error) => match menu::in_place_of(&error) {
            Some(cli) => cli,
            None => return parse_failure(&error),
        },
    };
    logging::start(&cli.globals);
    let shell = Shell::new(shell_options(&cli.globals));
    let options = shell_options(&cli.globals);
    let code = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| execute(cli, shell)));
    code.unwrap_or_else(|_| {
        let bug = Failure::new(Kind::Bug, "bug", "lpctl failed in a way it should not; the lines above say where")
            .hint("please report it with those lines; nothing that was sent is undone, ask the chain before repeating");
        Shell::new(options).fail(&bug);
        ExitCode::from(Kind::Bug as u8)
    })
}

/// Help and version are answers; what clap does not understand is a usage failure, in JSON where asked for.
fn parse_failure(error: &clap::Error) -> ExitCode {
    let wants_json = std::env::args_os().any(|argument| argument == "--json")
        || std::env::var("LPCTL_JSON")
            .is_ok_and(|value| !matches!(value.as_str(), "" | "0" | "false" | "no" | "off"));
    if error.use_stderr() && wants_json {
        let options = shell_options(&cli::GlobalArgs {
            json: true,
            ..cli::GlobalArgs::default()
        });
        let failure = Failure::new(Kind::Usage, "usage", usage_message(error));
        Shell::new(options).fail(&failure.hint("add `--help` to the command to see what it takes"));
    } else {
        // Nobody reads it: nothing to be done.
        let _ = error.print();
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(Kind::Usage as u8))
}

/// What clap says is wrong, in one line: its text up to the usage.
fn usage_message(error: &clap::Error) -> String {
    if error.kind() == clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return "the command line ends too early: a command is missing".to_string();
    }
    let text = error.to_string();
    let said = text.split("\n\nUsage:").next().unwrap_or_default();
    let words: Vec<&str> = said.split_whitespace().collect();
    let line = words.join(" ");
    line.strip_prefix("error: ").unwrap_or(&line).to_string()
}

/// Carries out a command from its settings to its exit code.
fn execute(cli: Cli, shell: Shell) -> ExitCode {
    // The menu is no command with an end: it carries out others.
    if let Command::Menu(_) = &cli.command {
        return menu::run(&cli.globals);
    }
    let mut context = match Context::new(&cli.globals, shell, cli.command.config_need()) {
        Ok(context) => context,
        Err(refused) => {
            let (mut shell, failure) = *refused;
            shell.fail(&failure);
            return ExitCode::from(failure.kind as u8);
        }
    };
    let outcome = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(std::thread::available_parallelism().map_or(2, |cores| cores.get().clamp(2, 16)))
        .enable_all()
        .build()
        .map_err(eyre::Report::from)
        .and_then(|runtime| {
            let outcome = runtime.block_on(run_until_interrupted(cli.command, &mut context));
            // Blocking work that does not end, like a name look-up, must not hold the process.
            runtime.shutdown_timeout(std::time::Duration::from_millis(200));
            outcome
        });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(report) if Failure::is_closed_output(&report) => ExitCode::SUCCESS,
        Err(report) => {
            let failure = Failure::judge(&report);
            context.shell.fail(&failure);
            ExitCode::from(failure.kind as u8)
        }
    }
}

async fn run_until_interrupted(command: Command, context: &mut Context) -> eyre::Result<()> {
    if command.ends_itself() {
        return Box::pin(dispatch(command, context)).await;
    }
    tokio::select! {
        outcome = Box::pin(dispatch(command, context)) => return outcome,
        _ = tokio::signal::ctrl_c() => {}
    }
    Err(context.interrupted().into())
}

async fn dispatch(command: Command, context: &mut Context) -> eyre::Result<()> {
    if context.settings().dry_run && !command.has_dry_run() {
        return Err(
            Failure::new(Kind::Usage, "no_dry_run", "this command has no dry run")
                .hint("leave out `--dry-run`, and unset LPCTL_DRY_RUN")
                .into(),
        );
    }
    if context.settings().named_nodes.len() > 1 && !command.takes_several_nodes() {
        let message = "`--node` names several nodes, and this command is for one";
        return Err(Failure::new(Kind::Usage, "several_nodes", message)
            .hint("name one; `lpctl node` asks several at once")
            .into());
    }
    match command {
        Command::Account(command) => account::run(command, context).await,
        Command::Status(args) => status::run(args, context).await,
        Command::Stake(command) => stake::run(command, context).await,
        Command::SetFees(args) => set_fees::run(args, context).await,
        Command::Orch(command) => orch::run(command, context).await,
        Command::Reward(command) => reward::run(command, context).await,
        Command::Round(command) => round::run(command, context).await,
        Command::Rpc(command) => rpc::run(command, context).await,
        Command::Deposit(command) => deposit::run(command, context).await,
        Command::Fees(command) => fees::run(command, context).await,
        Command::Gov(command) => Box::pin(gov::run(command, context)).await,
        Command::Tx(command) => tx::run(command, context).await,
        Command::Ticket(command) => Box::pin(ticket::run(command, context)).await,
        Command::Explorer(command) => Box::pin(explorer::run(command, context)).await,
        Command::Studio(command) => Box::pin(studio::run(command, context)).await,
        Command::Exporter(args) => Box::pin(exporter::run(args, context)).await,
        Command::Ledger(command) => Box::pin(ledger::run(command, context)).await,
        Command::Token(command) => token::run(command, context).await,
        Command::Protocol(command) => protocol::run(command, context).await,
        Command::Run(args) => run::run(*args, context).await,
        Command::Node(args) => Box::pin(node::run(args, context)).await,
        Command::Gpu(command) => gpu::run(command, context).await,
        Command::Gateway(command) => gateway::run(command, context).await,
        Command::Logs(args) => Box::pin(logs::run(args, context)).await,
        Command::Alerts(command) => alerts::run(command, context).await,
        Command::Doctor(args) => Box::pin(doctor::run(args, context)).await,
        Command::Why(args) => Box::pin(why::run(args, context)).await,
        Command::Bench(command) => bench::run(command, context).await,
        Command::Devnet(command) => devnet::run(command, context).await,
        Command::Config(command) => config::run(command, context).await,
        Command::Completions(args) => completions::run(args, context).await,
        Command::Migrate(command) => migrate::run(command, context).await,
        Command::Man(args) => man::run(args, context).await,
        Command::Dashboard(args) => dashboard::run(args, context).await,
        Command::Init(args) => init::run(*args, context).await,
        Command::Explain(args) => explain::run(args, context).await,
        // Taken care of before there is a context.
        Command::Menu(_) => Ok(()),
    }
}
