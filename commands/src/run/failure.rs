//! What stands in a node's way, with the next step.

use std::{
    error::Error,
    io::{self, ErrorKind},
    net::SocketAddr,
};

use engine::{
    media::{ffmpeg::FfmpegError, transcode::TranscoderError},
    node::{AccessError, NodeError},
};

use crate::failure::{Failure, Kind};

/// What a node's refusal to start means to its operator.
pub fn of_node(error: NodeError) -> Failure {
    let (kind, code, hint) = match &error {
        NodeError::Listen { address, source } => of_port(*address, source, "`--bind` or `--operator-addr`"),
        NodeError::Access(AccessError::Exposed { .. }) => (
            Kind::Usage,
            "operator_exposed",
            "make a token with `lpctl node token new`, or give `--operator-addr` a loopback address and reach it from elsewhere through an SSH tunnel"
                .to_string(),
        ),
        NodeError::Access(AccessError::Tokens(_)) => (
            Kind::Config,
            "operator_tokens",
            "only its owner may read it: chmod it to 600; `lpctl node token list` shows what is in it".to_string(),
        ),
        NodeError::Access(_) => (
            Kind::Config,
            "operator_tls",
            "check `operator.certificate_file` and `operator.key_file`, or leave both out and set `operator.tls` to true"
                .to_string(),
        ),
        NodeError::DataDir { .. } => (
            Kind::Failed,
            "data_dir",
            "make it writable, or choose another folder with `--data-dir`".to_string(),
        ),
        NodeError::TokenSecret { path, .. } => (
            Kind::Failed,
            "token_secret",
            format!(
                "bring `{}` back from a backup, or remove it: then the node makes a new secret, and gateways open new sessions",
                path.display()
            ),
        ),
        NodeError::DataDirTaken { .. } => (
            Kind::Failed,
            "data_dir_taken",
            "stop the other node, or give this one its own folder with `--data-dir`".to_string(),
        ),
        NodeError::ServiceUri { .. } => (
            Kind::Usage,
            "bad_service_addr",
            "write it like `orchestrator.example:8935`".to_string(),
        ),
        NodeError::Advertised { .. } => (
            Kind::Usage,
            "bad_node_address",
            "write `--nodes` and `--peers` like `https://other.example:8935`, at most 32 of each".to_string(),
        ),
        NodeError::Webhook { .. } => (
            Kind::Config,
            "bad_webhook",
            "check `--discovery-webhook` and orchestrator.discovery_webhook of the config file".to_string(),
        ),
        NodeError::NoSessions => (
            Kind::Usage,
            "no_sessions",
            "give `--max-sessions` at least 1".to_string(),
        ),
        NodeError::Tls(_) => (
            Kind::Failed,
            "tls",
            "check that the host in `--service-addr` is a plain host name".to_string(),
        ),
    };
    Failure::new(kind, code, with_cause(&error)).hint(hint)
}

/// What a port that cannot be listened on means: class, code and next step. `flags` are those that choose another.
pub(crate) fn of_port(address: SocketAddr, source: &io::Error, flags: &str) -> (Kind, &'static str, String) {
    let port = address.port();
    match source.kind() {
        ErrorKind::AddrInUse => (
            Kind::Failed,
            "port_taken",
            format!(
                "something listens on port {port} already: `ss -ltnp 'sport = :{port}'` names it; choose another with {flags}"
            ),
        ),
        ErrorKind::PermissionDenied => (
            Kind::Failed,
            "port_forbidden",
            format!("port {port} is for privileged programs; choose one above 1023"),
        ),
        _ => (
            Kind::Failed,
            "cannot_listen",
            "check that the address is one of this machine's".to_string(),
        ),
    }
}

/// What an unusable ffmpeg means.
pub fn of_ffmpeg(error: FfmpegError) -> Failure {
    let code = match &error {
        FfmpegError::NotFound { .. } => "ffmpeg_missing",
        FfmpegError::Broken { .. } => "ffmpeg_broken",
        FfmpegError::TooOld { .. } => "ffmpeg_too_old",
        FfmpegError::LacksEncoder { .. } => "ffmpeg_lacks_encoder",
    };
    Failure::new(Kind::Failed, code, with_cause(&error))
        .hint("install ffmpeg 5.1 or later with libx264 (Debian: `apt-get install ffmpeg`), or name another with `--ffmpeg`")
}

/// What stands in the transcoder's way.
pub fn of_transcoder(error: TranscoderError) -> Failure {
    let (kind, code, hint) = match &error {
        TranscoderError::UnknownPreset(_) => (Kind::Usage, "unknown_preset", "see `lpctl run --help`"),
        TranscoderError::WorkDir { .. } => (
            Kind::Failed,
            "work_dir",
            "make it writable, or choose another folder with `--work-dir`",
        ),
        TranscoderError::SelfTest { .. } => (
            Kind::Failed,
            "ffmpeg_broken",
            "install ffmpeg from your distribution, or name another with `--ffmpeg`; some static builds cannot read \
             transport streams; `--fence off` tells whether the fence is in its way",
        ),
        TranscoderError::Thread(_) => (
            Kind::Failed,
            "no_thread",
            "check the limit on processes: `ulimit -u`",
        ),
    };
    Failure::new(kind, code, with_cause(&error)).hint(hint)
}

/// The message with its causes, as one line.
pub(crate) fn with_cause(error: &dyn Error) -> String {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let text = inner.to_string();
        if !message.contains(&text) {
            message = format!("{message}: {text}");
        }
        cause = inner.source();
    }
    message
}
