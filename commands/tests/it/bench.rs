//! `lpctl bench transcode`: real segments through the engine and a bare ffmpeg, and what is said of them.

use std::fs;

use serde_json::{Value, json};
use testbed::clip::{ClipSpec, drawn, file};

use crate::environment::Environment;

/// The least there is to transcode.
const TINY: [&str; 6] = [
    "--ladder",
    "256x144@300k",
    "--preset",
    "ultrafast",
    "--segments",
    "2",
];

fn clip(seconds: u32) -> String {
    let spec = ClipSpec {
        seconds,
        ..ClipSpec::default()
    };
    file(spec).to_str().unwrap().to_string()
}

/// Numbers that differ from run to run become what they are.
fn shape(value: &Value) -> Value {
    match value {
        Value::Number(number) if number.is_f64() => json!("a fraction"),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| (name.clone(), shape(value)));
            Value::Object(fields.collect())
        }
        Value::Array(values) => Value::Array(values.iter().map(shape).collect()),
        other => other.clone(),
    }
}

#[test]
fn the_engine_is_measured_beside_a_bare_ffmpeg_and_makes_the_same() {
    let environment = Environment::new();
    let clip = clip(6);
    let csv = environment.home().join("segments.csv");
    let more = ["--sessions", "1,2", "--against", "ffmpeg", "--compare", "--json"];
    let same = ["--encoder-threads", "1", "--csv", csv.to_str().unwrap()];
    let bench = [&["bench", "transcode", &clip][..], &TINY, &more, &same].concat();
    let mut data = environment.lpctl(&bench).expect_code(0).data();
    for run in data["runs"].as_array_mut().unwrap() {
        assert!(run["ratio"]["latency"].as_f64().unwrap() > 0.0);
        let latency = &run["engine"]["latency_ms"];
        assert!(
            latency["min"].as_f64().unwrap() > 1.0 && latency["median"].as_f64() <= latency["max"].as_f64()
        );
        // How many find a process waiting is not settled in so short a run.
        run["engine"]["warm"] = json!(0.5);
    }
    // Frames, time stamps, sizes and, with one thread, bytes: of three segments.
    let all = json!({ "renditions": 3, "same_frames": 3, "same_timestamps": 3, "same_size": 3, "same_bytes": 3,
                      "differences": [] });
    assert_eq!(data["comparison"], all);
    data["cores"] = json!(2);
    data["ffmpeg"] = json!("5.1");
    data["settings"]["against"]["version"] = json!("5.1");
    data["capacity"]["sessions"] = json!(1);
    data["input"]["name"] = json!("clip.ts");
    data["input"]["bytes"] = json!(1);
    insta::assert_json_snapshot!("bench_transcode_json", shape(&data));
    let lines = fs::read_to_string(csv).unwrap();
    // One session and then two, two segments each, two sides.
    assert_eq!(lines.lines().count(), 1 + (1 + 2) * 2 * 2);
    assert_eq!(
        lines.lines().filter(|line| line.starts_with("bare,2,")).count(),
        4
    );
}

#[test]
fn live_sessions_are_counted_and_the_number_is_stored() {
    let environment = Environment::new();
    let clip = clip(6);
    let args = [
        "--sessions",
        "1,2",
        "--live",
        "--arrive",
        "200ms",
        "--write-config",
    ];
    let bench = [&["bench", "transcode", &clip][..], &TINY, &args].concat();
    let told = environment.lpctl(&bench).expect_code(0);
    assert!(told.stdout.contains("real-time session"), "{}", told.stdout);
    assert!(told.stdout.contains("latency by sessions"), "{}", told.stdout);
    let shown = environment
        .lpctl(&["config", "show", "--json"])
        .expect_code(0)
        .data();
    let rows = shown["settings"].as_array().unwrap();
    let row = rows.iter().find(|row| row["key"] == "max_sessions").unwrap();
    assert_eq!(row["source"], "config_file");
    // Two live sessions of a tiny picture: any machine that runs the tests carries one.
    let stored: u32 = row["value"].as_str().unwrap().parse().unwrap();
    assert!((1..=2).contains(&stored), "{stored}");
    let said = format!("max_sessions of the defaults is {stored}");
    assert!(told.stdout.contains(&said), "{}", told.stdout);
    let variable = environment
        .command(&["config", "show", "--json"])
        .env("LPCTL_MAX_SESSIONS", "77")
        .output()
        .unwrap();
    let shown = crate::environment::Outcome::from(variable).data();
    let rows = shown["settings"].as_array().unwrap();
    let row = rows.iter().find(|row| row["key"] == "max_sessions").unwrap();
    assert_eq!(
        (&row["value"], &row["source"]),
        (&json!("77"), &json!("command_line"))
    );
}

#[test]
fn a_playlist_is_read_with_the_segments_beside_it() {
    let environment = Environment::new();
    for number in 0..2 {
        fs::copy(clip(2), environment.home().join(format!("{number}.ts"))).unwrap();
    }
    let list = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2.0,\n0.ts\n#EXTINF:2.0,\n1.ts\n#EXT-X-ENDLIST\n";
    fs::write(environment.home().join("index.m3u8"), list).unwrap();
    let bench = [
        &["bench", "transcode", "index.m3u8", "--sessions", "1", "--json"][..],
        &TINY,
    ]
    .concat();
    let data = environment.lpctl(&bench).expect_code(0).data();
    assert_eq!(
        (&data["input"]["segments"], &data["input"]["frames"]),
        (&json!(2), &json!(120))
    );
    assert_eq!(data["runs"][0]["engine"]["failed"], 0);
}

