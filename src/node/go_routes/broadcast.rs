//! How a gateway sends. go-livepeer takes these from every node, and shows them again; only a gateway goes by them.

use serde::Serialize;

use super::{
    Ask,
    answer::{Answer, Refused, Reply, shown},
    number,
};
use crate::media::ladder::{PRESETS, preset};

/// What a gateway would go by.
#[derive(Debug, Clone)]
pub(super) struct Broadcast {
    /// The most it would pay, in wei for a pixel as a fraction; none: anything.
    max_price: Option<String>,
    /// Names of presets.
    options: Vec<String>,
}

impl Default for Broadcast {
    /// Any price, and the two renditions go-livepeer begins with.
    fn default() -> Self {
        Self {
            max_price: None,
            options: vec!["P240p30fps16x9".to_string(), "P360p30fps16x9".to_string()],
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Shown {
    max_price: Option<String>,
    transcoding_options: String,
}

pub(super) async fn config(ask: Ask) -> Reply {
    let broadcast = ask.go.broadcast().clone();
    Answer::json(&Shown {
        max_price: broadcast.max_price,
        transcoding_options: broadcast.options.join(","),
    })
}

pub(super) async fn options(_: Ask) -> Reply {
    Answer::json(&PRESETS)
}

pub(super) async fn set_config(ask: Ask) -> Reply {
    let form = &ask.form;
    let (price, pixels) = (form.value("maxPricePerUnit"), form.value("pixelsPerUnit"));
    let options = form.value("transcodingOptions");
    if (price.is_empty() || pixels.is_empty()) && options.is_empty() {
        return Err(Refused::bad(
            "missing form params (maxPricePerUnit AND pixelsPerUnit) or transcodingOptions",
        ));
    }
    let max_price = match price.is_empty() || pixels.is_empty() {
        true => None,
        false => Some(max_price(&price, &pixels, &form.value("currency"))?),
    };
    let names = match options.is_empty() {
        true => None,
        false => Some(names(&options)?),
    };
    // Only now that all of it is right.
    let mut broadcast = ask.go.broadcast();
    if let Some(max_price) = max_price {
        broadcast.max_price = max_price;
    }
    if let Some(names) = names {
        broadcast.options = names;
    }
    Ok(Answer::Nothing)
}

/// The most a gateway would pay; nothing or less is no limit.
fn max_price(price: &str, pixels: &str, currency: &str) -> Result<Option<String>, Refused> {
    let what = "Error parsing";
    let is_limit = number::ratio(price).is_none_or(|price| price > num_rational::BigRational::default());
    let checked = if is_limit { price } else { "0" };
    let tag = number::price(what, checked, pixels, currency).map_err(Refused::bad)?;
    if !is_limit {
        return Ok(None);
    }
    let wei = tag.wei_per_pixel().ok_or_else(|| {
        Refused::bad(format!(
            "error converting price: this node reads no price of ETH in {}",
            shown(currency)
        ))
    })?;
    Ok(Some(wei.to_string()))
}

/// The presets of a list. One that nobody knows is told, not dropped.
fn names(options: &str) -> Result<Vec<String>, Refused> {
    let names: Vec<String> = options.split(',').map(str::to_string).collect();
    match names.iter().all(|name| preset(name).is_some()) {
        true => Ok(names),
        false => Err(Refused::bad(format!(
            "invalid transcoding options: {}",
            shown(options)
        ))),
    }
}

/// A gateway's limit for an AI pipeline: this is none.
pub(super) async fn set_capability_price(_: Ask) -> Reply {
    Err(Refused::bad(
        "Node must be gateway node to set max price per capability",
    ))
}
