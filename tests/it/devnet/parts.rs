//! Getting the parts: downloads, hashes, unpacking, and several at once.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Mutex,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use engine::devnet::{Package, Packages, Parts, PartsConfig, PartsError, Progress};
use flate2::{Compression, write::GzEncoder};
use sha2::{Digest, Sha512};

/// A registry of two packages with a script that delivers them as `npm pack` does and counts how often it runs.
struct Registry {
    folder: tempfile::TempDir,
    packages: Packages,
}

const CONTRACTS: [&str; 13] = [
    "Controller",
    "ManagerProxy",
    "ServiceRegistry",
    "bonding/BondingManager",
    "governance/Governor",
    "libraries/SortedDoublyLL",
    "pm/TicketBroker",
    "polling/PollCreator",
    "rounds/RoundsManager",
    "snapshots/MerkleSnapshot",
    "token/LivepeerToken",
    "token/LivepeerTokenFaucet",
    "token/Minter",
];

fn tarball(path: &Path, files: &[(String, &str)]) -> String {
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (name, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        archive
            .append_data(&mut header, name, content.as_bytes())
            .unwrap();
    }
    let bytes = archive.into_inner().unwrap().finish().unwrap();
    fs::write(path, &bytes).unwrap();
    format!("sha512-{}", BASE64_STANDARD.encode(Sha512::digest(&bytes)))
}

impl Registry {
    fn new(contracts: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let package = |name: &str, files: &[(String, &str)]| {
            let mut package = Package {
                name: format!("@test/{name}"),
                version: "1.0.0".into(),
                integrity: String::new(),
            };
            package.integrity = tarball(&folder.path().join(package.tarball()), files);
            package
        };
        let anvil = package("anvil", &[("package/bin/anvil".into(), "#!/bin/sh\n")]);
        let artifacts: Vec<(String, &str)> = contracts
            .iter()
            .map(|path| {
                let name = path.rsplit('/').next().unwrap();
                (format!("package/abis/contracts/{path}.sol/{name}.json"), "{}")
            })
            .chain([("package/abis/Controller.json".to_string(), "not this one")])
            .collect();
        let contracts = package("contracts", &artifacts);
        let registry = Self {
            packages: Packages { anvil, contracts },
            folder,
        };
        registry.npm("cp \"$here\"/*.tgz .");
        registry
    }

