//! The network, and the endpoints it is reached by: tested before they are believed.

use std::fmt;

use engine::{
    chain::{Chain, ChainConfig, Network, provider::Endpoints},
    secret::RpcUrl,
};

use super::steps::Answers;
use crate::{
    context::Context,
    failure::{Failure, Kind},
    rpc::test::failure as judge,
    shell::Report as _,
};

/// Timed reads of each endpoint: enough to tell near from far.
const READS: u32 = 3;
/// Offchain Labs' public endpoint: good enough to look around.
const PUBLIC_ENDPOINT: &str = "https://arb1.arbitrum.io/rpc";

struct NetworkChoice {
    name: String,
    explained: &'static str,
    is_current: bool,
}

impl fmt::Display for NetworkChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kept = if self.is_current { " (as now)" } else { "" };
        write!(f, "{:<13} {}{kept}", self.name, self.explained)
    }
}

/// Which network.
pub fn ask_network(answers: &Answers, context: &mut Context) -> eyre::Result<String> {
    const OTHER: &str = "another";
    let current = answers.network.clone().or(answers.before.network.clone());
    let mut choices: Vec<(String, &'static str)> = vec![
        ("arbitrum-one".to_string(), "where Livepeer is"),
        ("devnet".to_string(), "a protocol on this machine, for trying out"),
        (
            "offchain".to_string(),
            "no chain: work for nothing, on your own machines",
        ),
    ];
    if let Some(own) = current
        .as_ref()
        .filter(|own| choices.iter().all(|(name, _)| name != *own))
    {
        choices.push((own.clone(), "a network of your own"));
    }
    choices.push((
        OTHER.to_string(),
        "a network of your own, by its Controller's address",
    ));
    let start = choices
        .iter()
        .position(|(name, _)| Some(name) == current.as_ref());
    let options = choices.into_iter().map(|(name, explained)| NetworkChoice {
        is_current: Some(&name) == current.as_ref(),
        name,
        explained,
    });
    let help = "Enter chooses, typing filters; later: --network";
    let chosen = context
        .shell
        .choose("Network?", options.collect(), start.unwrap_or(0), help)?;
    if chosen.name != OTHER {
        return Ok(chosen.name);
    }
    let name = context
        .shell
        .ask_text("Name of the network:", None, "a word of your own")?;
    Ok(name.unwrap_or_default())
}

/// The Controller of a network that is not known: asked for, or a failure that says so.
pub fn settle_controller(answers: &mut Answers, asks: bool, context: &mut Context) -> eyre::Result<()> {
    let name = answers.network.clone().unwrap_or_default();
    if name == "offchain" {
        return Ok(());
    }
    if answers.controller.is_none() && name == "devnet" {
        // What `lpctl devnet up` deploys is always at the same address.
        answers.controller = Some(engine::devnet::Contracts::standard().controller);
    }
    loop {
        let error = match Network::resolve(&name, answers.controller, answers.chain_id) {
            Ok(_) => return Ok(()),
            Err(error) if !asks => return Err(Failure::from(error).into()),
            Err(error) => error,
        };
        context.shell.status(error);
        let help = "the protocol's Controller contract; later: --controller";
        let answer = context.shell.ask_text("Controller's address:", None, help)?;
        match answer.unwrap_or_default().parse() {
            Ok(address) => answers.controller = Some(address),
            Err(_) => context
                .shell
                .status("that is no address: 0x and 40 hexadecimal digits"),
        }
    }
}

