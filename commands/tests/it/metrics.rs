//! Prometheus itself: its tool on our files, and the server scraping a real node on a devnet.

use std::{
    collections::BTreeSet,
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use engine::{
    metrics::{ALL, Kind, find},
    node::alerts::RULES,
    wire::{client, signature::LocalSigner},
};
use serde_json::Value;
use testbed::clip::{ClipSpec, segment};

use crate::{environment::Environment, operator::Operator, run::Node};

const PATIENCE: Duration = Duration::from_secs(60);

fn assets() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets")
}

fn promtool(arguments: &[&str], folder: &Path) -> Output {
    Command::new("promtool")
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("promtool is installed: make prometheus")
}

fn assert_ok(said: &Output) {
    assert!(
        said.status.success(),
        "{}{}",
        String::from_utf8_lossy(&said.stdout),
        String::from_utf8_lossy(&said.stderr)
    );
}

#[test]
fn alert_rules_are_right_and_fire_when_their_tests_say() {
    let folder = assets().join("prometheus");
    assert_ok(&promtool(&["check", "rules", "lpctl-alerts.yml"], &folder));
    assert_ok(&promtool(&["test", "rules", "lpctl-alerts.test.yml"], &folder));
    // The tests can fail: with another threshold they do.
    let elsewhere = tempfile::tempdir().unwrap();
    let rules = fs::read_to_string(folder.join("lpctl-alerts.yml")).unwrap();
    let changed = rules.replace(
        "lpctl_round_elapsed_ratio > 0.5",
        "lpctl_round_elapsed_ratio > 0.9",
    );
    assert_ne!(rules, changed);
    fs::write(elsewhere.path().join("lpctl-alerts.yml"), changed).unwrap();
    fs::copy(
        folder.join("lpctl-alerts.test.yml"),
        elsewhere.path().join("lpctl-alerts.test.yml"),
    )
    .unwrap();
    let said = promtool(&["test", "rules", "lpctl-alerts.test.yml"], elsewhere.path());
    assert!(!said.status.success());
}

/// Alerts of the file with a code: name, code, severity and for how many seconds it must hold.
fn alerts() -> Vec<(String, String, String, u32)> {
    let text = fs::read_to_string(assets().join("prometheus/lpctl-alerts.yml")).unwrap();
    let mut alerts = Vec::new();
    for block in text.split("- alert: ").skip(1) {
        let of = |key: &str| {
            let line = block.lines().find_map(|line| line.trim().strip_prefix(key));
            line.map(|value| value.trim().to_string())
        };
        let Some(code) = of("code:") else { continue };
        let hold = of("for:").map_or(0, |hold| {
            let (number, unit) = hold.split_at(hold.len() - 1);
            number.parse::<u32>().unwrap() * if unit == "m" { 60 } else { 1 }
        });
        let name = block.lines().next().unwrap().to_string();
        alerts.push((name, code, of("severity:").unwrap(), hold));
    }
    alerts
}

#[test]
fn alert_rules_are_those_of_the_nodes_own_alerts() {
    let own: BTreeSet<_> = RULES
        .iter()
        .map(|rule| {
            let severity = rule.severity.name().to_string();
            (
                rule.alert_name(),
                rule.code.to_string(),
                severity,
                rule.hold_seconds,
            )
        })
        .collect();
    let written: BTreeSet<_> = alerts().into_iter().collect();
    let missing: Vec<_> = own.difference(&written).collect();
    let strange: Vec<_> = written.difference(&own).collect();
    assert!(
        missing.is_empty() && strange.is_empty(),
        "missing {missing:#?}, strange {strange:#?}"
    );
}

/// Names of metrics in any text.
fn named(text: &str) -> BTreeSet<&str> {
    text.split(|character: char| !character.is_ascii_alphanumeric() && character != '_')
        .filter(|word| {
            ["livepeer_", "lpctl_", "process_"]
                .iter()
                .any(|prefix| word.starts_with(prefix))
        })
        .collect()
}

/// Whether there is such a metric, or such a series of a histogram.
fn exists(name: &str) -> bool {
    let of_histogram = ["_bucket", "_sum", "_count"]
        .iter()
        .filter_map(|ending| find(name.strip_suffix(ending)?))
        .any(|metric| metric.kind == Kind::Histogram);
    of_histogram || find(name).is_some_and(|metric| metric.kind != Kind::Histogram)
}

