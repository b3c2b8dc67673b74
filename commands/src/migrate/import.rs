//! `lpctl migrate import`.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use alloy::primitives::{Address, B256};
use clap::{Args, ValueHint};
use engine::{
    chain::Network,
    node::DataDirLock,
    payments::{
        Books, WinningTicket,
        lpdb::{Lpdb, LpdbError},
    },
    private_file,
    units::{Round, Wei},
    wallet::KeystoreDir,
};
use serde::Serialize;

use crate::{
    account::failure::of as of_wallet,
    context::Context,
    failure::{Failure, Kind},
    run::{failure::of_node, payments::of_books},
    shell::{Report, Style, escape},
    wording::counted,
};

/// Take over keys and unredeemed winning tickets of go-livepeer
///
/// Reads the data folder of an orchestrator of go-livepeer, which stays as it is, and may be read again at any time: what is
/// here already is left alone. Keystore files are copied, with their passwords, into lpctl's keystore folder. Tickets go
/// into the books of the node, which must not be running; it redeems them once it runs. Stop go-livepeer first, so that
/// both do not redeem the same tickets.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl migrate import ~/.lpData/arbitrum-one-mainnet --dry-run
  lpctl migrate import ~/.lpData/arbitrum-one-mainnet
  lpctl migrate import /var/lib/livepeer --data-dir /var/lib/lpctl/node --json")]
pub struct ImportArgs {
    /// Data folder of go-livepeer: with `keystore` and `lpdb.sqlite3`
    #[arg(value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    folder: PathBuf,
    /// The node's own files [default: `node` in lpctl's data folder]
    #[arg(long, value_name = "PATH", env = "LPCTL_NODE_DIR", hide_env = true, value_hint = ValueHint::DirPath)]
    data_dir: Option<PathBuf>,
}

/// What becomes of something that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Fate {
    /// It is here now; with `--dry-run` it would be.
    Imported,
    /// It was here before.
    Known,
}

#[derive(Debug, Serialize)]
struct Key {
    address: Option<Address>,
    file: String,
    fate: Fate,
}

#[derive(Debug, Serialize)]
struct Ticket {
    hash: B256,
    sender: Address,
    recipient: Address,
    face_value_wei: Wei,
    creation_round: Round,
    params_expiration_block: u64,
    fate: Fate,
}

impl Ticket {
    fn new(winner: &WinningTicket, fate: Fate) -> Self {
        let ticket = &winner.ticket;
        Self {
            hash: ticket.hash(),
            sender: ticket.sender,
            recipient: ticket.recipient,
            face_value_wei: ticket.face_value,
            creation_round: ticket.creation_round,
            params_expiration_block: winner.params_expiration_block,
            fate,
        }
    }
}

#[derive(Debug, Serialize)]
struct Imported {
    dry_run: bool,
    chain_id: Option<u64>,
    keys: Vec<Key>,
    /// Files of the keystore that hold no account.
    keys_skipped: Vec<String>,
    tickets: Vec<Ticket>,
    /// Tickets that were redeemed already.
    tickets_redeemed: u64,
    /// Unredeemed tickets that could never be redeemed, and why.
    tickets_refused: Vec<String>,
    keystore_dir: String,
    books: String,
}

impl Report for Imported {
    fn text(&self, style: &Style) -> String {
        let mut text = String::new();
        let verb = if self.dry_run {
            "would be taken over"
        } else {
            "taken over"
        };
        let mut line = |text_line: String| {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{text_line}");
        };
        for key in &self.keys {
            let name = key
                .address
                .map_or(escape(&key.file).to_string(), |it| it.to_string());
            line(match key.fate {
                Fate::Imported => format!("{} key {name} {verb}", style.good_mark()),
                Fate::Known => format!("  key {name} is here already"),
            });
        }
        for skipped in &self.keys_skipped {
            line(format!("{} {}", style.warn_mark(), escape(skipped)));
        }
        for ticket in &self.tickets {
            let what = format!(
                "ticket {} of {}, {}, round {}",
                ticket.hash,
                ticket.sender,
                ticket.face_value_wei.human(),
                ticket.creation_round.0
            );
            line(match ticket.fate {
                Fate::Imported => format!("{} {what}: {verb}", style.good_mark()),
                Fate::Known => format!("  {what}: in the books already"),
            });
        }
        for refused in &self.tickets_refused {
            line(format!(
                "{} ticket left behind: {}",
                style.bad_mark(),
                escape(refused)
            ));
        }
        let new = |fates: &[Fate]| fates.iter().filter(|fate| **fate == Fate::Imported).count();
        let keys: Vec<_> = self.keys.iter().map(|key| key.fate).collect();
        let tickets: Vec<_> = self.tickets.iter().map(|ticket| ticket.fate).collect();
        let value = self
            .tickets
            .iter()
            .fold(Wei::ZERO, |sum, ticket| sum.saturating_add(ticket.face_value_wei));
        let _ = write!(
            text,
            "{} and {} {verb}; {} worth {} in all, {} redeemed before",
            counted(new(&keys), "key"),
            counted(new(&tickets), "ticket"),
            counted(tickets.len(), "unredeemed ticket"),
            value.human(),
            self.tickets_redeemed
        );
        text
    }
}

