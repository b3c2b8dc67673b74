//! Writes and checks derived files: completions and man pages.

fn main() {}
