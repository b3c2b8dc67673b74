//! What stands in a gateway's way, with the next step.

use engine::gateway::ingest::IngestError;

use crate::{
    failure::{Failure, Kind},
    run::failure::{of_port, with_cause},
    shell::escape,
};

/// What a gateway's refusal to start means to its operator.
pub(super) fn of_ingest(error: &IngestError) -> Failure {
    let (kind, code, hint) = match error {
        IngestError::Listen { address, source } => {
            of_port(*address, source, "`--http-addr`, `--rtmp-addr` or `--cli-addr`")
        }
        IngestError::OpenToAll { .. } => (
            Kind::Refused,
            "open_to_all",
            "say who may with `--auth-webhook URL` or `--keys FILE`, or let everybody with `--http-ingest`".to_string(),
        ),
        IngestError::OperatorExposed { .. } => (
            Kind::Usage,
            "operator_exposed",
            "give `--cli-addr` a loopback address; reach it from elsewhere through an SSH tunnel".to_string(),
        ),
        IngestError::ProfileName(_) => (
            Kind::Usage,
            "bad_ladder",
            "give the rung another name in `--ladder`".to_string(),
        ),
        IngestError::NoStreams => (
            Kind::Usage,
            "no_sessions",
            "give `--max-sessions` at least 1".to_string(),
        ),
        IngestError::Log { .. } => (
            Kind::Failed,
            "log_not_written",
            "choose a file you can write with `--log`".to_string(),
        ),
        IngestError::Gateway(_) => (
            Kind::Failed,
            "gateway_not_made",
            "check the space left and the rights on the folder for temporary files, or point TMPDIR elsewhere"
                .to_string(),
        ),
        IngestError::Webhook(_) => (
            Kind::Failed,
            "auth_webhook",
            "check this machine's certificates (Debian: `apt-get install ca-certificates`)".to_string(),
        ),
    };
    Failure::new(kind, code, escape(&with_cause(error))).hint(hint)
}
