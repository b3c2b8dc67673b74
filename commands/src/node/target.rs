//! Which nodes are meant, and what answers there.

use engine::{
    operator::{ApiError, Found, GoApi, GoCall, NodeApi, NodeUrl, find},
    view::{go_node::GoRole, ingest::GatewayStatus, node::NodeStatus},
};

use crate::{
    failure::{Failure, Kind},
    settings::Settings,
    shell::escape,
};

/// A node that is meant.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    /// Its name in the config, or its address.
    pub name: String,
    /// Where it is.
    pub url: NodeUrl,
}

/// The nodes a command is for.
#[derive(Debug)]
pub(crate) enum Targets {
    /// One: its answer is the command's.
    One(Target),
    /// Several, or all: a row each.
    Fleet(Vec<Target>),
}

/// The nodes that were named, else all of the config's, else the one the settings have.
///
/// # Errors
/// Usage for what is no address, config if there are no nodes in it.
pub(crate) fn chosen(all: bool, settings: &Settings) -> Result<Targets, Failure> {
    if all {
        let nodes: Vec<Target> = settings
            .inventory
            .iter()
            .map(|(name, url)| {
                Ok::<_, Failure>(Target {
                    name: name.to_string(),
                    url: settings.reach(url.expose().as_str())?,
                })
            })
            .collect::<Result<_, _>>()?;
        return match nodes.is_empty() {
            true => Err(Failure::new(
                Kind::Config,
                "no_inventory",
                "`--all` means the nodes of the config's [nodes], and there are none",
            )
            .hint("add one with `lpctl config set nodes.NAME http://127.0.0.1:7935`")),
            false => Ok(Targets::Fleet(nodes)),
        };
    }
    let named: Vec<Target> = settings
        .named_nodes
        .iter()
        .map(|(name, url)| {
            let url = settings.reach(url)?;
            Ok::<_, Failure>(Target {
                name: name.clone().unwrap_or_else(|| url.to_string()),
                url,
            })
        })
        .collect::<Result<_, _>>()?;
    match <[Target; 1]>::try_from(named) {
        Ok([one]) => Ok(Targets::One(one)),
        Err(several) if !several.is_empty() => Ok(Targets::Fleet(several)),
        Err(_) => {
            let url = settings.reach(&settings.node_url)?;
            Ok(Targets::One(Target {
                name: url.to_string(),
                url,
            }))
        }
    }
}

/// A node that answers.
pub(super) struct Node {
    /// Where it is.
    url: NodeUrl,
    /// What it is.
    pub found: Found,
}

impl Node {
    /// Asks what answers there.
    pub(super) async fn open(target: &Target) -> Result<Self, Failure> {
        let url = target.url.clone();
        match find(&url).await {
            Ok(found) => Ok(Self { url, found }),
            Err(error) => Err(no_answer(&url, &error)),
        }
    }

    /// Its address, without what may be secret in it.
    pub(super) fn shown(&self) -> String {
        self.url.to_string()
    }

    /// lpctl's API of it.
    pub(super) fn api(&self) -> Result<NodeApi, Failure> {
        NodeApi::new(&self.url).map_err(|error| no_answer(&self.url, &error))
    }

    /// One of lpctl's nodes, or what is to be said to those who asked for what no other has.
    pub(super) fn own(&self, without: &str, next: &str) -> Result<(&NodeStatus, NodeApi), Failure> {
        match &self.found {
            Found::Own(status) => Ok((status, self.api()?)),
            Found::OwnGateway(_) | Found::Go(_) => Err(self.not_offered(without, next)),
        }
    }

    /// A refusal: this kind of node does not do that.
    pub(super) fn not_offered(&self, why: &str, next: &str) -> Failure {
        let kind = match &self.found {
            Found::Own(status) => format!("one of lpctl's, {}", status.mode),
            Found::OwnGateway(_) => "an `lpctl gateway run`".to_string(),
            Found::Go(_) => "one of go-livepeer's".to_string(),
        };
        let message = format!("not done: the node at {} is {kind}: {why}", self.url);
        Failure::new(Kind::Refused, "not_offered", message).hint(next)
    }

