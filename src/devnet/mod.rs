//! A whole Livepeer protocol on this machine: a real chain with the real contracts and funded accounts.
