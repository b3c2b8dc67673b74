//! Golden values from `tests/vectors/`, each file naming its origin. A file no test reads fails the run, and so does
//! a value no test reads: the structures refuse unknown fields.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::de::DeserializeOwned;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors")
}

/// Reads one file of vectors.
pub fn read<T: DeserializeOwned>(name: &str) -> T {
    let text = fs::read_to_string(folder().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn rust_sources(folder: &Path, into: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_sources(&path, into);
        } else if path.extension().is_some_and(|end| end == "rs") {
            into.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn every_file_of_vectors_names_its_origin_and_is_read_by_a_test() {
    let mut sources = String::new();
    rust_sources(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it"),
        &mut sources,
    );
    let mut found = 0;
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let value: serde_json::Value = read(name);
        assert!(
            value["origin"].as_str().is_some_and(|origin| !origin.is_empty()),
            "{name} does not say where it comes from"
        );
        assert!(sources.contains(&format!("\"{name}\"")), "no test reads {name}");
        found += 1;
    }
    assert!(found > 0, "there are no vectors");
}