#[test]
fn rules_dashboards_and_examples_ask_only_for_metrics_there_are() {
    assert!(exists("livepeer_transcode_score_bucket") && !exists("livepeer_transcode_score"));
    assert!(!exists("lpctl_nothing") && !exists("lpctl_round_count"));
    let mut unknown = Vec::new();
    let mut check = |whose: &str, text: &str| {
        let names = named(text).into_iter().filter(|name| !exists(name));
        unknown.extend(names.map(|name| format!("{whose}: {name}")));
    };
    for file in ["lpctl-alerts.yml", "lpctl-alerts.test.yml"] {
        let text = fs::read_to_string(assets().join("prometheus").join(file)).unwrap();
        check(file, &text);
    }
    for metric in ALL {
        check(metric.name, metric.example);
    }
    for file in ["node.json", "earnings.json"] {
        let text = fs::read_to_string(assets().join("grafana").join(file)).unwrap();
        let board: Value = serde_json::from_str(&text).unwrap();
        let panels = board["panels"].as_array().unwrap();
        let mut questions = 0;
        for target in panels
            .iter()
            .filter_map(|panel| panel["targets"].as_array())
            .flatten()
        {
            check(file, target["expr"].as_str().unwrap());
            assert_eq!(target["datasource"]["uid"], "${datasource}");
            questions += 1;
        }
        assert!(questions > 25, "{file}: {questions}");
        let variables = board["templating"]["list"].as_array().unwrap();
        assert_eq!(variables[0]["type"], "datasource");
        let ids: BTreeSet<u64> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
        assert_eq!(ids.len(), panels.len());
    }
    assert!(unknown.is_empty(), "{unknown:#?}");
}

#[test]
fn prometheus_understands_every_question_of_documents_and_dashboards() {
    let mut questions: Vec<String> = ALL.iter().map(|metric| metric.example.to_string()).collect();
    for file in ["node.json", "earnings.json"] {
        let text = fs::read_to_string(assets().join("grafana").join(file)).unwrap();
        let board: Value = serde_json::from_str(&text).unwrap();
        let panels = board["panels"].as_array().unwrap().clone();
        let targets = panels
            .iter()
            .filter_map(|panel| panel["targets"].as_array())
            .flatten();
        questions.extend(targets.map(|target| target["expr"].as_str().unwrap().replace("$node", ".*")));
    }
    let rules: Vec<Value> = questions
        .iter()
        .enumerate()
        .map(|(number, question)| serde_json::json!({ "record": format!("question:{number}"), "expr": question }))
        .collect();
    let groups = serde_json::json!({ "groups": [{ "name": "questions", "rules": rules }] });
    let folder = tempfile::tempdir().unwrap();
    // JSON is YAML.
    fs::write(folder.path().join("questions.yml"), groups.to_string()).unwrap();
    assert_ok(&promtool(&["check", "rules", "questions.yml"], folder.path()));
}

