//! Capabilities: packing, derivation and compatibility.

use std::collections::BTreeMap;

use engine::wire::{
    capability::{
        Capability, CapabilitySet, Incompatible, Job, PROTOCOL_VERSION, SourceCodec, compatible,
        job_capabilities, job_message, pixel_format_capability, satisfies,
    },
    net::{
        self,
        capabilities::{CapabilityConstraints, Constraints, capability_constraints::ModelConstraint},
    },
};
use proptest::prelude::*;
use serde::Deserialize;

use super::{credentials::profile, vectors};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CapabilityVectors {
    #[serde(rename = "origin")]
    _origin: String,
    names: BTreeMap<u32, String>,
    default_set: Vec<u64>,
    legacy_set: Vec<u64>,
    software_transcoder_set: Vec<u64>,
    software_transcoder_lacks: Vec<u32>,
    rtmp_h264_to_ts: Vec<u64>,
    pushed_h264_to_ts: Vec<u64>,
    versions: Vec<VersionVector>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct VersionVector {
    version: String,
    minimum: String,
    satisfies: bool,
}

#[test]
fn sets_and_names_are_those_of_go_livepeer() {
    let vectors: CapabilityVectors = vectors::read("capability.json");
    let names: BTreeMap<_, _> = Capability::ALL
        .iter()
        .map(|capability| (capability.id(), capability.name().to_string()))
        .collect();
    assert_eq!(names, vectors.names);
    assert_eq!(CapabilitySet::default_set().words(), vectors.default_set);
    assert_eq!(CapabilitySet::legacy_set().words(), vectors.legacy_set);
    let optional = CapabilitySet::optional_set();
    let mut software: CapabilitySet = CapabilitySet::default_set()
        .iter()
        .chain(optional.iter())
        .collect();
    for id in vectors.software_transcoder_lacks {
        software.remove(Capability::from_id(id).unwrap());
    }
    assert_eq!(software.words(), vectors.software_transcoder_set);

    let profiles = [profile("a"), profile("b")];
    let job = |is_pushed| Job {
        source: SourceCodec::H264,
        pixel_format: "yuv420p",
        profiles: &profiles,
        is_pushed,
        verifies_by_hash: false,
    };
    assert_eq!(
        job_capabilities(&job(false)).unwrap().words(),
        vectors.rtmp_h264_to_ts
    );
    assert_eq!(
        job_capabilities(&job(true)).unwrap().words(),
        vectors.pushed_h264_to_ts
    );
    for case in vectors.versions {
        assert_eq!(
            satisfies(&case.version, &case.minimum),
            case.satisfies,
            "{:?} against {:?}",
            case.version,
            case.minimum
        );
    }
}

#[test]
fn everything_a_ladder_asks_for_becomes_a_capability() {
    use engine::media::ladder::{CodecProfile, Container, Gop, VideoCodec};
    let of = |change: &dyn Fn(&mut engine::media::ladder::Profile)| {
        let mut special = profile("a");
        change(&mut special);
        let set = job_capabilities(&Job {
            source: SourceCodec::Hevc,
            pixel_format: "anything",
            profiles: &[special],
            is_pushed: false,
            verifies_by_hash: true,
        });
        let ids: Vec<_> = set.unwrap().iter().map(Capability::id).collect();
        ids
    };
    assert_eq!(of(&|_| {}), [0, 1, 12, 14, 15]);
    assert_eq!(of(&|p| p.format = Container::Mp4), [0, 2, 12, 14, 15]);
    assert_eq!(of(&|p| p.codec = VideoCodec::H265), [1, 12, 14, 15, 16]);
    assert_eq!(of(&|p| p.codec = VideoCodec::Vp8), [1, 12, 14, 15, 19]);
    assert_eq!(of(&|p| p.codec = VideoCodec::Vp9), [1, 12, 14, 15, 20]);
    assert_eq!(of(&|p| p.fps_den = 1), [0, 1, 3, 12, 14, 15]);
    assert_eq!(of(&|p| p.gop = Gop::Intra), [0, 1, 11, 12, 14, 15]);
    let named = [
        (CodecProfile::H264Baseline, 7),
        (CodecProfile::H264Main, 8),
        (CodecProfile::H264High, 9),
        (CodecProfile::H264ConstrainedHigh, 10),
    ];
    for (codec_profile, id) in named {
        assert_eq!(of(&|p| p.codec_profile = codec_profile), [0, 1, id, 12, 14, 15]);
    }
    let formats = [
        ("yuv420p", None),
        ("", None),
        ("yuv444p", Some(21)),
        ("yuv422p", Some(22)),
        ("yuv444p10le", Some(23)),
        ("yuv422p10le", Some(24)),
        ("yuv420p10le", Some(25)),
    ];
    for (name, id) in formats {
        assert_eq!(
            pixel_format_capability(name).unwrap().map(Capability::id),
            id,
            "{name}"
        );
    }
    assert!(pixel_format_capability("gray").is_err());
}

fn node() -> net::Capabilities {
    CapabilitySet::default_set().to_message(PROTOCOL_VERSION)
}

fn job(minimum: &str) -> net::Capabilities {
    job_message(
        &[Capability::H264, Capability::AuthToken].into_iter().collect(),
        minimum,
    )
}

fn with_model(capabilities: &mut net::Capabilities, name: &str, warm: bool, version: &str) {
    let model = ModelConstraint {
        warm,
        runner_version: version.into(),
        ..ModelConstraint::default()
    };
    let models = CapabilityConstraints {
        models: [(name.to_string(), model)].into(),
    };
    let constraints = capabilities.constraints.get_or_insert_with(Constraints::default);
    constraints.per_capability.insert(35, models);
}

#[test]
fn a_job_fits_a_node_only_if_all_five_rules_hold() {
    assert_eq!(compatible(Some(&job("")), &node()), Ok(()));
    assert_eq!(compatible(Some(&job("0.9.0")), &node()), Ok(()));
    assert_eq!(compatible(None, &node()), Err(Incompatible::NoJob));
    assert!(matches!(
        compatible(Some(&job("0.10.0")), &node()),
        Err(Incompatible::Version { .. })
    ));

    let strict = net::Capabilities {
        mandatories: vec![1 << Capability::Mpeg7Signature.id()],
        ..node()
    };
    let error = compatible(Some(&job("")), &strict).unwrap_err();
    assert_eq!(error.to_string(), "the node insists on: MPEG7 signature");

    let mut wants_hevc = job("");
    wants_hevc.bitstring[0] |= 1 << 16;
    let error = compatible(Some(&wants_hevc), &node()).unwrap_err();
    assert_eq!(error.to_string(), "the node lacks: HEVC encode");

    // More words than the node has never fit, even zero ones.
    let mut longer = job("");
    longer.bitstring.push(0);
    assert!(matches!(
        compatible(Some(&longer), &node()),
        Err(Incompatible::Missing(_))
    ));
}

#[test]
fn models_are_compared_where_both_sides_name_some() {
    let mut wants = job("");
    with_model(&mut wants, "m", true, "1.2");
    assert_eq!(compatible(Some(&wants), &node()), Ok(()));

    for (name, warm, version, fits) in [
        ("m", true, "1.2.0", true),
        ("m", true, "1.10", true),
        ("m", false, "1.2.0", false),
        ("m", true, "1.1.9", false),
        ("other", true, "1.2.0", false),
    ] {
        let mut offers = node();
        with_model(&mut offers, name, warm, version);
        assert_eq!(
            compatible(Some(&wants), &offers).is_ok(),
            fits,
            "{name} {warm} {version}"
        );
    }
}

proptest! {
    #[test]
    fn packed_and_unpacked_is_the_same(ids in proptest::collection::btree_set(0u32..38, 0..38)) {
        let set: CapabilitySet = ids.iter().filter_map(|id| Capability::from_id(*id)).collect();
        prop_assert_eq!(CapabilitySet::from_words(set.words()), set.clone());
        let back: Vec<_> = set.iter().map(Capability::id).collect();
        let want: Vec<_> = ids.into_iter().filter(|id| *id != 13).collect();
        prop_assert_eq!(back, want);
        prop_assert_ne!(set.words().last(), Some(&0));
    }
}
