//! Signatures, segment credentials, profiles on the wire and session tokens.

use std::{collections::BTreeMap, time::Duration};

use alloy::{
    primitives::{Address, B256, Bytes, U256, keccak256},
    signers::local::PrivateKeySigner,
};
use engine::{
    media::ladder::{CodecProfile, Container, Gop, Profile, VideoCodec},
    wire::{
        capability::CapabilitySet,
        net,
        segment::{self, Credentials, ProfileError},
        signature::{self, LocalSigner, MessageSigner, Offchain},
        token::{AuthTokens, TokenError},
    },
};
use jiff::Timestamp;
use proptest::prelude::*;
use prost::Message;
use serde::Deserialize;

use super::vectors;

pub fn profile(name: &str) -> Profile {
    Profile {
        name: name.into(),
        width: 640,
        height: 360,
        bitrate: 1_200_000,
        fps: 30,
        fps_den: 0,
        format: Container::MpegTs,
        codec: VideoCodec::H264,
        codec_profile: CodecProfile::Default,
        gop: Gop::Default,
        quality: 0,
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignatureVectors {
    #[serde(rename = "origin")]
    _origin: String,
    verified_hashes: Vec<VerifiedHash>,
    key: B256,
    address: Address,
    orchestrator_request: Signed,
    zero_address_message_hash: B256,
    renditions: Renditions,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct VerifiedHash {
    address: Address,
    hash: B256,
    signature: Bytes,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Signed {
    message_hash: B256,
    digest: B256,
    signature: Bytes,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Renditions {
    data: Vec<String>,
    message_hash: B256,
    digest: B256,
}

fn signer(key: B256) -> LocalSigner {
    LocalSigner(PrivateKeySigner::from_bytes(&key).unwrap())
}

#[test]
fn signatures_are_those_of_go_livepeer() {
    let vectors: SignatureVectors = vectors::read("signature.json");
    for known in &vectors.verified_hashes {
        assert!(signature::verify_hash(
            known.address,
            known.hash,
            &known.signature
        ));
        assert!(!signature::verify_hash(
            Address::ZERO,
            known.hash,
            &known.signature
        ));
    }

    let signer = signer(vectors.key);
    assert_eq!(signer.address(), vectors.address);
    let message = signature::orchestrator_request_message(vectors.address);
    let request = &vectors.orchestrator_request;
    assert_eq!(keccak256(&message), request.message_hash);
    assert_eq!(signature::message_digest(message.as_bytes()), request.digest);
    assert_eq!(
        signature::sign(&signer, message.as_bytes()),
        request.signature.to_vec()
    );
    assert!(signature::verify(
        vectors.address,
        message.as_bytes(),
        &request.signature
    ));

    let nobody = signature::orchestrator_request_message(Address::ZERO);
    assert_eq!(keccak256(nobody), vectors.zero_address_message_hash);

    let made = signature::renditions_message(&vectors.renditions.data);
    assert_eq!(keccak256(&made), vectors.renditions.message_hash);
    assert_eq!(signature::message_digest(&made), vectors.renditions.digest);
}

#[test]
fn a_signature_has_one_form() {
    let vectors: SignatureVectors = vectors::read("signature.json");
    let good = vectors.orchestrator_request.signature.to_vec();
    let digest = vectors.orchestrator_request.digest;
    assert_eq!(signature::recover(digest, &good), Some(vectors.address));

    // The same point with S above half the order and the other parity: Ethereum's libraries would recover the same
    // address from it, so taking it would let anyone make a second signature out of a first.
    let order: U256 = "0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"
        .parse()
        .unwrap();
    let mut high = good.clone();
    let s = U256::from_be_slice(&good[32..64]);
    high[32..64].copy_from_slice(&(order - s).to_be_bytes::<32>());
    high[64] = 27 + (28 - good[64]);
    assert_eq!(signature::recover(digest, &high), None);

    for v in [0, 1, 26, 29, 35, 255] {
        let mut other = good.clone();
        other[64] = v;
        assert_eq!(signature::recover(digest, &other), None, "V {v} was taken");
    }
    assert_eq!(signature::recover(digest, &good[..64]), None);
    assert_eq!(
        signature::recover(digest, &[good.clone(), vec![0]].concat()),
        None
    );
    assert_eq!(signature::recover(digest, &[]), None);
    let zeros = [vec![0; 64], vec![27]].concat();
    assert_eq!(signature::recover(digest, &zeros), None);
}

#[test]
fn a_node_without_an_account_signs_with_no_bytes() {
    assert_eq!(Offchain.address(), Address::ZERO);
    assert_eq!(Offchain.sign(b"anything"), Vec::<u8>::new());
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SegmentVectors {
    #[serde(rename = "origin")]
    _origin: String,
    manifest_id: String,
    seq: u64,
    hash: B256,
    profile_names: Vec<String>,
    flat_length: usize,
    message_hash: B256,
    digest: B256,
    key: B256,
    signature: Bytes,
    name_ids: BTreeMap<String, String>,
    bitrates: BTreeMap<String, u32>,
}

#[test]
fn segments_are_flattened_and_signed_like_go_livepeer() {
    let vectors: SegmentVectors = vectors::read("segment.json");
    let profiles: Vec<_> = vectors.profile_names.iter().map(|name| profile(name)).collect();
    let seq = i64::try_from(vectors.seq).unwrap();
    let flat = segment::flatten(vectors.manifest_id.as_bytes(), seq, vectors.hash, &profiles);
    assert_eq!(flat.len(), vectors.flat_length);
    assert_eq!(keccak256(&flat), vectors.message_hash);
    assert_eq!(signature::message_digest(&flat), vectors.digest);
    for (name, id) in &vectors.name_ids {
        assert_eq!(&segment::name_id(name), id, "{name}");
    }
    for (text, bits) in &vectors.bitrates {
        assert_eq!(segment::parse_bitrate(text), Some(*bits), "{text}");
    }

    let signer = signer(vectors.key);
    let sent = Credentials {
        manifest_id: &vectors.manifest_id,
        seq: vectors.seq,
        hash: vectors.hash,
        duration: Duration::from_millis(2033),
        profiles: &profiles,
        auth_token: AuthTokens::generate().issue(Timestamp::now()),
        capabilities: CapabilitySet::default_set().to_message(""),
    }
    .build(&signer);
    assert_eq!(sent.sig, vectors.signature.to_vec());
    assert_eq!(sent.duration, 2033);
    assert!(segment::is_signed_by(&sent, &profiles, signer.address()));
    assert!(!segment::is_signed_by(&sent, &profiles[..1], signer.address()));

    let received = segment::from_header(segment::to_header(&sent).as_bytes()).unwrap();
    assert_eq!(received, sent);
    assert_eq!(segment::to_profiles(&received), Ok(profiles));
}

#[test]
fn a_bit_rate_is_digits_with_or_without_k() {
    for bad in ["", "k", "4m", "-1", "1.5k", "5000000k", "99999999999"] {
        assert_eq!(segment::parse_bitrate(bad), None, "{bad}");
    }
}

#[test]
fn a_segment_header_that_is_none_is_refused_with_the_protocol_text() {
    let error = segment::from_header(b"not base64!").unwrap_err();
    assert_eq!(error.to_string(), "ErrorSegEncoding");
    assert!(segment::from_header(b"/////w==").is_err());
    // Missing and empty are the same: an empty message.
    assert_eq!(segment::from_header(b"").unwrap(), net::SegData::default());
}

#[test]
fn each_ladder_goes_into_the_one_list_that_says_all_of_it() {
    let lists = |profiles: &[Profile]| {
        let mut sent = net::SegData::default();
        segment::fill_profiles(&mut sent, profiles);
        assert_eq!(sent.profiles, b"invalid");
        (
            sent.full_profiles.len(),
            sent.full_profiles2.len(),
            sent.full_profiles3.len(),
        )
    };
    let plain = profile("a");
    let mp4 = Profile {
        format: Container::Mp4,
        ..profile("b")
    };
    let one_den = Profile {
        fps_den: 1,
        ..profile("c")
    };
    let high = Profile {
        codec_profile: CodecProfile::H264High,
        ..profile("d")
    };
    let intra = Profile {
        gop: Gop::Intra,
        ..profile("e")
    };
    assert_eq!(lists(std::slice::from_ref(&plain)), (1, 0, 0));
    assert_eq!(lists(&[plain.clone(), mp4.clone()]), (0, 2, 0));
    for special in [one_den, high, intra] {
        assert_eq!(lists(&[plain.clone(), mp4.clone(), special]), (0, 0, 3));
    }
}

#[test]
fn the_newest_list_wins_and_an_empty_name_is_replaced() {
    let wire = |width| net::VideoProfile {
        width,
        height: 4,
        bitrate: 5,
        ..net::VideoProfile::default()
    };
    let mut received = net::SegData {
        full_profiles: vec![wire(1)],
        full_profiles2: vec![wire(2)],
        full_profiles3: vec![wire(3)],
        ..net::SegData::default()
    };
    let first = |segment: &net::SegData| segment::to_profiles(segment).unwrap()[0].clone();
    assert_eq!(first(&received).width, 3);
    assert_eq!(first(&received).name, "net_3x4_5");
    received.full_profiles3.clear();
    assert_eq!(first(&received).width, 2);
    received.full_profiles2.clear();
    assert_eq!(first(&received).width, 1);
    received.full_profiles.clear();
    assert_eq!(segment::to_profiles(&received), Ok(Vec::new()));
}

#[test]
fn profiles_the_protocol_does_not_know_are_refused_with_its_texts() {
    type Change = fn(&mut net::VideoProfile);
    let cases: [(Change, ProfileError, &str); 6] = [
        (
            |p| p.format = 2,
            ProfileError::Format,
            "unrecognized profile output format",
        ),
        (
            |p| p.profile = 5,
            ProfileError::CodecProfile,
            "unrecognized encoder profile",
        ),
        (|p| p.encoder = 4, ProfileError::Codec, "unrecognized video codec"),
        (|p| p.gop = -2, ProfileError::Gop, "TranscoderInvalidGOP"),
        (
            |p| p.width = -1,
            ProfileError::Resolution,
            "TranscoderInvalidResolution",
        ),
        (|p| p.bitrate = -1, ProfileError::Bitrate, "Invalid argument"),
    ];
    for (change, error, text) in cases {
        let mut wire = net::VideoProfile::default();
        change(&mut wire);
        let received = net::SegData {
            full_profiles: vec![wire],
            ..net::SegData::default()
        };
        assert_eq!(segment::to_profiles(&received), Err(error));
        assert_eq!(error.to_string(), text);
    }
}

#[test]
fn durations_are_checked_and_zero_means_two_seconds() {
    let of = |millis| {
        segment::duration_of(&net::SegData {
            duration: millis,
            ..net::SegData::default()
        })
    };
    assert_eq!(of(0), Ok(Duration::from_secs(2)));
    assert_eq!(of(1), Ok(Duration::from_millis(1)));
    assert_eq!(of(300_000), Ok(Duration::from_secs(300)));
    assert_eq!(of(300_001), Err(ProfileError::Duration));
    assert_eq!(of(-1), Err(ProfileError::Duration));
}

#[test]
fn a_hash_of_another_length_reads_like_in_go() {
    let of = |hash: Vec<u8>| {
        segment::hash_of(&net::SegData {
            hash,
            ..net::SegData::default()
        })
    };
    assert_eq!(of(vec![7]), B256::with_last_byte(7));
    assert_eq!(of(vec![]), B256::ZERO);
    assert_eq!(of([vec![9; 8], vec![1; 32]].concat()), B256::repeat_byte(1));
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenVectors {
    #[serde(rename = "origin")]
    _origin: String,
    secret: B256,
    session_id: String,
    expiration: i64,
    token: Bytes,
}

#[test]
fn tokens_are_those_of_go_livepeer() {
    let vectors: TokenVectors = vectors::read("auth_token.json");
    let tokens = AuthTokens::new(vectors.secret.0);
    let made = tokens.make(vectors.session_id, vectors.expiration);
    assert_eq!(made.token, vectors.token.to_vec());
    let at = |second| Timestamp::from_second(second).unwrap();
    assert_eq!(tokens.check(&made, at(vectors.expiration)), Ok(()));
    assert_eq!(
        tokens.check(&made, at(vectors.expiration + 1)),
        Err(TokenError::Expired)
    );
}

#[test]
fn a_token_holds_for_its_session_its_time_and_its_orchestrator() {
    let now = Timestamp::now();
    let tokens = AuthTokens::generate();
    let token = tokens.issue(now);
    assert_eq!(token.session_id.len(), 8);
    assert!(
        token
            .session_id
            .bytes()
            .all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    );
    assert_eq!(token.expiration, now.as_second() + 1800);
    assert_eq!(tokens.check(&token, now), Ok(()));
    assert_eq!(
        AuthTokens::generate().check(&token, now),
        Err(TokenError::Invalid)
    );

    let mut later = token.clone();
    later.expiration += 1;
    let mut other = token.clone();
    other.session_id = "00000000".into();
    let mut short = token.clone();
    short.token.pop();
    for changed in [later, other, short] {
        assert_eq!(tokens.check(&changed, now), Err(TokenError::Invalid));
        assert!(!tokens.is_ours(&changed));
    }
    assert_eq!(format!("{tokens:?}"), "AuthTokens(…)");
    assert_eq!(TokenError::Missing.to_string(), "missing auth token");
    assert_eq!(TokenError::Invalid.to_string(), "invalid auth token");
    assert_eq!(TokenError::Expired.to_string(), "expired auth token");
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FieldVectors {
    #[serde(rename = "origin")]
    _origin: String,
    seg_data: Vec<u32>,
    video_profile: Vec<u32>,
    orchestrator_info: Vec<u32>,
    transcode_result_data: Vec<u32>,
    transcode_result_error: Vec<u32>,
    notify_segment: Vec<u32>,
    capabilities: Vec<u32>,
}

/// The field numbers at the top level of an encoded message.
fn field_numbers(message: &impl Message) -> Vec<u32> {
    let bytes = message.encode_to_vec();
    let mut rest = bytes.as_slice();
    let mut numbers = Vec::new();
    while !rest.is_empty() {
        let (number, wire_type) = prost::encoding::decode_key(&mut rest).unwrap();
        numbers.push(number);
        let context = prost::encoding::DecodeContext::default();
        prost::encoding::skip_field(wire_type, number, &mut rest, context).unwrap();
    }
    numbers.sort_unstable();
    numbers
}

#[test]
fn every_field_has_the_number_of_the_protocol() {
    let vectors: FieldVectors = vectors::read("message_fields.json");
    let video_profile = net::VideoProfile {
        name: "a".into(),
        width: 1,
        height: 1,
        bitrate: 1,
        fps: 1,
        format: 1,
        fps_den: 1,
        profile: 1,
        gop: 1,
        encoder: 1,
        color_depth: 1,
        chroma_format: 1,
        quality: 1,
    };
    assert_eq!(field_numbers(&video_profile), vectors.video_profile);
    let capabilities = net::Capabilities {
        bitstring: vec![1],
        mandatories: vec![1],
        capacities: [(1, 1)].into(),
        version: "1".into(),
        constraints: Some(Default::default()),
    };
    assert_eq!(field_numbers(&capabilities), vectors.capabilities);
    let seg_data = net::SegData {
        manifest_id: vec![1],
        seq: 1,
        hash: vec![1],
        profiles: vec![1],
        sig: vec![1],
        duration: 1,
        capabilities: Some(capabilities.clone()),
        auth_token: Some(Default::default()),
        calc_perceptual_hash: true,
        storage: vec![Default::default()],
        full_profiles: vec![video_profile.clone()],
        full_profiles2: vec![video_profile.clone()],
        full_profiles3: vec![video_profile],
        segment_parameters: Some(Default::default()),
        force_session_reinit: true,
    };
    assert_eq!(field_numbers(&seg_data), vectors.seg_data);
    let info = net::OrchestratorInfo {
        transcoder: "a".into(),
        ticket_params: Some(Default::default()),
        price_info: Some(Default::default()),
        address: vec![1],
        capabilities: Some(capabilities),
        auth_token: Some(Default::default()),
        hardware: vec![Default::default()],
        storage: vec![Default::default()],
        capabilities_prices: vec![Default::default()],
        nodes: vec!["a".into()],
    };
    assert_eq!(field_numbers(&info), vectors.orchestrator_info);
    let result = |result| net::TranscodeResult {
        seq: 1,
        info: Some(info.clone()),
        result: Some(result),
    };
    let data = net::transcode_result::Result::Data(net::TranscodeData::default());
    assert_eq!(field_numbers(&result(data)), vectors.transcode_result_data);
    let error = net::transcode_result::Result::Error("a".into());
    assert_eq!(field_numbers(&result(error)), vectors.transcode_result_error);
    let notify = net::NotifySegment {
        url: "a".into(),
        seg_data: Some(seg_data),
        task_id: 1,
        profiles: vec![1],
        orch_id: "a".into(),
    };
    assert_eq!(field_numbers(&notify), vectors.notify_segment);
}

prop_compose! {
    fn any_profile()(
        name in "[A-Za-z0-9_]{1,20}",
        size in (0u32..100_000, 0u32..100_000, 0u32..=0x7fff_ffff),
        rate in (0u32..1000, 0u32..1002),
        choice in (0usize..2, 0usize..4, 0usize..5, 0usize..3),
        millis in 1u32..=0x7fff_ffff,
        quality: u32,
    ) -> Profile {
        Profile {
            name,
            width: size.0,
            height: size.1,
            bitrate: size.2,
            fps: rate.0,
            fps_den: rate.1,
            format: [Container::MpegTs, Container::Mp4][choice.0],
            codec: [VideoCodec::H264, VideoCodec::H265, VideoCodec::Vp8, VideoCodec::Vp9][choice.1],
            codec_profile: [
                CodecProfile::Default,
                CodecProfile::H264Baseline,
                CodecProfile::H264Main,
                CodecProfile::H264High,
                CodecProfile::H264ConstrainedHigh,
            ][choice.2],
            gop: [Gop::Default, Gop::Intra, Gop::Millis(millis)][choice.3],
            quality,
        }
    }
}

proptest! {
    #[test]
    fn any_ladder_arrives_as_it_was_sent(profiles in proptest::collection::vec(any_profile(), 0..6)) {
        let mut sent = net::SegData::default();
        segment::fill_profiles(&mut sent, &profiles);
        let received = segment::from_header(segment::to_header(&sent).as_bytes()).unwrap();
        prop_assert_eq!(segment::to_profiles(&received).unwrap(), profiles);
    }

    #[test]
    fn only_the_signer_of_exactly_this_message_is_recovered(key in 1u64.., message: Vec<u8>, flip in 0usize..65) {
        let signer = signer(B256::from(U256::from(key)));
        let good = signer.sign(&message);
        prop_assert!(signature::verify(signer.address(), &message, &good));
        let mut bad = good.clone();
        bad[flip] ^= 1;
        prop_assert!(!signature::verify(signer.address(), &message, &bad));
        let longer = [message.as_slice(), b"x"].concat();
        prop_assert!(!signature::verify(signer.address(), &longer, &good));
    }

    #[test]
    fn no_header_makes_it_panic(bytes: Vec<u8>) {
        let _ = segment::from_header(&bytes);
        if let Ok(received) = net::SegData::decode(bytes.as_slice()) {
            let _ = (segment::to_profiles(&received), segment::duration_of(&received), segment::hash_of(&received));
        }
    }
}
