"""System calls that stand for one another: which one a program makes depends on its libc, kernel or architecture.

Collected by hand from what glibc (2.26 to 2.43), musl (to 1.2.6), Go, util-linux and systemd call, and from the
kernel's tables; each group says which. What multiplexes (socketcall, ipc) and what has another meaning (seteuid by
setresuid, getrandom by /dev/urandom) is no sibling.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from audit2seccomp.named_tuple import NamedTuple


class Tier(StrEnum):
    """How close siblings are."""

    A = "A"
    """Another form of the same: what one libc, kernel or architecture has for it where another has the other."""
    B = "B"
    """A newer or stronger call that some programs use instead."""


class Group(NamedTuple):
    """Calls that stand for one another."""

    names: frozenset[str]
    why: str
    """Empty where the names say it."""
    seen: frozenset[str]
    """Which calls show that a program may need the others. Where one is no other form of the rest, the group is not
    found by it: madvise is one way to make guard pages, but a program that calls it need not make any."""


def siblings_of(name: str, tiers: tuple[Tier, ...] = (Tier.A,)) -> Iterator[tuple[str, str]]:
    """The calls that a program may make instead of `name` or along with it, each with the reason: those of one step,
    not the siblings of siblings."""
    for tier in tiers:
        for group in GROUPS[tier]:
            if name in group.seen:
                yield from ((sibling, group.why) for sibling in sorted(group.names - {name}))


def _group(names: str, why: str = "", *, only_from: str | None = None) -> Group:
    members = frozenset(names.split())
    return Group(members, why, members if only_from is None else frozenset(only_from.split()))


def _alike(why: str, *pairs: str) -> tuple[Group, ...]:
    return tuple(_group(pair, why) for pair in pairs)


RESTARTED = ("clock_nanosleep", "clock_nanosleep_time64", "futex", "futex_time64", "nanosleep", "poll")
"""Sleeps with which the kernel goes on by restart_syscall, a call of its own for the filter, after a stop or where the
cgroup was frozen (v2; set_restart_fn() in kernel/time/hrtimer.c, alarmtimer.c and posix-cpu-timers.c,
kernel/futex/waitwake.c, fs/select.c)."""

GROUPS = {
    Tier.A: (
        _group(
            "open openat creat",
            "open() is openat in glibc since 2.26, open in musl; newer architectures have openat only",
        ),
        _group(
            "stat lstat newfstatat fstatat64 stat64 lstat64 statx",
            "stat() is newfstatat in glibc since 2.33, stat in musl; 32 bit: the 64 forms, then statx",
        ),
        _group(
            "fstat newfstatat fstat64 fstatat64 statx",
            "fstat() is newfstatat in glibc 2.33 to 2.38, and fstat again since 2.39",
        ),
        _group("access faccessat faccessat2", "faccessat() with flags is faccessat2 since Linux 5.8"),
        _group(
            "chmod fchmodat fchmodat2", "fchmodat() is fchmodat2 (Linux 6.6) in glibc since 2.39 and musl since 1.2.6"
        ),
        _group(
            "chown lchown fchownat chown32 lchown32",
            "newer architectures have fchownat only; 32 bit: user ids of 16 or 32 bits",
        ),
        _group("fchown fchown32", "user ids of 16 or 32 bits"),
        _group("mkdir mkdirat"),
        _group("mknod mknodat", "mknod() is mknodat in glibc, mknod in musl"),
        _group("unlink unlinkat"),
        _group("rmdir unlinkat"),
        _group("link linkat"),
        _group("symlink symlinkat"),
        _group("readlink readlinkat", "newer architectures have readlinkat only; ld.so of glibc 2.43 calls it"),
        _group("rename renameat renameat2", "riscv64, loongarch64 and csky have renameat2 only"),
        _group("utime utimes futimesat utimensat utimensat_time64", "each libc uses utimensat for all"),
        _group("pipe pipe2", "pipe() is pipe2 in glibc, pipe in musl"),
        _group("dup2 dup3", "newer architectures have dup3 only"),
        _group("select _newselect pselect6 pselect6_time64", "select() is pselect6 in glibc, select in musl"),
        _group("poll ppoll ppoll_time64", "newer architectures have ppoll only"),
        _group("epoll_create epoll_create1"),
        _group(
            "epoll_wait epoll_pwait epoll_pwait2",
            "epoll_wait() is epoll_wait in glibc on x86, epoll_pwait in musl, in Go and on newer architectures",
        ),
        _group("eventfd eventfd2"),
        _group("signalfd signalfd4"),
        _group("inotify_init inotify_init1"),
        _group("accept accept4", "s390, m68k and x86 have accept4 only"),
        _group("send sendto"),
        _group("recv recvfrom"),
        _group("sendmsg sendmmsg", "sendmmsg() is sendmsg in musl on 64 bit"),
        _group("recvmmsg recvmmsg_time64", "64-bit times"),
        _group("fork vfork clone", "fork() is clone in glibc, fork in musl; newer architectures have clone only"),
        _group("wait4 waitpid waitid", "riscv32 has waitid only; x86, m68k, mips, ppc and sh have waitpid"),
        _group("getdents getdents64", "each libc uses getdents64, old binaries getdents"),
        _group("getrlimit ugetrlimit prlimit64", "getrlimit() is prlimit64 in glibc and musl"),
        _group("setrlimit prlimit64"),
        _group(
            "nanosleep clock_nanosleep clock_nanosleep_time64",
            "nanosleep() is clock_nanosleep in glibc since 2.31, nanosleep in musl",
        ),
        _group(
            "time gettimeofday clock_gettime clock_gettime64",
            "time(), gettimeofday() and clock_gettime() are calls only where the vDSO has no clock",
        ),
        _group("clock_getres clock_getres_time64", "clock_getres() needs no call in glibc, one in musl"),
        _group("clock_settime clock_settime64"),
        _group("clock_adjtime clock_adjtime64"),
        _group("adjtimex clock_adjtime", "clock_adjtime() is adjtimex in musl for CLOCK_REALTIME"),
        _group("mmap mmap2"),
        _group("truncate truncate64"),
        _group("ftruncate ftruncate64"),
        _group("fcntl fcntl64"),
        _group("statfs statfs64"),
        _group("fstatfs fstatfs64"),
        _group("sendfile sendfile64"),
        _group("lseek _llseek llseek"),
        _group("fadvise64 fadvise64_64 arm_fadvise64_64"),
        _group("sync_file_range sync_file_range2 arm_sync_file_range"),
        _group("pread64 preadv preadv2", "preadv2 without flags is preadv"),
        _group("pwrite64 pwritev pwritev2", "pwrite() is pwritev2 in musl since 1.2.6"),
        _group("read readv", "stdio is readv in musl, read in glibc"),
        _group("write writev", "stdio is writev in musl, write in glibc"),
        _group("sigaction rt_sigaction", "signals as before Linux 2.2"),
        _group("sigprocmask rt_sigprocmask", "signals as before Linux 2.2"),
        _group("sigreturn rt_sigreturn", "signals as before Linux 2.2"),
        _group("sigsuspend rt_sigsuspend", "signals as before Linux 2.2"),
        _group("sigpending rt_sigpending", "signals as before Linux 2.2"),
        _group("tgkill tkill", "raise() is tgkill in glibc, tkill in musl"),
        _group("getpgrp getpgid", "getpgrp() is getpgrp in glibc, getpgid in musl"),
        _group("alarm setitimer", "alarm() is setitimer in musl"),
        _group("pause ppoll rt_sigsuspend", "newer architectures have no pause", only_from="pause"),
        _group("umount umount2", "umount has no flags"),
        _group("uname olduname oldolduname"),
        _group("signal rt_sigaction"),
        _group("semop semtimedop semtimedop_time64", "semop() is semtimedop in glibc, semop in musl"),
        _group("mlock mlock2", "mlock2 without flags is mlock"),
        _group(
            "mprotect madvise",
            "guard pages of threads are madvise in glibc since 2.42 on Linux 6.13",
            only_from="mprotect",
        ),
        _group("close close_range", "closefrom() is close_range, or close for each"),
        _group("io_getevents io_pgetevents io_pgetevents_time64", "libaio has both"),
        _group(
            "arch_prctl set_thread_area set_tls",
            "the thread pointer: x86_64 has arch_prctl, x86, mips and m68k set_thread_area, arm set_tls",
        ),
        _group(
            "brk mmap mprotect arch_prctl set_tid_address set_robust_list rseq prlimit64 getrandom readlink readlinkat "
            "exit_group",
            "the start of a program: glibc has rseq since 2.35, getrandom since 2.36, readlinkat since 2.43",
            only_from="execve arch_prctl set_tid_address",
        ),
        _group("exit exit_group", "the end of a thread, or of all"),
        *(
            _group(f"{name} restart_syscall", "a sleep after a stop (SIGSTOP, docker pause)", only_from=name)
            for name in RESTARTED
        ),
        _group(
            "clone gettid set_robust_list set_tid_address rt_sigprocmask",
            "the start of a child: set_robust_list in glibc, gettid and set_tid_address in musl",
            only_from="fork vfork clone clone3",
        ),
        *_alike(
            "64-bit times on 32 bit",
            "timer_gettime timer_gettime64",
            "timer_settime timer_settime64",
            "timerfd_gettime timerfd_gettime64",
            "timerfd_settime timerfd_settime64",
            "mq_timedsend mq_timedsend_time64",
            "mq_timedreceive mq_timedreceive_time64",
            "rt_sigtimedwait rt_sigtimedwait_time64",
            "futex futex_time64",
            "sched_rr_get_interval sched_rr_get_interval_time64",
            "io_pgetevents io_pgetevents_time64",
            "semtimedop semtimedop_time64",
            "ppoll ppoll_time64",
            "pselect6 pselect6_time64",
        ),
        *_alike(
            "user ids of 16 or 32 bits",
            "getuid getuid32",
            "getgid getgid32",
            "geteuid geteuid32",
            "getegid getegid32",
            "setuid setuid32",
            "setgid setgid32",
            "setreuid setreuid32",
            "setregid setregid32",
            "setresuid setresuid32",
            "setresgid setresgid32",
            "getresuid getresuid32",
            "getresgid getresgid32",
            "getgroups getgroups32",
            "setgroups setgroups32",
            "setfsuid setfsuid32",
            "setfsgid setfsgid32",
        ),
    ),
    Tier.B: (
        _group("openat openat2", "openat2 (Linux 5.6) is used by runc since 1.2 and systemd, by no libc"),
        _group("clone clone3", "threads are clone3 in glibc since 2.34, which tries clone only on ENOSYS"),
        _group("settimeofday stime clock_settime clock_settime64"),
        _group("mprotect pkey_mprotect", "pkey_mprotect without a key is mprotect"),
        _group("futex futex_waitv futex_wake futex_wait futex_requeue", "wine uses futex_waitv, no libc does"),
        _group("getxattr lgetxattr fgetxattr getxattrat", "Linux 6.13 has the at form"),
        _group("setxattr lsetxattr fsetxattr setxattrat", "Linux 6.13 has the at form"),
        _group("listxattr llistxattr flistxattr listxattrat", "Linux 6.13 has the at form"),
        _group("removexattr lremovexattr fremovexattr removexattrat", "Linux 6.13 has the at form"),
        _group("execve execveat", "fexecve() is execveat"),
        _group("kill pidfd_send_signal", "Go since 1.23 and systemd use pidfd_send_signal"),
        _group(
            "mount fsopen fsconfig fsmount fspick move_mount open_tree open_tree_attr mount_setattr",
            "util-linux since 2.39 mounts with the newer calls",
            only_from="mount fsopen fsconfig fsmount fspick move_mount mount_setattr",
        ),
    ),
}
