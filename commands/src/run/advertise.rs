//! What a node tells of where it is, and whose addresses it asks.

use clap::Args;
use engine::{
    config::{OrchestratorLayer, Region},
    node::{Advertise, ProbeTimes},
    wire::client::parse_node_address,
};
use url::Url;

use crate::failure::{Failure, Kind};

/// Where the node is, as others are told and as it finds out itself.
#[derive(Debug, Clone, Default, Args)]
pub struct AdvertiseArgs {
    /// Further addresses of this orchestrator that gateways are told, https only; several with commas
    /// [default: orchestrator.nodes of the config file]
    #[arg(
        long,
        value_name = "URI",
        value_delimiter = ',',
        env = "LPCTL_NODES",
        hide_env = true
    )]
    nodes: Vec<String>,
    /// Label for where the node is, like eu-west [default: orchestrator.region of the config file]
    #[arg(long, value_name = "LABEL", env = "LPCTL_REGION", hide_env = true)]
    region: Option<Region>,
    /// Nodes to measure the way to, shown in the node's status; several with commas
    /// [default: orchestrator.peers of the config file]
    #[arg(
        long,
        value_name = "URI",
        value_delimiter = ',',
        env = "LPCTL_PEERS",
        hide_env = true
    )]
    peers: Vec<String>,
}

impl AdvertiseArgs {
    /// Whether any of them is there.
    pub fn is_given(&self) -> bool {
        !self.nodes.is_empty() || self.region.is_some() || !self.peers.is_empty()
    }

    /// What the flags say, else the config file. The node's own address and these are asked now and then.
    ///
    /// # Errors
    /// A usage failure for what is no address.
    pub fn resolve(&self, file: &OrchestratorLayer) -> Result<Advertise, Failure> {
        Ok(Advertise {
            region: self.region.clone().or_else(|| file.region.clone()),
            nodes: addresses("nodes", &self.nodes, file.nodes.as_deref())?,
            peers: addresses("peers", &self.peers, file.peers.as_deref())?,
            probing: Some(ProbeTimes::default()),
        })
    }
}

fn addresses(what: &str, typed: &[String], file: Option<&[String]>) -> Result<Vec<Url>, Failure> {
    let texts = match typed {
        [] => file.unwrap_or_default(),
        typed => typed,
    };
    let parsed = texts.iter().map(|text| parse_node_address(text));
    parsed.collect::<Result<_, _>>().map_err(|error| {
        Failure::new(Kind::Usage, "bad_node_address", error.to_string()).hint(format!(
            "check `--{what}` and orchestrator.{what} of the config file"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_stand_over_the_file() {
        let file = OrchestratorLayer {
            region: Some("eu".parse().unwrap()),
            nodes: Some(vec!["b.example".into()]),
            peers: Some(vec!["c.example".into()]),
            ..OrchestratorLayer::default()
        };
        let said = AdvertiseArgs::default().resolve(&file).unwrap();
        assert_eq!(said.nodes[0].as_str(), "https://b.example:8935/");
        assert_eq!(said.region, file.region);
        let typed = AdvertiseArgs {
            nodes: vec!["https://d.example:1".into()],
            region: Some("us".parse().unwrap()),
            peers: Vec::new(),
        };
        let said = typed.resolve(&file).unwrap();
        assert_eq!(said.nodes[0].as_str(), "https://d.example:1/");
        assert_eq!(said.region.unwrap().to_string(), "us");
        assert_eq!(said.peers[0].as_str(), "https://c.example:8935/");
        let wrong = AdvertiseArgs {
            peers: vec!["ftp://x".into()],
            ..AdvertiseArgs::default()
        };
        assert_eq!(wrong.resolve(&file).unwrap_err().code, "bad_node_address");
    }
}
