//! The stream on which an orchestrator tells its transcoder of tasks (`go-livepeer server/ot_rpc.go`).

use std::sync::Arc;

use jiff::Timestamp;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status};

use super::{Fatal, Remote, back_off::BackOff};
use crate::{
    node::{session::shortened, supervisor::TaskError},
    wire::{
        client::{self, GRPC_CONNECT_TIMEOUT},
        net::{self, transcoder_client::TranscoderClient},
    },
};

/// How a registration ended.
#[derive(Debug)]
enum Ended {
    /// The orchestrator will never take this transcoder.
    Fatal(Fatal),
    /// It ended the stream without an error: it restarts, or has dropped this transcoder.
    Closed,
    /// It cannot be reached, refused for now, or the stream broke.
    Lost(String),
    /// The operator changed how many sessions there may be: the orchestrator learns it by a new registration.
    Changed,
}

/// Keeps the transcoder registered until it drains or stops.
pub(super) async fn keep(remote: Arc<Remote>, stop: CancellationToken) -> Result<(), TaskError> {
    let mut back_off = BackOff::new();
    loop {
        let ended = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            // Dropping the registration ends its stream, by which the orchestrator knows that this transcoder leaves.
            () = remote.draining.cancelled() => break,
            ended = register(&remote, &mut back_off) => ended,
        };
        let reason = match ended {
            Ended::Fatal(fatal) => {
                // Only one registration at a time: nobody was faster.
                let _ = remote.fatal.set(fatal);
                lost(&remote, Some(fatal.to_string()));
                return Err(fatal.into());
            }
            Ended::Changed => {
                tracing::info!("registering anew with another number of sessions");
                lost(&remote, None);
                continue;
            }
            Ended::Closed => "the orchestrator ended the registration".to_string(),
            Ended::Lost(reason) => reason,
        };
        let wait = back_off.wait();
        tracing::warn!(
            orchestrator = %remote.orchestrator,
            reason,
            again_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
            "not registered"
        );
        lost(&remote, Some(reason));
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = remote.draining.cancelled() => break,
            () = sleep(wait) => {}
        }
    }
    tracing::info!(orchestrator = %remote.orchestrator, "left the orchestrator: no more tasks are taken");
    lost(&remote, None);
    stop.cancelled().await;
    Ok(())
}

/// Registers once and takes tasks until that ends.
async fn register(remote: &Arc<Remote>, back_off: &mut BackOff) -> Ended {
    let mut capacity = remote.capacity.subscribe();
    let offered = *capacity.borrow_and_update();
    let uri = match remote.orchestrator.url() {
        Ok(uri) => uri,
        Err(error) => return refused(remote, Ended::Lost(error.to_string())),
    };
    let pings = remote.limits.registration_pings;
    let channel = match client::connect_grpc_lasting(&uri, GRPC_CONNECT_TIMEOUT, pings).await {
        Ok(channel) => channel,
        Err(error) => return refused(remote, Ended::Lost(error.to_string())),
    };
    let request = net::RegisterRequest {
        secret: remote.secret.expose().to_string(),
        capacity: i64::from(offered),
        capabilities: Some(remote.capabilities.clone()),
    };
    let mut grpc = TranscoderClient::new(channel);
    let mut call = Box::pin(grpc.register_transcoder(request));
    let mut is_held = false;
    let answered = loop {
        tokio::select! {
            answered = &mut call => break answered,
            // Go sends the head of its answer with the first task: no refusal is all there is to know till then.
            () = sleep(remote.limits.settle), if !is_held => {
                is_held = true;
                registered(remote, back_off);
            }
            _ = capacity.changed() => return Ended::Changed,
        }
    };
    let mut tasks = match answered {
        Ok(answer) => answer.into_inner(),
        Err(status) if is_held => return judge(&status),
        Err(status) => return refused(remote, judge(&status)),
    };
    if !is_held {
        registered(remote, back_off);
    }
    loop {
        let next = tokio::select! {
            next = tasks.message() => next,
            _ = capacity.changed() => return Ended::Changed,
        };
        match next {
            Ok(Some(task)) => remote.take(task),
            Ok(None) => return Ended::Closed,
            Err(status) => return judge(&status),
        }
    }
}

/// What an error on the stream means. `CANCELLED` is no order to shut down, as it is for go-livepeer: proxies reset
/// streams, and orchestrators that end.
fn judge(status: &Status) -> Ended {
    match status.message() {
        "invalid secret" => Ended::Fatal(Fatal::Secret),
        "zero capacity" => Ended::Fatal(Fatal::Capacity),
        _ if status.code() == Code::Unimplemented => Ended::Lost(
            "the orchestrator takes no transcoders: it transcodes by itself, or is no orchestrator"
                .to_string(),
        ),
        "" => Ended::Lost(format!("the stream broke: {}", status.code())),
        text => Ended::Lost(format!("the stream broke: {}", shortened(text))),
    }
}

fn registered(remote: &Remote, back_off: &mut BackOff) {
    back_off.reset();
    let mut link = remote.link();
    link.registrations += 1;
    link.registered_since = Some(Timestamp::now());
    link.lost_since = None;
    drop(link);
    tracing::info!(orchestrator = %remote.orchestrator, "registered");
    remote.tell();
}

fn refused(remote: &Remote, ended: Ended) -> Ended {
    remote.link().registrations_failed += 1;
    ended
}

fn lost(remote: &Remote, reason: Option<String>) {
    let mut link = remote.link();
    link.registered_since = None;
    link.lost_since.get_or_insert_with(Timestamp::now);
    if reason.is_some() {
        link.last_error = reason;
    }
    drop(link);
    remote.tell();
}
