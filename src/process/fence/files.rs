//! Which files there are behind the fence (landlock).

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible as _, LandlockStatus,
    RestrictionStatus, Ruleset, RulesetAttr as _, RulesetCreated, RulesetCreatedAttr as _, RulesetError,
    RulesetStatus, Scope, make_bitflags, path_beneath_rules,
};

use super::{
    program::{LIBRARIES, own_libraries},
    support::Landlock,
};

/// The newest rights we know by trial. What an older kernel does not know it does not hold back.
const NEWEST: ABI = ABI::V7;

/// Facts of the machine that the C library, the thread pools of encoders and the random numbers are made from.
const MACHINE: &[&str] = &[
    "/etc/ld.so.cache",
    "/proc/self",
    "/proc/cpuinfo",
    "/proc/filesystems",
    "/proc/sys/vm/overcommit_memory",
    "/sys/devices/system/cpu",
    "/sys/devices/system/node",
    "/dev/urandom",
];

/// What Nvidia's driver reads.
const GPU: &[&str] = &[
    "/proc/devices",
    "/proc/driver/nvidia",
    "/proc/modules",
    "/sys/bus/pci",
    "/sys/devices",
    "/sys/module",
    "/run/opengl-driver/lib",
    "/usr/lib/wsl/lib",
];

/// Leaves this thread, and what it becomes, with what `program` needs and its current directory. What holds is
/// told, which may be nothing.
pub(super) fn restrict(
    gpu: bool,
    program: &Path,
    interpreter: Option<&Path>,
) -> Result<Landlock, RulesetError> {
    let read = make_bitflags!(AccessFs::{ReadFile | ReadDir});
    let work = make_bitflags!(AccessFs::{ReadFile | WriteFile | Truncate | MakeReg | RemoveFile});
    let run = make_bitflags!(AccessFs::{ReadFile | Execute});
    let mut rules = ruleset()?;
    rules = allow(rules, LIBRARIES, read)?;
    rules = allow(rules, MACHINE, read)?;
    let search = env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
    rules = allow(rules, own_libraries(program, &search), AccessFs::ReadFile.into())?;
    rules = allow(rules, [program].into_iter().chain(interpreter), run)?;
    rules = allow(
        rules,
        ["/dev/null"],
        make_bitflags!(AccessFs::{ReadFile | WriteFile}),
    )?;
    rules = allow(rules, ["."], work)?;
    if gpu {
        rules = allow(rules, GPU, read)?;
        rules = allow(
            rules,
            devices(),
            make_bitflags!(AccessFs::{ReadFile | WriteFile | IoctlDev}),
        )?;
    }
    Ok(rules.restrict_self()?.into())
}

/// Leaves this thread with no file at all.
pub(super) fn restrict_all() -> Result<Landlock, RulesetError> {
    Ok(ruleset()?.restrict_self()?.into())
}

/// Everything landlock can forbid, forbidden. Sockets and signals are the other filter's too; twice holds better.
fn ruleset() -> Result<RulesetCreated, RulesetError> {
    Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(NEWEST))?
        .handle_access(AccessNet::from_all(NEWEST))?
        .scope(Scope::from_all(NEWEST))?
        .create()
}

/// Paths that are not there are nobody's loss.
fn allow<P: AsRef<Path>>(
    rules: RulesetCreated,
    paths: impl IntoIterator<Item = P>,
    access: BitFlags<AccessFs>,
) -> Result<RulesetCreated, RulesetError> {
    rules.add_rules(path_beneath_rules(paths, access))
}

/// The device nodes of Nvidia's driver: `nvidia0`, `nvidiactl`, `nvidia-uvm`, `nvidia-caps`.
fn devices() -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir("/dev") else {
        return Vec::new();
    };
    let entries = entries.filter_map(|entry| Some(entry.ok()?.path()));
    entries
        .filter(|path| {
            let name = path.file_name().and_then(|name| name.to_str());
            name.is_some_and(|name| name.starts_with("nvidia"))
        })
        .collect()
}

impl From<RestrictionStatus> for Landlock {
    fn from(status: RestrictionStatus) -> Self {
        match (status.landlock, status.ruleset) {
            (LandlockStatus::NotEnabled, _) => Self::SwitchedOff,
            (LandlockStatus::NotImplemented, _) | (_, RulesetStatus::NotEnforced) => Self::Missing,
            (
                LandlockStatus::Available {
                    effective_abi,
                    kernel_abi,
                },
                _,
            ) => {
                let level = kernel_abi.unwrap_or(effective_abi as i32);
                Self::Holds(u32::try_from(level).unwrap_or_default())
            }
        }
    }
}
