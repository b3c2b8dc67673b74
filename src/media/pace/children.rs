//! Processor time of this process's children, as the kernel counts it.

use std::{fs, time::Duration};

/// The unit of the kernel's counts for programs, on every machine Linux runs on (`proc(5)`).
const TICKS_PER_SECOND: u64 = 100;
/// Fields of `/proc/self/stat` after the program's name: time of the children that have ended, in user and kernel mode.
const USER: usize = 13;

/// What all children that have ended have used; none where the kernel does not tell.
pub(super) fn processor_time() -> Option<Duration> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name is in brackets and may hold anything.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_ascii_whitespace().skip(USER);
    let mut next = || times.next()?.parse::<u64>().ok();
    let ticks = next()?.saturating_add(next()?);
    Some(Duration::from_millis(
        ticks.saturating_mul(1000 / TICKS_PER_SECOND),
    ))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn what_children_use_is_counted_when_they_have_ended() {
        let before = processor_time().unwrap();
        let work = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done";
        assert!(Command::new("sh").args(["-c", work]).status().unwrap().success());
        assert!(processor_time().unwrap() > before);
    }
}
