//! The fence around ffmpeg: a stranger's segment may take over the program that decodes it, so the program is
//! left with nothing but its job.
//!
//! Inside it can read its libraries, read and write the files of its job directory, make threads and compute. It
//! cannot open any other file, make a socket, start a program or another process, trace or signal anybody, gain
//! privileges or raise a limit. Two parts of the kernel see to it, and each alone leaves gaps: landlock keeps it
//! from files (`landlock(7)`), seccomp from system calls (`seccomp(2)`). What stays open: names, sizes and times
//! of files, which landlock does not hide.
//!
//! The fence is put up by the helper that becomes the program (see [`super::become_child`]), never in the node
//! itself. The number of processes needs no limit beside it: there can be one, whose threads are bounded by its
//! address space.

use std::{
    convert::Infallible,
    env,
    ffi::{CString, OsStr, OsString},
    fmt,
    fs::File,
    io,
    os::{fd::AsRawFd as _, unix::ffi::OsStrExt as _},
    path::Path,
};

use nix::{fcntl::AtFlags, unistd::execveat};
use rustix::thread::set_no_new_privs;

use super::Limits;

mod calls;
mod files;
mod program;
mod support;

pub use support::{FenceSupport, Landlock, support};
pub(super) use support::{SUPPORT, tell};

/// Open files where a GPU is used: its driver opens dozens for each context.
const GPU_OPEN_FILES: u64 = 1024;

/// A fence around one program. The directory it is started in is its job directory, the one place it may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fence {
    /// Leaves a way to Nvidia's devices and driver files, and lets through all requests to them.
    pub gpu: bool,
    /// The program is not started if a part of the fence does not hold. Otherwise what does hold must do.
    pub whole: bool,
}

impl Fence {
    /// How it is written on the helper's command line.
    pub(super) fn word(self) -> String {
        let strength = if self.whole { "whole" } else { "partial" };
        let gpu = if self.gpu { "+gpu" } else { "" };
        format!("{strength}{gpu}")
    }

    /// Reads [`Fence::word`].
    pub(super) fn read(word: &str) -> Option<Self> {
        let (strength, gpu) = match word.strip_suffix("+gpu") {
            Some(strength) => (strength, true),
            None => (word, false),
        };
        let whole = match strength {
            "whole" => true,
            "partial" => false,
            _ => return None,
        };
        Some(Self { gpu, whole })
    }

    /// Puts this process behind the fence and replaces it with the program. Returns only if that failed; it is
    /// then good for nothing but saying so.
    ///
    /// The program must be one the kernel runs by itself: a script would need its interpreter, and that others.
    pub(super) fn become_program(self, program: &OsStr, args: &[OsString]) -> io::Error {
        match self.enter(program, args) {
            Ok(never) => match never {},
            Err(error) => error,
        }
    }

    fn enter(self, program: &OsStr, args: &[OsString]) -> io::Result<Infallible> {
        let path = Path::new(program);
        if !path.is_absolute() {
            return Err(io::Error::other(
                "behind the fence a program needs its whole path",
            ));
        }
        let opened = File::open(path)?;
        let interpreter = program::interpreter(&opened)?;
        let words = [program].into_iter().chain(args.iter().map(OsString::as_os_str));
        let words = words
            .map(|word| c_string(word.as_bytes()))
            .collect::<io::Result<Vec<_>>>()?;
        let environment = self.environment()?;

        let held = files::restrict(self.gpu, path, interpreter.as_deref());
        set_no_new_privs(true)?;
        if self.whole && !held.as_ref().is_ok_and(|landlock| landlock.is_whole()) {
            let said = held.map_or_else(|error| error.to_string(), |landlock| landlock.to_string());
            return Err(io::Error::other(format!("files cannot be fenced off: {said}")));
        }
        // The one system call that can start a program is let through from this address alone, which nobody
        // behind the fence knows.
        let here = CString::default();
        let start = calls::Start {
            program: opened.as_raw_fd(),
            path: here.as_ptr().addr(),
        };
        match calls::restrict(self.gpu, start) {
            Err(error) if self.whole => return Err(error),
            Ok(()) | Err(_) => {}
        }
        Ok(execveat(
            &opened,
            &here,
            &words,
            &environment,
            AtFlags::AT_EMPTY_PATH,
        )?)
    }

    /// This process's environment, which holds only what its parent has chosen.
    fn environment(self) -> io::Result<Vec<CString>> {
        let mut environment = env::vars_os()
            .map(|(name, value)| c_string(&[name.as_bytes(), b"=", value.as_bytes()].concat()))
            .collect::<io::Result<Vec<_>>>()?;
        if self.gpu {
            // Its compiler would keep what it makes in the home directory.
            environment.push(c"CUDA_CACHE_DISABLE=1".into());
        }
        Ok(environment)
    }
}

fn c_string(bytes: &[u8]) -> io::Result<CString> {
    Ok(CString::new(bytes)?)
}

/// What to do about a fence that this kernel cannot put up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FencePolicy {
    /// Run nothing unless all of it holds.
    Strict,
    /// Put up what there is.
    #[default]
    Auto,
    /// No fence; limits stay.
    Off,
}

/// A part of the fence is missing where the policy wants all of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("ffmpeg cannot be fenced off: {}", .missing.join(", "))]
pub struct NotFenced {
    /// What is missing.
    pub missing: Vec<String>,
}

