//! What is asked, in which order; what a flag answers is not asked.

use std::{fmt, path::PathBuf};

use alloy::primitives::Address;
use engine::{
    config::Layer,
    remote::OrchestratorAddress,
    secret::RpcUrl,
    view::{node::NodeMode, rpc::RpcTest},
};
use url::Url;

use super::{InitArgs, Role, chain, key, price, reach, written};
use crate::{
    context::Context,
    failure::{Failure, Kind},
};

/// Everything there is to know, as far as it is known yet.
#[derive(Default)]
pub struct Answers {
    /// The profile that is written to, and whether it becomes the one in use.
    pub profile: Option<String>,
    pub becomes_used: bool,
    /// What that profile says now.
    pub before: Layer,
    pub role: Option<Role>,
    pub network: Option<String>,
    pub controller: Option<Address>,
    pub chain_id: Option<u64>,
    pub rpc_urls: Vec<RpcUrl>,
    pub tested: Option<RpcTest>,
    pub chain: Option<engine::chain::Chain>,
    pub account: Option<key::Choice>,
    pub keystore_dir: Option<PathBuf>,
    pub password_file: Option<PathBuf>,
    pub price: Option<price::Asked>,
    pub service: Option<Url>,
    pub found: Option<reach::Found>,
    pub orch_addr: Option<String>,
    pub orch_secret_file: Option<PathBuf>,
}

/// One thing to be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Role,
    Network,
    Endpoints,
    Account,
    Price,
    Address,
    Orchestrator,
}

impl Step {
    fn name(self) -> &'static str {
        match self {
            Self::Role => "role",
            Self::Network => "network",
            Self::Endpoints => "endpoints",
            Self::Account => "account",
            Self::Price => "price",
            Self::Address => "address for gateways",
            Self::Orchestrator => "orchestrator",
        }
    }

    /// The flags that answer it.
    fn flags(self) -> &'static str {
        match self {
            Self::Role => "--role",
            Self::Network => "--network",
            Self::Endpoints => "--rpc-url",
            Self::Account => "--account, --new-account or --import",
            Self::Price => "--price",
            Self::Address => "--service-uri",
            Self::Orchestrator => "--orch-addr and --orch-secret-file",
        }
    }
}

impl Answers {
    /// What has to be known for what is known.
    pub fn steps(&self) -> Vec<Step> {
        let mut steps = vec![Step::Role];
        let Some(role) = self.role else { return steps };
        if role == Role::Transcoder {
            steps.push(Step::Orchestrator);
            return steps;
        }
        steps.push(Step::Network);
        if self.network.as_deref() != Some("offchain") {
            steps.extend([Step::Endpoints, Step::Account]);
            if matches!(role, Role::Orchestrator | Role::Gateway) {
                steps.push(Step::Price);
            }
        }
        if role == Role::Orchestrator {
            steps.push(Step::Address);
        }
        steps
    }

    /// The config file's layer without what belongs to another network than the one chosen.
    pub fn fitting(&self) -> Layer {
        let mut layer = self.before.clone();
        if self.network.is_some() && self.network != layer.network {
            layer.rpc_urls = None;
            layer.controller = None;
            layer.chain_id = None;
        }
        layer
    }

    /// Finds out where the answers are written to, once the network is known.
    fn settle(&mut self, context: &Context) -> Result<(), Failure> {
        let file = crate::settings::read_config_file(&context.directories().config_file)?;
        let named = context.settings().profile.clone();
        self.profile = match (named, &self.network) {
            (Some(named), _) => Some(named),
            (None, _) if self.role == Some(Role::Transcoder) => Some("transcoder".to_string()),
            (None, Some(network)) => Some(network.clone()),
            (None, None) => None,
        };
        self.becomes_used = self.profile.is_some() && file.profile != self.profile && file.profile.is_none();
        let layer = self.profile.as_ref().and_then(|name| file.profiles.get(name));
        self.before = layer.cloned().unwrap_or_default().over(file.defaults.clone());
        Ok(())
    }
}

/// The role a layer was written for, as far as it shows.
fn role_of(layer: &Layer) -> Option<Role> {
    if layer.mode == Some(NodeMode::Transcoder) {
        Some(Role::Transcoder)
    } else if layer.payments.price.is_some() || layer.service_addr.is_some() {
        Some(Role::Orchestrator)
    } else if layer.gateway != Default::default() {
        Some(Role::Gateway)
    } else {
        None
    }
}

