//! What stood in the way of a push, with the next step.

use engine::{
    gateway::{
        PushError, cut::CutError, discovery::Nobody, orchestrator::OrchestratorError, payment::PaymentError,
        source::SourceError, stream::GatewayError, tools::ToolError,
    },
    payments::SenderError,
    view::push::{PushReport, PushStage},
    wire::client::ConnectError,
};

use crate::{
    failure::{Failure, Kind},
    run::failure::with_cause,
    shell::escape,
};

/// Nothing was sent.
pub fn of_push(error: PushError) -> Failure {
    let message = escape(&with_cause(&error));
    let failure = |kind, code| Failure::new(kind, code, message.clone());
    match &error {
        PushError::NoProfiles | PushError::ProfileName(_) | PushError::SameName(_) => {
            failure(Kind::Usage, "bad_ladder")
                .hint("give each rung a name of its own; `--help` shows examples")
        }
        PushError::Source(error) => of_source(error, failure),
        PushError::Cut(CutError::Tool(error)) | PushError::Tool(error) => of_tool(error, failure),
        PushError::Cut(CutError::Folder { .. }) => failure(Kind::Failed, "no_temporary_files")
            .hint("check the space left and the rights on it, or point TMPDIR elsewhere"),
        PushError::Cut(_) => failure(Kind::Failed, "cannot_cut")
            .hint("`ffprobe FILE` tells what ffmpeg makes of it; nothing was sent"),
        PushError::Nobody(nobody) => of_nobody(nobody, failure),
        PushError::PixelFormat(_) => failure(Kind::Failed, "input_unreadable")
            .hint("`ffprobe FILE` tells what ffmpeg makes of it; nothing was sent"),
        PushError::Gateway(GatewayError::Folder(_)) => failure(Kind::Failed, "no_temporary_files")
            .hint("check the space left and the rights on it, or point TMPDIR elsewhere"),
        PushError::Output { .. } => {
            failure(Kind::Failed, "output_not_written").hint("choose a folder you can write with `--out`")
        }
        PushError::Gateway(GatewayError::Client(_)) => failure(Kind::Bug, "bug"),
    }
}

/// The HTTP client could not be made.
pub fn of_client(error: ConnectError) -> Failure {
    Failure::new(Kind::Bug, "bug", escape(&with_cause(&error)))
}

