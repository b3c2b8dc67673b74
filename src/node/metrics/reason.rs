//! Why segments and payments came to nothing, as few stable names: the texts told to gateways hold much more.

use crate::{
    media::job::{FailureClass, TranscodeError},
    node::upload::UploadError,
    payments::{PaymentRefusal, TicketFailure},
};

/// Why a segment that was worked on failed.
pub(super) const FAILURES: &[&str] = &[
    "device",
    "download",
    "ended",
    "input",
    "late",
    "lost",
    "ours",
    "renditions",
    "request",
    "resource",
    "stopped",
    "store",
    "timeout",
    "transcoder",
];

/// Why a segment was turned away.
pub(super) const REFUSALS: &[&str] = &[
    "broken",
    "busy",
    "capped",
    "credentials",
    "late",
    "no_memory",
    "payment",
    "source",
    "too_large",
    "too_slow",
    "wrong_hash",
];

/// Why a payment was not taken. The first two are go-livepeer's (`go-livepeer monitor/census.go`), as is the last.
pub(super) const PAYMENTS: &[&str] = &[
    "InvalidPrice",
    "InvalidRecipientRand",
    "Books",
    "Inactive",
    "InsufficientBalance",
    "InvalidSenderNonce",
    "InvalidSignature",
    "Offer",
    "OrchestratorBusy",
    "SenderUnlocking",
    "TicketParamsExpired",
    "PaymentError",
];

/// Of a failed transcoding.
pub(in crate::node) fn of_transcode(error: &TranscodeError) -> &'static str {
    match error {
        TranscodeError::Input(_)
        | TranscodeError::Failed {
            class: FailureClass::Input,
            ..
        } => "input",
        TranscodeError::Stopped => "stopped",
        TranscodeError::TimedOut => "timeout",
        TranscodeError::Busy => "late",
        TranscodeError::Failed {
            class: FailureClass::Device,
            ..
        } => "device",
        TranscodeError::Failed {
            class: FailureClass::Resource,
            ..
        } => "resource",
        TranscodeError::Failed {
            class: FailureClass::Ours,
            ..
        } => "ours",
        TranscodeError::Remote(_) => "transcoder",
    }
}

/// Of a segment that did not arrive.
pub(in crate::node) fn of_upload(error: &UploadError) -> &'static str {
    match error {
        UploadError::TooLarge => "too_large",
        UploadError::Broken(_) => "broken",
        UploadError::TooSlow(_) => "too_slow",
        UploadError::NoRoom => "no_memory",
        UploadError::NotAUrl | UploadError::Source(_) => "source",
        UploadError::WrongHash => "wrong_hash",
    }
}

/// Of a payment that is not taken.
pub(in crate::node) fn of_payment(refusal: &PaymentRefusal) -> &'static str {
    match refusal {
        PaymentRefusal::Price(_) => "InvalidPrice",
        PaymentRefusal::Ticket(failure) => match failure {
            TicketFailure::RecipientRand => "InvalidRecipientRand",
            TicketFailure::Unlocking(_) => "SenderUnlocking",
            TicketFailure::Signature => "InvalidSignature",
            TicketFailure::NonceSeen { .. } | TicketFailure::TooManyNonces { .. } => "InvalidSenderNonce",
            TicketFailure::Expired => "TicketParamsExpired",
            TicketFailure::Unknown { .. } | TicketFailure::Recipient | TicketFailure::Sender => {
                "PaymentError"
            }
        },
        PaymentRefusal::Inactive { .. } => "Inactive",
        PaymentRefusal::Balance(_) => "InsufficientBalance",
        PaymentRefusal::NoRoom => "OrchestratorBusy",
        PaymentRefusal::Books(_) => "Books",
        PaymentRefusal::Offer(_) => "Offer",
        PaymentRefusal::NoSender | PaymentRefusal::Parameters(_) => "PaymentError",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::payments::books::BooksError;

    #[test]
    fn every_reason_is_one_that_begins_at_nothing() {
        for class in [
            FailureClass::Input,
            FailureClass::Device,
            FailureClass::Resource,
            FailureClass::Ours,
        ] {
            let error = TranscodeError::Failed {
                class,
                reason: String::new(),
            };
            assert!(FAILURES.contains(&of_transcode(&error)), "{class:?}");
        }
        for error in [
            TranscodeError::Input(""),
            TranscodeError::Stopped,
            TranscodeError::TimedOut,
            TranscodeError::Busy,
            TranscodeError::Remote(String::new()),
        ] {
            assert!(FAILURES.contains(&of_transcode(&error)), "{error:?}");
        }
        for error in [
            UploadError::TooLarge,
            UploadError::Broken(String::new()),
            UploadError::TooSlow(Duration::ZERO),
            UploadError::NoRoom,
            UploadError::NotAUrl,
            UploadError::Source(String::new()),
            UploadError::WrongHash,
        ] {
            assert!(REFUSALS.contains(&of_upload(&error)), "{error:?}");
        }
        for refusal in [
            PaymentRefusal::NoSender,
            PaymentRefusal::NoRoom,
            PaymentRefusal::Books(BooksError::Closed),
            TicketFailure::RecipientRand.into(),
            TicketFailure::Signature.into(),
            TicketFailure::Expired.into(),
            TicketFailure::Sender.into(),
        ] {
            assert!(PAYMENTS.contains(&of_payment(&refusal)), "{refusal:?}");
        }
    }
}
