//! The terminal is given back after a panic: this test runs itself again in a pseudo-terminal.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    reason = "a test that cannot go on should stop where it is"
)]

use std::{io::IsTerminal, process::Command};

use rexpect::session::spawn_command;
use tui::terminal::Screen;

#[test]
fn a_panic_gives_the_terminal_back_before_it_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let this_test = std::env::current_exe().unwrap();
    let mut shell = Command::new("bash");
    shell.args(["--norc", "--noprofile", "-c"]).arg(
        r#"stty rows 24 cols 80; stty -g > before; "$0" --exact takes_the_screen_and_panics --ignored --nocapture; stty -g > after; echo shell-ended"#,
    );
    shell
        .arg(this_test)
        .current_dir(folder.path())
        .env("TERM", "xterm-256color");
    let mut session = spawn_command(shell, Some(20_000)).unwrap();
    session.exp_string("\x1b[?1049h").expect("the screen is taken");
    session.exp_string("alternate").unwrap();
    session
        .exp_string("\x1b[?1049l")
        .expect("the alternate screen is left");
    session.exp_string("\x1b[?25h").expect("the cursor is back");
    session
        .exp_string("drawing went wrong")
        .expect("and only then the panic is told");
    session.exp_string("shell-ended").unwrap();
    session.exp_eof().unwrap();
    let settings = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    assert_eq!(
        settings("before"),
        settings("after"),
        "lines and echo as they were"
    );
}

#[test]
#[ignore = "run by its sibling in a pseudo-terminal"]
fn takes_the_screen_and_panics() {
    if !std::io::stdout().is_terminal() {
        return;
    }
    let mut screen = Screen::take().unwrap();
    screen
        .draw(|frame| frame.render_widget("a line on the alternate screen", frame.area()))
        .unwrap();
    panic!("drawing went wrong");
}
