//! The ffmpeg on this machine: where it is, how new it is, what it can encode.

use std::{
    collections::BTreeSet,
    env,
    ffi::OsString,
    fmt, fs,
    io::{self, Read as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread::available_parallelism,
    time::{Duration, Instant},
};

use ffmpeg_sidecar::{event::FfmpegEvent, log_parser::FfmpegLogParser};
use rustix::event::{PollFd, PollFlags, poll};

use super::{ladder::VideoCodec, recipe::encoder_name, target::Target};
use crate::process::Limits;

/// Oldest release whose options the recipes use.
pub const MINIMUM: Version = Version { major: 5, minor: 1 };

/// `libavcodec` of that release: builds from source between releases name no other number.
const MINIMUM_LIBAVCODEC: (u32, u32) = (59, 37);

/// How long ffmpeg may take to answer what it is.
const ANSWER: Duration = Duration::from_secs(20);

/// Most it may answer.
const ANSWER_BYTES: usize = 1 << 20;

/// Largest file a job may write. A segment is at most a third of it.
pub(crate) const FILE_BYTES: u64 = 1 << 30;

/// Files ffmpeg may have open: its libraries are mapped one after the other, outputs stay open.
const OPEN_FILES: u64 = 128;

/// How far it steps back behind the node, which has to answer gateways within two seconds while all cores encode.
pub(crate) const NICENESS: u8 = 5;

/// Where programs are looked for if the environment does not say.
const USUAL_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// A usable ffmpeg.
#[derive(Debug, Clone)]
pub struct Ffmpeg {
    path: PathBuf,
    ffprobe: Option<PathBuf>,
    version: String,
    encoders: BTreeSet<String>,
    environment: Vec<(OsString, OsString)>,
}

/// Release number of ffmpeg.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// First number.
    pub major: u32,
    /// Second number.
    pub minor: u32,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// Why there is no usable ffmpeg.
#[derive(Debug, thiserror::Error)]
pub enum FfmpegError {
    /// No such program.
    #[error("ffmpeg was not found {}", place(.path.as_deref()))]
    NotFound {
        /// The path that was given; none if `PATH` was searched.
        path: Option<PathBuf>,
    },
    /// It is there but does not answer as ffmpeg does.
    #[error("{} is no working ffmpeg: {reason}", .path.display())]
    Broken {
        /// Where it is.
        path: PathBuf,
        /// What it did.
        reason: String,
    },
    /// Older than [`MINIMUM`].
    #[error("ffmpeg {found} at {} is too old, {MINIMUM} is the oldest that works", .path.display())]
    TooOld {
        /// Where it is.
        path: PathBuf,
        /// What it says it is.
        found: String,
    },
    /// Built without an encoder that is needed.
    #[error("ffmpeg {found} at {} was built without the encoder {encoder}", .path.display())]
    LacksEncoder {
        /// Where it is.
        path: PathBuf,
        /// What it says it is.
        found: String,
        /// The encoder.
        encoder: &'static str,
    },
}

fn place(path: Option<&Path>) -> String {
    path.map_or_else(
        || "on the search path".into(),
        |path| format!("at {}", path.display()),
    )
}

impl Ffmpeg {
    /// Finds ffmpeg at `path`, or on the search path, and asks it what it is. Takes two short runs of it
    /// (0.2 s) and blocks meanwhile. The search path is `PATH`, read here as starting any program does.
    ///
    /// # Errors
    /// It is missing, broken, too old, or lacks libx264.
    pub fn locate(path: Option<&Path>) -> Result<Self, FfmpegError> {
        let search = env::var_os("PATH").unwrap_or_else(|| USUAL_PATH.into());
        Self::locate_in(path, &search)
    }

    /// [`Ffmpeg::locate`] with the search path given.
    ///
    /// # Errors
    /// As [`Ffmpeg::locate`].
    pub fn locate_in(path: Option<&Path>, search: &std::ffi::OsStr) -> Result<Self, FfmpegError> {
        let missing = || FfmpegError::NotFound {
            path: path.map(Path::to_owned),
        };
        let found = match path {
            Some(path) => Some(path.to_owned()).filter(|path| is_program(path)),
            None => on_path("ffmpeg", search),
        };
        let found = found
            .and_then(|path| std::path::absolute(path).ok())
            .ok_or_else(missing)?;
        let beside = found.with_file_name("ffprobe");
        let ffprobe = Some(beside)
            .filter(|path| is_program(path))
            .or_else(|| on_path("ffprobe", search));

        let mut environment = vec![("PATH".into(), search.to_owned()), ("LC_ALL".into(), "C".into())];
        // CUDA counts GPUs by speed unless told to count as the driver's management library does.
        environment.push(("CUDA_DEVICE_ORDER".into(), "PCI_BUS_ID".into()));
        // No modules of the C library for the text of a stranger's stream: static builds crash on those of this
        // machine, and nobody reads the text.
        environment.push(("GCONV_PATH".into(), "/dev/null".into()));
        // Builds outside the system's folders find their libraries through this one.
        environment.extend(env::var_os("LD_LIBRARY_PATH").map(|value| ("LD_LIBRARY_PATH".into(), value)));

        let ask = |question: &str| {
            answer(&found, &environment, question).map_err(|error| FfmpegError::Broken {
                path: found.clone(),
                reason: error.to_string(),
            })
        };
        let about = ask("-version")?;
        let version = version(&about).ok_or_else(|| FfmpegError::Broken {
            path: found.clone(),
            reason: "it does not tell its version".into(),
        })?;
        if !is_new_enough(&version, &about) {
            return Err(FfmpegError::TooOld {
                path: found,
                found: version,
            });
        }
        let encoders = encoders(&ask("-encoders")?);
        let this = Self {
            path: found,
            ffprobe,
            version,
            encoders,
            environment,
        };
        match this.encoder(VideoCodec::H264) {
            Some(_) => Ok(this),
            None => Err(FfmpegError::LacksEncoder {
                path: this.path,
                found: this.version,
                encoder: "libx264",
            }),
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The ffprobe beside it, or on the search path.
    #[must_use]
    pub fn ffprobe(&self) -> Option<&Path> {
        self.ffprobe.as_deref()
    }

    /// Version as it tells it, like `5.1.9-0+deb12u1`.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The encoder on the CPU for a codec, if this build has it.
    #[must_use]
    pub fn encoder(&self, codec: VideoCodec) -> Option<&'static str> {
        self.encoder_on(Target::Cpu, codec)
    }

    /// The encoder of a codec on a device, if this build has it. Whether the device has it is another matter.
    #[must_use]
    pub fn encoder_on(&self, target: Target, codec: VideoCodec) -> Option<&'static str> {
        encoder_name(target, codec).filter(|name| self.encoders.contains(*name))
    }

    /// A command line for this program, or the ffprobe with it, that inherits nothing of our environment.
    #[must_use]
    pub fn command(&self, program: &Path) -> Command {
        clean(program, &self.environment)
    }
}

/// Generous bounds for a healthy run over a stranger's file, on a machine with so many cores: threads, their stacks
/// and their heaps are counted in the address space, and all of them together may compute until the deadline.
pub(crate) fn limits(deadline: Duration) -> Limits {
    let cores = available_parallelism().map_or(1, |cores| cores.get() as u64);
    Limits {
        file_bytes: Some(FILE_BYTES),
        cpu_seconds: Some((deadline.as_secs() + 1) * cores + 10),
        open_files: Some(OPEN_FILES),
        address_space: Some((4 + cores) << 30),
        niceness: Some(NICENESS),
        fence: None,
    }
}

fn clean(program: &Path, environment: &[(OsString, OsString)]) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .envs(environment.iter().map(|(name, value)| (name, value)));
    command
}

