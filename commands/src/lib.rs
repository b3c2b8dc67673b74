//! The `lpctl` command line as a library, so that the generator of completions and man pages can use it.
