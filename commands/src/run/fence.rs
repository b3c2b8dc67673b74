//! The fence around ffmpeg: what the operator wants of it, what this machine can do, and what is said of the gap.

use clap::ValueEnum;
use engine::process::{FencePolicy, FenceSupport, Fencing, Launcher, fence};

use crate::{
    failure::{Failure, Kind},
    shell::Shell,
};

/// What to do about a fence that this kernel cannot put up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum FenceChoice {
    /// Refuse to start unless all of it holds.
    Strict,
    /// Say what is missing and go on with what there is.
    #[default]
    Auto,
    /// None: ffmpeg reaches whatever this user reaches.
    Off,
}

impl From<FenceChoice> for FencePolicy {
    fn from(choice: FenceChoice) -> Self {
        match choice {
            FenceChoice::Strict => Self::Strict,
            FenceChoice::Auto => Self::Auto,
            FenceChoice::Off => Self::Off,
        }
    }
}

/// Tries the fence on this machine. One that cannot be tried does not hold.
pub async fn try_out(launcher: &Launcher) -> FenceSupport {
    let launcher = launcher.clone();
    let tried = tokio::task::spawn_blocking(move || fence::support(&launcher));
    let tried = tried.await.map_err(std::io::Error::other).flatten();
    tried.unwrap_or_else(|error| {
        tracing::warn!("the fence cannot be tried: {error}");
        FenceSupport::default()
    })
}

/// Decides, and says what the operator should know.
///
/// # Errors
/// Refused: all of the fence is wanted and something is missing.
pub async fn choose(choice: FenceChoice, launcher: &Launcher, shell: &mut Shell) -> Result<Fencing, Failure> {
    let fencing = decide(choice, &try_out(launcher).await)?;
    if choice == FenceChoice::Off {
        shell.warn("the fence is off: a segment that takes over ffmpeg reaches whatever this user reaches");
    } else if fencing.is_full() {
        tracing::info!("ffmpeg runs behind the fence");
    } else {
        shell.warn(format_args!(
            "ffmpeg is not fenced off fully: {}; `lpctl doctor` says what to do",
            fencing.missing().join(", ")
        ));
    }
    Ok(fencing)
}

/// What the choice comes to.
///
/// # Errors
/// As [`choose`].
pub fn decide(choice: FenceChoice, support: &FenceSupport) -> Result<Fencing, Failure> {
    Fencing::decide(choice.into(), support).map_err(|error| {
        Failure::new(Kind::Refused, "not_fenced", error.to_string())
            .hint("`lpctl doctor` says what this machine lacks; `--fence auto` goes on with what there is")
    })
}

#[cfg(test)]
mod tests {
    use engine::process::Landlock;

    use super::*;

    #[test]
    fn strict_refuses_before_anything_is_started() {
        let without = FenceSupport {
            landlock: Landlock::Missing,
            seccomp: true,
            no_new_privileges: true,
        };
        let failure = decide(FenceChoice::Strict, &without).unwrap_err();
        assert_eq!((failure.kind, failure.code), (Kind::Refused, "not_fenced"));
        assert_eq!(
            failure.message,
            "ffmpeg cannot be fenced off: this kernel has no landlock"
        );
        assert!(failure.hint.is_some());
        assert!(!decide(FenceChoice::Auto, &without).unwrap().is_full());
    }
}
