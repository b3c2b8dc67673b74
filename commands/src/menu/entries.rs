//! The choices: what a person wants, and the command line it stands for. One line each.

use engine::view::chain::StatusFacts;

use super::state::{self, State};
use crate::status::own_orchestrator;

/// One choice.
pub struct Entry {
    /// What it belongs to.
    pub group: &'static str,
    /// What it does.
    pub sentence: &'static str,
    /// The command line behind `lpctl`.
    pub line: &'static [Part],
    /// How things stand with it, from the chain.
    pub state: Option<fn(&StatusFacts) -> String>,
}

/// A part of a command line.
pub enum Part {
    /// Words as they are.
    Words(&'static str),
    /// A value that is asked for.
    Ask(Ask),
}

/// A value that is asked for.
pub struct Ask {
    /// The option it belongs to; none for a value that stands alone.
    pub flag: Option<&'static str>,
    /// What it is called where the command line is shown.
    pub name: &'static str,
    /// The question.
    pub question: &'static str,
    /// A value that is right.
    pub example: &'static str,
    /// What an empty answer means.
    pub otherwise: Otherwise,
}

/// What an empty answer means.
#[derive(Clone, Copy)]
pub enum Otherwise {
    /// Nothing: a value is needed.
    Nothing,
    /// The option is left out, which means this.
    Left(&'static str),
    /// What is so now.
    Now(fn(&State) -> Option<String>),
}

impl Entry {
    /// The command line as it is shown.
    #[must_use]
    pub fn shown(&self) -> String {
        let parts = self.line.iter().map(|part| match part {
            Part::Words(words) => (*words).to_string(),
            Part::Ask(ask) => match (ask.flag, ask.otherwise) {
                (None, Otherwise::Left(_)) => format!("[{}]", ask.name),
                (None, _) => ask.name.to_string(),
                (Some(flag), Otherwise::Left(_)) => format!("[{flag} {}]", ask.name),
                (Some(flag), _) => format!("{flag} {}", ask.name),
            },
        });
        format!("lpctl {}", parts.collect::<Vec<_>>().join(" "))
    }

    /// The command alone.
    #[must_use]
    pub fn command(&self) -> &'static str {
        match self.line.first() {
            Some(Part::Words(words)) => words,
            _ => "",
        }
    }

