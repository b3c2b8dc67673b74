//! The row of the two registries (32 of the reference), and of publishing what is published.

use super::{Finding, refusal, warning};
use crate::chain::{facts::Snapshot, plan::Publication, text::plain};

/// What stands in the way of publishing in the registries asked for.
pub(super) fn rows(publication: &Publication, snapshot: &Snapshot) -> Vec<Option<Finding>> {
    let uri = Some(publication.uri.as_str());
    let main = !publication.main || snapshot.own.service_uri.as_deref() == uri;
    let ai = snapshot.particulars.ai.as_ref();
    let ai = ai.is_none_or(|ai| ai.uri.as_deref() == uri);
    let unchanged = (main && ai).then(|| {
        refusal(
            "unchanged_service_uri",
            format!("`{}` is published already", plain(&publication.uri, 200)),
            "nothing to do",
        )
    });
    vec![unchanged.flatten()]
}

/// The other registry tells gateways something else.
pub(super) fn other_registry(snapshot: &Snapshot, uri: &str, fix: &str) -> Option<Finding> {
    let entry = snapshot.particulars.ai.as_ref()?.uri.as_deref()?;
    (entry != uri).then_some(())?;
    warning(
        "registries_differ",
        format!(
            "there are two registries, and the AI one still says `{}`",
            plain(entry, 200)
        ),
        fix,
    )
}

#[cfg(test)]
mod tests {
    use alloy::primitives::Address;

    use super::*;
    use crate::chain::particulars::AiRegistry;

    #[test]
    fn an_entry_left_behind_in_the_other_registry_is_named() {
        let mut snapshot = Snapshot::sample();
        let mut entry = |uri: Option<&str>| {
            snapshot.particulars.ai = Some(AiRegistry {
                address: Address::repeat_byte(9),
                uri: uri.map(String::from),
            });
            other_registry(&snapshot, "https://new.example.org:8935", "").map(|finding| finding.code)
        };
        assert_eq!(
            entry(Some("https://old.example.org:8935")),
            Some("registries_differ")
        );
        assert_eq!(entry(Some("https://new.example.org:8935")), None);
        assert_eq!(entry(None), None, "whoever serves no AI needs no entry there");
    }
}