fn on_path(name: &str, search: &std::ffi::OsStr) -> Option<PathBuf> {
    env::split_paths(search)
        .map(|folder| folder.join(name))
        .find(|path| is_program(path))
}

fn is_program(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

/// What a short run of it prints, within bounds of time and size.
fn answer(program: &Path, environment: &[(OsString, OsString)], question: &str) -> io::Result<String> {
    let mut command = clean(program, environment);
    command
        .args(["-hide_banner", question])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut child = command.spawn()?;
    let said = child.stdout.take().map_or_else(
        || Ok(Vec::new()),
        |mut stdout| {
            let deadline = Instant::now() + ANSWER;
            let mut said = Vec::new();
            let mut buffer = [0; 8192];
            while said.len() < ANSWER_BYTES {
                let left = deadline.saturating_duration_since(Instant::now());
                let left = left.try_into().map_err(io::Error::other)?;
                if poll(&mut [PollFd::new(&stdout, PollFlags::IN)], Some(&left))? == 0 {
                    return Err(io::Error::other(format!(
                        "it said nothing for {} s",
                        ANSWER.as_secs()
                    )));
                }
                match stdout.read(&mut buffer)? {
                    0 => break,
                    read => said.extend_from_slice(&buffer[..read]),
                }
            }
            Ok(said)
        },
    );
    if said.is_err() {
        let _ = child.kill();
    }
    let status = child.wait()?;
    let said = said?;
    if !status.success() {
        return Err(io::Error::other(format!(
            "`ffmpeg {question}` ended with {status}"
        )));
    }
    Ok(String::from_utf8_lossy(&said).into_owned())
}

fn version(about: &str) -> Option<String> {
    let first = about.lines().next()?;
    match FfmpegLogParser::new(first.as_bytes()).parse_next_event() {
        Ok(FfmpegEvent::ParsedVersion(version)) => Some(version.version),
        _ => None,
    }
}

/// Judges by the release number, or by the library's if the build carries none (`N-112345-g…`).
fn is_new_enough(version: &str, about: &str) -> bool {
    let mut numbers = version
        .trim_start_matches('n')
        .split(['.', '-', '+'])
        .map_while(|part| part.parse().ok());
    if let (true, Some(major), Some(minor)) = (version.contains('.'), numbers.next(), numbers.next()) {
        return Version { major, minor } >= MINIMUM;
    }
    let library = about.lines().find_map(|line| line.strip_prefix("libavcodec"));
    let numbers = library.and_then(|line| line.split('/').next());
    let mut numbers = numbers
        .unwrap_or_default()
        .split('.')
        .map_while(|part| part.trim().parse::<u32>().ok());
    matches!((numbers.next(), numbers.next()), (Some(major), Some(minor)) if (major, minor) >= MINIMUM_LIBAVCODEC)
}

/// Names in the second column of `-encoders`, below the legend.
fn encoders(list: &str) -> BTreeSet<String> {
    let entries = list.lines().skip_while(|line| line.trim() != "------").skip(1);
    entries
        .filter_map(|line| line.split_whitespace().nth(1))
        .map(String::from)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_and_builds_between_them_are_judged() {
        let library =
            |line: &str| format!("ffmpeg version x\nlibavutil      57. 28.100 / 57. 28.100\n{line}\n");
        for version in [
            "5.1.9-0+deb12u1",
            "5.1",
            "n7.0.2",
            "6.1.1-3ubuntu5",
            "10.0",
            "7.0.2-static",
        ] {
            assert!(is_new_enough(version, ""), "{version}");
        }
        for version in ["4.4.2-0ubuntu0.22.04.1", "n5.0.1", "3.2", "N-1-gabc", "git"] {
            assert!(!is_new_enough(version, ""), "{version}");
        }
        assert!(is_new_enough(
            "N-112345-gabcdef",
            &library("libavcodec     61. 19.100 / 61. 19.100")
        ));
        assert!(is_new_enough(
            "2023-01-18-git-ba36e6ed52",
            &library("libavcodec     59. 37.100 / 59. 37.100")
        ));
        assert!(!is_new_enough(
            "N-100000-gabcdef",
            &library("libavcodec     59. 18.100 / 59. 18.100")
        ));
    }

    #[test]
    fn the_version_is_the_third_word() {
        let about = "ffmpeg version 5.1.9-0+deb12u1 Copyright (c) 2000-2026 the FFmpeg developers\n";
        assert_eq!(version(about).as_deref(), Some("5.1.9-0+deb12u1"));
        assert_eq!(version("bash: ffmpeg"), None);
        assert_eq!(version(""), None);
    }

    #[test]
    fn encoders_stand_below_the_legend() {
        let list = "Encoders:\n V..... = Video\n ------\n V....D libx264   libx264 H.264\n A..... aac  AAC\n";
        assert_eq!(encoders(list), BTreeSet::from(["libx264".into(), "aac".into()]));
    }
}