    /// The words of the command line with these answers; examples stand for those that are not known yet.
    #[must_use]
    pub fn words(&self, answers: &[Option<String>]) -> Vec<String> {
        let mut answers = answers.iter();
        let mut words = Vec::new();
        for part in self.line {
            match part {
                Part::Words(text) => words.extend(text.split(' ').map(str::to_string)),
                Part::Ask(ask) => {
                    let value = match answers.next() {
                        Some(answer) => answer.clone(),
                        None => Some(ask.example.to_string()),
                    };
                    match (value, ask.flag) {
                        (Some(value), Some(flag)) => words.push(format!("{flag}={value}")),
                        (Some(value), None) => words.push(value),
                        (None, _) => {}
                    }
                }
            }
        }
        words
    }
}

const fn entry(group: &'static str, sentence: &'static str, line: &'static [Part]) -> Entry {
    Entry {
        group,
        sentence,
        line,
        state: None,
    }
}

impl Entry {
    const fn with(mut self, state: fn(&StatusFacts) -> String) -> Self {
        self.state = Some(state);
        self
    }
}

use Otherwise::{Left, Nothing, Now};
use Part::Words as run;

const fn value(name: &'static str, question: &'static str, example: &'static str) -> Part {
    Part::Ask(Ask {
        flag: None,
        name,
        question,
        example,
        otherwise: Otherwise::Nothing,
    })
}

const fn option(
    flag: &'static str,
    name: &'static str,
    question: &'static str,
    example: &'static str,
    otherwise: Otherwise,
) -> Part {
    Part::Ask(Ask {
        flag: Some(flag),
        name,
        question,
        example,
        otherwise,
    })
}

const HASH: &str = "0x4f1b2d51aa4f0e8d6c7b3a291817161514131211100f0e0d0c0b0a090807dd2e";
const ADDRESS: &str = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";
const CID: &str = "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi";
const URI: &str = "https://o1.example.org:8935";

fn reward_cut(state: &State) -> Option<String> {
    let own = own_orchestrator(state.facts.as_ref()?)?;
    Some(own.reward_cut_percent.decimal())
}

fn fee_share(state: &State) -> Option<String> {
    let own = own_orchestrator(state.facts.as_ref()?)?;
    Some(own.fee_share_percent.decimal())
}

fn service_uri(state: &State) -> Option<String> {
    let own = state.facts.as_ref().and_then(own_orchestrator);
    own.and_then(|own| own.service_uri.clone())
        .or_else(|| state.settings.service_addr.clone())
}

fn price(state: &State) -> Option<String> {
    let pixels = state.settings.payments.pixels_per_unit.unwrap_or_default().get();
    let price = state.settings.payments.price.clone()?;
    Some(price.per(pixels).to_string())
}

fn account(state: &State) -> Option<String> {
    state.settings.account.clone()
}

fn wallet(facts: &StatusFacts) -> String {
    format!("{} in the wallet", facts.wallet_lpt.human())
}

fn stake(facts: &StatusFacts) -> String {
    facts.stake.stake_lpt.human()
}

fn fees(facts: &StatusFacts) -> String {
    facts.stake.fees_wei.human()
}

fn round(facts: &StatusFacts) -> String {
    let opened = if facts.round.initialized {
        "open"
    } else {
        "not opened yet"
    };
    format!("round {}: {opened}", facts.round.round)
}

fn rank(facts: &StatusFacts) -> String {
    let rank = own_orchestrator(facts).and_then(|own| own.rank);
    rank.map_or_else(String::new, |rank| {
        format!("rank {rank} of {}", facts.pool.max_size)
    })
}

/// All choices, in the order they are shown.
pub static ALL: &[Entry] = &[
    entry("set up", "network, account, role, price", &[run("init")]),
    entry("see", "how things stand", &[run("status")]),
    entry("see", "sessions, GPUs, stake, live", &[run("dashboard")]),
    entry("see", "what this machine lacks", &[run("doctor")]),
    entry("see", "why there is no work", &[run("why")]),
    entry("reward", "mint this round's reward", &[run("reward call")]).with(state::reward),
    entry("reward", "how it stands", &[run("reward status")]),
    entry(
        "reward",
        "each round's, brought or missed",
        &[run("reward history")],
    ),
    entry(
        "stake",
        "add LPT",
        &[
            run("stake bond"),
            value("AMOUNT", "LPT to add:", "100"),
            option(
                "--to",
                "ORCH",
                "Orchestrator:",
                ADDRESS,
                Left("whom it is with, or yourself"),
            ),
        ],
    )
    .with(wallet),
    entry("stake", "see it", &[run("stake show")]).with(stake),
    entry("fees", "see what tickets earned", &[run("fees show")]),
    entry("fees", "take them out", &[run("fees withdraw")]).with(fees),
    entry("orchestrator", "see yourself", &[run("orch show")]).with(rank),
    entry("orchestrator", "see all of them", &[run("orch list")]),
    entry(
        "orchestrator",
        "become one: stake, cut, address",
        &[
            run("orch activate"),
            option("--bond", "AMOUNT", "LPT to add:", "1000", Left("what is bonded")),
            option(
                "--reward-cut",
                "%",
                "Part of rewards you keep, in %:",
                "10",
                Now(reward_cut),
            ),
            option(
                "--fee-share",
                "%",
                "Part of fees delegators get, in %:",
                "50",
                Now(fee_share),
            ),
            option(
                "--service-uri",
                "URI",
                "Address for gateways:",
                URI,
                Now(service_uri),
            ),
        ],
    ),
    entry(
        "orchestrator",
        "change what you keep and share",
        &[
            run("set-fees"),
            option(
                "--reward-cut",
                "%",
                "Part of rewards you keep, in %:",
                "10",
                Now(reward_cut),
            ),
            option(
                "--fee-share",
                "%",
                "Part of fees delegators get, in %:",
                "50",
                Now(fee_share),
            ),
        ],
    ),
    entry(
        "orchestrator",
        "publish another address",
        &[
            run("orch set-uri"),
            Part::Ask(Ask {
                flag: None,
                name: "URI",
                question: "Address for gateways:",
                example: URI,
                otherwise: Now(service_uri),
            }),
        ],
    ),
    entry("tickets", "what waits, and why", &[run("ticket list")]),
    entry("tickets", "what they brought", &[run("ticket stats")]),
    entry("round", "where it stands", &[run("round show")]),
    entry("round", "open it", &[run("round init")]).with(round),
    entry("gateway", "see deposit and reserve", &[run("deposit show")]),
    entry(
        "gateway",
        "add to deposit and reserve",
        &[
            run("deposit fund"),
            option(
                "--deposit",
                "AMOUNT",
                "ETH for the deposit:",
                "1eth",
                Left("nothing more"),
            ),
            option(
                "--reserve",
                "AMOUNT",
                "ETH for the reserve:",
                "1eth",
                Left("nothing more"),
            ),
        ],
    ),
    entry("gateway", "begin to take them out", &[run("deposit unlock")]),
    entry(
        "gateway",
        "leave them in after all",
        &[run("deposit cancel-unlock")],
    ),
    entry("gateway", "take them out", &[run("deposit withdraw")]),
    entry(
        "gateway",
        "send a file to orchestrators",
        &[
            run("gateway push"),
            value("FILE", "File:", "clip.mp4"),
            option("--orch", "URI", "Orchestrator:", URI, Nothing),
        ],
    ),
    entry("wallet", "LPT and ETH", &[run("token balance")]),
    entry("wallet", "the accounts here", &[run("account list")]),
    entry(
        "wallet",
        "act for another account",
        &[
            run("account use"),
            Part::Ask(Ask {
                flag: None,
                name: "NAME",
                question: "Account:",
                example: "orchestrator",
                otherwise: Now(account),
            }),
        ],
    ),
    entry("transactions", "what was sent from here", &[run("tx list")]),
    entry(
        "transactions",
        "hurry one",
        &[run("tx speed-up"), value("HASH", "Its hash:", HASH)],
    ),
    entry(
        "transactions",
        "cancel one",
        &[run("tx cancel"), value("HASH", "Its hash:", HASH)],
    ),
    entry("node", "start it here", &[run("run")]),
    entry("node", "see the one that runs", &[run("node show")]),
    entry(
        "node",
        "what gateways pay",
        &[
            run("node set-price"),
            Part::Ask(Ask {
                flag: None,
                name: "PRICE",
                question: "Price of a pixel:",
                example: "1200",
                otherwise: Now(price),
            }),
        ],
    ),
    entry(
        "node",
        "streams at once",
        &[
            run("node set-max-sessions"),
            value("COUNT", "Streams at once:", "10"),
        ],
    ),
    entry("node", "take no new sessions", &[run("node drain")]),
    entry(
        "stake",
        "take some back",
        &[run("stake unbond"), value("AMOUNT", "LPT to unbond:", "100")],
    )
    .with(stake),
    entry("stake", "what comes back, and when", &[run("stake locks")]),
    entry(
        "stake",
        "put a lock back",
        &[run("stake rebond"), value("LOCK", "Number of the lock:", "0")],
    ),
    entry(
        "stake",
        "take out all that is ready",
        &[run("stake withdraw --all")],
    ),
    entry(
        "stake",
        "give some to another account",
        &[
            run("stake transfer"),
            value("AMOUNT", "LPT to give:", "100"),
            option("--to", "ACCOUNT", "Account:", ADDRESS, Nothing),
        ],
    ),
    entry("stake", "settle what is open", &[run("stake claim")]),
    entry("orchestrator", "resign", &[run("orch deactivate")]),
    entry(
        "wallet",
        "send LPT",
        &[
            run("token transfer"),
            value("AMOUNT", "LPT to send:", "100"),
            option("--to", "ACCOUNT", "Account:", ADDRESS, Nothing),
        ],
    ),
    entry("wallet", "ask the faucet for test LPT", &[run("token faucet")]),
    entry("votes", "the polls there are", &[run("gov polls")]),
    entry(
        "votes",
        "vote in a poll",
        &[
            run("gov vote"),
            value("POLL", "The poll's address:", ADDRESS),
            value("CHOICE", "Yes or no:", "yes"),
        ],
    ),
    entry(
        "votes",
        "make a poll",
        &[run("gov create"), value("CID", "IPFS address of its text:", CID)],
    ),
    entry("votes", "the treasury's proposals", &[run("gov proposals")]),
    entry(
        "votes",
        "vote on a proposal",
        &[
            run("gov vote-proposal"),
            value("NUMBER", "The proposal's number:", "42"),
            value("CHOICE", "For, against or abstain:", "for"),
        ],
    ),
    entry("votes", "where my votes come from", &[run("gov power")]),
    entry(
        "wallet",
        "sign a message",
        &[run("account sign"), value("MESSAGE", "Message:", "hello")],
    ),
    entry(
        "wallet",
        "sign typed data",
        &[run("account sign-typed"), value("FILE", "File:", "typed.json")],
    ),
    entry("wallet", "change the password", &[run("account change-password")]),
    entry(
        "see",
        "rewards, fees and gas as a ledger",
        &[run("ledger export")],
    ),
    entry("network", "test the RPC endpoints", &[run("rpc test")]),
    entry("network", "contracts and parameters", &[run("protocol show")]),
    entry("settings", "all of them, and where from", &[run("config show")]),
    entry(
        "settings",
        "explain a code or a setting",
        &[run("explain"), value("NAME", "Name:", "service_addr")],
    ),
];

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, ffi::OsString};

    use super::*;

    fn parsed(words: Vec<String>) -> Result<crate::cli::Cli, clap::Error> {
        let words = std::iter::once("lpctl".to_string()).chain(words);
        crate::menu::parse(words.map(OsString::from).collect())
    }

    #[test]
    fn every_choice_is_a_command_line_that_is_understood() {
        for entry in ALL {
            let words = entry.words(&[]);
            assert!(!words.is_empty());
            if let Err(error) = parsed(words) {
                panic!("{}: {error}", entry.shown());
            }
        }
    }

    #[test]
    fn what_may_be_left_out_may_be_left_out_alone() {
        for entry in ALL {
            let asks: Vec<&Ask> = entry
                .line
                .iter()
                .filter_map(|part| match part {
                    Part::Ask(ask) => Some(ask),
                    Part::Words(_) => None,
                })
                .collect();
            for left in 0..asks.len() {
                if !matches!(asks[left].otherwise, Left(_)) {
                    continue;
                }
                let answers: Vec<Option<String>> = asks
                    .iter()
                    .enumerate()
                    .map(|(position, ask)| (position != left).then(|| ask.example.to_string()))
                    .collect();
                if let Err(error) = parsed(entry.words(&answers)) {
                    panic!("{} without {}: {error}", entry.shown(), asks[left].name);
                }
            }
        }
    }

    #[test]
    fn no_choice_is_there_twice_and_none_is_too_long() {
        let mut seen = BTreeSet::new();
        for entry in ALL {
            assert!(seen.insert(entry.shown()), "{} twice", entry.shown());
            let text = format!("{}: {}", entry.group, entry.sentence);
            assert!(text.chars().count() <= 46, "{text}");
        }
    }
}
