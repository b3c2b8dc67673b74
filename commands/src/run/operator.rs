//! Who may use the operator API of a node that is run here, and what the node tells of its settings.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use engine::{
    config::OperatorLayer,
    node::{OperatorSettings, OperatorTls},
    view::node::ConfigEntry,
};

use crate::{
    config::settings_in_force,
    context::Context,
    failure::{Failure, Kind},
};

/// The tokens' usual file, in the data folder: nodes on one machine share it.
pub(crate) fn token_file(asked: &OperatorLayer, data_dir: &Path) -> PathBuf {
    asked
        .token_file
        .clone()
        .unwrap_or_else(|| data_dir.join("operator-tokens.json"))
}

/// What the settings say of the operator's port.
///
/// # Errors
/// A config failure for half a certificate.
pub fn access(context: &Context) -> Result<OperatorSettings, Failure> {
    let asked = &context.settings().operator;
    let tls = match (&asked.certificate_file, &asked.key_file) {
        (Some(certificate), Some(key)) => OperatorTls::Files {
            certificate: certificate.clone(),
            key: key.clone(),
        },
        (None, None) if asked.tls == Some(true) => OperatorTls::Own,
        (None, None) => OperatorTls::Plain,
        _ => {
            return Err(Failure::new(
                Kind::Config,
                "operator_certificate",
                "operator.certificate_file and operator.key_file belong together, and one of them is not set",
            )
            .hint(
                "set both, or neither and `lpctl config set operator.tls true` for a certificate made here",
            ));
        }
    };
    Ok(OperatorSettings {
        hosts: asked
            .hosts
            .iter()
            .flatten()
            .map(|host| host.as_str().to_string())
            .collect(),
        tls,
        tokens: Some(token_file(asked, &context.directories().data_dir)),
        get_writes: asked.get_writes.unwrap_or_default(),
    })
}

/// The settings in force, for `GET /api/v1/config`: as `lpctl config show` has them, so without keys in URLs.
pub fn told(context: &Context) -> Vec<ConfigEntry> {
    settings_in_force(context.settings())
}

/// Where the API is asked.
pub fn url(context: &Context, address: SocketAddr) -> String {
    let asked = &context.settings().operator;
    let is_tls = asked.tls == Some(true) || asked.certificate_file.is_some();
    format!("{}://{address}", if is_tls { "https" } else { "http" })
}
