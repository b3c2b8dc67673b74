//! The parts a devnet is made of, on this machine: anvil and the compiled contracts, fetched from npm once,
//! checked against pinned hashes, and kept in the cache folder.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use flate2::read::GzDecoder;
use tempfile::TempDir;
use tokio::process::Command;

use super::{
    Observer, Progress,
    artifacts::ARTIFACTS,
    packages::{Package, Packages},
};

/// How long npm may take to download both packages (19 MB).
const FETCH_LIMIT: Duration = Duration::from_secs(600);
/// How long to wait for another process that is fetching the same parts.
const LOCK_LIMIT: Duration = Duration::from_secs(660);
/// No part is larger than this, unpacked.
const PART_LIMIT: u64 = 256 << 20;

/// What is needed and where it is kept.
#[derive(Debug, Clone)]
pub struct PartsConfig {
    /// lpctl's cache folder.
    pub cache_dir: PathBuf,
    /// The npm to download with, by path or name.
    pub npm: PathBuf,
    /// An anvil of the operator's own, used instead of the pinned one.
    pub own_anvil: Option<PathBuf>,
    /// What to take from npm; [`Packages::pinned`] outside of tests.
    pub packages: Packages,
}

impl PartsConfig {
    /// The pinned parts, kept in `cache_dir` and fetched with the `npm` on the search path.
    #[must_use]
    pub fn pinned(cache_dir: PathBuf) -> Self {
        Self {
            cache_dir,
            npm: PathBuf::from("npm"),
            own_anvil: None,
            packages: Packages::pinned(),
        }
    }

    fn folder(&self) -> PathBuf {
        self.cache_dir.join("devnet")
    }
}

/// Parts found on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    /// The chain's executable.
    pub anvil: PathBuf,
    /// Tells one anvil from another: the pinned package's hash, or what an own one says of itself.
    pub anvil_identity: String,
    /// Folder of the compiled contracts, one `<Name>.json` each.
    pub contracts: PathBuf,
    /// Tells one set of contracts from another: the pinned package's hash.
    pub contracts_identity: String,
}

/// Why there are no parts.
#[derive(Debug, thiserror::Error)]
pub enum PartsError {
    /// The pinned anvil does not run here.
    #[error("there is no anvil for this machine ({platform}) among lpctl's parts")]
    Platform {
        /// Operating system and processor.
        platform: String,
    },
    /// npm does not run.
    #[error("`{npm}` cannot be started: {source}")]
    Npm {
        /// What was run.
        npm: String,
        /// Why it did not start.
        source: io::Error,
    },
    /// npm could not reach its registry.
    #[error("npm could not reach its registry to download {packages}: {detail}")]
    Offline {
        /// What was asked for.
        packages: String,
        /// npm's own words.
        detail: String,
    },
    /// npm failed in another way.
    #[error("npm could not download {packages}: {detail}")]
    Download {
        /// What was asked for.
        packages: String,
        /// npm's own words.
        detail: String,
    },
    /// npm took too long.
    #[error("npm did not finish downloading {packages} within {} s", limit.as_secs())]
    Slow {
        /// What was asked for.
        packages: String,
        /// How long it was given.
        limit: Duration,
    },
    /// The download is not what lpctl was made for.
    #[error("{package} is not what lpctl expects: its hash is {found}, not {expected}; nothing was unpacked")]
    Integrity {
        /// The package.
        package: String,
        /// The pin.
        expected: String,
        /// What was downloaded.
        found: String,
    },
    /// The download lacks a part.
    #[error("{package} does not hold {missing}")]
    Incomplete {
        /// The package.
        package: String,
        /// What was looked for.
        missing: String,
    },
    /// Another process holds the lock and does not finish.
    #[error("another lpctl has been fetching the same parts for {} s", waited.as_secs())]
    Busy {
        /// How long was waited.
        waited: Duration,
    },
    /// The operator's own anvil does not work.
    #[error("`{path}` is no working anvil: {detail}")]
    OwnAnvil {
        /// The path given.
        path: String,
        /// What went wrong.
        detail: String,
    },
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: String,
        /// Why.
        source: io::Error,
    },
}

/// Names the file in an I/O error.
fn at(path: &Path) -> impl FnOnce(io::Error) -> PartsError {
    move |source| PartsError::File {
        path: path.display().to_string(),
        source,
    }
}

