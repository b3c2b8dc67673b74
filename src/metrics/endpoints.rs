//! RPC endpoints as label values.

use std::collections::HashMap;

use crate::view::rpc::RelayEndpoint;

/// Each endpoint with its name. Two that look the same without what is secret in them are told apart by a number.
pub(crate) fn told_apart(endpoints: &[RelayEndpoint]) -> Vec<(String, &RelayEndpoint)> {
    let mut alike: HashMap<&str, usize> = HashMap::new();
    let named = endpoints.iter().map(|endpoint| {
        let number = alike.entry(&endpoint.endpoint).or_default();
        *number += 1;
        let name = match *number {
            1 => endpoint.endpoint.clone(),
            number => format!("{}#{number}", endpoint.endpoint),
        };
        (name, endpoint)
    });
    named.collect()
}