#[test]
fn what_cannot_be_measured_is_told_with_its_class() {
    let environment = Environment::new();
    let error = |args: &[&str], code| {
        let bench = [&["bench", "transcode", "--json"], args].concat();
        let error = environment.lpctl(&bench).expect_code(code).error();
        assert!(error["hint"].is_string(), "no next step: {error}");
        error["code"].as_str().unwrap().to_string()
    };
    let clip = clip(2);
    let home = environment.home();
    let sound = drawn("commands-sound.m4a", |command| {
        command.args(["-f", "lavfi", "-i", "sine=duration=1", "-c:a", "aac", "-f", "mp4"]);
    });
    fs::write(
        home.join("master.m3u8"),
        "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlow.m3u8\n",
    )
    .unwrap();
    fs::write(home.join("away.m3u8"), "#EXTM3U\n#EXTINF:2,\n/etc/passwd\n").unwrap();
    fs::write(home.join("text.m3u8"), "#EXTM3U\n#EXTINF:2,\ntext.ts\n").unwrap();
    fs::write(home.join("text.ts"), "no segment").unwrap();
    assert_eq!(error(&["nothing.mp4"], 1), "input_missing");
    assert_eq!(error(&[sound.to_str().unwrap()], 1), "input_without_video");
    assert_eq!(error(&["master.m3u8"], 1), "bad_playlist");
    assert_eq!(error(&["away.m3u8"], 1), "bad_playlist");
    assert_eq!(error(&["text.m3u8"], 1), "input_refused");
    assert_eq!(error(&[&clip, "--ladder", "P999p"], 2), "bad_ladder");
    assert_eq!(error(&[&clip, "--ladder", "none.json"], 2), "bad_ladder");
    assert_eq!(error(&[&clip, "--sessions", "0"], 2), "usage");
    assert_eq!(error(&[&clip, "--draw", "1280x720@30"], 2), "usage");
    assert_eq!(error(&[&clip, "--compare"], 2), "usage");
    assert_eq!(
        error(&[&clip, "--sessions", "1", "--write-config"], 2),
        "not_live"
    );
    assert_eq!(error(&[&clip, "--live", "--arrive", "2s"], 2), "slow_arrival");
    let auto = [clip.as_str(), "--preset", "auto", "--against", "ffmpeg"];
    assert_eq!(error(&auto, 2), "moving_preset");
    assert_eq!(
        error(&[&clip, "--against", "/nonexistent/ffmpeg"], 1),
        "ffmpeg_missing"
    );
    assert_eq!(
        error(&[&clip, "--csv", "/nonexistent/file.csv"], 1),
        "csv_not_written"
    );
    assert_eq!(error(&[&clip, "--dry-run"], 2), "no_dry_run");
    // A picture no encoder makes at this size: measured, and not one came out.
    let silly = ["--ladder", "[{\"width\":256,\"height\":144,\"encoder\":\"VP9\"}]"];
    assert_eq!(
        error(&[&[clip.as_str(), "--segments", "1"][..], &silly].concat(), 1),
        "nothing_transcoded"
    );
}

#[test]
fn tickets_are_checked_and_kept_with_figures_for_both() {
    let environment = Environment::new();
    let folder = environment.home().join("disk");
    let arguments = [
        "bench",
        "tickets",
        "--tickets",
        "250",
        "--turns",
        "3",
        "--winners",
        "50",
        "--clients",
        "4",
    ];
    let run =
        environment.lpctl(&[&arguments[..], &["--folder", folder.to_str().unwrap(), "--json"]].concat());
    let report: Value = serde_json::from_str(&run.expect_code(0).stdout).unwrap();
    let report = &report["data"];
    assert_eq!(report["tickets"], 300, "whole payments of 100");
    let runs = report["runs"].as_array().unwrap();
    assert_eq!(runs[0]["threads"], 1);
    for run in runs {
        let ratio = run["ratio"].as_f64().unwrap();
        assert!(ratio > 0.5 && ratio < 10.0, "{run}");
        assert!(run["whole"]["per_second"].as_f64().unwrap() > 0.0, "{run}");
    }
    assert_eq!(report["speed_up"].is_null(), runs.len() == 1);
    assert_eq!(report["winners"]["winners"], 52, "four gateways, thirteen each");
    assert!(report["winners"]["p99_ms"].as_f64() >= report["winners"]["median_ms"].as_f64());
    assert_eq!(
        fs::read_dir(&folder).unwrap().count(),
        0,
        "nothing is left behind"
    );
    let text = environment.lpctl(&[
        "bench",
        "tickets",
        "--tickets",
        "100",
        "--turns",
        "1",
        "--winners",
        "0",
    ]);
    let text = text.expect_code(0).stdout;
    assert!(
        text.contains("bare recovery") && !text.contains("winners"),
        "{text}"
    );
}
