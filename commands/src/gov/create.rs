//! `lpctl gov create`.

use clap::Args;

use crate::{
    connection::connect,
    context::Context,
    transact::{self, TransactionArgs},
};

/// Make a poll about a text in IPFS
///
/// It takes stake, 100 LPT, own or delegated to you; nothing of it is spent. Votes are taken for 57600 blocks of Ethereum,
/// about eight days. Put the text into IPFS first, and see that it stays there.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl gov create QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG --dry-run
  lpctl gov create ipfs://QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG")]
pub struct CreateArgs {
    /// The text's IPFS address
    #[arg(value_name = "CID", value_parser = super::ipfs::content_address)]
    text: String,
    /// Options of every transaction.
    #[command(flatten)]
    transaction: TransactionArgs,
}

/// Makes it.
///
/// # Errors
/// A refusal with everything that stands in the way; what became of a transaction that was sent.
pub async fn run(args: CreateArgs, context: &mut Context) -> eyre::Result<()> {
    let sender = transact::sender(context).await?;
    let chain = connect(context).await?;
    let options = args.transaction.options(context);
    let plan = chain
        .plan_create_poll(sender.address, &args.text, options)
        .await
        .map_err(super::failure)?;
    transact::run(&chain, plan, sender, args.transaction, context).await
}
