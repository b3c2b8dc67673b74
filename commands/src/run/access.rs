//! Who may use the operator's API of a node, as the config says.

use std::net::SocketAddr;

use engine::node::{OperatorSettings, OperatorTls};

use crate::{
    context::Context,
    failure::{Failure, Kind},
    node::token,
    settings::Settings,
};

/// What the config says.
///
/// # Errors
/// A config failure for half of a certificate.
pub(super) fn settings(context: &Context) -> Result<OperatorSettings, Failure> {
    let layer = &context.settings().operator;
    let tls = match (&layer.certificate_file, &layer.key_file, layer.tls) {
        (_, _, Some(false)) | (None, None, None) => OperatorTls::Plain,
        (None, None, Some(true)) => OperatorTls::Own,
        (Some(certificate), Some(key), _) => OperatorTls::Files {
            certificate: certificate.clone(),
            key: key.clone(),
        },
        _ => {
            let message =
                "`operator.certificate_file` and `operator.key_file` go together, and one is missing";
            return Err(Failure::new(Kind::Config, "operator_tls", message)
                .hint("set both with `lpctl config set`, or neither and `operator.tls` to true"));
        }
    };
    Ok(OperatorSettings {
        hosts: layer
            .hosts
            .iter()
            .flatten()
            .map(|host| host.as_str().to_string())
            .collect(),
        tls,
        tokens: Some(token::file(context)),
        get_writes: layer.get_writes.unwrap_or_default(),
    })
}

/// Where the API is.
pub(super) fn url(address: SocketAddr, settings: &Settings) -> String {
    let layer = &settings.operator;
    let is_tls = layer.tls.unwrap_or(layer.certificate_file.is_some());
    format!("{}://{address}", if is_tls { "https" } else { "http" })
}
