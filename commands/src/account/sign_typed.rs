//! `lpctl account sign-typed`.

use std::{fmt::Write as _, path::PathBuf};

use clap::{Args, ValueHint};
use engine::wallet::sign::TypedMessage;

use super::{password, select, sign};
use crate::{
    context::Context,
    failure::{Failure, Kind},
    shell::{Style, escape},
};

/// Sign typed data, after showing what it says
///
/// Data with types and a domain (EIP-712), as JSON. Such a signature can give others a right, like moving tokens or voting:
/// it is shown first, and asked about. What would be shown and not signed is refused.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl account sign-typed ballot.json
  jq .order request.json | lpctl account sign-typed - --yes --json")]
pub struct SignTypedArgs {
    /// File with the typed data; `-` reads standard input
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
}

/// Signs it.
///
/// # Errors
/// A refusal for what is no typed data, was not confirmed, or for a wrong password.
pub async fn run(args: SignTypedArgs, context: &mut Context) -> eyre::Result<()> {
    let text = String::from_utf8(sign::read(args.file).await?).map_err(|_| {
        Failure::new(Kind::Refused, "not_signable", "not signed: the file is not text")
            .hint("nothing was signed; the file must hold typed data as EIP-712 writes it")
    })?;
    let typed = TypedMessage::parse(&text).map_err(sign::unsigned)?;
    let account = select::selected(context)?;
    let style = context.shell.style();
    context.shell.show(described(&typed, &style));
    context
        .shell
        .confirm(&format!("Sign this as {}?", account.label()))?;
    let signer = password::unlock(&account, context).await?;
    let signed = typed.sign(&signer).map_err(sign::unsigned)?;
    sign::report(signer.address(), signed, context)
}

/// All that is signed, escaped: it was written by somebody else. As long as the file, which is bounded.
fn described(typed: &TypedMessage, style: &Style) -> String {
    let unnamed = || "none named".to_string();
    let mut text = format!("{}\n", style.bold(&escape(typed.primary_type())));
    // Writing to a String cannot fail.
    let _ = writeln!(
        text,
        "for       {}",
        typed.application().map_or_else(unnamed, escape)
    );
    let _ = writeln!(
        text,
        "chain     {}",
        typed.chain_id().map_or_else(unnamed, |id| id.to_string())
    );
    let _ = writeln!(
        text,
        "contract  {}",
        typed
            .contract()
            .map_or_else(unnamed, |contract| contract.to_string())
    );
    if let Some(version) = typed.version() {
        let _ = writeln!(text, "version   {}", escape(version));
    }
    if let Some(salt) = typed.salt() {
        let _ = writeln!(text, "salt      {salt}");
    }
    let message = serde_json::to_string_pretty(typed.message()).unwrap_or_default();
    for line in message.lines() {
        let _ = writeln!(text, "  {}", escape(line));
    }
    text
}