/// Takes all answers, from flags where they are given, and shows them.
///
/// # Errors
/// As [`super::run`].
pub async fn take(args: InitArgs, context: &mut Context) -> eyre::Result<Answers> {
    let asks = context.shell.asks();
    let typed = context.settings().from_command_line.clone();
    let mut answers = Answers {
        role: args.role,
        network: typed.network.clone(),
        before: context.settings().from_config_file.clone(),
        password_file: typed.password_file.clone(),
        keystore_dir: args
            .keystore_dir
            .as_deref()
            .map(std::path::absolute)
            .transpose()?,
        ..Answers::default()
    };
    if asks {
        let file = context.directories().config_file.display().to_string();
        context.shell.status(format_args!(
            "This sets lpctl up. Nothing is written before you have seen all of it; Ctrl-C leaves.\n\
             The config is {file}."
        ));
    }
    let mut taken: Vec<Step> = Vec::new();
    let mut missing: Vec<Step> = Vec::new();
    while let Some(step) = answers
        .steps()
        .into_iter()
        .find(|step| !taken.contains(step) && !missing.contains(step))
    {
        match Box::pin(one(step, &args, &mut answers, asks, false, context)).await? {
            true => taken.push(step),
            false => missing.push(step),
        }
    }
    if !missing.is_empty() {
        let names: Vec<&str> = missing.iter().map(|step| step.name()).collect();
        let flags: Vec<&str> = missing.iter().map(|step| step.flags()).collect();
        return Err(Failure::new(
            Kind::Usage,
            "answer_needed",
            format!("nobody says the {}", names.join(", ")),
        )
        .hint(format!("give {}; on a terminal lpctl asks", flags.join(", ")))
        .into());
    }
    if asks {
        review(&args, &mut answers, context).await?;
    } else {
        if !context.shell.is_json() {
            let summary = written::summary(&answers, context);
            context.shell.show(summary);
        }
        if !context.settings().dry_run {
            context.shell.confirm("write this?")?;
        }
    }
    Ok(answers)
}

/// What to do with all answers.
enum Verdict {
    Write,
    Change(Step),
    Leave,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write => f.write_str("write it"),
            Self::Change(step) => write!(f, "change the {}", step.name()),
            Self::Leave => f.write_str("leave everything as it was"),
        }
    }
}

async fn review(args: &InitArgs, answers: &mut Answers, context: &mut Context) -> eyre::Result<()> {
    loop {
        let summary = written::summary(answers, context);
        context.shell.status(format_args!("\n{summary}"));
        let steps = answers.steps();
        let options = std::iter::once(Verdict::Write)
            .chain(steps.iter().copied().map(Verdict::Change))
            .chain([Verdict::Leave]);
        let verdict = context.shell.choose(
            "All right?",
            options.collect(),
            0,
            "Enter chooses, typing filters, Esc leaves",
        )?;
        match verdict {
            Verdict::Write => return Ok(()),
            Verdict::Leave => {
                return Err(
                    Failure::new(Kind::Refused, "declined", "declined; nothing was sent or changed").into(),
                );
            }
            Verdict::Change(step) => {
                Box::pin(one(step, args, answers, true, true, context)).await?;
                // Another role or network asks for more.
                let more: Vec<Step> = answers.steps();
                for step in more.into_iter().filter(|step| !steps.contains(step)) {
                    Box::pin(one(step, args, answers, true, false, context)).await?;
                }
                if step == Step::Network && answers.steps().contains(&Step::Endpoints) {
                    Box::pin(one(Step::Endpoints, args, answers, true, true, context)).await?;
                }
            }
        }
    }
}

