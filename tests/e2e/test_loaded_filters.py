"""The verdicts that are told are the kernel's: harmless calls are made under the loaded filter, as programs of x86_64,
x86 and x32 make them."""

from __future__ import annotations

import errno
import json
import signal
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from random import Random
from typing import Any

import pytest

from audit2seccomp.formats import read_profile
from audit2seccomp.kernel.abi import X32_SYSCALL_BIT, Abi
from audit2seccomp.kernel.syscalls import table_of
from audit2seccomp.profile.decision import asked, decide
from audit2seccomp.profile.libseccomp import build, has, library_version
from audit2seccomp.profile.resolve import Host, resolve
from audit2seccomp.profile.simulate import Program, decoded
from tests.cli.command import run
from tests.e2e.audit_records import kept, needs_audit_records
from tests.e2e.calls import COMM, PROCESS_KILLED, THREAD_KILLED, TRAPPED, Made, Result, needs_x86_64, results
from tests.e2e.containers import make_container
from tests.e2e.expected import KERNEL, OF_ALL_KINDS, PUBLISHED, Expected
from tests.e2e.machine import needs
from tests.e2e.reading import CODES
from tests.profile.meanings import abi
from tests.profile.profiles import NEW
from tests.programs import Make, program

pytestmark = [
    needs_audit_records,
    needs_x86_64,
    pytest.mark.skipif(not Path("/proc/sys/abi/vsyscall32").exists(), reason="needs CONFIG_IA32_EMULATION"),
]

DOORS = tuple(map(abi, ("x86_64", "x86", "x32")))
NOWHERE = 2**64 - 4096
"""No descriptor, no address, no size, no flags: as 64 bits, and as the lower 32 of them."""
HARMLESS = """
    access accept accept4 bind chdir chmod chown chown32 chroot clock_getres clock_gettime clock_nanosleep close
    close_range connect copy_file_range creat dup dup2 dup3 epoll_create epoll_create1 epoll_ctl epoll_wait eventfd2
    execve faccessat faccessat2 fadvise64 fallocate fchdir fchmod fchmodat fchown fchown32 fchownat fcntl fcntl64
    fdatasync fgetxattr flistxattr flock fremovexattr fsetxattr fstat fstat64 fstatfs fsync ftruncate futimesat
    getcpu getcwd getdents getdents64 getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getitimer
    getpeername getpgid getpgrp getpid getppid getpriority getrandom getresgid getresuid getresuid32 getrlimit
    getrusage getsid getsockname getsockopt gettid gettimeofday getuid getuid32 getxattr inotify_add_watch
    inotify_rm_watch ioctl kcmp lchown lgetxattr link linkat listen listxattr llistxattr lremovexattr lseek
    lsetxattr lstat lstat64 madvise membarrier memfd_create mincore mkdir mkdirat mknod mknodat mlock2 mprotect mremap
    msync munmap nanosleep newfstatat open openat openat2 personality pipe pipe2 poll ppoll pread64 preadv preadv2
    prlimit64 process_vm_readv pwrite64 pwritev read readlink readlinkat readv recvfrom recvmsg removexattr rename
    renameat renameat2 rmdir rt_sigaction rt_sigpending rt_sigprocmask rt_sigtimedwait sched_getaffinity sched_getattr
    sched_getparam sched_getscheduler sched_setaffinity sched_yield sendfile sendmsg sendto setitimer setsockopt
    setxattr shutdown sigaltstack signalfd4 socket socketcall socketpair splice stat stat64 statfs statx symlink
    symlinkat syncfs sysinfo tee time timer_create timer_gettime timerfd_gettime timerfd_settime times truncate
    umask uname unlink unlinkat utime utimensat utimes vmsplice waitid waitpid write writev ustat
"""
"""Calls that change nothing where they are given NOWHERE."""
ON_ARGUMENTS = {
    "personality": (0,),
    "lseek": (1, 2),
    "getsockopt": (1,),
    "setsockopt": (1,),
    "madvise": (2,),
    "fallocate": (3,),
    "getpriority": (0, 1),
    "socket": (0, 2),
}
"""Calls that change nothing outside of their process whatever these arguments are."""
FATES = {
    CODES["SCMP_ACT_KILL_THREAD"]: THREAD_KILLED,
    CODES["SCMP_ACT_KILL_PROCESS"]: PROCESS_KILLED,
    CODES["SCMP_ACT_TRAP"]: TRAPPED,
}
_ACTION, _DATA = 0xFFFF0000, 0xFFFF
_NAMES = {value: name for name, value in CODES.items()}
_LET_THROUGH = (CODES["SCMP_ACT_ALLOW"], CODES["SCMP_ACT_LOG"])


