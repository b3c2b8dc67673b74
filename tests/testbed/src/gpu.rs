//! GPUs for tests: a management library of our own, compiled from C, that the real loading path finds and opens. What
//! it says of the machine stands in a file beside it.

#![expect(
    clippy::unwrap_used,
    reason = "a rig that cannot be built fails the test that asked for it"
)]

use std::{
    collections::hash_map::DefaultHasher,
    fmt::Write as _,
    fs,
    hash::{Hash as _, Hasher as _},
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

const SOURCE: &str = include_str!("../nvml/stub.c");

/// A machine's GPUs as its driver tells them.
#[derive(Debug)]
pub struct Rig {
    folder: TempDir,
}

impl Rig {
    /// A driver with these readings; see the head of `nvml/stub.c` for what can be written.
    ///
    /// # Panics
    /// Without a C compiler.
    #[must_use]
    pub fn new(readings: &str) -> Self {
        Self::built(&[], readings)
    }

    /// A driver that lacks many calls of newer ones.
    ///
    /// # Panics
    /// As [`Rig::new`].
    #[must_use]
    pub fn with_old_driver(readings: &str) -> Self {
        Self::built(&["-DOLD_DRIVER"], readings)
    }

    fn built(options: &[&str], readings: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // A copy of its own: libraries loaded from one file share their state.
        fs::copy(compiled(options), folder.path().join("libnvidia-ml.so.1")).unwrap();
        let rig = Self { folder };
        rig.set(readings);
        rig
    }

    /// The library, for `--nvml`.
    #[must_use]
    pub fn library(&self) -> PathBuf {
        self.folder.path().join("libnvidia-ml.so.1")
    }

    /// Other readings from now on, all at once.
    ///
    /// # Panics
    /// If the file cannot be written.
    pub fn set(&self, readings: &str) {
        let draft = self.folder.path().join("draft");
        fs::write(&draft, readings).unwrap();
        fs::rename(draft, self.folder.path().join("readings")).unwrap();
    }
}

/// Readings of a mixed machine with so many healthy GPUs at work, the first three of different makes.
#[must_use]
pub fn readings(count: u32) -> String {
    const MODELS: [(&str, u32, u32); 4] = [
        ("NVIDIA GeForce RTX 4090", 24_564, 450),
        ("NVIDIA L4", 23_034, 72),
        ("NVIDIA GeForce GTX 1660", 6_144, 120),
        ("NVIDIA GeForce RTX 4090", 24_564, 450),
    ];
    let mut text = format!("count {count}\ndriver 570.86.10\ncuda 12080\n");
    for index in 0..count {
        let (name, memory, watts) = MODELS[index as usize % MODELS.len()];
        let lines = [
            ("name", name.to_string()),
            (
                "uuid",
                format!("GPU-{:08x}-0000-4000-8000-000000000000", 0x4f0f_21c8 + index),
            ),
            ("pci", format!("00000000:{:02X}:00.0", 0x17 + 0x2b * index % 0xe8)),
            ("sm", (12 + index).to_string()),
            ("enc", (40 + 7 * index % 50).to_string()),
            ("dec", (20 + 3 * index % 50).to_string()),
            ("sessions", (3 * index).to_string()),
            ("mem_used", (1_200 + 100 * index).to_string()),
            ("mem_total", memory.to_string()),
            ("temp", (55 + index).to_string()),
            ("limit", 90.to_string()),
            ("power", (watts / 2).to_string()),
            ("power_limit", watts.to_string()),
            ("clock_sm", 2_520.to_string()),
            ("clock_video", 1_950.to_string()),
            ("clock_mem", 10_501.to_string()),
            ("pcie_gen", 4.to_string()),
            ("pcie_width", if index == 2 { 4 } else { 16 }.to_string()),
            ("pcie_max", 16.to_string()),
            ("rx", (51_200 + index).to_string()),
            ("tx", (20_480 + index).to_string()),
        ];
        for (key, value) in lines {
            writeln!(text, "{index}.{key} {value}").unwrap();
        }
    }
    text
}

/// The library, compiled once for each content.
fn compiled(options: &[&str]) -> PathBuf {
    let mut hasher = DefaultHasher::new();
    (SOURCE, options).hash(&mut hasher);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/testbed");
    fs::create_dir_all(&folder).unwrap();
    let library = folder.join(format!("nvml-{:016x}.so", hasher.finish()));
    if library.exists() {
        return library;
    }
    let draft = tempfile::tempdir_in(&folder).unwrap();
    let (source, made) = (draft.path().join("stub.c"), draft.path().join("stub.so"));
    fs::write(&source, SOURCE).unwrap();
    let mut compiler = Command::new("cc");
    compiler
        .args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"])
        .arg(&made)
        .args(options)
        .arg(&source)
        .args(["-lpthread", "-ldl"]);
    let compiled = compiler
        .output()
        .unwrap_or_else(|error| panic!("the tests need a C compiler, `make setup` installs one: {error}"));
    assert!(
        compiled.status.success(),
        "the stub does not compile: {}",
        String::from_utf8_lossy(&compiled.stderr)
    );
    // Renamed when it is whole: another test may be compiling the same one.
    fs::rename(&made, &library).unwrap();
    library
}
