//! What the documents promise is there.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::wire::vectors::rust_sources;

/// The names of functions that are run as tests.
fn tests_in(source: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut is_test = false;
    for line in source.lines().map(str::trim) {
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            is_test = true;
        } else if let Some((_, rest)) = line.split_once("fn ").filter(|_| !line.starts_with("//")) {
            if is_test {
                names.extend(rest.split_once('(').map(|(name, _)| name.to_string()));
            }
            is_test = false;
        }
    }
    names
}

/// The rows of a document's tables that begin with a number: it, what is said, and the tests that hold it.
fn rows_of(document: &str) -> Vec<(u32, String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(document);
    let text = fs::read_to_string(path).unwrap();
    let rows = text.lines().filter_map(|line| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let number = cells.get(1)?.parse().ok()?;
        Some((number, (*cells.get(3)?).to_string(), (*cells.get(4)?).to_string()))
    });
    rows.collect()
}

/// Every number has its row, every row a test, and every test is there.
fn assert_held(document: &str, last: u32) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut source = String::new();
    for folder in ["src", "tests", "commands/src", "commands/tests"] {
        rust_sources(&root.join(folder), &mut source);
    }
    let tests = tests_in(&source);
    let rows = rows_of(document);
    let numbers: Vec<u32> = rows.iter().map(|(number, ..)| *number).collect();
    assert_eq!(numbers, (1..=last).collect::<Vec<_>>(), "{document}");
    let unheld: Vec<u32> = rows
        .iter()
        .filter(|(_, said, held)| held.is_empty() && !said.contains("not built"))
        .map(|(number, ..)| *number)
        .collect();
    assert!(unheld.is_empty(), "{document}: no test holds {unheld:?}");
    let named = rows.iter().flat_map(|(.., held)| held.split(','));
    let missing: Vec<&str> = named
        .map(|name| name.trim().trim_matches('`'))
        .filter(|name| !name.is_empty() && !tests.contains(*name))
        .collect();
    assert!(
        missing.is_empty(),
        "{document}: no tests of these names: {missing:?}"
    );
}

#[test]
fn every_trap_has_its_row_and_every_test_named_there_exists() {
    assert_held("payments.md", 51);
}

#[test]
fn every_preflight_row_has_its_test() {
    assert_held("preflight.md", 46);
}

#[test]
fn every_menu_entry_of_livepeer_cli_has_its_command_and_its_test() {
    assert_held("livepeer_cli.md", 31);
}

#[test]
fn every_way_into_the_operators_api_has_its_test() {
    assert_held("security.md", 25);
}

#[test]
fn every_route_of_go_livepeer_has_its_row_and_its_test() {
    assert_held("go_routes.md", 82);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/go_routes.md");
    let text = fs::read_to_string(path).unwrap();
    for (number, route) in (1..).zip(&engine::node::go_routes::ROUTES) {
        let scope = format!("{:?}", route.scope).to_lowercase();
        let row = format!("| {number} | `{}` ({scope}) |", route.path);
        assert!(text.contains(&row), "{row}");
    }
}

/// What the code routes beneath `/api/v1`, and what the description in OpenAPI lists, are the same.
#[test]
fn every_route_of_the_operators_api_is_described_and_no_other() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/node");
    let routed: BTreeSet<String> = ["operator/mod.rs", "log_routes.rs"]
        .iter()
        .flat_map(|file| routes(&fs::read_to_string(root.join(file)).unwrap()))
        .collect();
    let document: Value = serde_json::from_str(&engine::node::document()).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let described: BTreeSet<String> = paths
        .iter()
        .flat_map(|(path, methods)| {
            let methods = methods.as_object().unwrap().keys();
            methods.map(move |method| format!("{method} {path}"))
        })
        .collect();
    assert_eq!(routed, described);
    assert!(routed.len() > 20, "{routed:?}");
    // No other file brings routes of that name.
    let elsewhere = sources(&root).into_iter().filter(|file| {
        let is_known = file.ends_with("operator/mod.rs") || file.ends_with("log_routes.rs");
        !is_known && fs::read_to_string(file).unwrap().contains(".route(\"/api/v1")
    });
    assert_eq!(elsewhere.collect::<Vec<_>>(), Vec::<PathBuf>::new());
}

/// `get /api/v1/…` and `post /api/v1/…` of each `.route(…)`.
fn routes(source: &str) -> Vec<String> {
    let lines = source
        .lines()
        .filter_map(|line| line.trim().strip_prefix(".route(\"/api/v1"));
    lines
        .flat_map(|line| {
            let (path, handlers) = line.split_once("\", ").unwrap();
            let path = format!("/api/v1{path}");
            ["get", "post"]
                .into_iter()
                .filter(|method| {
                    handlers.starts_with(&format!("{method}(")) || handlers.contains(&format!(".{method}("))
                })
                .map(|method| format!("{method} {path}"))
                .collect::<Vec<_>>()
        })
        .collect()
}

/// The Rust files in a folder and those beneath it.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| match path.is_dir() {
            true => sources(&path),
            false => vec![path],
        })
        .filter(|path| path.extension().is_some_and(|kind| kind == "rs"))
        .collect()
}
