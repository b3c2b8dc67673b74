//! The operator's own certificate and key on the operator's port: files that serve, and files that are named.

use std::{fs, os::unix::fs::PermissionsExt as _};

use rcgen::CertifiedKey;
use serde_json::Value;

use crate::{environment::Environment, remote::Node};

/// Never part of what is told.
const SECRET: &str = "S3CRET";

/// An orchestrator's arguments: it starts without ffmpeg.
const RUN: [&str; 11] = [
    "--json",
    "run",
    "--mode",
    "orchestrator",
    "--offchain",
    "--orch-secret-file",
    "secret",
    "--bind",
    "127.0.0.1:0",
    "--operator-addr",
    "127.0.0.1:0",
];

fn write(environment: &Environment, name: &str, content: impl AsRef<[u8]>) {
    let path = environment.home().join(name);
    fs::write(&path, content).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// A home with a certificate, its key, and another key.
fn home() -> Environment {
    let environment = Environment::new();
    write(&environment, "secret", "open sesame\n");
    let made = || rcgen::generate_simple_self_signed(["localhost".into(), "127.0.0.1".into()]).unwrap();
    let CertifiedKey { cert, signing_key } = made();
    write(&environment, "cert.pem", cert.pem());
    write(&environment, "key.pem", signing_key.serialize_pem());
    write(&environment, "other.pem", made().signing_key.serialize_pem());
    environment
}

fn config(environment: &Environment, certificate: &str, key: &str, known: Option<&str>) {
    let home = environment.home().display();
    let known = known.map_or(String::new(), |name| {
        format!("node_certificate = \"{home}/{name}\"\n")
    });
    environment.write_config(&format!(
        "[defaults]\n{known}[defaults.operator]\ncertificate_file = \"{home}/{certificate}\"\n\
         key_file = \"{home}/{key}\"\n"
    ));
}

#[test]
fn the_operators_own_certificate_is_the_one_that_is_shown() {
    let environment = home();
    config(&environment, "cert.pem", "key.pem", Some("cert.pem"));
    let node = Node::spawn(environment.command(&RUN));
    assert!(node.operator().starts_with("https://"), "{}", node.operator());
    let show = ["--node", node.operator(), "--json", "node", "show"];
    let shown = environment.lpctl(&show).expect_code(0).data();
    assert_eq!(shown["mode"], "orchestrator");
    // Whoever expects another certificate is not served.
    let stranger = rcgen::generate_simple_self_signed(["127.0.0.1".into()]).unwrap();
    write(&environment, "stranger.pem", stranger.cert.pem());
    config(&environment, "cert.pem", "key.pem", Some("stranger.pem"));
    environment.lpctl(&show).expect_code(7);
}

#[test]
fn files_that_cannot_serve_are_named_and_never_repeated() {
    let environment = home();
    let pem = |what: &str, inside: &str| format!("-----BEGIN {what}-----\n{inside}\n-----END {what}-----\n");
    fs::create_dir(environment.home().join("folder")).unwrap();
    write(&environment, "garbage", format!("{SECRET}\n"));
    write(&environment, "empty", "");
    write(&environment, "binary", [SECRET.as_bytes(), &[0xff; 64]].concat());
    write(&environment, "large", SECRET.repeat(20_000));
    write(&environment, "begun", format!("-----BEGIN {SECRET}\n"));
    write(
        &environment,
        "endless",
        format!("-----BEGIN CERTIFICATE-----\n{SECRET}\n"),
    );
    write(&environment, "cert-of-nothing", pem("CERTIFICATE", SECRET));
    write(&environment, "key-of-nothing", pem("PRIVATE KEY", "UzNDUkVU"));
    write(&environment, "cert-of-text", pem("CERTIFICATE", "UzNDUkVU"));
    let bad_certificates = [
        "missing",
        "folder",
        "garbage",
        "empty",
        "binary",
        "large",
        "begun",
        "endless",
        "cert-of-nothing",
        "cert-of-text",
        "key.pem",
    ];
    let bad_keys = [
        "missing",
        "folder",
        "garbage",
        "empty",
        "binary",
        "large",
        "begun",
        "key-of-nothing",
        "cert.pem",
        "other.pem",
    ];
    let certificates = bad_certificates.map(|name| (name, "key.pem", name));
    let keys = bad_keys.map(|name| ("cert.pem", name, name));
    for (certificate, key, named) in certificates.into_iter().chain(keys) {
        config(&environment, certificate, key, None);
        let outcome = environment.lpctl(&RUN).expect_code(3);
        let error = outcome.error();
        assert_eq!(error["code"], "operator_tls", "{error}");
        let message = error["message"].as_str().unwrap();
        let path = environment.home().join(named).display().to_string();
        assert!(
            message.contains(&format!("{path}: ")),
            "{certificate}, {key}: {message}"
        );
        assert!(
            error["hint"].as_str().unwrap().contains("operator.key_file"),
            "{error}"
        );
        let said = format!("{}{}", outcome.stdout, outcome.stderr);
        // Neither as it is, nor as the bytes that some libraries print, nor what a key file is made of.
        for content in [SECRET, "83, 51, 67, 82, 69, 84", "UzNDUkVU", "PRIVATE KEY"] {
            assert!(!said.contains(content), "{certificate}, {key}: {said}");
        }
        let events: Vec<Value> = outcome
            .stdout
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(events.len(), 1, "it never was ready: {}", outcome.stdout);
    }
}