def calls_through(door: Abi) -> Iterator[Made]:
    """Each harmless call that programs of an ABI have; x32's numbers are refused by kernels without x32, but filters
    see them all the same."""
    for name in HARMLESS.split():
        number = table_of(door).number_of(name)
        if number is not None:
            yield Made(number, (NOWHERE,) * 6, door.name == "x86")


def calls_with_arguments(door: Abi, expected: Expected) -> Iterator[Made]:
    """Calls with arguments on the edges of their conditions."""
    for name, places in ON_ARGUMENTS.items():
        number = table_of(door).number_of(name)
        if number is not None:
            some = expected.samples(door, number)
            for args in Random(name).sample(some, min(8, len(some))):
                chosen = tuple(args[place] if place in places else NOWHERE for place in range(6))
                yield Made(number, chosen, door.name == "x86")


def shown(verdict: int, bare: Result, under: Result, default: int) -> bool:
    """Whether a call shows its verdict, which it must have had: beside the same call without a filter, and with another
    answer than the default action's."""
    action, data = verdict & _ACTION, verdict & _DATA
    assert bare.returned is not None
    if action in FATES:
        assert under.fate == FATES[action]
        return True
    assert under.returned is not None
    if action in _LET_THROUGH:
        assert under.returned == bare.returned or min(under.returned, bare.returned) >= 0
        return bare.returned != -(default & _DATA)
    # Where nobody traces, a traced call is one that the kernel does not have.
    assert under.returned == -(data if action == CODES["SCMP_ACT_ERRNO"] else errno.ENOSYS)
    return bare.returned != under.returned


def logged(log: Path) -> Counter[tuple[int, int]]:
    """What the calls were logged for, by arch and number."""
    found: Counter[tuple[int, int]] = Counter()
    for line in log.read_bytes().splitlines():
        fields = dict(word.partition(b"=")[::2] for word in line.split())
        if fields[b"comm"] == b'"%b"' % COMM and int(fields[b"code"], 16) == CODES["SCMP_ACT_LOG"]:
            found[int(fields[b"arch"], 16), int(fields[b"syscall"])] += 1
    return found


def confirmed(document: dict[str, Any], family: list[Abi], log: Path) -> Counter[str]:
    """How many calls showed each action, under the filter that a profile is on this machine; `log` gets the records."""
    host = Host(family[0], KERNEL, frozenset())
    made = resolve(read_profile(json.dumps(document).encode()).sound(), host)
    filtered = build(made, family)
    program, expected = filtered.bpf(), Expected(document, family[0], family)
    calls = [*chain.from_iterable(map(calls_through, DOORS))]
    calls += chain.from_iterable(calls_with_arguments(door, expected) for door in family)
    bare = results(calls, None)
    with kept(log):
        under = results(calls, program)
    verdicts = []
    for one, was, became in zip(calls, bare, under, strict=True):
        door = DOORS[one.int80]
        arch = door.audit_arch
        # The kernel of a program of x86 sees 32 bits of each argument.
        args = tuple(arg & 0xFFFFFFFF if one.int80 else arg for arg in one.args)
        verdict = Program(program).verdict(arch, one.nr, args)
        assert verdict == expected.verdict(arch, one.nr, args), one
        assert decide(made, asked(door, one.nr, args), host).outcomes == (decoded(verdict),), one
        verdicts.append((arch, one.nr, verdict, shown(verdict, was, became, expected.default)))
    logs = Counter((arch, nr) for arch, nr, verdict, _ in verdicts if verdict == CODES["SCMP_ACT_LOG"])
    assert logged(log) == logs
    return Counter(_NAMES[verdict & _ACTION] for *_, verdict, is_shown in verdicts if is_shown)