    /// What it means that it did not do what it was asked.
    pub(super) fn failed(&self, error: &ApiError) -> Failure {
        let here = &self.url;
        match (error, &self.found) {
            (ApiError::Refused(text), Found::Go(_)) => {
                let message = format!("the node at {here} did not do that: {}", escape(text));
                Failure::new(Kind::Refused, "node_refused", message)
                    .hint("these are go-livepeer's own words; `lpctl node show` tells how it stands")
            }
            (ApiError::Refused(text), _) => {
                let message = format!("the node at {here} did not do that: {}", escape(text));
                Failure::new(Kind::Refused, "node_refused", message)
                    .hint("`lpctl node show` tells what kind of node it is")
            }
            (ApiError::Scope(text), _) => {
                let message = format!("the node at {here} did not do that: {}", escape(text));
                Failure::new(Kind::Refused, "token_scope", message).hint(
                    "`lpctl node token new --scope …` on the node's machine makes a token that allows more",
                )
            }
            (ApiError::NoEthClient, _) => {
                let message = format!("not done: the node at {here} has no account on a chain");
                Failure::new(Kind::Refused, "node_off_chain", message)
                    .hint("off-chain nodes, transcoders and AI workers pay and earn nothing themselves")
            }
            (ApiError::Connection(_), Found::Go(_)) => {
                let message = format!("the node at {here} broke off at that: the change may be made or not");
                Failure::new(Kind::Failed, "node_broke_off", message)
                    .hint("its log tells why; `lpctl node show` tells what holds now")
            }
            (ApiError::Status(status), Found::Go(_)) if matches!(status.as_u16(), 403..=405) => self
                .not_offered(
                    &format!("it answers HTTP {} to that", status.as_u16()),
                    "this version does not have the route, or it is turned off",
                ),
            (error, _) => no_answer(here, error),
        }
    }

    /// Makes a change of a go-livepeer node.
    pub(super) async fn go_change(&self, go: &GoApi, call: &GoCall) -> Result<String, Failure> {
        go.change(call).await.map_err(|error| self.failed(&error))
    }

    /// What kind of node of go-livepeer it is.
    pub(super) async fn role(&self, go: &GoApi) -> Result<GoRole, Failure> {
        go.role().await.map_err(|error| self.failed(&error))
    }

    /// Only for orchestrators of go-livepeer.
    pub(super) async fn need_orchestrator(&self, go: &GoApi, why: &str) -> Result<(), Failure> {
        match self.role(go).await? {
            GoRole::Orchestrator => Ok(()),
            GoRole::Redeemer | GoRole::GatewayOrWorker => Err(self.not_offered(
                why,
                "`lpctl node show` tells what it is; name an orchestrator with `--node`",
            )),
        }
    }

    /// A change that was answered with success, and did not come about.
    pub(super) fn not_taken(&self, what: &str, is: &str) -> Failure {
        let message = format!(
            "the node at {} said yes, but {what} is {} now",
            self.url,
            escape(is)
        );
        Failure::new(Kind::Failed, "not_taken", message)
            .hint("somebody else may have changed it meanwhile; run it again, and read the node's log")
    }
}

/// An `lpctl gateway run` is not changed while it runs.
pub(super) const GATEWAY_IS_FIXED: &str = "it is changed by its config and a restart";

/// How a gateway of lpctl stands, in a few words.
pub(super) fn gateway_line(status: &GatewayStatus) -> String {
    format!("{} of {}", status.streams.len(), status.max_streams)
}

/// What it means that nothing, or nothing sensible, answers.
fn no_answer(url: &NodeUrl, error: &ApiError) -> Failure {
    let message = format!("no status from the node at {url}: {}", escape(&error.to_string()));
    let failure = Failure::new(Kind::Unreachable, "node_unreachable", message);
    match error {
        ApiError::TokenNeeded | ApiError::BadToken => failure.hint(
            "make one on its machine with `lpctl node token new`, and name the file it is in with `node_token_file` or LPCTL_NODE_TOKEN_FILE",
        ),
        ApiError::TokenInClear => failure.hint(
            "set `operator.tls` where the node runs and name it with https://, or go through an SSH tunnel",
        ),
        ApiError::Status(_) | ApiError::NotANode | ApiError::Stranger | ApiError::Garbled(_) => failure.hint(
            "is this the operator API of an `lpctl run`, or the CLI port of a go-livepeer node? name it with `--node URL`",
        ),
        _ => failure.hint("start one with `lpctl run`, or name another with `--node URL`"),
    }
}
