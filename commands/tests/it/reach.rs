//! `lpctl run`: where a node is, what it uses outside of this machine, and what it keeps.

use std::{fs, net::TcpListener, time::Duration};

use engine::view::reach::{ProbeRole, ProbeState};

use crate::{environment::Environment, run::Node};

const PORTS: [&str; 6] = [
    "--json",
    "run",
    "--bind",
    "127.0.0.1:0",
    "--operator-addr",
    "127.0.0.1:0",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_node_tells_where_it_is_and_reaches_itself() {
    let environment = Environment::new();
    let gone = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .to_string();
    environment.write_config(&format!(
        "[defaults.orchestrator]\nregion = \"eu\"\nnodes = [\"{gone}\"]\n"
    ));
    let arguments = ["--region", "us-east", "--peers", &gone];
    let node = Node::spawn(environment.command(&[&PORTS[..], &arguments].concat()));
    let asking = async {
        loop {
            let status = node.status().await;
            if status
                .reach
                .probes
                .iter()
                .all(|probe| probe.state != ProbeState::Waiting)
            {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let status = tokio::time::timeout(Duration::from_secs(60), asking)
        .await
        .expect("all are asked");
    assert_eq!(status.reach.region.as_deref(), Some("us-east"));
    assert_eq!(status.reach.nodes, [format!("https://{gone}")]);
    let found: Vec<_> = status
        .reach
        .probes
        .iter()
        .map(|probe| (probe.role, probe.state))
        .collect();
    assert_eq!(
        found,
        [
            (ProbeRole::Own, ProbeState::Reachable),
            (ProbeRole::Node, ProbeState::Unreachable),
            (ProbeRole::Peer, ProbeState::Unreachable),
        ]
    );
    assert!(
        status
            .notices
            .iter()
            .any(|notice| notice.code == "node_unreachable")
    );
    let shown = environment.lpctl(&["--node", &node.operator_url(), "node", "show"]);
    let shown = shown.expect_code(0).stdout;
    for line in [
        "region        us-east",
        "own address   ",
        "also told     ",
        "peer          ",
    ] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
    assert!(
        shown.contains(&format!("{} · round trip ", node.service_uri())),
        "{shown}"
    );
}

#[test]
fn what_cannot_be_used_is_named_and_never_shown() {
    let environment = Environment::new();
    let refused = |arguments: &[&str], code: i32, name: &str| {
        let outcome = environment
            .lpctl(&[&PORTS[..], arguments].concat())
            .expect_code(code);
        let error = outcome.error();
        assert_eq!(error["code"], name, "{error}");
        assert!(!error.to_string().contains("HIDDEN"), "{error}");
        error["hint"].as_str().unwrap().to_string()
    };
    refused(&["--nodes", "http://127.0.0.1:1"], 2, "bad_node_address");
    refused(&["--nodes", "ftp://127.0.0.1"], 2, "bad_node_address");
    let file = environment.home().join("store");
    let path = file.to_str().unwrap();
    refused(&["--object-store-file", path], 3, "bad_object_store");
    fs::write(&file, "s3+https://KEY:HIDDEN@minio.example\n").unwrap();
    refused(&["--object-store-file", path], 3, "bad_object_store");

    let data_dir = environment.home().join("node");
    fs::create_dir(&data_dir).unwrap();
    fs::write(data_dir.join("token-secret"), "HIDDEN").unwrap();
    let hint = refused(&["--data-dir", data_dir.to_str().unwrap()], 1, "token_secret");
    assert!(hint.contains("token-secret"), "{hint}");
}
