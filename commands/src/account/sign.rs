//! `lpctl account sign`.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use clap::{Args, ValueHint};
use engine::{
    view::account::SignatureAnswer,
    wallet::sign::{Signed, TypedError, sign_message},
};

use super::{password, select};
use crate::{
    context::Context,
    failure::{Failure, Kind},
    shell::{Report, Style},
};

/// Larger than anything a person would sign.
const MAX_BYTES: u64 = 1 << 20;

/// Sign a message, to prove that an account says it
///
/// A personal message (EIP-191), as wallets and go-livepeer sign it: it can never be a transaction. From a file, the
/// bytes are signed as they are but for one line break at the end. The answer is the signature: r, s and v, 65 bytes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl account sign 'I run orchestrator.example.org'
  lpctl account sign --file statement.txt --account orchestrator
  lpctl account sign hello --json | jq -r .data.signature")]
pub struct SignArgs {
    /// The message
    #[arg(value_name = "MESSAGE", required_unless_present = "file")]
    pub message: Option<String>,
    /// File with the message; `-` reads standard input
    #[arg(long, value_name = "PATH", conflicts_with = "message", value_hint = ValueHint::FilePath)]
    pub file: Option<PathBuf>,
}

/// Signs it.
///
/// # Errors
/// A config failure for an unknown account or a file that cannot be read, a refusal for a wrong password.
pub async fn run(args: SignArgs, context: &mut Context) -> eyre::Result<()> {
    let message = match (args.message, args.file) {
        (Some(message), _) => message.into_bytes(),
        (None, Some(path)) => {
            let mut bytes = read(path).await?;
            if bytes.last() == Some(&b'\n') {
                bytes.pop();
            }
            bytes
        }
        (None, None) => Vec::new(),
    };
    let account = select::selected(context)?;
    let signer = password::unlock(&account, context).await?;
    let signed = sign_message(&signer, &message).map_err(unsigned)?;
    report(signer.address(), signed, context)
}

/// Reads a file or standard input off the async threads: a pipe can keep us waiting, and Ctrl-C is heard meanwhile.
pub(crate) async fn read(path: PathBuf) -> eyre::Result<Vec<u8>> {
    let shown = path.display().to_string();
    let read = tokio::task::spawn_blocking(move || {
        let mut bytes = Vec::new();
        let limit = MAX_BYTES + 1;
        if path == Path::new("-") {
            io::stdin().lock().take(limit).read_to_end(&mut bytes)?;
        } else {
            File::open(&path)?.take(limit).read_to_end(&mut bytes)?;
        }
        Ok::<_, io::Error>(bytes)
    });
    let unreadable = |what: String| {
        Failure::new(Kind::Config, "unreadable", format!("cannot read {shown}: {what}"))
            .hint("name a file of at most 1 MiB; `-` reads standard input")
    };
    let bytes = read.await?.map_err(|error| unreadable(error.to_string()))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(unreadable("it is larger than 1 MiB".to_string()).into());
    }
    Ok(bytes)
}

/// What stands in the way of a signature.
pub(super) fn unsigned(error: TypedError) -> Failure {
    Failure::new(Kind::Refused, "not_signable", format!("not signed: {error}"))
        .hint("nothing was signed; the file must hold typed data as EIP-712 writes it")
}

/// Tells the signature.
pub(super) fn report(
    account: alloy::primitives::Address,
    signed: Signed,
    context: &mut Context,
) -> eyre::Result<()> {
    context.shell.status(format_args!("signed by {account}"));
    let answer = SignatureAnswer {
        account,
        hash: signed.hash,
        signature: signed.signature,
    };
    Ok(context.shell.report(&answer)?)
}

impl Report for SignatureAnswer {
    /// The signature alone, so that it can be piped on.
    fn text(&self, _: &Style) -> String {
        self.signature.to_string()
    }
}