/// How this node fences ffmpeg, once policy and kernel have met. Shown as `full`, `partial: …` or `none: …`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fencing {
    strength: Strength,
    missing: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Strength {
    Full,
    Partial,
    None,
}

impl Default for Fencing {
    /// None: programs run as they are.
    fn default() -> Self {
        Self::none("not asked for")
    }
}

impl Fencing {
    /// No fence, and why.
    #[must_use]
    pub fn none(why: impl Into<String>) -> Self {
        Self {
            strength: Strength::None,
            missing: vec![why.into()],
        }
    }

    /// What a policy comes to on a kernel.
    ///
    /// # Errors
    /// The policy is [`FencePolicy::Strict`] and something is missing.
    pub fn decide(policy: FencePolicy, support: &FenceSupport) -> Result<Self, NotFenced> {
        let missing = support.missing();
        match policy {
            FencePolicy::Off => Ok(Self::none("switched off")),
            FencePolicy::Strict if !missing.is_empty() => Err(NotFenced { missing }),
            FencePolicy::Strict | FencePolicy::Auto => Ok(Self {
                strength: match (missing.is_empty(), support.holds_something()) {
                    (true, _) => Strength::Full,
                    (false, true) => Strength::Partial,
                    (false, false) => Strength::None,
                },
                missing,
            }),
        }
    }

    /// Whether all of the fence holds.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.strength == Strength::Full
    }

    /// What is missing from a full fence, in words.
    #[must_use]
    pub fn missing(&self) -> &[String] {
        &self.missing
    }

    /// The limits with this fence around them. Where a GPU is used the address space is left alone, of which its
    /// driver reserves more than any machine has, and more files may be open.
    #[must_use]
    pub fn around(&self, limits: Limits, gpu: bool) -> Limits {
        let whole = self.is_full();
        Limits {
            fence: (self.strength != Strength::None).then_some(Fence { gpu, whole }),
            address_space: limits.address_space.filter(|_| !gpu),
            open_files: match gpu {
                true => limits.open_files.map(|files| files.max(GPU_OPEN_FILES)),
                false => limits.open_files,
            },
            ..limits
        }
    }
}

impl fmt::Display for Fencing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let missing = self.missing.join(", ");
        match self.strength {
            Strength::Full => f.write_str("full"),
            Strength::Partial => write!(f, "partial: {missing}"),
            Strength::None => write!(f, "none: {missing}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: FenceSupport = FenceSupport {
        landlock: Landlock::Holds(7),
        seccomp: true,
        no_new_privileges: true,
    };

    #[test]
    fn a_fence_survives_the_way_to_the_helper() {
        for gpu in [true, false] {
            for whole in [true, false] {
                let fence = Fence { gpu, whole };
                assert_eq!(Fence::read(&fence.word()), Some(fence));
            }
        }
        for word in ["", "gpu", "+gpu", "whole+", "whole+gpu+gpu", "none"] {
            assert_eq!(Fence::read(word), None, "{word}");
        }
    }

    #[test]
    fn strict_wants_everything_and_auto_takes_what_there_is() {
        let decide = |policy, support: FenceSupport| {
            Fencing::decide(policy, &support)
                .map(|fencing| fencing.to_string())
                .map_err(|error| error.to_string())
        };
        let without_landlock = FenceSupport {
            landlock: Landlock::SwitchedOff,
            ..WHOLE
        };
        let old_landlock = FenceSupport {
            landlock: Landlock::Holds(2),
            ..WHOLE
        };
        let nothing = FenceSupport::default();
        assert_eq!(decide(FencePolicy::Strict, WHOLE), Ok("full".into()));
        assert_eq!(decide(FencePolicy::Auto, WHOLE), Ok("full".into()));
        assert_eq!(decide(FencePolicy::Off, WHOLE), Ok("none: switched off".into()));
        assert_eq!(
            decide(FencePolicy::Auto, without_landlock),
            Ok("partial: landlock is switched off in this kernel".into())
        );
        assert_eq!(
            decide(FencePolicy::Strict, without_landlock),
            Err("ffmpeg cannot be fenced off: landlock is switched off in this kernel".into())
        );
        assert!(decide(FencePolicy::Strict, old_landlock).is_err());
        assert!(decide(FencePolicy::Auto, old_landlock).is_ok_and(|told| told.starts_with("partial: ")));
        assert!(decide(FencePolicy::Auto, nothing).is_ok_and(|told| told.starts_with("none: ")));
    }

    #[test]
    fn a_gpu_gets_room_for_its_driver() {
        let limits = Limits {
            open_files: Some(128),
            address_space: Some(1 << 30),
            cpu_seconds: Some(9),
            ..Limits::default()
        };
        let fencing = Fencing::decide(FencePolicy::Auto, &WHOLE).unwrap();
        let cpu = fencing.around(limits, false);
        assert_eq!((cpu.open_files, cpu.address_space), (Some(128), Some(1 << 30)));
        assert_eq!(
            cpu.fence,
            Some(Fence {
                gpu: false,
                whole: true
            })
        );
        let gpu = fencing.around(limits, true);
        assert_eq!((gpu.open_files, gpu.address_space), (Some(1024), None));
        assert_eq!(
            (gpu.cpu_seconds, gpu.fence.map(|fence| fence.gpu)),
            (Some(9), Some(true))
        );
        assert_eq!(Fencing::default().around(limits, true).fence, None);
    }
}