impl Parts {
    /// The parts, if they were fetched before.
    ///
    /// # Errors
    /// The operator's own anvil does not answer.
    pub async fn locate(config: &PartsConfig) -> Result<Option<Self>, PartsError> {
        let contracts = config.folder().join(config.packages.contracts.folder());
        let pinned_anvil = config.folder().join(config.packages.anvil.folder()).join("anvil");
        let (anvil, anvil_identity) = match &config.own_anvil {
            Some(own) => (own.clone(), version_of(own).await?),
            None => (pinned_anvil, config.packages.anvil.integrity.clone()),
        };
        if !contracts.is_dir() || !anvil.is_file() {
            return Ok(None);
        }
        Ok(Some(Self {
            anvil,
            anvil_identity,
            contracts,
            contracts_identity: config.packages.contracts.integrity.clone(),
        }))
    }

    /// The parts, downloaded with `npm pack` first where they are missing. Several processes may do this at once:
    /// one downloads, the others wait for it. Nothing is unpacked before its hash was checked, and a folder of
    /// parts appears complete or not at all.
    ///
    /// # Errors
    /// npm is missing, offline or slow; a download is not what was pinned; the cache cannot be written.
    pub async fn fetch(config: &PartsConfig, observer: Observer<'_>) -> Result<Self, PartsError> {
        if let Some(parts) = Self::locate(config).await? {
            return Ok(parts);
        }
        if config.own_anvil.is_none() && !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
            return Err(PartsError::Platform {
                platform: format!("{} on {}", std::env::consts::OS, std::env::consts::ARCH),
            });
        }
        let folder = config.folder();
        fs::create_dir_all(&folder).map_err(at(&folder))?;
        let _lock = lock(&folder.join("fetch.lock"), observer).await?;
        let wanted: Vec<Package> = [
            (config.own_anvil.is_none()).then_some(&config.packages.anvil),
            Some(&config.packages.contracts),
        ]
        .into_iter()
        .flatten()
        .filter(|package| !folder.join(package.folder()).is_dir())
        .cloned()
        .collect();
        if !wanted.is_empty() {
            let names: Vec<String> = wanted.iter().map(Package::specification).collect();
            observer(Progress::Fetching {
                packages: names.join(" and "),
            });
            let staging = tempfile::Builder::new()
                .prefix("fetch-")
                .tempdir_in(&folder)
                .map_err(at(&folder))?;
            download(&config.npm, &names, staging.path()).await?;
            let is_anvil = {
                let anvil = config.packages.anvil.clone();
                move |package: &Package| *package == anvil
            };
            let unpacked = tokio::task::spawn_blocking(move || {
                wanted
                    .iter()
                    .try_for_each(|package| install(package, is_anvil(package), &staging, &folder))
            });
            match unpacked.await {
                Ok(result) => result?,
                Err(panic) => std::panic::resume_unwind(panic.into_panic()),
            }
        }
        Self::locate(config).await?.ok_or_else(|| PartsError::Incomplete {
            package: config.packages.anvil.specification(),
            missing: "anvil".into(),
        })
    }
}

