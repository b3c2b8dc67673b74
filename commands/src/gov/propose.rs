//! `lpctl gov propose`.

use std::path::PathBuf;

use alloy::primitives::{Address, Bytes, U256};
use clap::{Args, ValueHint};
use clap_complete::engine::ArgValueCompleter;
use engine::{
    chain::Proposal,
    units::{Lpt, Wei},
};

use crate::{
    account::{select, sign},
    complete,
    connection::connect,
    context::Context,
    failure::{Failure, Kind},
    transact::{self, TransactionArgs},
};

/// Propose something to the treasury
///
/// It takes voting power, 100 LPT at first. What is proposed are calls the treasury makes if the proposal wins: a payment
/// of LPT with --pay and --to, any others with --call, in this order. The description is kept on the chain.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl gov propose --pay 500lpt --to docs-team --description 'Fund the docs'
  lpctl gov propose --call=0x…:0xa9059cbb --description-file proposal.md")]
pub struct ProposeArgs {
    /// LPT to pay out of the treasury
    #[arg(long, value_name = "AMOUNT", requires = "to")]
    pay: Option<Lpt>,
    /// Who gets it: an account's name or an address
    #[arg(long, value_name = "NAME|0x…", requires = "pay", add = ArgValueCompleter::new(complete::accounts))]
    to: Option<String>,
    /// A call: contract, input, and ETH if any; repeat it for more
    #[arg(long = "call", value_name = "0x…:0x…[:AMOUNT]", value_parser = call)]
    calls: Vec<Call>,
    /// What it is about, in Markdown; the first line is the title
    #[arg(long, value_name = "TEXT", required_unless_present = "description_file")]
    description: Option<String>,
    /// File with what it is about; `-` reads standard input
    #[arg(long, value_name = "PATH", conflicts_with = "description", value_hint = ValueHint::FilePath)]
    description_file: Option<PathBuf>,
    /// Options of every transaction.
    #[command(flatten)]
    transaction: TransactionArgs,
}

/// A call the treasury would make.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Call {
    target: Address,
    data: Bytes,
    value: Wei,
}

fn call(text: &str) -> Result<Call, String> {
    let mut parts = text.splitn(3, ':');
    let target = super::contract(parts.next().unwrap_or_default())?;
    let data = parts.next().ok_or("the input is missing: write `0x…:0x…`")?;
    let digits = data.strip_prefix("0x").ok_or("the input must begin with `0x`")?;
    let data = alloy::hex::decode(digits).map_err(|_| "the input is not made of hexadecimal bytes")?;
    let value = match parts.next() {
        Some(amount) => amount.parse::<Wei>().map_err(|error| error.to_string())?,
        None => Wei::ZERO,
    };
    Ok(Call {
        target,
        data: data.into(),
        value,
    })
}

/// Proposes it.
///
/// # Errors
/// A refusal with everything that stands in the way; what became of a transaction that was sent.
pub async fn run(args: ProposeArgs, context: &mut Context) -> eyre::Result<()> {
    let description = match (args.description, args.description_file) {
        (Some(text), _) => text,
        (None, Some(path)) => String::from_utf8(sign::read(path).await?)
            .map_err(|_| Failure::new(Kind::Usage, "not_text", "the description is not text"))?,
        (None, None) => String::new(),
    };
    if description.trim().is_empty() {
        return Err(
            Failure::new(Kind::Usage, "no_description", "the description is empty")
                .hint("say what it is about: voters read nothing else")
                .into(),
        );
    }
    let sender = transact::sender(context).await?;
    let to = args
        .to
        .as_deref()
        .map(|to| select::address(Some(to), context))
        .transpose()?;
    if to == Some(Address::ZERO) {
        return Err(
            Failure::new(Kind::Usage, "bad_recipient", "the zero address is nobody's")
                .hint("give the address of whoever shall be paid with `--to`")
                .into(),
        );
    }
    let chain = connect(context).await?;
    let mut proposal = Proposal {
        targets: Vec::new(),
        values: Vec::new(),
        calldatas: Vec::new(),
        description,
    };
    if let (Some(amount), Some(to)) = (args.pay, to) {
        proposal.targets.push(chain.contracts().livepeer_token);
        proposal.values.push(U256::ZERO);
        proposal.calldatas.push(Proposal::payment(to, amount));
    }
    for call in args.calls {
        proposal.targets.push(call.target);
        proposal.values.push(call.value.0);
        proposal.calldatas.push(call.data);
    }
    let options = args.transaction.options(context);
    let plan = chain
        .plan_propose(sender.address, proposal, options)
        .await
        .map_err(super::failure)?;
    transact::run(&chain, plan, sender, args.transaction, context).await
}
