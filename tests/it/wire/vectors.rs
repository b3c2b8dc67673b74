//! Golden values from `tests/vectors/`, each file naming its origin. A file no test reads fails the run, and so does
//! a value no test reads: the structures refuse unknown fields, which is tried out at every reading.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::de::DeserializeOwned;
use serde_json::Value;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors")
}

/// Reads one file of vectors.
///
/// # Panics
/// It is not there, the type does not fit it, or the type would let a value go unread.
pub fn read<T: DeserializeOwned>(name: &str) -> T {
    let text = fs::read_to_string(folder().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    take(name, &text)
}

fn take<T: DeserializeOwned>(name: &str, text: &str) -> T {
    let mut value: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{name}: {error}"));
    let read = serde_json::from_value(value.clone()).unwrap_or_else(|error| panic!("{name}: {error}"));
    value["a value that nobody reads"] = Value::Null;
    let with_another = serde_json::from_value::<T>(value);
    assert!(
        with_another.is_err(),
        "{name}: what is read of it would not miss a value"
    );
    read
}

/// The text of all Rust files below a folder.
pub fn rust_sources(folder: &Path, into: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_sources(&path, into);
        } else if path.extension().is_some_and(|end| end == "rs") {
            into.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}

/// What is wrong with the files of vectors in a folder, given the text of all tests.
fn complaints(folder: &Path, tests: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let value: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        if value["origin"].as_str().is_none_or(str::is_empty) {
            complaints.push(format!("{name} does not say where it comes from"));
        }
        if !tests.contains(&format!("vectors::read(\"{name}\")")) {
            complaints.push(format!("no test reads {name}"));
        }
    }
    complaints.sort();
    complaints
}

#[test]
fn every_file_of_vectors_names_its_origin_and_is_read_by_a_test() {
    let mut tests = String::new();
    rust_sources(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it"),
        &mut tests,
    );
    assert_eq!(complaints(&folder(), &tests), Vec::<String>::new());
    assert!(
        fs::read_dir(folder()).unwrap().count() > 0,
        "there are no vectors"
    );
}

#[test]
fn a_file_that_no_test_reads_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("read.json", r#"{ "origin": "here" }"#);
    write("unread.json", r#"{ "origin": "here" }"#);
    write("foundling.json", "{}");
    let tests = r#"vectors::read("read.json"); vectors::read("foundling.json"); "unread.json""#;
    assert_eq!(
        complaints(folder.path(), tests),
        [
            "foundling.json does not say where it comes from",
            "no test reads unread.json"
        ]
    );
}

#[test]
fn a_value_that_no_test_reads_is_found() {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Strict {
        hash: String,
    }
    #[derive(serde::Deserialize)]
    struct Careless {
        hash: String,
    }
    let text = r#"{ "hash": "00" }"#;
    assert_eq!(take::<Strict>("strict", text).hash, "00");
    let careless = std::panic::catch_unwind(|| take::<Careless>("careless", text).hash);
    assert!(careless.is_err());
    let more =
        std::panic::catch_unwind(|| take::<Strict>("more", r#"{ "hash": "00", "digest": "11" }"#).hash);
    assert!(more.is_err());
}
