//! Which system calls there are behind the fence (seccomp): those that decoding, encoding and the C library under
//! them need, on x86-64 and aarch64. Any other fails with `EPERM` and kills nothing: libraries ask for this and
//! that at start and do without.

use std::{collections::BTreeMap, env::consts::ARCH, io, os::fd::RawFd};

use libc::c_long;
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, apply_filter,
};

/// Let through with any arguments.
const FREE: &[c_long] = &[
    // Files, by paths that landlock judges.
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_readv,
    libc::SYS_writev,
    libc::SYS_pread64,
    libc::SYS_pwrite64,
    libc::SYS_lseek,
    libc::SYS_openat,
    libc::SYS_close,
    libc::SYS_close_range,
    libc::SYS_fstat,
    libc::SYS_newfstatat,
    libc::SYS_statx,
    libc::SYS_statfs,
    libc::SYS_fstatfs,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_readlinkat,
    libc::SYS_getdents64,
    libc::SYS_getcwd,
    libc::SYS_fcntl,
    libc::SYS_dup,
    libc::SYS_dup3,
    libc::SYS_pipe2,
    libc::SYS_ftruncate,
    libc::SYS_fallocate,
    libc::SYS_fadvise64,
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    libc::SYS_unlinkat,
    libc::SYS_renameat,
    libc::SYS_renameat2,
    libc::SYS_ppoll,
    libc::SYS_pselect6,
    libc::SYS_eventfd2,
    // Memory.
    libc::SYS_mmap,
    libc::SYS_munmap,
    libc::SYS_mprotect,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_brk,
    libc::SYS_mlock,
    libc::SYS_munlock,
    libc::SYS_get_mempolicy,
    libc::SYS_set_mempolicy,
    libc::SYS_mbind,
    libc::SYS_membarrier,
    // Threads and their signals.
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_futex,
    libc::SYS_futex_waitv,
    libc::SYS_set_robust_list,
    libc::SYS_get_robust_list,
    libc::SYS_rseq,
    libc::SYS_set_tid_address,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_setaffinity,
    libc::SYS_sched_getparam,
    libc::SYS_sched_getscheduler,
    libc::SYS_sched_get_priority_max,
    libc::SYS_sched_get_priority_min,
    libc::SYS_restart_syscall,
    libc::SYS_exit,
    libc::SYS_exit_group,
    // Answered by the first filter, see `restrict`.
    libc::SYS_clone3,
    // Who and where it is, and when.
    libc::SYS_gettid,
    libc::SYS_getpid,
    libc::SYS_getppid,
    libc::SYS_getuid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getegid,
    libc::SYS_getrusage,
    libc::SYS_getrlimit,
    libc::SYS_uname,
    libc::SYS_sysinfo,
    libc::SYS_getcpu,
    libc::SYS_getrandom,
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_gettimeofday,
    libc::SYS_times,
];

/// Older forms that only this processor has.
#[cfg(target_arch = "x86_64")]
const OLD: &[c_long] = &[
    libc::SYS_open,
    libc::SYS_stat,
    libc::SYS_lstat,
    libc::SYS_access,
    libc::SYS_readlink,
    libc::SYS_dup2,
    libc::SYS_unlink,
    libc::SYS_rename,
    libc::SYS_poll,
    libc::SYS_select,
    libc::SYS_arch_prctl,
];
#[cfg(not(target_arch = "x86_64"))]
const OLD: &[c_long] = &[];

/// What Nvidia's driver library needs beyond that.
const GPU: &[c_long] = &[
    libc::SYS_ioctl,
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_mincore,
    libc::SYS_mlock2,
    libc::SYS_msync,
];

/// The one start of a program that is let through.
#[derive(Debug, Clone, Copy)]
pub(super) struct Start {
    /// The open file that is the program.
    pub program: RawFd,
    /// Where the (empty) path lies in memory.
    pub path: usize,
}

impl Start {
    /// None: no path can lie there.
    pub(super) const NEVER: Self = Self {
        program: -1,
        path: usize::MAX,
    };
}

/// Leaves this thread, and what it becomes, with the calls above. Both filters or, if this fails, possibly one.
///
/// `clone3` keeps its flags in memory, where no filter can look. It is answered as not there, and the C library
/// takes `clone`. That needs a filter of its own, put up first: putting one up is itself among the calls that are
/// not let through. Of two answers the refusal counts.
pub(super) fn restrict(gpu: bool, start: Start) -> io::Result<()> {
    let fail = |error: BackendError| io::Error::other(error.to_string());
    let absent = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
    let absent = filter(
        absent,
        SeccompAction::Allow,
        SeccompAction::Errno(errno(libc::ENOSYS)),
    )
    .map_err(fail)?;
    let allowed = allowed(gpu, start).map_err(fail)?;
    let allowed = filter(
        allowed,
        SeccompAction::Errno(errno(libc::EPERM)),
        SeccompAction::Allow,
    )
    .map_err(fail)?;
    for filter in [absent, allowed] {
        apply_filter(&filter)
            .map_err(|error| io::Error::other(format!("system calls cannot be filtered: {error}")))?;
    }
    Ok(())
}

