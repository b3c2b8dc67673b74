//! Where a job keeps its files while it runs.

use std::{fs, io, os::unix::fs::PermissionsExt as _, path::Path};

use rustix::process::{Pid, test_kill_process};
use tempfile::TempDir;

/// How the job directories' names begin; the process's id follows.
const JOB_PREFIX: &str = "lpctl-job-";

/// A directory for one job, readable by nobody else; it goes when it is dropped.
pub(in crate::media) fn job_dir(work_dir: &Path) -> io::Result<TempDir> {
    tempfile::Builder::new()
        .prefix(&format!("{JOB_PREFIX}{}-", std::process::id()))
        .permissions(fs::Permissions::from_mode(0o700))
        .tempdir_in(work_dir)
}

/// Removes job directories whose process is gone: killed ones cannot tidy up, and the place is often memory.
pub(super) fn sweep(work_dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(work_dir)? {
        let entry = entry?;
        let name = entry.file_name();
        let owner = name
            .to_str()
            .and_then(|name| name.strip_prefix(JOB_PREFIX)?.split('-').next()?.parse().ok());
        let gone = owner.and_then(Pid::from_raw).is_some_and(|owner| {
            test_kill_process(owner).is_err_and(|error| error == rustix::io::Errno::SRCH)
        });
        if gone {
            // Another node on the same directory may be at it too.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_directories_of_dead_processes_are_swept() {
        let work = tempfile::tempdir().unwrap();
        let dead = std::process::Command::new("true").spawn().and_then(|mut child| {
            child.wait()?;
            Ok(child.id())
        });
        let dead = work.path().join(format!("{JOB_PREFIX}{}-abc", dead.unwrap()));
        let alive = work
            .path()
            .join(format!("{JOB_PREFIX}{}-abc", std::process::id()));
        let other = work.path().join("notes");
        for directory in [&dead, &alive, &other] {
            fs::create_dir(directory).unwrap();
        }
        sweep(work.path()).unwrap();
        assert_eq!(
            [&dead, &alive, &other].map(|directory| directory.exists()),
            [false, true, true]
        );
    }
}