/// Takes one answer; false if nobody gives it. `again`: asked for although a flag gave it.
async fn one(
    step: Step,
    args: &InitArgs,
    answers: &mut Answers,
    asks: bool,
    again: bool,
    context: &mut Context,
) -> eyre::Result<bool> {
    match step {
        Step::Role => {
            let known = args.role.filter(|_| !again);
            let current = answers.role.or(role_of(&answers.before));
            answers.role = match known {
                Some(role) => Some(role),
                None if asks => Some(ask_role(current, context)?),
                None => current,
            };
            answers.settle(context)?;
            Ok(answers.role.is_some())
        }
        Step::Network => {
            let known = context.settings().from_command_line.network.clone();
            answers.network = match known.filter(|_| !again) {
                Some(network) => Some(network),
                None if asks => Some(chain::ask_network(answers, context)?),
                None => answers.before.network.clone(),
            };
            answers.settle(context)?;
            let fitting = answers.fitting();
            answers.controller = context
                .settings()
                .from_command_line
                .controller
                .or(fitting.controller);
            answers.chain_id = fitting.chain_id;
            if answers.network.is_some() {
                chain::settle_controller(answers, asks, context)?;
            }
            Ok(answers.network.is_some())
        }
        Step::Endpoints => chain::endpoints(args.untested, answers, asks, again, context).await,
        Step::Account => key::choose(args, answers, asks, again, context).await,
        Step::Price => price::take(args, answers, asks, again, context).await,
        Step::Address => reach::take(args, answers, asks, again, context).await,
        Step::Orchestrator => orchestrator(args, answers, asks, again, context),
    }
}

struct RoleChoice(Role, bool);

impl fmt::Display for RoleChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kept = if self.1 { " (as now)" } else { "" };
        write!(f, "{:<13} {}{kept}", self.0.name(), self.0.explained())
    }
}

fn ask_role(current: Option<Role>, context: &mut Context) -> eyre::Result<Role> {
    let options = Role::ALL.map(|role| RoleChoice(role, Some(role) == current));
    let start = Role::ALL.iter().position(|role| Some(*role) == current);
    let help = "Enter chooses, typing filters; later: --role";
    let chosen = context.shell.choose(
        "What is this machine to be?",
        options.into(),
        start.unwrap_or(0),
        help,
    )?;
    Ok(chosen.0)
}

/// A transcoder's orchestrator and the secret it shares with it.
fn orchestrator(
    args: &InitArgs,
    answers: &mut Answers,
    asks: bool,
    again: bool,
    context: &mut Context,
) -> eyre::Result<bool> {
    let typed = &context.settings().from_command_line;
    let given = args
        .orch_addr
        .clone()
        .or(typed.orch_addr.clone())
        .filter(|_| !again);
    let current = answers.orch_addr.clone().or(answers.before.orch_addr.clone());
    let check = |text: &str| {
        text.parse::<OrchestratorAddress>()
            .map_err(|error| error.to_string())
    };
    answers.orch_addr = match given {
        Some(text) => {
            check(&text).map_err(|error| {
                Failure::new(Kind::Usage, "bad_orch_addr", error).hint("write it like `o1.example.org:8935`")
            })?;
            Some(text)
        }
        None if asks => loop {
            let help = "where the orchestrator is, like o1.example.org:8935; later: --orch-addr";
            let answer = context
                .shell
                .ask_text("Orchestrator:", current.as_deref(), help)?;
            match answer {
                None => break current,
                Some(text) => match check(&text) {
                    Ok(_) => break Some(text),
                    Err(error) => context.shell.status(error),
                },
            }
        },
        None => current,
    };
    let typed = &context.settings().from_command_line;
    let given = args.orch_secret_file.clone().or(typed.orch_secret_file.clone());
    let current = answers
        .orch_secret_file
        .clone()
        .or(answers.before.orch_secret_file.clone());
    answers.orch_secret_file = match given.filter(|_| !again) {
        Some(path) => {
            crate::account::password::first_line(&path).map_err(|what| unusable(&path, &what))?;
            Some(std::path::absolute(path)?)
        }
        None if asks => loop {
            let shown = current.as_ref().map(|path| path.display().to_string());
            let help = "its first line is shared with the orchestrator; later: --orch-secret-file";
            let answer = context
                .shell
                .ask_text("File with the secret:", shown.as_deref(), help)?;
            match answer.map(PathBuf::from) {
                None => break current,
                Some(path) => match crate::account::password::first_line(&path) {
                    Ok(_) => break Some(std::path::absolute(path)?),
                    Err(what) => context.shell.status(unusable(&path, &what).message),
                },
            }
        },
        None => current,
    };
    Ok(answers.orch_addr.is_some() && answers.orch_secret_file.is_some())
}

fn unusable(path: &std::path::Path, what: &str) -> Failure {
    Failure::new(
        Kind::Config,
        "orch_secret_file",
        format!("{} cannot be used: {what}", path.display()),
    )
    .hint("name a file whose first line is the secret")
}
