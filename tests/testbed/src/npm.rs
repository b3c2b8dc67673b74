//! Packages from npm that only tests need, pinned by version and content: a compiler for Solidity, contracts to compile,
//! and `cast`, which reads the chain and keystore files with nothing of ours.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use engine::devnet::Package;

/// OpenZeppelin's contracts, of the version the treasury's governor is made with (MIT).
pub(crate) fn openzeppelin() -> PathBuf {
    installed(
        "@openzeppelin/contracts",
        "4.9.6",
        "sha512-xSmezSupL+y9VkHZJGDoCBpmnB2ogM13ccaYDWqJTfS3dbuHkgjuwDFUmaFauBCboQMGB/S5UqUl2y54X99BmA==",
    )
}

/// The Solidity compiler as JavaScript.
pub(crate) fn solc() -> PathBuf {
    installed(
        "solc",
        "0.8.30",
        "sha512-9Srk/gndtBmoUbg4CE6ypAzPQlElv8ntbnl6SigUBAzgXKn35v87sj04uZeoZWjtDkdzT0qKFcIo/wl63UMxdw==",
    )
}

/// Runs Foundry's `cast` and gives what it prints, without the space around it.
///
/// # Panics
/// It cannot be fetched, or fails.
#[must_use]
pub fn cast(arguments: &[&str]) -> String {
    let folder = installed(
        "@foundry-rs/cast-linux-amd64",
        "1.7.1",
        "sha512-XUpTM2rwtkF8BJ02dae38NNZAx5QfycWRpdR2RmSgOJnasvXuvN58whDVLjQu8IDHEV/fCNIa49aE8V74pmDwQ==",
    );
    let output = Command::new(folder.join("bin/cast"))
        .args(arguments)
        .env("FOUNDRY_DISABLE_NIGHTLY_WARNING", "1")
        .stdin(Stdio::null())
        .output()
        .expect("cast starts");
    assert!(
        output.status.success(),
        "cast {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).expect("cast prints text");
    text.trim().to_string()
}

/// The folder of a package, fetched by whichever test needs it first. Others wait; nothing is unpacked before its hash
/// was checked, and the folder appears whole or not at all.
fn installed(name: &str, version: &str, integrity: &str) -> PathBuf {
    let package = Package {
        name: name.to_string(),
        version: version.to_string(),
        integrity: integrity.to_string(),
    };
    let cache = crate::cache_dir().join("npm");
    let folder = cache.join(package.folder());
    if folder.is_dir() {
        return folder;
    }
    fs::create_dir_all(&cache).expect("a folder for packages");
    let lock = File::create(cache.join("lock")).expect("a lock file");
    lock.lock().expect("the lock");
    if folder.is_dir() {
        return folder;
    }
    let staging = tempfile::tempdir_in(&cache).expect("a temporary folder");
    let specification = package.specification();
    run(
        Command::new("npm")
            .args(["pack", &specification, "--ignore-scripts", "--silent"])
            .current_dir(staging.path()),
        &format!("npm fetches {specification}"),
    );
    let tarball = staging.path().join(package.tarball());
    let checked = package.check(&tarball).expect("a tarball");
    assert_eq!(checked, Ok(()), "{specification} is not what was pinned");
    run(
        Command::new("tar")
            .arg("-xzf")
            .arg(&tarball)
            .arg("-C")
            .arg(staging.path()),
        "tar unpacks it",
    );
    fs::rename(staging.path().join("package"), &folder).expect("the package's place");
    folder
}

/// Runs a program to its end and gives what it prints.
pub(crate) fn run(command: &mut Command, what: &str) -> String {
    let output = command.stdin(Stdio::null()).output().expect(what);
    assert!(
        output.status.success(),
        "{what}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("it prints text")
}

/// Where the sources of this package are.
pub(crate) fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}
