//! What the kernel and the machine give: the parts of the fence, memory, open files, GPU driver, clock.

use std::path::{Path, PathBuf};

use engine::{
    gpu::DeviceReader,
    process::{FenceSupport, Landlock},
};
use jiff::Timestamp;
use rustix::process::{Resource, getrlimit};

use super::{Check, Verdict};
use crate::{run::fence::FenceChoice, shell::escape};

/// One ffmpeg on a 1080p segment takes up to half of it.
const LEAST_MEMORY: u64 = 512 << 20;
const ENOUGH_MEMORY: u64 = 2 << 30;

/// Ports and a session or two take that many; a busy node takes ten for each segment under way.
const LEAST_FILES: u64 = 256;
const ENOUGH_FILES: u64 = 4096;

/// Each part of the fence. Where all of it is wanted, a missing part keeps the node from running.
pub(super) fn fence(choice: FenceChoice, support: &FenceSupport) -> Vec<Check> {
    let landlock = match support.landlock {
        held if held.is_whole() => Check::good("landlock", "keeps ffmpeg from files that are not its own"),
        Landlock::Holds(_) => Check::warning(
            "landlock",
            support.landlock.to_string(),
            "Linux 6.2 or later holds back everything",
        ),
        Landlock::SwitchedOff => Check::warning(
            "landlock",
            support.landlock.to_string(),
            "add `landlock` to the list of the boot option `lsm=` and start the machine again",
        ),
        Landlock::Missing => Check::warning(
            "landlock",
            support.landlock.to_string(),
            "Linux 6.2 or later has it; in a container its system calls must be allowed",
        ),
    };
    let seccomp = match support.seccomp {
        true => Check::good(
            "seccomp",
            "keeps ffmpeg from sockets, programs and other processes",
        ),
        false => Check::warning(
            "seccomp",
            "system calls cannot be filtered",
            "the kernel needs CONFIG_SECCOMP_FILTER; lpctl filters on x86-64 and aarch64",
        ),
    };
    let privileges = match support.no_new_privileges {
        true => Check::good("no_new_privs", "ffmpeg gains no privileges"),
        false => Check::warning(
            "no_new_privs",
            "privileges cannot be given up",
            "Linux 3.5 or later can; look for what forbids it in this container",
        ),
    };
    let mut checks = vec![landlock, seccomp, privileges];
    for check in &mut checks {
        if check.verdict == Verdict::Warning && choice == FenceChoice::Strict {
            check.verdict = Verdict::Bad;
        }
    }
    if choice == FenceChoice::Off {
        checks.push(Check::warning(
            "fence",
            "switched off by `--fence off` or LPCTL_FENCE",
            "leave it out: a segment that takes over ffmpeg reaches whatever this user reaches",
        ));
    }
    checks
}

/// What NVML tells of the GPUs.
struct Rig {
    gpus: usize,
    driver: Option<String>,
}

/// Memory, open files, GPU driver and clock; and how many GPUs there are to encode on. `library` is the driver's
/// management library, where the system does not find it.
pub(super) async fn resources(library: Option<PathBuf>) -> (Vec<Check>, u32) {
    // Loading the driver's library takes its time.
    let read = tokio::task::spawn_blocking(move || {
        let mut reader = DeviceReader::new(library.as_deref());
        let gpus = match reader.driver_problem() {
            Some(problem) => Err(problem.to_string()),
            None => Ok(Rig {
                gpus: reader.gpus().len(),
                driver: reader.driver().and_then(|facts| facts.version.clone()),
            }),
        };
        (reader.cpu(), gpus)
    });
    let (cpu, gpus) = read
        .await
        .unwrap_or_else(|error| (Default::default(), Err(error.to_string())));
    let count = gpus
        .as_ref()
        .map_or(0, |rig| u32::try_from(rig.gpus).unwrap_or(u32::MAX));
    let free = cpu
        .memory_total
        .zip(cpu.memory_used)
        .map(|(total, used)| total.saturating_sub(used));
    let present = |path: &str| Path::new(path).exists();
    let nodes = NODES
        .into_iter()
        .filter(|node| !present(node))
        .collect::<Vec<_>>();
    let has_card = present("/proc/driver/nvidia/version") || nodes.len() < NODES.len();
    let checks = vec![
        memory(free),
        open_files(getrlimit(Resource::Nofile).current),
        gpu(gpus, has_card, &nodes),
        clock(
            Timestamp::now(),
            KEEPERS
                .iter()
                .find(|(_, sign)| present(sign))
                .map(|(keeper, _)| *keeper),
        ),
    ];
    (checks, count)
}

fn memory(free: Option<u64>) -> Check {
    let Some(free) = free else {
        return Check::warning(
            "memory",
            "how much is free is not known",
            "check that /proc is mounted",
        );
    };
    let found = format!("{} MiB free", free >> 20);
    match free {
        free if free < LEAST_MEMORY => Check::bad(
            "memory",
            found,
            "a node needs 512 MiB at least; end what takes it",
        ),
        free if free < ENOUGH_MEMORY => Check::warning(
            "memory",
            found,
            "2 GiB carry a few 1080p sessions; end what takes it",
        ),
        _ => Check::good("memory", found),
    }
}

/// `limit` is none where there is none.
fn open_files(limit: Option<u64>) -> Check {
    let found = limit.map_or_else(|| "no limit".into(), |limit| format!("{limit} at most"));
    let next = "`ulimit -n 65536` before starting the node, or `LimitNOFILE=65536` in its service";
    match limit {
        Some(limit) if limit < LEAST_FILES => Check::bad("open_files", found, next),
        Some(limit) if limit < ENOUGH_FILES => Check::warning("open_files", found, next),
        _ => Check::good("open_files", found),
    }
}