fn of_nobody(nobody: &Nobody, failure: impl Fn(Kind, &'static str) -> Failure) -> Failure {
    match (&nobody.no_list, nobody.refusals.as_slice()) {
        (Some(_), _) => failure(Kind::Unreachable, "no_orchestrators")
            .hint("does the webhook answer? `--orch URL` names orchestrators by hand; nothing was sent"),
        (None, []) => failure(Kind::Failed, "no_orchestrators")
            .hint("the list is empty: name orchestrators with `--orch URL`"),
        (None, [(_, only)]) => of_orchestrator(only, failure),
        // The gateway's own fault is the same with all of them.
        (None, [(_, first @ OrchestratorError::Payment(cause)), ..]) if cause.is_own_fault() => {
            of_orchestrator(first, failure)
        }
        (None, refusals) => {
            let kind = match nobody.is_unreachable() {
                true => Kind::Unreachable,
                false => Kind::Failed,
            };
            let lines: Vec<String> = refusals
                .iter()
                .map(|(uri, error)| format!("  {uri}: {}", escape(&error.to_string())))
                .collect();
            failure(kind, "no_orchestrator_available")
                .explanation(lines.join("\n"))
                .hint("are the nodes running, and are they https or http? nothing was sent")
        }
    }
}

fn of_source(error: &SourceError, failure: impl Fn(Kind, &'static str) -> Failure) -> Failure {
    match error {
        SourceError::Open { .. } => {
            failure(Kind::Failed, "input_missing").hint("check the file's name and rights")
        }
        SourceError::Unreadable { .. } => {
            failure(Kind::Failed, "input_unreadable").hint("`ffprobe FILE` tells what ffmpeg makes of it")
        }
        SourceError::NoVideo { .. } => failure(Kind::Failed, "input_without_video")
            .hint("orchestrators transcode video; choose a file that has some"),
        SourceError::Tool(error) => of_tool(error, failure),
    }
}

fn of_tool(error: &ToolError, failure: impl Fn(Kind, &'static str) -> Failure) -> Failure {
    match error {
        ToolError::NoFfprobe(_) => failure(Kind::Failed, "ffprobe_missing")
            .hint("install ffmpeg whole (Debian: `apt-get install ffmpeg`)"),
        ToolError::Run { .. } => failure(Kind::Failed, "ffmpeg_not_started"),
        ToolError::TimedOut { .. } => {
            failure(Kind::Failed, "ffmpeg_timed_out").hint("is the file on a disk that hangs?")
        }
    }
}

fn of_orchestrator(error: &OrchestratorError, failure: impl Fn(Kind, &'static str) -> Failure) -> Failure {
    match error {
        OrchestratorError::Unreachable(_) | OrchestratorError::Silent { .. } | OrchestratorError::Late => {
            failure(Kind::Unreachable, "orchestrator_unreachable")
                .hint("is the node running (`lpctl run`), and is it https or http? nothing was sent")
        }
        OrchestratorError::Refused(text) if text.contains("OrchestratorCapped") => {
            failure(Kind::Failed, "orchestrator_full")
                .hint("it serves as many streams as it takes; try again later")
        }
        OrchestratorError::Refused(text) if text.contains("sig check failed") => {
            failure(Kind::Failed, "signature_wanted")
                .hint("it wants to know who sends: choose the account that signs with `--account`")
        }
        OrchestratorError::Refused(_) => failure(Kind::Failed, "orchestrator_refused"),
        OrchestratorError::NotTaking => failure(Kind::Failed, "orchestrator_not_taking")
            .hint("it is there and may be draining; try again later"),
        OrchestratorError::Incompatible(_) => failure(Kind::Failed, "orchestrator_incompatible")
            .hint("ask for another ladder, or choose another orchestrator"),
        OrchestratorError::PriceDoubled { .. } => failure(Kind::Failed, "orchestrator_price")
            .hint("choose another orchestrator, or send again at the new price"),
        OrchestratorError::TooDear { .. } => failure(Kind::Failed, "orchestrator_price")
            .hint("choose another orchestrator, or pay more with `--max-price`; nothing was sent"),
        OrchestratorError::Blocked(_) => {
            failure(Kind::Failed, "orchestrator_blocked").hint("choose another orchestrator")
        }
        OrchestratorError::Payment(error) => of_payment(error, failure),
        OrchestratorError::Address(_)
        | OrchestratorError::NoToken
        | OrchestratorError::Account(_)
        | OrchestratorError::Price { .. }
        | OrchestratorError::Lacks(_)
        | OrchestratorError::Parameters(_)
        | OrchestratorError::OtherAccount { .. } => failure(Kind::Failed, "orchestrator_answer")
            .hint("this is no orchestrator, or one that is misconfigured"),
    }
}

/// An orchestrator's tickets are not made: the gateway's funds, or what the operator pays at most.
fn of_payment(error: &PaymentError, failure: impl Fn(Kind, &'static str) -> Failure) -> Failure {
    match error {
        PaymentError::Tickets(error) => of_tickets(error, failure),
        PaymentError::NoPrice | PaymentError::PriceDoubled { .. } | PaymentError::TooMany(_) => {
            failure(Kind::Failed, "orchestrator_price").hint("choose another orchestrator")
        }
    }
}

/// Why the gateway makes no tickets, with the step that changes it.
pub fn of_tickets(error: &SenderError, failure: impl Fn(Kind, &'static str) -> Failure) -> Failure {
    match error {
        SenderError::NoDeposit | SenderError::NoReserve => failure(Kind::Refused, "no_deposit").hint(
            "orchestrators are paid from a deposit and a reserve: `lpctl deposit fund` makes them, `lpctl deposit \
             show` tells what is there",
        ),
        SenderError::Unlocking => failure(Kind::Refused, "deposit_unlocking")
            .hint("`lpctl deposit cancel-unlock` keeps deposit and reserve where they are"),
        SenderError::FaceValue { .. } => failure(Kind::Refused, "deposit_too_small")
            .hint("add to the deposit with `lpctl deposit fund`, or lower `--deposit-multiplier`"),
        SenderError::TicketValue { .. } => failure(Kind::Refused, "ticket_ev")
            .hint("choose another orchestrator, or pay more at a time with `--max-ticket-ev`"),
        SenderError::TotalValue { .. } => failure(Kind::Refused, "total_ev")
            .hint("choose another orchestrator or a smaller ladder, or pay more at a time with `--max-total-ev`"),
        SenderError::Unknown(_) => failure(Kind::Unreachable, "chain_unread")
            .hint("`lpctl rpc test` tells which endpoints answer"),
        SenderError::NotSigned => failure(Kind::Bug, "bug"),
        SenderError::NoParameters
        | SenderError::NoExpiration
        | SenderError::Expired
        | SenderError::UsedUp { .. }
        | SenderError::FaceValueTooLow(_) => failure(Kind::Failed, "orchestrator_tickets")
            .hint("choose another orchestrator: this one wants tickets that nobody would send"),
    }
}

/// Something was sent and not all of it came back right.
pub fn of_report(report: &PushReport) -> Failure {
    let counts = &report.segments;
    let message = match (&report.not_sent, counts.failed) {
        (Some(reason), failed) => format!(
            "{failed} of {} segments failed, and the rest was not sent: {}",
            counts.cut,
            escape(reason)
        ),
        (None, failed) => format!("{failed} of {} segments failed", counts.cut),
    };
    let failure = Failure::new(Kind::Failed, "push_incomplete", message);
    let first = report.failures.first();
    if report.failures.iter().any(|failure| failure.unreachable) {
        return failure
            .hint("is the node running (`lpctl run`)? it was heard of at first, and then not any more");
    }
    match first.map(|failure| failure.stage) {
        Some(PushStage::Submit | PushStage::Answer) => {
            failure.hint("the node's log and `lpctl dashboard` tell its side of it")
        }
        Some(PushStage::Download) => {
            failure.hint("can this machine reach the addresses the orchestrator names?")
        }
        Some(PushStage::Verify) => {
            failure.hint("keep the renditions with `--out DIR` and look at them with ffprobe")
        }
        Some(PushStage::Write) => failure.hint("check the space left in the output folder"),
        None => failure,
    }
}