    /// Makes the script do something.
    fn npm(&self, does: &str) {
        let text = format!(
            "#!/bin/sh\nhere='{}'\necho \"$*\" >> \"$here/runs\"\n{does}\n",
            self.folder.path().display()
        );
        fs::write(self.path(), text).unwrap();
        fs::set_permissions(self.path(), fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("npm")
    }

    fn runs(&self) -> Vec<String> {
        let text = fs::read_to_string(self.folder.path().join("runs")).unwrap_or_default();
        text.lines().map(String::from).collect()
    }

    fn config(&self, cache: &Path) -> PartsConfig {
        PartsConfig {
            cache_dir: cache.to_path_buf(),
            npm: self.path(),
            own_anvil: None,
            packages: self.packages.clone(),
        }
    }
}

/// Everything the cache holds except the lock.
fn kept(cache: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(cache.join("devnet"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "fetch.lock")
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn parts_are_downloaded_once_checked_and_unpacked() {
    let registry = Registry::new(&CONTRACTS);
    let cache = tempfile::tempdir().unwrap();
    let config = registry.config(cache.path());
    assert_eq!(Parts::locate(&config).await.unwrap(), None);
    let parts = Parts::fetch(&config, &|_| {}).await.unwrap();
    assert_eq!(
        fs::metadata(&parts.anvil).unwrap().permissions().mode() & 0o777,
        0o755
    );
    assert_eq!(fs::read_dir(&parts.contracts).unwrap().count(), CONTRACTS.len());
    assert_eq!(
        fs::read_to_string(parts.contracts.join("Controller.json")).unwrap(),
        "{}"
    );
    assert_eq!(Parts::fetch(&config, &|_| {}).await.unwrap(), parts);
    assert_eq!(Parts::locate(&config).await.unwrap(), Some(parts));
    let runs = registry.runs();
    assert_eq!(runs.len(), 1);
    assert!(
        runs[0].starts_with("pack @test/anvil@1.0.0 @test/contracts@1.0.0 --ignore-scripts"),
        "{runs:?}"
    );
    assert_eq!(kept(cache.path()).len(), 2);
}

#[tokio::test]
async fn of_many_at_once_one_downloads_and_all_get_it() {
    let registry = Registry::new(&CONTRACTS);
    let cache = tempfile::tempdir().unwrap();
    // It ends only when somebody is seen waiting for it, so that they do meet.
    registry.npm("i=0; while [ ! -e \"$here/waited\" ] && [ $i -lt 100 ]; do sleep 0.05; i=$((i+1)); done; cp \"$here\"/*.tgz .");
    let waited = registry.folder.path().join("waited");
    let told = Mutex::new(Vec::new());
    let observer = |progress: Progress| {
        if progress == Progress::WaitingForFetch {
            fs::write(&waited, "").unwrap();
        }
        told.lock().unwrap().push(progress);
    };
    let config = registry.config(cache.path());
    let fetches: Vec<_> = (0..6).map(|_| Parts::fetch(&config, &observer)).collect();
    let all = futures_util::future::join_all(fetches).await;
    let first = all[0].as_ref().unwrap();
    assert!(all.iter().all(|parts| parts.as_ref().unwrap() == first));
    assert_eq!(registry.runs().len(), 1);
    assert!(told.lock().unwrap().contains(&Progress::WaitingForFetch));
}

#[tokio::test]
async fn what_was_not_pinned_is_not_unpacked() {
    let registry = Registry::new(&CONTRACTS);
    let cache = tempfile::tempdir().unwrap();
    // The registry delivers another package under the same name.
    let other = [("package/bin/anvil".to_string(), "#!/bin/sh\necho gotcha\n")];
    tarball(
        &registry.folder.path().join(registry.packages.anvil.tarball()),
        &other,
    );
    let refused = Parts::fetch(&registry.config(cache.path()), &|_| {})
        .await
        .unwrap_err();
    match &refused {
        PartsError::Integrity {
            package,
            expected,
            found,
        } => {
            assert_eq!(package, "@test/anvil@1.0.0");
            assert_eq!(expected, &registry.packages.anvil.integrity);
            assert_ne!(found, expected);
        }
        other => panic!("{other}"),
    }
    assert!(kept(cache.path()).is_empty(), "{:?}", kept(cache.path()));
}

#[tokio::test]
async fn a_package_without_a_part_is_not_taken() {
    let registry = Registry::new(&CONTRACTS[..12]);
    let cache = tempfile::tempdir().unwrap();
    let refused = Parts::fetch(&registry.config(cache.path()), &|_| {})
        .await
        .unwrap_err();
    assert!(
        matches!(&refused, PartsError::Incomplete { missing, .. } if missing.ends_with("Minter.json")),
        "{refused}"
    );
    assert_eq!(kept(cache.path()), [registry.packages.anvil.folder()]);
}

#[tokio::test]
async fn npm_failing_offline_and_missing_are_three_things() {
    let registry = Registry::new(&CONTRACTS);
    let cache = tempfile::tempdir().unwrap();
    let mut config = registry.config(cache.path());
    registry
        .npm("echo 'npm error code ENOTFOUND' >&2; printf 'npm error network \\033[31mno\\n' >&2; exit 1");
    let offline = Parts::fetch(&config, &|_| {}).await.unwrap_err();
    assert!(matches!(offline, PartsError::Offline { .. }), "{offline}");
    assert!(!offline.to_string().contains('\u{1b}'));
    registry.npm("echo 'npm error 404 no such package' >&2; exit 1");
    let failed = Parts::fetch(&config, &|_| {}).await.unwrap_err();
    assert!(
        matches!(&failed, PartsError::Download { detail, .. } if detail == "404 no such package"),
        "{failed}"
    );
    config.npm = cache.path().join("nothing");
    let missing = Parts::fetch(&config, &|_| {}).await.unwrap_err();
    assert!(matches!(missing, PartsError::Npm { .. }), "{missing}");
    assert!(kept(cache.path()).is_empty());
}

#[tokio::test]
async fn an_anvil_of_ones_own_is_asked_what_it_is_and_only_contracts_are_downloaded() {
    let registry = Registry::new(&CONTRACTS);
    let cache = tempfile::tempdir().unwrap();
    let mut config = registry.config(cache.path());
    config.own_anvil = Some(testbed::devnet_parts().await.anvil);
    let parts = Parts::fetch(&config, &|_| {}).await.unwrap();
    assert!(
        parts
            .anvil_identity
            .to_lowercase()
            .starts_with("anvil version: 1.7.1"),
        "{}",
        parts.anvil_identity
    );
    assert!(registry.runs()[0].starts_with("pack @test/contracts@1.0.0 --"));
    config.own_anvil = Some("/bin/true".into());
    let refused = Parts::fetch(&config, &|_| {}).await.unwrap_err();
    assert!(matches!(refused, PartsError::OwnAnvil { .. }), "{refused}");
}