fn errno(number: i32) -> u32 {
    number.unsigned_abs()
}

fn filter(
    rules: BTreeMap<i64, Vec<SeccompRule>>,
    otherwise: SeccompAction,
    matching: SeccompAction,
) -> Result<BpfProgram, BackendError> {
    SeccompFilter::new(rules, otherwise, matching, ARCH.try_into()?)?.try_into()
}

/// Each call with the arguments it may have; no rule means any.
fn allowed(gpu: bool, start: Start) -> Result<BTreeMap<i64, Vec<SeccompRule>>, BackendError> {
    let equals = |index, value: u64| {
        SeccompRule::new(vec![SeccompCondition::new(
            index,
            SeccompCmpArgLen::Dword,
            SeccompCmpOp::Eq,
            value,
        )?])
    };
    let mine = u64::from(std::process::id());
    let thread = u64::from(libc::CLONE_THREAD.unsigned_abs());
    let condition = |index, length, operator, value| SeccompCondition::new(index, length, operator, value);
    let conditional = [
        // A thread, never a process.
        (
            libc::SYS_clone,
            vec![SeccompRule::new(vec![condition(
                0,
                SeccompCmpArgLen::Qword,
                SeccompCmpOp::MaskedEq(thread),
                thread,
            )?])?],
        ),
        // Its own threads, as `abort` does: kernels before landlock's level 6 would let it signal the node. The
        // number stays when this process becomes the program.
        (libc::SYS_tgkill, vec![equals(0, mine)?]),
        // Reading its own limits; an administrator's program could raise them.
        (
            libc::SYS_prlimit64,
            vec![SeccompRule::new(vec![
                condition(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, 0)?,
                condition(2, SeccompCmpArgLen::Qword, SeccompCmpOp::Eq, 0)?,
            ])?],
        ),
        (
            libc::SYS_prctl,
            vec![
                equals(0, u64::from(libc::PR_SET_NAME.unsigned_abs()))?,
                equals(0, u64::from(libc::PR_CAPBSET_READ.unsigned_abs()))?,
                equals(0, u64::from(libc::PR_SET_VMA.unsigned_abs()))?,
            ],
        ),
        // Whether it writes to a terminal, and how much there is to read.
        (
            libc::SYS_ioctl,
            vec![
                equals(1, libc::TCGETS)?,
                equals(1, libc::TIOCGWINSZ)?,
                equals(1, libc::FIONREAD)?,
            ],
        ),
        (
            libc::SYS_execveat,
            vec![SeccompRule::new(vec![
                condition(
                    0,
                    SeccompCmpArgLen::Dword,
                    SeccompCmpOp::Eq,
                    u64::from(start.program.cast_unsigned()),
                )?,
                condition(1, SeccompCmpArgLen::Qword, SeccompCmpOp::Eq, start.path as u64)?,
                condition(
                    4,
                    SeccompCmpArgLen::Dword,
                    SeccompCmpOp::Eq,
                    u64::from(libc::AT_EMPTY_PATH.unsigned_abs()),
                )?,
            ])?],
        ),
    ];
    let mut rules = BTreeMap::from(conditional);
    let gpu = if gpu { GPU } else { &[] };
    rules.extend(
        [FREE, OLD, gpu]
            .concat()
            .into_iter()
            .map(|call| (call, Vec::new())),
    );
    Ok(rules)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filter_compiles_and_names_no_dangerous_call() {
        for gpu in [false, true] {
            let rules = allowed(gpu, Start::NEVER).unwrap();
            assert_eq!(rules[&libc::SYS_ioctl].is_empty(), gpu);
            for call in [
                libc::SYS_socket,
                libc::SYS_connect,
                libc::SYS_execve,
                libc::SYS_kill,
                libc::SYS_ptrace,
                libc::SYS_process_vm_readv,
                libc::SYS_symlinkat,
                libc::SYS_linkat,
                libc::SYS_mount,
                libc::SYS_seccomp,
                libc::SYS_io_uring_setup,
                libc::SYS_memfd_create,
                libc::SYS_truncate,
                libc::SYS_setrlimit,
                libc::SYS_bpf,
            ] {
                assert!(!rules.contains_key(&call), "{call}");
            }
            for call in [
                libc::SYS_clone,
                libc::SYS_execveat,
                libc::SYS_tgkill,
                libc::SYS_prlimit64,
            ] {
                assert!(!rules[&call].is_empty(), "{call} is free");
            }
            let program = filter(rules, SeccompAction::Errno(1), SeccompAction::Allow).unwrap();
            assert!(program.len() > 100);
        }
    }
}
