//! `lpctl node token`: who may use the operator API of nodes that run on this machine.

use clap::{Args, Subcommand};
use clap_complete::engine::ArgValueCompleter;
use engine::{
    node::{TokenBook, TokenError, TokenFacts},
    view::node::Scope,
};
use serde::Serialize;

use crate::{
    complete,
    context::Context,
    failure::{Failure, Kind},
    run::operator::token_file,
    shell::{Report, Style, table},
};

/// Tokens for the operator API of nodes on this machine
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

/// Make a token for a program or a person
///
/// It is shown once and kept as a hash: put it into a file with mode 600 where it is used, and name that file with
/// node_token_file or LPCTL_NODE_TOKEN_FILE. It counts at once, also for nodes that run.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl node token new grafana
  lpctl node token new laptop --scope operate
  lpctl node token new laptop --json | jq -r .data.token")]
pub struct NewArgs {
    /// What the audit log calls it
    #[arg(value_name = "NAME")]
    pub name: String,
    /// What it allows
    #[arg(long, value_name = "SCOPE", default_value = "read", value_parser = ["read", "operate", "money"])]
    pub scope: String,
}

/// List the tokens, without what is secret
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl node token list
  lpctl node token list --json")]
pub struct ListArgs {}

/// Take a token away
///
/// From the next request on it is worth nothing.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl node token revoke laptop")]
pub struct RevokeArgs {
    /// Its name, as `lpctl node token list` shows it
    #[arg(value_name = "NAME", add = ArgValueCompleter::new(complete::tokens))]
    pub name: String,
}

#[derive(Serialize)]
struct Made {
    name: String,
    scope: Scope,
    token: String,
    file: String,
}

impl Report for Made {
    fn text(&self, style: &Style) -> String {
        format!(
            "{} token {} ({}), shown this once:\n\n{}\n\nKeep it in a file with mode 600, and name that file with node_token_file or LPCTL_NODE_TOKEN_FILE.",
            style.good_mark(),
            style.bold(&self.name),
            allows(self.scope),
            self.token
        )
    }
}

#[derive(Serialize)]
struct Listed {
    file: String,
    tokens: Vec<TokenFacts>,
}

impl Report for Listed {
    fn text(&self, style: &Style) -> String {
        if self.tokens.is_empty() {
            return "no tokens: the operator API is for this machine alone\nnext: `lpctl node token new NAME` makes one".to_string();
        }
        let mut rows = table();
        rows.set_header(["name", "allows", "made (UTC)"]);
        for token in &self.tokens {
            let made = token.created.strftime("%Y-%m-%d %H:%M:%S").to_string();
            rows.add_row([
                token.name.clone(),
                allows(token.scope).to_string(),
                style.dim(&made),
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
        format!("{} token {} is worth nothing now", style.good_mark(), self.name)
    }
}

fn allows(scope: Scope) -> &'static str {
    match scope {
        Scope::Read => "sees",
        Scope::Operate => "sees and operates",
        Scope::Money => "sees, operates and spends",
    }
}

/// Carries out one of them.
///
/// # Errors
/// A refusal for a name that is taken or unknown, failed for a file that cannot be used.
pub async fn run(command: TokenCommand, context: &mut Context) -> eyre::Result<()> {
    let path = token_file(&context.settings().operator, &context.directories().data_dir);
    let file = path.display().to_string();
    let book = TokenBook::new(path);
    match command {
        TokenCommand::New(NewArgs { name, scope }) => {
            let scope = Scope::ALL
                .into_iter()
                .find(|known| known.as_str() == scope)
                .unwrap_or(Scope::Read);
            let kept = name.clone();
            let made = tokio::task::spawn_blocking(move || book.make(&kept, scope)).await?;
            let token = made.map_err(of_tokens)?.to_string();
            Ok(context.shell.report(&Made {
                name,
                scope,
                token,
                file,
            })?)
        }
        TokenCommand::List(ListArgs {}) => {
            let tokens = tokio::task::spawn_blocking(move || book.list()).await?;
            let tokens = tokens.map_err(of_tokens)?;
            Ok(context.shell.report(&Listed { file, tokens })?)
        }
        TokenCommand::Revoke(RevokeArgs { name }) => {
            let kept = name.clone();
            let revoked = tokio::task::spawn_blocking(move || book.revoke(&kept)).await?;
            revoked.map_err(of_tokens)?;
            Ok(context.shell.report(&Revoked { name })?)
        }
    }
}

fn of_tokens(error: TokenError) -> Failure {
    let message = error.to_string();
    match error {
        TokenError::Name | TokenError::Taken(_) | TokenError::Full => {
            Failure::new(Kind::Refused, "token_name", message)
                .hint("choose another name; `lpctl node token list` shows those there are")
        }
        TokenError::Unknown(_) => Failure::new(Kind::Refused, "unknown_token", message)
            .hint("`lpctl node token list` shows those there are"),
        TokenError::Readable { .. } | TokenError::Damaged { .. } => Failure::new(
            Kind::Config,
            "operator_tokens",
            message,
        )
        .hint("make it yours alone with `chmod 600`; a damaged one is best moved away, and tokens made anew"),
        TokenError::File { .. } => Failure::new(Kind::Failed, "token_file", message)
            .hint("check its folder, its mode and the space left"),
    }
}
