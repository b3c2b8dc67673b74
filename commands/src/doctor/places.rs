//! The folders a node writes to.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use rustix::fs::{Access, access, statfs, statvfs};

use super::Check;

/// `statfs(2)`: the file system lies in memory.
const TMPFS: i64 = 0x0102_1994;

/// Less room than this holds up segments under load.
const ROOMY: u64 = 1 << 30;

/// Less room than this does not hold one long segment with its renditions.
const LEAST: u64 = 128 << 20;

/// Whether the node's own files can be kept.
pub(super) fn data_dir(path: &Path) -> Check {
    const NAME: &str = "data_dir";
    let shown = path.display();
    let next = "make it writable for this user, or choose another folder with `--data-dir`";
    // What is missing is made at the node's start, below what is there.
    let Some(existing) = path.ancestors().find(|folder| folder.exists()) else {
        return Check::bad(NAME, format!("{shown}: there is no such place"), next);
    };
    if !existing.is_dir() {
        return Check::bad(NAME, format!("{} is not a folder", existing.display()), next);
    }
    if let Err(error) = access(existing, Access::WRITE_OK | Access::EXEC_OK) {
        let error = io::Error::from(error);
        return Check::bad(
            NAME,
            format!("{} cannot be written: {error}", existing.display()),
            next,
        );
    }
    let later = if existing == path {
        ""
    } else {
        ", made when a node starts"
    };
    Check::good(NAME, format!("{shown}{later}"))
}

/// How much room there is where the node keeps its books.
pub(super) fn disk(path: &Path) -> Option<Check> {
    let existing = path.ancestors().find(|folder| folder.exists())?;
    let system = statvfs(existing).ok()?;
    let free = system.f_bavail.saturating_mul(system.f_frsize);
    let all = system.f_blocks.saturating_mul(system.f_frsize);
    Some(judge_disk(path, free, all))
}

fn judge_disk(path: &Path, free: u64, all: u64) -> Check {
    const NAME: &str = "disk";
    let percent = free.saturating_mul(100).checked_div(all).unwrap_or_default();
    let found = format!(
        "{} MiB free where {} is, {percent} % of the disk",
        free >> 20,
        path.display()
    );
    let next =
        "free some space, or move it with `--data-dir`: without room no winning ticket can be written down";
    match free {
        free if free < LEAST => Check::bad(NAME, found, next),
        free if free < ROOMY || percent < 3 => Check::warning(NAME, found, next),
        _ => Check::good(NAME, found),
    }
}

/// The folder segments are worked on in, tried by writing to it.
pub(super) struct WorkDir {
    path: PathBuf,
    /// Not there before: removed again.
    is_new: bool,
    usable: io::Result<()>,
}

impl WorkDir {
    /// Makes it if it is missing, and writes a file.
    pub(super) fn make(path: PathBuf) -> Self {
        let is_new = !path.exists();
        let write = || {
            fs::create_dir_all(&path)?;
            let mut file = tempfile::tempfile_in(&path)?;
            io::Write::write_all(&mut file, b"lpctl")
        };
        let usable = write();
        Self { path, is_new, usable }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn is_usable(&self) -> bool {
        self.usable.is_ok()
    }

    /// Whether it can be written, where it lies, and how much room there is.
    pub(super) fn check(&self) -> Option<Check> {
        const NAME: &str = "work_dir";
        let shown = self.path.display();
        if let Err(error) = &self.usable {
            return Some(Check::bad(
                NAME,
                format!("{shown} cannot be written: {error}"),
                "make it writable for this user, or choose another folder with `--work-dir`",
            ));
        }
        let room = statvfs(&self.path)
            .ok()
            .map(|system| system.f_bavail.saturating_mul(system.f_frsize));
        let in_memory = statfs(&self.path).is_ok_and(|system| i128::from(system.f_type) == i128::from(TMPFS));
        Some(judge(&self.path, room, in_memory))
    }

    /// Removes what was made for the check.
    pub(super) fn leave(self) {
        if self.is_new {
            // Someone else's files may be in it by now; then it stays.
            let _ = fs::remove_dir(self.path);
        }
    }
}

fn judge(path: &Path, room: Option<u64>, in_memory: bool) -> Check {
    const NAME: &str = "work_dir";
    let mebibytes = room.map_or_else(
        || "an unknown amount".into(),
        |room| format!("{} MiB", room >> 20),
    );
    let place = if in_memory { "in memory" } else { "on disk" };
    let found = format!("{} ({place}), {mebibytes} free", path.display());
    match room {
        Some(room) if room < LEAST => Check::bad(
            NAME,
            found,
            "make room, or choose another folder with `--work-dir`",
        ),
        Some(room) if room < ROOMY => Check::warning(
            NAME,
            found,
            "1 GiB or more is better; in a container raise the size of /dev/shm (`--shm-size`)",
        ),
        _ if !in_memory => Check::warning(
            NAME,
            found,
            "a folder in memory is faster and spares the disk: give /dev/shm 1 GiB, or name a tmpfs with `--work-dir`",
        ),
        _ => Check::good(NAME, found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    #[test]
    fn room_and_place_of_the_work_folder_are_judged() {
        let verdict = |room, in_memory| judge(Path::new("/dev/shm"), room, in_memory).verdict;
        assert_eq!(verdict(Some(2 << 30), true), Verdict::Good);
        assert_eq!(verdict(Some(2 << 30), false), Verdict::Warning);
        assert_eq!(verdict(Some(500 << 20), true), Verdict::Warning);
        assert_eq!(verdict(Some(1 << 20), true), Verdict::Bad);
        assert_eq!(verdict(None, true), Verdict::Good);
    }

    #[test]
    fn room_on_the_disk_has_three_grades() {
        let verdict = |free: u64, all: u64| judge_disk(Path::new("/x"), free, all).verdict;
        assert_eq!(verdict(50 << 30, 100 << 30), Verdict::Good);
        assert_eq!(verdict(2 << 30, 100 << 30), Verdict::Warning);
        assert_eq!(verdict(500 << 20, 1 << 30), Verdict::Warning);
        assert_eq!(verdict(100 << 20, 1 << 30), Verdict::Bad);
        assert_eq!(verdict(0, 0), Verdict::Bad);
        assert!(disk(Path::new("/nowhere/at/all")).is_some());
    }

    #[test]
    fn a_folder_that_is_missing_is_fine_if_it_can_be_made() {
        let place = tempfile::tempdir().unwrap();
        let check = data_dir(&place.path().join("a/b"));
        assert_eq!(check.verdict, Verdict::Good);
        assert!(
            check.found.ends_with("made when a node starts"),
            "{}",
            check.found
        );
        assert!(!place.path().join("a").exists());
        assert_eq!(data_dir(place.path()).found, place.path().display().to_string());
        fs::write(place.path().join("file"), "").unwrap();
        assert_eq!(data_dir(&place.path().join("file/b")).verdict, Verdict::Bad);
    }

    #[test]
    fn a_work_folder_made_for_the_check_goes_again() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("work");
        let work = WorkDir::make(path.clone());
        assert!(work.is_usable() && path.is_dir());
        work.leave();
        assert!(!path.exists());
        WorkDir::make(place.path().into()).leave();
        assert!(place.path().is_dir());
        fs::write(place.path().join("file"), "").unwrap();
        let blocked = WorkDir::make(place.path().join("file/work"));
        assert_eq!(blocked.check().map(|check| check.verdict), Some(Verdict::Bad));
    }
}