#[test]
fn every_metric_is_explained() {
    let environment = Environment::new();
    let all = environment.lpctl(&["explain", "--json"]).expect_code(0).data();
    let listed: BTreeSet<&str> = all["metrics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|name| name.as_str().unwrap())
        .collect();
    assert_eq!(listed, ALL.iter().map(|metric| metric.name).collect());
    let stale = environment
        .lpctl(&["explain", "livepeer_transcoders_load"])
        .expect_code(0);
    for part in ["gauge of sessions", "almost always stale", "ask Prometheus"] {
        assert!(stale.stdout.contains(part), "{stale:?}");
    }
    let series = environment
        .lpctl(&["explain", "livepeer_transcode_score_bucket", "--json"])
        .expect_code(0)
        .data();
    assert_eq!(series["metric"]["name"], "livepeer_transcode_score");
    assert_eq!(series["kinds"][0], "metric");
    let typo = environment
        .lpctl(&["explain", "livepeer_sucess_rate", "--json"])
        .expect_code(2)
        .error();
    let hint = typo["hint"].as_str().unwrap();
    assert!(hint.contains("`livepeer_success_rate`"), "{hint}");
}

/// A running Prometheus; killed with the test.
struct Prometheus {
    child: Child,
    url: String,
    _files: tempfile::TempDir,
}

impl Prometheus {
    async fn scraping(target: &str) -> Self {
        let files = tempfile::tempdir().unwrap();
        let rules = fs::canonicalize(assets().join("prometheus/lpctl-alerts.yml")).unwrap();
        let config = serde_json::json!({
            "global": { "scrape_interval": "1s", "evaluation_interval": "1s" },
            "rule_files": [rules],
            "scrape_configs": [{ "job_name": "lpctl", "static_configs": [{ "targets": [target] }] }],
        });
        let path = files.path().join("prometheus.yml");
        fs::write(&path, config.to_string()).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", path.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                files.path().join("data").display()
            ))
            .arg(format!("--web.listen-address={port}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("prometheus is installed: make prometheus");
        let started = Self {
            child,
            url: format!("http://{port}"),
            _files: files,
        };
        started.until("it is ready", "/-/ready", |_| true).await;
        started
    }

    /// Asks until the answer is as wanted.
    async fn until(&self, what: &str, path: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let client = client::download_client(PATIENCE).unwrap();
        let url = format!("{}{path}", self.url);
        let mut last = String::new();
        let asking = async {
            loop {
                if let Ok(answer) = client.get(&url).send().await
                    && answer.status() == 200
                {
                    last = answer.text().await.unwrap_or_default();
                    let told: Value = serde_json::from_str(&last).unwrap_or_default();
                    if is_so(&told) {
                        return told;
                    }
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        match tokio::time::timeout(PATIENCE, asking).await {
            Ok(told) => told,
            Err(_) => panic!("{what}: {last}"),
        }
    }

    /// Waits for a question's first answer to be this.
    async fn tells(&self, question: &str, wanted: &str) {
        let encoded: String = question.bytes().map(|byte| format!("%{byte:02X}")).collect();
        self.until(question, &format!("/api/v1/query?query={encoded}"), |told| {
            told["data"]["result"][0]["value"][1] == wanted
        })
        .await;
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_prometheus_scrapes_a_node_on_a_chain_and_its_rules_fire() {
    let operator = Operator::new().await;
    let round = operator.active_with("100").await;
    let node = Node::start(
        &operator.environment,
        &["--preset", "ultrafast", "--price", "0", "--no-reward"],
    );
    let target = node.operator_url().replace("http://", "");
    let prometheus = Prometheus::scraping(&target).await;
    prometheus.tells("up{job=\"lpctl\"}", "1").await;
    prometheus.tells("lpctl_round", &round.to_string()).await;
    prometheus.tells("lpctl_orchestrator_active", "1").await;
    prometheus.tells("lpctl_reward_called", "0").await;
    prometheus.tells("lpctl_rpc_up", "1").await;
    prometheus.tells("sum(lpctl_segments_total)", "0").await;
    let gateway = LocalSigner(operator.devnet.accounts.delegator.clone());
    let clip = segment(ClipSpec::default());
    let answer = node.push(&gateway, &clip).await;
    assert!(!answer.bytes().await.unwrap().is_empty());
    prometheus
        .tells("sum(livepeer_segment_transcoded_total)", "1")
        .await;
    prometheus
        .tells(
            "sum(livepeer_transcode_time_seconds_count{node_type=\"orch\"})",
            "1",
        )
        .await;
    let rules = prometheus
        .until("rules are evaluated", "/api/v1/rules", |told| {
            let groups = told["data"]["groups"].as_array().cloned().unwrap_or_default();
            let rules = || {
                groups
                    .iter()
                    .filter_map(|group| group["rules"].as_array())
                    .flatten()
            };
            rules().count() > 25 && rules().all(|rule| rule["health"] == "ok")
        })
        .await;
    assert_eq!(rules["status"], "success");
    prometheus
        .until("the reward is not called", "/api/v1/alerts", |told| {
            let alerts = told["data"]["alerts"].as_array().cloned().unwrap_or_default();
            alerts.iter().any(|alert| {
                alert["labels"]["alertname"] == "LpctlRewardNotCalled" && alert["state"] == "firing"
            })
        })
        .await;
    operator.lpctl(&["reward", "call", "-y"]).expect_code(0);
    prometheus.tells("lpctl_reward_called", "1").await;
    prometheus
        .until("the alert is over", "/api/v1/alerts", |told| {
            let alerts = told["data"]["alerts"].as_array().cloned().unwrap_or_default();
            alerts
                .iter()
                .all(|alert| alert["labels"]["alertname"] != "LpctlRewardNotCalled")
        })
        .await;
}
