//! Tests of the `lpctl` binary.
