//! `lpctl node token`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use engine::{
    node::{TokenBook, TokenError, TokenFacts},
    view::node::Scope,
};
use serde::Serialize;

use crate::{
    context::Context,
    failure::{Failure, Kind},
    shell::{Report, Style, table},
};

/// Tokens for the operator API of the nodes run on this machine
#[derive(Debug, Subcommand)]
#[allow(
    missing_docs,
    reason = "the help of a command is the doc comment of its `Args`"
)]
pub enum TokenCommand {
    New(NewArgs),
    List(ListArgs),
    Revoke(RevokeArgs),
}

/// Make a token for the operator API of the nodes run on this machine
///
/// Beyond loopback the API answers only to who shows one, as `Authorization: Bearer TOKEN`. It is shown once: only its hash
/// is kept. Running nodes know it at once.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl node token new grafana
  lpctl node token new laptop --scope operate
  (umask 077; lpctl node token new laptop --scope money --json | jq -r .data.token > node.token)

Whoever has it names the file with `node_token_file` or LPCTL_NODE_TOKEN_FILE.")]
pub struct NewArgs {
    /// Its name: what the audit log calls whoever shows it
    #[arg(value_name = "NAME")]
    name: String,
    /// What it allows; each allows what is before it too
    #[arg(long, value_enum, value_name = "SCOPE", default_value = "read")]
    scope: ScopeChoice,
}

/// List the tokens of the operator API, without what is secret of them
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl node token list")]
pub struct ListArgs {}

/// Take a token back: from the next request on it is worth nothing
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl node token revoke laptop")]
pub struct RevokeArgs {
    /// Its name, as `lpctl node token list` shows it
    #[arg(value_name = "NAME")]
    name: String,
}

/// What a token allows.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum ScopeChoice {
    /// See
    Read,
    /// Drain, end sessions, change prices and other settings
    Operate,
    /// Whatever signs or sends
    Money,
}

impl From<ScopeChoice> for Scope {
    fn from(choice: ScopeChoice) -> Self {
        match choice {
            ScopeChoice::Read => Self::Read,
            ScopeChoice::Operate => Self::Operate,
            ScopeChoice::Money => Self::Money,
        }
    }
}

#[derive(Serialize)]
struct Made {
    name: String,
    scope: Scope,
    token: String,
}

impl Report for Made {
    fn text(&self, _: &Style) -> String {
        self.token.clone()
    }
}

#[derive(Serialize)]
struct Tokens {
    file: PathBuf,
    tokens: Vec<TokenFacts>,
}

impl Report for Tokens {
    fn text(&self, _: &Style) -> String {
        if self.tokens.is_empty() {
            return format!(
                "no tokens in {}; `lpctl node token new NAME` makes one",
                self.file.display()
            );
        }
        let mut rows = table();
        rows.set_header(["name", "scope", "made"]);
        for token in &self.tokens {
            rows.add_row([
                token.name.clone(),
                token.scope.to_string(),
                token.created.strftime("%Y-%m-%d %H:%M UTC").to_string(),
            ]);
        }
        rows.trim_fmt()
    }
}

#[derive(Serialize)]
struct Revoked {
    name: String,
}

impl Report for Revoked {
    fn text(&self, style: &Style) -> String {
        format!(
            "{} token {} is worth nothing any more",
            style.good_mark(),
            self.name
        )
    }
}

/// The file of tokens of the nodes run on this machine.
pub(crate) fn file(context: &Context) -> PathBuf {
    let set = context.settings().operator.token_file.clone();
    set.unwrap_or_else(|| context.directories().data_dir.join("operator-tokens.json"))
}

/// Carries one of them out.
///
/// # Errors
/// A config failure for a file that cannot be used, refused for a name that is taken or unknown.
pub(super) fn run(command: TokenCommand, context: &mut Context) -> eyre::Result<()> {
    let book = TokenBook::new(file(context));
    match command {
        TokenCommand::New(args) => {
            let scope = args.scope.into();
            let token = book.make(&args.name, scope).map_err(failed)?;
            context
                .shell
                .status("this is shown once: put it into a file only you can read");
            Ok(context.shell.report(&Made {
                name: args.name,
                scope,
                token: token.to_string(),
            })?)
        }
        TokenCommand::List(ListArgs {}) => {
            let tokens = book.list().map_err(failed)?;
            let file = book.path().to_path_buf();
            Ok(context.shell.report(&Tokens { file, tokens })?)
        }
        TokenCommand::Revoke(args) => {
            book.revoke(&args.name).map_err(failed)?;
            Ok(context.shell.report(&Revoked { name: args.name })?)
        }
    }
}

fn failed(error: TokenError) -> Failure {
    let message = error.to_string();
    match error {
        TokenError::Name => Failure::new(Kind::Usage, "bad_token_name", message).hint("choose another name"),
        TokenError::Taken(_) | TokenError::Full => Failure::new(Kind::Refused, "token_taken", message)
            .hint("`lpctl node token revoke NAME` takes one back"),
        TokenError::Unknown(_) => Failure::new(Kind::Refused, "unknown_token", message)
            .hint("`lpctl node token list` shows those there are"),
        TokenError::File { .. } | TokenError::Readable { .. } | TokenError::Damaged { .. } => {
            Failure::new(Kind::Config, "operator_tokens", message)
                .hint("make it a file of your own with mode 600 on a disk with room, or move it away and make new tokens")
        }
    }
}
