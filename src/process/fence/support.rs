//! What of the fence holds on this machine: found out by putting it up around a throw-away child and leaning on it.

use std::{
    fmt,
    fs::File,
    io::{self, Read as _, Write as _},
    process::{Command, Stdio},
};

use rustix::{
    io::Errno,
    net::{AddressFamily, SocketType, socket},
    thread::{no_new_privs, set_no_new_privs},
};
use serde::Serialize;

use super::{calls, files};
use crate::process::{CHILD, Launcher};

/// The helper's word for "put up the fence, lean on it and tell".
pub(crate) const SUPPORT: &str = "fence-support";

/// Most the child may say.
const ANSWER_BYTES: u64 = 256;

/// From this level on landlock also keeps a file from being cut that may only be read, like a library.
const WHOLE_LANDLOCK: u32 = 3;

/// What landlock does here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Landlock {
    /// It holds, at this level of its interface.
    Holds(u32),
    /// The kernel has it but was started without it.
    SwitchedOff,
    /// The kernel does not have it, or whoever runs this container forbids it.
    #[default]
    Missing,
}

impl Landlock {
    /// Whether it holds back everything the fence is to hold back.
    #[must_use]
    pub fn is_whole(self) -> bool {
        matches!(self, Self::Holds(level) if level >= WHOLE_LANDLOCK)
    }
}

impl fmt::Display for Landlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Holds(level) if self.is_whole() => write!(f, "landlock holds (level {level})"),
            Self::Holds(level) => write!(
                f,
                "landlock of this kernel is too old (level {level}, {WHOLE_LANDLOCK} is needed)"
            ),
            Self::SwitchedOff => f.write_str("landlock is switched off in this kernel"),
            Self::Missing => f.write_str("this kernel has no landlock"),
        }
    }
}

/// What of the fence holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct FenceSupport {
    /// The part that keeps from files.
    pub landlock: Landlock,
    /// Whether the part that keeps from system calls holds.
    pub seccomp: bool,
    /// Whether privileges can be given up for good.
    pub no_new_privileges: bool,
}

impl FenceSupport {
    /// What is missing, in words; empty if all of it holds.
    #[must_use]
    pub fn missing(&self) -> Vec<String> {
        let mut missing = Vec::new();
        if !self.landlock.is_whole() {
            missing.push(self.landlock.to_string());
        }
        if !self.seccomp {
            missing.push("system calls cannot be filtered (seccomp)".into());
        }
        if !self.no_new_privileges {
            missing.push("privileges cannot be given up (no_new_privs)".into());
        }
        missing
    }

    /// Whether any part is worth putting up.
    #[must_use]
    pub fn holds_something(&self) -> bool {
        self.seccomp || matches!(self.landlock, Landlock::Holds(_))
    }

    /// How the child tells it, like `7 seccomp no_new_privs`; `off` or `missing` in the number's place.
    fn line(self) -> String {
        let landlock = match self.landlock {
            Landlock::Holds(level) => level.to_string(),
            Landlock::SwitchedOff => "off".into(),
            Landlock::Missing => "missing".into(),
        };
        let seccomp = if self.seccomp { " seccomp" } else { "" };
        let privileges = if self.no_new_privileges {
            " no_new_privs"
        } else {
            ""
        };
        format!("{landlock}{seccomp}{privileges}\n")
    }

    fn read(line: &str) -> Option<Self> {
        let mut words = line.strip_suffix('\n')?.split(' ');
        let landlock = match words.next()? {
            "off" => Landlock::SwitchedOff,
            "missing" => Landlock::Missing,
            level => Landlock::Holds(level.parse().ok()?),
        };
        let mut support = Self {
            landlock,
            ..Self::default()
        };
        for word in words {
            match word {
                "seccomp" => support.seccomp = true,
                "no_new_privs" => support.no_new_privileges = true,
                _ => return None,
            }
        }
        Some(support)
    }
}

/// Puts the fence up around a child that does nothing else than to lean on it. Takes a few milliseconds and blocks
/// meanwhile. Without a helper there is no fence.
///
/// # Errors
/// lpctl cannot be started, or is not what answers.
pub fn support(launcher: &Launcher) -> io::Result<FenceSupport> {
    let Launcher::Helper(helper) = launcher else {
        return Ok(FenceSupport::default());
    };
    let mut child = Command::new(helper)
        .args([CHILD, &std::process::id().to_string(), SUPPORT])
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let mut said = String::new();
    if let Some(stdout) = child.stdout.take() {
        stdout.take(ANSWER_BYTES).read_to_string(&mut said)?;
    }
    let status = child.wait()?;
    FenceSupport::read(&said)
        .ok_or_else(|| io::Error::other(format!("the child that tries the fence ended with {status}")))
}

/// The child's side: gives up everything, then counts as held only what it is refused.
pub(crate) fn tell() -> io::Result<()> {
    let landlock = files::restrict_all().unwrap_or_default();
    let landlock = match File::open("/") {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => landlock,
        Ok(_) | Err(_) => match landlock {
            Landlock::Holds(_) => Landlock::Missing,
            other => other,
        },
    };
    let _ = set_no_new_privs(true);
    let no_new_privileges = no_new_privs().unwrap_or_default();
    // No program is started from here.
    let seccomp = calls::restrict(false, calls::Start::NEVER).is_ok()
        && socket(AddressFamily::UNIX, SocketType::STREAM, None).is_err_and(|error| error == Errno::PERM);
    let support = FenceSupport {
        landlock,
        seccomp,
        no_new_privileges,
    };
    io::stdout().write_all(support.line().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_child_tells_is_understood() {
        for landlock in [Landlock::Holds(3), Landlock::SwitchedOff, Landlock::Missing] {
            for (seccomp, no_new_privileges) in [(true, true), (true, false), (false, false)] {
                let support = FenceSupport {
                    landlock,
                    seccomp,
                    no_new_privileges,
                };
                assert_eq!(FenceSupport::read(&support.line()), Some(support));
            }
        }
        for line in ["", "7", "x\n", "7 seccomp other\n", "7 seccomp\nmore\n"] {
            assert_eq!(FenceSupport::read(line), None, "{line:?}");
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        assert_eq!(FenceSupport::default().missing().len(), 3);
        assert!(!FenceSupport::default().holds_something());
        let old = FenceSupport {
            landlock: Landlock::Holds(2),
            seccomp: true,
            no_new_privileges: true,
        };
        assert_eq!(
            old.missing(),
            ["landlock of this kernel is too old (level 2, 3 is needed)"]
        );
        let whole = FenceSupport {
            landlock: Landlock::Holds(3),
            ..old
        };
        assert!(whole.missing().is_empty());
    }

    #[test]
    fn without_a_helper_there_is_no_fence() {
        assert_eq!(support(&Launcher::Direct).unwrap(), FenceSupport::default());
        // `cat` says nothing to these arguments that lpctl would say.
        assert!(support(&Launcher::Helper("/bin/cat".into())).is_err());
        assert!(support(&Launcher::Helper("/nowhere/lpctl".into())).is_err());
    }
}