/// What CUDA opens.
const NODES: [&str; 3] = ["/dev/nvidiactl", "/dev/nvidia0", "/dev/nvidia-uvm"];

/// `gpus` is how many the driver tells, or why it tells nothing; `missing` the device nodes that are not there.
fn gpu(gpus: Result<Rig, String>, has_card: bool, missing: &[&str]) -> Check {
    const NAME: &str = "gpu";
    match gpus {
        Err(_) if !has_card => Check::good(NAME, "no Nvidia driver: the CPU encodes"),
        Err(problem) => Check::warning(
            NAME,
            format!("the driver is there, its management library is not: {problem}"),
            "install the driver's libraries (Debian: `libnvidia-ml1`, `libnvidia-encode1`, `libnvcuvid1`)",
        ),
        Ok(Rig { gpus: 0, .. }) => Check::warning(
            NAME,
            "the driver runs and finds no GPU",
            "look at `nvidia-smi` and the kernel's log",
        ),
        // Behind the fence the driver cannot start the program that makes them.
        Ok(_) if !missing.is_empty() => Check::warning(
            NAME,
            format!("device files are missing: {}", missing.join(", ")),
            "run `nvidia-modprobe -c 0 -u` at boot, or the driver's persistence daemon; ffmpeg cannot make them",
        ),
        Ok(rig) => {
            let driver = rig
                .driver
                .map_or("of unknown version".to_string(), |version| escape(&version));
            Check::good(
                NAME,
                format!("{}, driver {driver}", crate::wording::counted(rig.gpus, "GPU")),
            )
        }
    }
}

/// Whoever keeps the clock in step, and the file that shows it at work.
const KEEPERS: [(&str, &str); 4] = [
    ("systemd-timesyncd", "/run/systemd/timesync/synchronized"),
    ("chrony", "/run/chrony/chronyd.pid"),
    ("ntpd", "/run/ntpd.pid"),
    ("openntpd", "/run/openntpd.pid"),
];

/// lpctl was not there before 2026, so no right clock says so.
const EARLIEST: i64 = 1_767_225_600;

fn clock(now: Timestamp, keeper: Option<&str>) -> Check {
    let shown = format!("{now:.0}");
    let next = "set it and keep it in step: install chrony, or enable systemd-timesyncd";
    if now.as_second() < EARLIEST {
        return Check::bad("clock", format!("{shown} is long past"), next);
    }
    match keeper {
        Some(keeper) => Check::good("clock", format!("{shown}, kept in step by {keeper}")),
        None => Check::warning(
            "clock",
            format!("{shown}; nothing here is seen to keep it in step"),
            "in a container its host does; else install chrony, or enable systemd-timesyncd",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_part_of_the_fence_is_wrong_only_where_all_is_wanted() {
        let support = FenceSupport {
            landlock: Landlock::SwitchedOff,
            seccomp: true,
            no_new_privileges: true,
        };
        let verdicts = |choice| {
            fence(choice, &support)
                .iter()
                .map(|check| check.verdict)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            verdicts(FenceChoice::Auto),
            [Verdict::Warning, Verdict::Good, Verdict::Good]
        );
        assert_eq!(
            verdicts(FenceChoice::Strict),
            [Verdict::Bad, Verdict::Good, Verdict::Good]
        );
        assert_eq!(verdicts(FenceChoice::Off).last(), Some(&Verdict::Warning));
        let next = fence(FenceChoice::Auto, &support)[0].next.clone();
        assert!(next.is_some_and(|next| next.contains("lsm=")));
    }

    #[test]
    fn memory_and_open_files_have_three_grades() {
        let gib = 1 << 30;
        assert_eq!(
            [None, Some(gib / 4), Some(gib), Some(4 * gib)].map(|free| memory(free).verdict),
            [Verdict::Warning, Verdict::Bad, Verdict::Warning, Verdict::Good]
        );
        assert_eq!(
            [None, Some(64), Some(1024), Some(65536)].map(|limit| open_files(limit).verdict),
            [Verdict::Good, Verdict::Bad, Verdict::Warning, Verdict::Good]
        );
    }

    #[test]
    fn a_gpu_is_only_wrong_if_it_is_there() {
        let verdict = |gpus: Result<usize, &str>, has_card, missing: &[&str]| {
            let driver = Some("570.86".to_string());
            let rig = gpus.map(|gpus| Rig { gpus, driver }).map_err(String::from);
            gpu(rig, has_card, missing).verdict
        };
        assert_eq!(verdict(Err("no library"), false, &NODES), Verdict::Good);
        assert_eq!(verdict(Err("no library"), true, &[]), Verdict::Warning);
        assert_eq!(verdict(Ok(0), true, &[]), Verdict::Warning);
        assert_eq!(verdict(Ok(2), true, &NODES[2..]), Verdict::Warning);
        assert_eq!(verdict(Ok(2), true, &[]), Verdict::Good);
    }

    #[test]
    fn a_clock_from_the_past_is_wrong() {
        let at = |second| Timestamp::from_second(second).unwrap();
        assert_eq!(clock(at(0), Some("chrony")).verdict, Verdict::Bad);
        assert_eq!(clock(at(EARLIEST), Some("chrony")).verdict, Verdict::Good);
        assert_eq!(clock(at(EARLIEST), None).verdict, Verdict::Warning);
    }
}
