//! What a node uses outside of this machine: an object store, and a webhook that decides who is served.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use engine::{
    config::OrchestratorLayer,
    private_file,
    secret::WebhookUrl,
    store::{ObjectStore, StoreUrl},
};

use super::failure::with_cause;
use crate::failure::{Failure, Kind};

/// What the node uses outside of this machine.
#[derive(Debug, Clone, Default, Args)]
pub struct OutsideArgs {
    /// File whose first line is the URL of an object store for sources and renditions, with its keys
    /// [default: orchestrator.object_store_file of the config file]
    ///
    /// Like s3://KEY:SECRET@region/bucket/prefix, s3+https://KEY:SECRET@host/bucket/prefix or
    /// gs://bucket?keyfile=PATH. Without one, renditions wait in this node's memory to be fetched.
    #[arg(long, value_name = "PATH", env = "LPCTL_OBJECT_STORE_FILE", hide_env = true, value_hint = ValueHint::FilePath)]
    object_store_file: Option<PathBuf>,
    /// URL that is asked whether a gateway is served; all are without one [default: orchestrator.discovery_webhook of
    /// the config file]
    ///
    /// It gets a POST with {"id": "ADDRESS"}. Any status but 200 refuses the gateway with the answer's text; an answer
    /// with status 200 must be a JSON object.
    #[arg(
        long,
        value_name = "URL",
        env = "LPCTL_DISCOVERY_WEBHOOK",
        hide_env = true,
        hide_env_values = true
    )]
    discovery_webhook: Option<WebhookUrl>,
}

impl OutsideArgs {
    /// Whether any of them is there.
    pub fn is_given(&self) -> bool {
        self.object_store_file.is_some() || self.discovery_webhook.is_some()
    }

    /// The store, if there is to be one.
    ///
    /// # Errors
    /// A config failure for a file that cannot be used; it does not repeat what is in it.
    pub fn object_store(&self, file: &OrchestratorLayer) -> Result<Option<ObjectStore>, Failure> {
        let Some(path) = self
            .object_store_file
            .as_ref()
            .or(file.object_store_file.as_ref())
        else {
            return Ok(None);
        };
        let failed = |reason: String| {
            Failure::new(
                Kind::Config,
                "bad_object_store",
                format!("{}: {reason}", path.display()),
            )
            .hint("its first line must be like `s3+https://KEY:SECRET@host/bucket`")
        };
        let (text, _) = private_file::read(path).map_err(|error| failed(error.to_string()))?;
        let line = text.lines().next().unwrap_or_default();
        let url: StoreUrl = line.parse().map_err(|error| failed(with_cause(&error)))?;
        ObjectStore::open(url)
            .map(Some)
            .map_err(|error| failed(with_cause(&error)))
    }

    /// The webhook, if there is to be one.
    pub fn discovery_webhook(&self, file: &OrchestratorLayer) -> Option<WebhookUrl> {
        self.discovery_webhook
            .clone()
            .or_else(|| file.discovery_webhook.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stores_url_comes_from_a_file_and_is_never_repeated() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store");
        let args = OutsideArgs {
            object_store_file: Some(path.clone()),
            ..OutsideArgs::default()
        };
        let none = OrchestratorLayer::default();
        assert!(OutsideArgs::default().object_store(&none).unwrap().is_none());
        assert_eq!(args.object_store(&none).unwrap_err().code, "bad_object_store");
        std::fs::write(&path, "s3+https://AK:SECRET@minio.example/bucket\nsecond line\n").unwrap();
        let store = args.object_store(&none).unwrap().unwrap();
        assert_eq!(store.to_string(), "https://minio.example/bucket");
        std::fs::write(&path, "s4://AK:SECRETKEY@minio.example/bucket\n").unwrap();
        let failure = args.object_store(&none).unwrap_err();
        assert!(!failure.message.contains("SECRETKEY"), "{}", failure.message);
    }
}