/// Takes over what is there.
///
/// # Errors
/// Config for a folder that is none of go-livepeer's or of another network, failed for books or keys that cannot be
/// written.
pub async fn run(args: ImportArgs, context: &mut Context) -> eyre::Result<()> {
    let dry_run = context.settings().dry_run;
    let data_dir = args
        .data_dir
        .unwrap_or_else(|| context.directories().data_dir.join("node"));
    let folder = args.folder.clone();
    let found = tokio::task::spawn_blocking(move || Lpdb::read(&folder)).await?;
    let found = found.map_err(of_lpdb)?;
    check_network(&found, context)?;

    // Before anything is written: another node may be writing the books.
    let lock = match dry_run {
        true => None,
        false => Some(DataDirLock::take(&data_dir).map_err(of_node)?),
    };
    let path = Books::path(&data_dir);
    let books = match (dry_run, path.exists()) {
        (false, _) => Some(Books::open(&path).map_err(of_books)?),
        (true, true) => Some(Books::open_read_only(&path).map_err(of_books)?),
        (true, false) => None,
    };
    let mut tickets = Vec::with_capacity(found.tickets.len());
    for winner in &found.tickets {
        let is_known = match &books {
            None => false,
            Some(books) if dry_run => {
                let known = books.winner(winner.ticket.hash()).await;
                known.map_err(of_books)?.is_some()
            }
            Some(books) => !books.keep_winner(winner.clone()).await.map_err(of_books)?,
        };
        let fate = if is_known { Fate::Known } else { Fate::Imported };
        tickets.push(Ticket::new(winner, fate));
    }
    drop(books);
    drop(lock);
    let keystore = args.folder.join("keystore");
    let (keys, keys_skipped) = take_keys(&keystore, &context.directories().keystore_dir, dry_run)?;
    Ok(context.shell.report(&Imported {
        dry_run,
        chain_id: found.chain_id,
        keys,
        keys_skipped,
        tickets,
        tickets_redeemed: found.redeemed,
        tickets_refused: found.refused,
        keystore_dir: context.directories().keystore_dir.display().to_string(),
        books: path.display().to_string(),
    })?)
}

/// Copies keystore files of accounts that are not here yet.
fn take_keys(from: &Path, to: &Path, dry_run: bool) -> Result<(Vec<Key>, Vec<String>), Failure> {
    let theirs = KeystoreDir::open(from).list().map_err(of_wallet)?;
    let ours = KeystoreDir::open(to).list().map_err(of_wallet)?;
    let mut keys = Vec::new();
    for account in theirs.accounts {
        let name = account.file.file_name().unwrap_or_default();
        let target = to.join(name);
        let is_here = |known: &engine::wallet::Account| {
            known.file == target || (account.address.is_some() && known.address == account.address)
        };
        let fate = match ours.accounts.iter().any(is_here) {
            true => Fate::Known,
            false => Fate::Imported,
        };
        if fate == Fate::Imported && !dry_run {
            copy(&account.file, &target).map_err(|error| {
                Failure::new(
                    Kind::Failed,
                    "key_not_copied",
                    format!("{} cannot be copied: {error}", account.file.display()),
                )
                .hint(format!(
                    "make {} writable; what was taken over stays, run it again",
                    to.display()
                ))
            })?;
        }
        keys.push(Key {
            address: account.address,
            file: name.to_string_lossy().into_owned(),
            fate,
        });
    }
    let skipped = theirs.skipped.iter();
    let skipped = skipped.map(|skipped| format!("{}: {}", skipped.file.display(), skipped.reason));
    Ok((keys, skipped.collect()))
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    let text = zeroize::Zeroizing::new(fs::read(from)?);
    if let Some(folder) = to.parent() {
        private_file::make_directory(folder)?;
    }
    private_file::create(to, &text)
}

/// Tickets of one chain are worthless on another.
fn check_network(found: &Lpdb, context: &Context) -> Result<(), Failure> {
    let settings = context.settings();
    let network = Network::resolve(&settings.network, settings.controller, settings.chain_id).ok();
    let expected = network.and_then(|network| network.chain_id).or(settings.chain_id);
    match (expected, found.chain_id) {
        (Some(expected), Some(found)) if expected != found => Err(Failure::new(
            Kind::Config,
            "other_network",
            format!(
                "go-livepeer ran on chain {found}, but {} is chain {expected}",
                settings.network
            ),
        )
        .hint("choose the network the tickets are of with `--network` or `--profile`")),
        _ => Ok(()),
    }
}

fn of_lpdb(error: LpdbError) -> Failure {
    let (code, hint) = match &error {
        LpdbError::Missing { .. } => (
            "no_lpdb",
            "name the folder of one network, like `~/.lpData/arbitrum-one-mainnet`: `-dataDir` of go-livepeer",
        ),
        LpdbError::Copy { .. } => ("lpdb_not_copied", "run it as a user who may read that folder"),
        LpdbError::Unreadable { .. } => (
            "lpdb_unreadable",
            "stop go-livepeer, so that the file is whole, and run it again",
        ),
        LpdbError::Version { .. } => (
            "lpdb_version",
            "lpctl reads the databases of go-livepeer up to 0.9",
        ),
    };
    Failure::new(Kind::Config, code, error.to_string()).hint(hint)
}