/// Takes the endpoints and tests them.
pub async fn endpoints(
    untested: bool,
    answers: &mut Answers,
    asks: bool,
    again: bool,
    context: &mut Context,
) -> eyre::Result<bool> {
    let typed = context.settings().from_command_line.rpc_urls.clone();
    let kept = answers.fitting().rpc_urls.unwrap_or_default();
    let mut next = match typed.filter(|_| !again) {
        Some(typed) => Some(typed),
        None if asks => None,
        None if kept.is_empty() => return Ok(false),
        None => Some(kept.clone()),
    };
    loop {
        let urls = match next.take() {
            Some(urls) => urls,
            None => ask_urls(answers, &kept, context)?,
        };
        let tested = test(&urls, answers, context).await;
        match tested {
            Ok(chain) => answers.chain = Some(chain),
            Err(failure) if untested => {
                context
                    .shell
                    .warn(format_args!("not tested: {}", failure.message));
            }
            Err(failure) if asks => {
                context.shell.fail(&failure);
                let options = vec!["other endpoints", "these all the same"];
                let chosen = context.shell.choose(
                    "Use other endpoints?",
                    options,
                    0,
                    "endpoints are tested with `lpctl rpc test` too; later: --untested",
                )?;
                if chosen == "other endpoints" {
                    continue;
                }
            }
            Err(failure) => return Err(failure.into()),
        }
        answers.rpc_urls = urls;
        return Ok(true);
    }
}

fn ask_urls(answers: &Answers, kept: &[RpcUrl], context: &mut Context) -> eyre::Result<Vec<RpcUrl>> {
    let suggested: Vec<RpcUrl> = match (kept, answers.network.as_deref()) {
        ([], Some("arbitrum-one")) => PUBLIC_ENDPOINT.parse().into_iter().collect(),
        ([], Some("devnet")) => "http://127.0.0.1:8545".parse().into_iter().collect(),
        (kept, _) => kept.to_vec(),
    };
    let shown: Vec<String> = suggested.iter().map(ToString::to_string).collect();
    let shown = (!shown.is_empty()).then(|| shown.join(", "));
    if kept.is_empty() && answers.network.as_deref() == Some("arbitrum-one") {
        context.shell.status(
            "A public endpoint is good for looking around and is often slow or full: for a node get one of your own.",
        );
    }
    loop {
        let help = "JSON-RPC; several with commas, the first is asked first; later: --rpc-url";
        let Some(text) = context.shell.ask_text("RPC endpoints:", shown.as_deref(), help)? else {
            return Ok(suggested);
        };
        let words = text.split([',', ' ']).filter(|word| !word.is_empty());
        match words.map(str::parse::<RpcUrl>).collect::<Result<Vec<_>, _>>() {
            Ok(urls) if !urls.is_empty() => return Ok(urls),
            Ok(_) => {}
            Err(error) => context.shell.status(error),
        }
    }
}

/// Asks each endpoint, shows what they say, and looks the contracts up through them.
async fn test(urls: &[RpcUrl], answers: &mut Answers, context: &mut Context) -> Result<Chain, Failure> {
    let name = answers.network.clone().unwrap_or_default();
    let known = Network::resolve(&name, answers.controller, answers.chain_id).map_err(Failure::from)?;
    let mut config = ChainConfig::new(name, urls.to_vec());
    config.controller = answers.controller;
    config.chain_id = answers.chain_id;
    let endpoints = Endpoints::new(urls.to_vec(), &known.name, known.chain_id, config.timeout)?;
    let spinner = context.shell.progress(None, "asking the endpoints");
    let report = endpoints.test(READS).await;
    spinner.finish_and_clear();
    let style = context.shell.style();
    if !context.shell.is_json() {
        let text = report.text(&style);
        context.shell.status(text);
    }
    let judged = judge(&report);
    answers.tested = Some(report);
    match judged {
        // One of several may be down: lpctl works with the others.
        Some(failure) if failure.kind != Kind::Failed => return Err(failure),
        Some(failure) => context.shell.warn(&failure.message),
        None => {}
    }
    let chain = Chain::connect(config).await.map_err(Failure::from)?;
    context.shell.status(format_args!(
        "{} {} has Livepeer's contracts (chain id {})",
        style.good_mark(),
        chain.network().name,
        chain.chain_id()
    ));
    Ok(chain)
}
