//! Sources and renditions in object stores, on a real S3 server. It takes any signature, so what is signed is compared with
//! what the vendors' own libraries compute.

use bytes::Bytes;
use engine::{
    media::count::count,
    store::{Grant, ObjectStore},
    wire::{net, segment::to_header, signature::Offchain},
};
use jiff::Timestamp;
use serde_json::json;
use testbed::{ObjectServer, run_python};

use super::{
    harness::{Rig, credentials, data, error, h1, h2, ladder, node, node_with, refusal, result},
    transcoder::clip,
};

/// A server with a bucket called `media`.
async fn server() -> ObjectServer {
    let server = ObjectServer::start();
    let made = h1().put(format!("{}/media", server.url())).send().await.unwrap();
    assert_eq!(made.status(), 200);
    server
}

fn store(url: &str) -> ObjectStore {
    ObjectStore::open(url.parse().unwrap()).unwrap()
}

/// The keys in the bucket.
async fn keys(server: &ObjectServer) -> String {
    let listed = h1()
        .get(format!("{}/media?list-type=2", server.url()))
        .send()
        .await;
    listed.unwrap().text().await.unwrap()
}

/// Segment `seq` with what the gateway says of its store.
async fn transcode(
    rig: &Rig,
    token: &net::AuthToken,
    seq: u64,
    storage: Option<net::OsInfo>,
    clip: &Bytes,
) -> net::TranscodeResult {
    let mut segment = credentials(&Offchain, token, seq, clip, &ladder());
    segment.storage = storage.into_iter().collect();
    result(rig.post(&h2(), &segment, clip.clone()).await).await
}

async fn frames(url: &str) -> u64 {
    let answer = h1().get(url).send().await.unwrap();
    assert_eq!(answer.status(), 200, "{url}");
    assert_eq!(answer.headers()["content-type"], "video/mp2t");
    count(&answer.bytes().await.unwrap()).unwrap().frames
}

#[tokio::test]
async fn renditions_go_to_the_gateways_store_and_stay_with_it() {
    let server = server().await;
    let gateway = store(&server.store_url("media/pre/fix"));
    let rig = node().await;
    let clip = clip();
    let token = rig.token().await;
    let id = &token.session_id;
    let offer = |directory: &str| gateway.offer(&format!("{directory}/{id}"), Timestamp::now());
    let offers = [Some(offer("stream")), None, Some(offer("elsewhere"))];
    for (seq, storage) in (0..).zip(offers) {
        let made = data(transcode(&rig, &token, seq, storage, &clip).await);
        for (rung, segment) in ladder().iter().zip(&made.segments) {
            let key = format!("media/pre/fix/stream/{id}/{}/{seq}.ts", rung.name);
            assert_eq!(segment.url, format!("{}/{key}", server.url()));
            assert_eq!(frames(&segment.url).await, 30);
        }
    }
    // Nothing is kept here as well, and another session is asked anew.
    let path = format!("/stream/{id}/{}/0.ts", ladder()[0].name);
    assert_eq!(h1().get(rig.url(&path)).send().await.unwrap().status(), 404);
    let other = rig.token().await;
    let made = data(transcode(&rig, &other, 0, None, &clip).await);
    assert!(made.segments[0].url.starts_with(&rig.url("/stream/")));
    // One that says it has none has none.
    let direct = net::OsInfo::default();
    let made = data(transcode(&rig, &rig.token().await, 0, Some(direct), &clip).await);
    assert!(made.segments[0].url.starts_with(&rig.url("/stream/")));
}

#[tokio::test]
async fn a_nodes_own_store_is_offered_for_sources_and_takes_renditions() {
    let server = server().await;
    let own = store(&server.store_url("media"));
    // The node's own store may be where strangers may not send it.
    let rig = node_with(|config| {
        config.object_store = Some(own);
        config.private_sources = false;
    })
    .await;
    let clip = clip();
    let offered = rig.offer().await;
    let token = offered.auth_token.unwrap();
    let grant = Grant::read(&offered.storage[0]).unwrap();
    let source = grant.put(&h1(), "source/0.ts", &clip).await.unwrap();
    assert_eq!(
        source,
        format!("{}/media/{}/source/0.ts", server.url(), token.session_id)
    );
    let post = |body: String| {
        h2().post(rig.url("/segment"))
            .header(
                "Livepeer-Segment",
                to_header(&credentials(&Offchain, &token, 0, &clip, &ladder())),
            )
            .header("Content-Type", "application/vnd+livepeer.uri")
            .body(body)
            .send()
    };
    let answer = result(post(source.clone()).await.unwrap()).await;
    assert_eq!(answer.info.as_ref().unwrap().storage[0].storage_type, 1);
    for segment in data(answer).segments {
        assert!(
            segment
                .url
                .starts_with(&format!("{}/media/{}/", server.url(), token.session_id))
        );
        assert_eq!(frames(&segment.url).await, 30);
    }
    // Its neighbours on the same address are none of its own.
    let elsewhere = source.replace("/media/", "/other/");
    assert_eq!(
        refusal(post(elsewhere).await.unwrap()).await,
        (400, "BadRequest".to_string())
    );
}

