//! A driver for GPUs that are not there. The real ffmpeg loads it and goes the whole way from decoder to encoder; the
//! pictures are grey. Built from `native/` with the C compiler that linking Rust takes anyway.

#![expect(
    clippy::unwrap_used,
    reason = "a driver that cannot be built fails the test that asked for it"
)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
};

use tempfile::TempDir;

/// Libraries and their sources.
const LIBRARIES: [(&str, &str); 3] = [
    ("libcuda.so.1", include_str!("../native/cuda.c")),
    ("libnvcuvid.so.1", include_str!("../native/cuvid.c")),
    ("libnvidia-encode.so.1", include_str!("../native/nvenc.c")),
];

/// Built once for all tests of a process.
static BUILT: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    for (library, source) in LIBRARIES {
        let file = folder.path().join(library).with_extension("c");
        fs::write(&file, source).unwrap();
        let cc = Command::new("cc")
            .args(["-w", "-O1", "-shared", "-fPIC", "-o"])
            .arg(folder.path().join(library))
            .arg(&file)
            .output();
        let cc = cc.unwrap_or_else(|error| panic!("the tests need a C compiler: {error}"));
        assert!(
            cc.status.success(),
            "{library}: {}",
            String::from_utf8_lossy(&cc.stderr)
        );
    }
    folder
});

/// GPUs with NVDEC and NVENC: they take H.264 and HEVC in 4:2:0 with eight bits and make H.264.
#[derive(Debug)]
pub struct StubDriver {
    folder: TempDir,
}

impl StubDriver {
    /// So many devices, each with eight encoder sessions a process.
    ///
    /// # Panics
    /// There is no C compiler (`cc`).
    #[must_use]
    pub fn new(devices: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (library, _) in LIBRARIES {
            fs::copy(BUILT.path().join(library), folder.path().join(library)).unwrap();
        }
        let this = Self { folder };
        this.set("devices", devices);
        this
    }

    /// Lets a process have so many encoder sessions at once.
    pub fn set_sessions(&self, sessions: u32) {
        self.set("sessions", sessions);
    }

    /// Lets every process lose its device after so many encoded pictures.
    pub fn fail_after(&self, pictures: u32) {
        self.set("fault", pictures);
    }

    /// The folder of the libraries, for `LD_LIBRARY_PATH`.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A program that is the ffmpeg of the search path with this driver. Gone with the driver.
    #[must_use]
    pub fn ffmpeg(&self) -> PathBuf {
        let program = self.folder.path().join("ffmpeg");
        // Written by another process: what this one had open for writing could not be run while a child of another
        // test still holds it.
        let script = format!(
            "printf '#!/bin/sh\\nLD_LIBRARY_PATH={0} exec ffmpeg \"$@\"\\n' > {0}/ffmpeg && chmod 755 {0}/ffmpeg",
            self.folder.path().display()
        );
        assert!(
            Command::new("sh")
                .args(["-c", &script])
                .status()
                .unwrap()
                .success()
        );
        program
    }

    fn set(&self, name: &str, value: u32) {
        fs::write(self.folder.path().join(name), value.to_string()).unwrap();
    }
}
