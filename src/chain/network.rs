//! Networks lpctl knows by name, and what follows from a chain id.

use alloy::primitives::{Address, address};

use super::errors::ChainError;

/// A chain with a Livepeer protocol on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// What it is called in flags, files and screens.
    pub name: String,
    /// The chain id it must have; none: whatever the first endpoint says, and then all the same.
    pub chain_id: Option<u64>,
    /// The address everything else is looked up through.
    pub controller: Address,
}

impl Network {
    /// Looks a name up, and lets `controller` and `chain_id` override or complete it.
    ///
    /// # Errors
    /// [`ChainError::UnknownNetwork`] for a name that is not known and comes without a Controller.
    pub fn resolve(
        name: &str,
        controller: Option<Address>,
        chain_id: Option<u64>,
    ) -> Result<Self, ChainError> {
        let known = KNOWN.iter().find(|known| known.names.contains(&name));
        let controller = controller
            .or(known.map(|known| known.controller))
            .ok_or_else(|| ChainError::UnknownNetwork(name.to_string()))?;
        Ok(Self {
            name: known.map_or(name, |known| known.names[0]).to_string(),
            // A name stands for one chain: settings that say otherwise must not make another chain pass for it.
            chain_id: known.map(|known| known.chain_id).or(chain_id),
            controller,
        })
    }
}

struct Known {
    /// First the name we use, then those of other tools.
    names: &'static [&'static str],
    chain_id: u64,
    controller: Address,
}

/// `go-livepeer cmd/livepeer/starter/starter.go`. The dead test networks are left out.
const KNOWN: [Known; 2] = [
    Known {
        names: &["arbitrum-one", "arbitrum-one-mainnet"],
        chain_id: 42161,
        controller: address!("0xD8E8328501E9645d16Cf49539efC04f734606ee4"),
    },
    Known {
        names: &["mainnet"],
        chain_id: 1,
        controller: address!("0xf96d54e490317c557a967abfa5d6e33006be69b3"),
    },
];

/// How long a block of the round's clock lasts. Rounds count Ethereum's blocks, also on Arbitrum; elsewhere blocks
/// come as they like.
#[must_use]
pub(crate) fn seconds_per_block(chain_id: u64) -> Option<u64> {
    matches!(chain_id, 1 | 42161).then_some(12)
}

/// Arbitrum One, or its test network that is gone.
#[must_use]
pub(crate) fn is_arbitrum(chain_id: u64) -> bool {
    matches!(chain_id, 42161 | 421_611)
}

/// Where AI nodes publish their address beside the Controller's registry (`go-livepeer cmd/livepeer/starter/starter.go`).
#[must_use]
pub(crate) fn ai_registry(chain_id: u64) -> Option<Address> {
    (chain_id == 42161).then_some(address!("0x04C0b249740175999E5BF5c9ac1dA92431EF34C5"))
}

/// The block the protocol's Controller was made in; the first of all where that is not known.
#[must_use]
pub(crate) fn first_block(chain_id: u64, controller: Address) -> u64 {
    let is_known = KNOWN
        .iter()
        .any(|known| known.chain_id == chain_id && known.controller == controller);
    match chain_id {
        42161 if is_known => 5_856_334,
        _ => 1,
    }
}

/// Whether strangers' money is on this chain; development chains may use addresses gateways could not reach.
#[must_use]
pub(crate) fn is_public(chain_id: u64) -> bool {
    matches!(chain_id, 1 | 42161)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn history_begins_with_the_protocol_and_not_with_the_chain() {
        let controller = Network::resolve("arbitrum-one", None, None).unwrap().controller;
        assert_eq!(first_block(42161, controller), 5_856_334);
        assert_eq!(first_block(42161, Address::repeat_byte(7)), 1);
        assert_eq!(first_block(31337, controller), 1);
    }

    #[test]
    fn a_known_name_needs_nothing_else_and_an_unknown_one_needs_a_controller() {
        let arbitrum = Network::resolve("arbitrum-one-mainnet", None, None).unwrap();
        assert_eq!(arbitrum.name, "arbitrum-one");
        assert_eq!(arbitrum.chain_id, Some(42161));
        let own = Address::repeat_byte(7);
        assert_eq!(
            Network::resolve("arbitrum-one", Some(own), None)
                .unwrap()
                .controller,
            own
        );
        assert!(matches!(
            Network::resolve("devnet", None, None),
            Err(ChainError::UnknownNetwork(name)) if name == "devnet"
        ));
        let claimed = Network::resolve("arbitrum-one", Some(own), Some(31337)).unwrap();
        assert_eq!(
            claimed.chain_id,
            Some(42161),
            "another chain passes for Arbitrum One"
        );
        let devnet = Network::resolve("devnet", Some(own), Some(31337)).unwrap();
        assert_eq!((devnet.name.as_str(), devnet.chain_id), ("devnet", Some(31337)));
    }
}