def test_every_action_is_what_the_kernel_does(tmp_path: Path) -> None:
    found = confirmed(
        {**OF_ALL_KINDS, "architectures": [door.scmp_name for door in DOORS]}, list(DOORS), tmp_path / "log"
    )
    assert found.total() > 400
    assert set(found) == {*CODES} - {"SCMP_ACT_KILL"}
    assert min(found.values()) >= 5


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_profiles_are_what_the_kernel_does(name: str, tmp_path: Path) -> None:
    if not PUBLISHED[name].exists():
        pytest.skip("needs golang-github-containers-common")
    found = confirmed(json.loads(PUBLISHED[name].read_bytes()), list(DOORS), tmp_path / "log")
    assert found["SCMP_ACT_ALLOW"] > 300


@pytest.mark.parametrize("listed", [["SCMP_ARCH_X86_64"], []])
def test_calls_of_architectures_that_are_not_listed_kill_the_thread(listed: list[str], tmp_path: Path) -> None:
    found = confirmed({**OF_ALL_KINDS, "architectures": listed}, [abi("x86_64")], tmp_path / "log")
    assert found["SCMP_ACT_KILL_THREAD"] > 100


CALLERS = {
    "x86_64": program([Make(39), Make(231)], 64),
    "x86": program([Make(20, int80=True), Make(252, int80=True)], 32),
    "x32": program([Make(X32_SYSCALL_BIT | 39), Make(231)], 64),
}
"""Programs that call getpid and exit."""


class Loader:
    """`run`, or a runtime with a container: loads filters for programs."""

    def __init__(self, name: str, folder: Path) -> None:
        """In an empty folder."""
        self.name = name
        self.file = folder / "profile.json"
        self._container, self._programs = None, folder
        if name != "run":
            self._container = made = make_container(name, folder / "bundle", no_new_privileges=True)
            self._programs = made.bundle / "rootfs" / made.inside.removeprefix("/")

    def kills(self, content: bytes, profile: dict[str, Any]) -> bool:
        """Whether a program is killed under a profile, which is in `file` then; else it must end well."""
        caller = self._programs / "caller"
        caller.write_bytes(content)
        caller.chmod(0o755)
        self.file.write_text(json.dumps(profile))
        if self._container is None:
            status = run("run", "--profile", self.file, "--", caller).status
        else:
            status = self._container.run(f"{self._container.inside}/caller", profile=profile).returncode
        assert status in (0, -signal.SIGSYS, 128 + signal.SIGSYS)
        return status != 0


@pytest.fixture(params=["run", "runc", "crun"])
def loader(request: pytest.FixtureRequest, tmp_path: Path) -> Loader:
    return Loader(request.param, tmp_path)


@needs("runc", "crun", "busybox", "gcc")
@pytest.mark.parametrize(
    "listed", [[], ["SCMP_ARCH_X86"], ["SCMP_ARCH_X86_64", "SCMP_ARCH_X32"], ["SCMP_ARCH_AARCH64"]]
)
def test_what_loads_a_filter_covers_what_is_decided(loader: Loader, listed: list[str]) -> None:
    """The host's own architecture, whatever a profile lists, and of others those that it lists."""
    profile = {"defaultAction": "SCMP_ACT_ALLOW", "architectures": listed}
    for name, content in CALLERS.items():
        killed = name != "x86_64" and f"SCMP_ARCH_{name.upper()}" not in listed
        assert loader.kills(content, profile) is killed, name
        decided = run("decide", loader.file, "getpid", "--arch", name)
        verdict = decided.stdout.decode().partition("\n")[0]
        assert (verdict, decided.status) == (("SCMP_ACT_KILL_THREAD", 1) if killed else ("SCMP_ACT_ALLOW", 0)), name


@needs("runc", "crun", "busybox", "gcc")
def test_a_name_that_libseccomp_lacks_is_set_by_run_alone_as_is_decided(loader: Loader) -> None:
    name = next((name for name in NEW if not has(DOORS[0], name)), None)
    if name is None:
        pytest.skip(f"libseccomp {library_version()} knows all of {', '.join(NEW)}")
    number = table_of(DOORS[0]).number_of(name)
    assert number is not None
    rule = {"names": [name], "action": "SCMP_ACT_KILL_PROCESS"}
    profile = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule]}
    assert loader.kills(program([Make(number), Make(231)], 64), profile) is (loader.name == "run")
    told = run("decide", loader.file, name).stdout.decode().splitlines()
    assert (told[0], told[-1]) == ("SCMP_ACT_ALLOW", "note: under run it is SCMP_ACT_KILL_PROCESS")
