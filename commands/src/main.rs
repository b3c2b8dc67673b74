//! `lpctl`: see the library beside it.

fn main() -> std::process::ExitCode {
    lpctl::main()
}