/// Asks an operator's own anvil what it is: version, commit and build, on one line.
async fn version_of(anvil: &Path) -> Result<String, PartsError> {
    let not_working = |detail: String| PartsError::OwnAnvil {
        path: anvil.display().to_string(),
        detail,
    };
    let asked = Command::new(anvil)
        .arg("--version")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(Duration::from_secs(10), asked)
        .await
        .map_err(|_| not_working("no answer to `--version` within 10 s".into()))?
        .map_err(|error| not_working(error.to_string()))?;
    let said = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() || !said.to_lowercase().starts_with("anvil") {
        return Err(not_working("it does not answer `--version` as anvil does".into()));
    }
    Ok(said.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Takes the lock file, waiting for whoever holds it.
async fn lock(path: &Path, observer: Observer<'_>) -> Result<File, PartsError> {
    let file = File::create(path).map_err(at(path))?;
    let started = Instant::now();
    let mut told = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(source)) => return Err(at(path)(source)),
            Err(TryLockError::WouldBlock) if started.elapsed() > LOCK_LIMIT => {
                return Err(PartsError::Busy {
                    waited: started.elapsed(),
                });
            }
            Err(TryLockError::WouldBlock) => {
                if !told {
                    observer(Progress::WaitingForFetch);
                    told = true;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

/// Runs `npm pack`, without scripts and without a word, into a folder.
async fn download(npm: &Path, names: &[String], into: &Path) -> Result<(), PartsError> {
    let packages = names.join(" and ");
    let running = Command::new(npm)
        .arg("pack")
        .args(names)
        .args(["--ignore-scripts", "--loglevel=error", "--no-audit", "--no-fund"])
        .arg("--no-update-notifier")
        .current_dir(into)
        .stdin(Stdio::null())
        .process_group(0)
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(FETCH_LIMIT, running)
        .await
        .map_err(|_| PartsError::Slow {
            packages: packages.clone(),
            limit: FETCH_LIMIT,
        })?
        .map_err(|source| PartsError::Npm {
            npm: npm.display().to_string(),
            source,
        })?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let detail = first_words(&said);
    let offline = [
        "ENOTFOUND",
        "EAI_AGAIN",
        "ECONNREFUSED",
        "ECONNRESET",
        "ETIMEDOUT",
        "ENETUNREACH",
        "EHOSTUNREACH",
    ];
    Err(if offline.iter().any(|code| said.contains(code)) {
        PartsError::Offline { packages, detail }
    } else {
        PartsError::Download { packages, detail }
    })
}

/// The first lines of what npm said, without its prefix, on one line and bounded.
fn first_words(said: &str) -> String {
    let lines = said
        .lines()
        .map(|line| line.trim_start_matches("npm error").trim())
        .filter(|line| !line.is_empty());
    let joined = lines.take(4).collect::<Vec<_>>().join("; ");
    let shown: String = joined.chars().filter(|c| !c.is_control()).take(400).collect();
    match shown.is_empty() {
        true => "it did not say why".into(),
        false => shown,
    }
}

/// Checks a downloaded package, unpacks what is needed of it, and moves that into place in one step.
fn install(package: &Package, is_anvil: bool, staging: &TempDir, folder: &Path) -> Result<(), PartsError> {
    let tarball = staging.path().join(package.tarball());
    if let Err(found) = package.check(&tarball).map_err(at(&tarball))? {
        return Err(PartsError::Integrity {
            package: package.specification(),
            expected: package.integrity.clone(),
            found,
        });
    }
    let unpacked = staging.path().join(package.folder());
    fs::create_dir(&unpacked).map_err(at(&unpacked))?;
    let mut missing: Vec<(String, &str, u32)> = if is_anvil {
        vec![("package/bin/anvil".into(), "anvil", 0o755)]
    } else {
        ARTIFACTS
            .iter()
            .map(|artifact| (artifact.path_in_package(), artifact.name, 0o644))
            .collect()
    };
    let file = File::open(&tarball).map_err(at(&tarball))?;
    let mut archive = tar::Archive::new(GzDecoder::new(file));
    for entry in archive.entries().map_err(at(&tarball))? {
        let entry = entry.map_err(at(&tarball))?;
        let path = entry.path().map_err(at(&tarball))?.into_owned();
        let Some(place) = missing.iter().position(|(wanted, ..)| Path::new(wanted) == path) else {
            continue;
        };
        let (_, name, mode) = missing.swap_remove(place);
        let target = match is_anvil {
            true => unpacked.join(name),
            false => unpacked.join(format!("{name}.json")),
        };
        write_part(entry, &target, mode).map_err(at(&target))?;
    }
    if let Some((wanted, ..)) = missing.first() {
        return Err(PartsError::Incomplete {
            package: package.specification(),
            missing: wanted.clone(),
        });
    }
    let place = folder.join(package.folder());
    fs::rename(&unpacked, &place).map_err(at(&place))
}

/// Writes one unpacked file to the disk itself, not only to memory, so that a folder in place is whole.
fn write_part(from: impl Read, target: &Path, mode: u32) -> io::Result<()> {
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(target)?;
    let copied = io::copy(&mut from.take(PART_LIMIT + 1), &mut file)?;
    if copied > PART_LIMIT {
        return Err(io::Error::other("larger than any part of a devnet"));
    }
    file.flush()?;
    file.sync_all()
}