#[tokio::test]
async fn a_gateway_cannot_make_a_public_node_post_to_its_neighbours() {
    let server = server().await;
    let rig = node_with(|config| config.private_sources = false).await;
    let offer = store(&server.store_url("media")).offer("stream", Timestamp::now());
    let answer = transcode(&rig, &rig.token().await, 0, Some(offer), &clip()).await;
    let told = error(answer);
    assert!(told.starts_with("the object store cannot be used: "), "{told}");
    assert!(!keys(&server).await.contains("<Key>"));
}

#[tokio::test]
async fn a_store_that_takes_nothing_is_told_in_the_result() {
    let server = server().await;
    let rig = node().await;
    let refusing = store(&server.store_url("nobodys")).offer("stream", Timestamp::now());
    let told = error(transcode(&rig, &rig.token().await, 0, Some(refusing), &clip()).await);
    assert!(
        told.starts_with("the object store refused: ") && told.contains("NoSuchBucket"),
        "{told}"
    );
    let gone = store(&server.store_url("media")).offer("stream", Timestamp::now());
    drop(server);
    let told = error(transcode(&rig, &rig.token().await, 0, Some(gone), &clip()).await);
    assert!(told.starts_with("the object store cannot be reached: "), "{told}");
    let status = rig.node.status();
    assert_eq!(status.work.segments_failed, 2);
}

#[test]
fn amazons_library_signs_a_policy_the_same() {
    let store = store("s3://AKID:SEC%2FRET@eu-west-3/bucket");
    let now = Timestamp::from_second(1_790_000_000).unwrap();
    let info = store.offer("stream/id", now).s3info.unwrap();
    let script = "
import json, sys
from types import SimpleNamespace
from botocore.auth import S3SigV4PostAuth
from botocore.credentials import Credentials
given = json.load(sys.stdin)
auth = S3SigV4PostAuth(Credentials('AKID', 'SEC/RET'), 's3', 'eu-west-3')
request = SimpleNamespace(context={'timestamp': given['date']})
print(auth.signature(given['policy'], request))
";
    let given = json!({ "policy": info.policy, "date": info.x_amz_date });
    assert_eq!(run_python(script, &given.to_string()), info.signature);
}

#[test]
fn a_google_policy_verifies_with_the_accounts_public_key() {
    let folder = tempfile::tempdir().unwrap();
    let key_file = folder.path().join("account.json");
    let script = "
import json
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives import serialization
key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
print(json.dumps({'client_email': 'node@project.example', 'private_key': pem.decode(), 'type': 'service_account'}))
";
    let account = run_python(script, "");
    std::fs::write(&key_file, &account).unwrap();
    let store = store(&format!("gs://bucket?keyfile={}", key_file.display()));
    let offer = store.offer("stream/id", Timestamp::now());
    assert_eq!(offer.storage_type, 2);
    let info = offer.s3info.unwrap();
    assert_eq!(info.host, "https://bucket.storage.googleapis.com");
    assert_eq!(
        (info.key.as_str(), info.credential.as_str()),
        ("stream/id", "node@project.example")
    );
    let script = "
import base64, json, sys
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
given = json.load(sys.stdin)
key = serialization.load_pem_private_key(given['account']['private_key'].encode(), None).public_key()
signature = base64.b64decode(given['signature'])
key.verify(signature, given['policy'].encode(), padding.PKCS1v15(), hashes.SHA256())
print('verified')
";
    let account: serde_json::Value = serde_json::from_str(&account).unwrap();
    let given = json!({ "account": account, "policy": info.policy, "signature": info.signature });
    assert_eq!(run_python(script, &given.to_string()), "verified");
}
