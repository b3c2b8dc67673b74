//! A node that gives its work away, with transcoders that speak the protocol by hand.

mod faults;
mod raw;
mod registration;
mod results;
mod selection;
