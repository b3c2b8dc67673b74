//! `lpctl man`: the manual.

use std::{fs, path::PathBuf};

use clap::{Args, ValueHint};

use crate::{
    context::Context,
    failure::{Failure, Kind},
};

/// Print the manual page
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl man | man -l -                  read the first page
  lpctl man stake bond | man -l -       read a command's page
  lpctl man --out ~/.local/share/man/man1   install all pages")]
pub struct ManArgs {
    /// Command whose page to print
    #[arg(value_name = "COMMAND")]
    pub command: Vec<String>,
    /// Write the pages of all commands into this folder instead
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, conflicts_with = "command")]
    pub out: Option<PathBuf>,
}

/// All pages as file name and text, the whole tree built and named as man names them: `lpctl-stake-bond.1`.
///
/// # Errors
/// When a page cannot be written; writing to memory does not fail.
pub fn pages() -> std::io::Result<Vec<(String, Vec<u8>)>> {
    let mut root = crate::help::command().disable_help_subcommand(true);
    root.build();
    let mut pages = Vec::new();
    collect(&root, "lpctl", &mut pages)?;
    Ok(pages)
}

fn collect(command: &clap::Command, name: &str, pages: &mut Vec<(String, Vec<u8>)>) -> std::io::Result<()> {
    for child in command.get_subcommands().filter(|child| !child.is_hide_set()) {
        collect(child, &format!("{name}-{}", child.get_name()), pages)?;
    }
    let mut page = Vec::new();
    // clap leaks a name for each page; there are some dozens, once.
    let titled = command
        .clone()
        .name(name.to_string())
        .display_name(name.to_string());
    clap_mangen::Man::new(titled)
        .title(name.to_ascii_uppercase())
        .source(concat!("lpctl ", env!("CARGO_PKG_VERSION")))
        .render(&mut page)?;
    pages.push((format!("{name}.1"), page));
    Ok(())
}

/// Prints one page or writes all of them.
///
/// # Errors
/// An unknown command, or a folder that cannot be written.
pub async fn run(args: ManArgs, context: &mut Context) -> eyre::Result<()> {
    let pages = pages()?;
    if let Some(folder) = args.out {
        fs::create_dir_all(&folder)?;
        for (name, page) in &pages {
            fs::write(folder.join(name), page)?;
        }
        context
            .shell
            .status(format_args!("{} pages in {}", pages.len(), folder.display()));
        return Ok(());
    }
    let wanted = std::iter::once("lpctl")
        .chain(args.command.iter().map(String::as_str))
        .collect::<Vec<_>>()
        .join("-");
    let page = pages
        .iter()
        .find(|(name, _)| *name == format!("{wanted}.1"))
        .ok_or_else(|| {
            Failure::new(
                Kind::Usage,
                "unknown_command",
                format!("there is no command `{}`", args.command.join(" ")),
            )
            .hint("`lpctl --help` lists the commands")
        })?;
    context.shell.raw(&page.1)?;
    Ok(())
}
