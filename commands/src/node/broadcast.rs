//! `lpctl node broadcast-config`: how a go-livepeer gateway sends.

use clap::{ArgGroup, Args, Subcommand};
use engine::{
    operator::{Found, GoApi, GoCall},
    payments::PriceTag,
    view::go_node::{BroadcastConfig, GoRole},
};
use serde::Serialize;

use super::{
    fleet::{Answer, Teller, Verb},
    target::{GATEWAY_IS_FIXED, Node},
};
use crate::{
    failure::{Failure, Kind},
    shell::{Report, Style, escape},
};

/// Looks and changes.
#[derive(Debug, Subcommand)]
#[allow(
    missing_docs,
    reason = "the help of a command is the doc comment of its `Args`"
)]
pub enum BroadcastCommand {
    Show(ShowBroadcastArgs),
    Set(SetBroadcastArgs),
}

/// Show the most a gateway pays and the renditions it asks for
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lpctl --node http://127.0.0.1:5935 node broadcast-config show")]
pub struct ShowBroadcastArgs {}

/// Change the most a gateway pays, or the renditions it asks for
///
/// What is not given stays. go-livepeer forgets the change when the node ends.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).multiple(true))]
#[command(override_usage = "lpctl node broadcast-config set <--max-price PRICE|--presets NAME,…>")]
#[command(after_help = "\
Examples:
  lpctl --node http://127.0.0.1:5935 node broadcast-config set --max-price 1200
  lpctl --node http://127.0.0.1:5935 node broadcast-config set --max-price none
  lpctl --node http://127.0.0.1:5935 node broadcast-config set --presets P240p30fps16x9,P360p30fps16x9")]
pub struct SetBroadcastArgs {
    /// The most for a pixel, as `set-price` takes it, or none for any price
    #[arg(long, value_name = "PRICE|none", group = "what")]
    max_price: Option<MaxPrice>,
    /// Names of renditions, with commas between them; the node knows 13
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', group = "what")]
    presets: Vec<String>,
}

/// A price, or that any will do.
#[derive(Debug, Clone)]
struct MaxPrice(Option<PriceTag>);

impl std::str::FromStr for MaxPrice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self(None));
        }
        match text.parse::<PriceTag>() {
            Ok(price) if price.is_free() => {
                Err("0 means any price to go-livepeer; write `none` for that".to_string())
            }
            Ok(price) => Ok(Self(Some(price))),
            Err(error) => Err(format!("{error}, or `none`")),
        }
    }
}

/// What holds.
#[derive(Serialize)]
pub(super) struct Shown {
    #[serde(flatten)]
    config: BroadcastConfig,
    /// None: it was only looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    kept: Option<bool>,
}

impl Shown {
    fn price(&self) -> String {
        match &self.config.max_price {
            Some(price) => format!("{price} wei a pixel"),
            None => "any".to_string(),
        }
    }
}

impl Report for Shown {
    fn text(&self, style: &Style) -> String {
        let mark = match self.kept {
            Some(_) => format!("{} ", style.good_mark()),
            None => String::new(),
        };
        let lasting = self.kept.map(|kept| format!("\n{}", super::lasting(kept)));
        format!(
            "{mark}most paid     {}\n{mark}renditions    {}{}",
            self.price(),
            escape(&self.config.transcoding_options),
            lasting.unwrap_or_default()
        )
    }
}

impl Answer for Shown {
    const COLUMNS: &'static [&'static str] = &["most paid", "renditions"];

    fn cells(&self, _: &Style) -> Vec<String> {
        vec![self.price(), escape(&self.config.transcoding_options)]
    }
}

/// A gateway of go-livepeer, or what is said of what is none.
async fn gateway(node: &Node) -> Result<&GoApi, Failure> {
    match &node.found {
        Found::Own(_) => Err(node.not_offered(
            "only gateways send streams",
            "name a go-livepeer gateway with `--node`",
        )),
        Found::OwnGateway(_) => Err(node.not_offered(
            GATEWAY_IS_FIXED,
            "`lpctl config set gateway.max_price PRICE` and `gateway.ladder NAMES`; `lpctl config show` tells both",
        )),
        Found::Go(go) => match node.role(go).await? {
            GoRole::GatewayOrWorker => Ok(go),
            GoRole::Orchestrator | GoRole::Redeemer => Err(node.not_offered(
                "only gateways send streams",
                "name a gateway with `--node`; its port is 5935 unless set otherwise",
            )),
        },
    }
}

impl Verb for ShowBroadcastArgs {
    type Answer = Shown;

    async fn ask(&self, node: &Node, _: &Teller) -> Result<Shown, Failure> {
        let go = gateway(node).await?;
        let config = go.broadcast().await.map_err(|error| node.failed(&error))?;
        Ok(Shown { config, kept: None })
    }
}

impl Verb for SetBroadcastArgs {
    type Answer = Shown;

    fn question(&self) -> Option<String> {
        Some("change how gateways send".to_string())
    }

    async fn ask(&self, node: &Node, _: &Teller) -> Result<Shown, Failure> {
        let go = gateway(node).await?;
        let presets = (!self.presets.is_empty()).then_some(self.presets.as_slice());
        // It would drop names it does not know without a word, after the price is set.
        if let Some(wanted) = presets {
            let known = go.presets().await.map_err(|error| node.failed(&error))?;
            if let Some(unknown) = wanted.iter().find(|name| !known.contains(name)) {
                let message = format!(
                    "not done: the node at {} knows no rendition `{}`",
                    node.shown(),
                    escape(unknown)
                );
                let known: Vec<String> = known.iter().map(|name| escape(name)).collect();
                return Err(Failure::new(Kind::Refused, "unknown_rendition", message)
                    .hint(format!("it knows {}", known.join(", "))));
            }
        }
        let max_price = self.max_price.as_ref().map(|MaxPrice(price)| price.as_ref());
        node.go_change(go, &GoCall::broadcast(max_price, presets)).await?;
        let config = go.broadcast().await.map_err(|error| node.failed(&error))?;
        let shown = Shown {
            config,
            kept: Some(false),
        };
        let wanted =
            max_price.map(|price| price.and_then(PriceTag::wei_per_pixel).map(|wei| wei.to_string()));
        let is = shown.config.max_price.as_ref().map(ToString::to_string);
        // What a currency comes to is the node's to say.
        let in_currency = matches!((max_price, &wanted), (Some(Some(_)), Some(None)));
        if wanted.is_some_and(|wanted| wanted != is) && !in_currency {
            return Err(node.not_taken("the most it pays", &shown.price()));
        }
        if let Some(wanted) = presets {
            let now: Vec<&str> = shown.config.transcoding_options.split(',').collect();
            if wanted.iter().any(|name| !now.contains(&name.as_str())) {
                return Err(node.not_taken("what it asks for", &shown.config.transcoding_options));
            }
        }
        Ok(shown)
    }
}
