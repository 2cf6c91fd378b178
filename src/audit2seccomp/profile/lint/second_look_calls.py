"""Calls that deserve a second look, and whether Docker's default profile allows them.

What a call can do: its manual page (man-pages, section 2) or, where it has none, the kernel's documentation. Docker:
profiles/seccomp/default.json of moby; `io_uring` left it with 25.0 (moby/moby#46762). The capability is one that a
container must be given: it is none of those that Docker gives by itself (daemon/pkg/oci/caps/defaults.go), but for
chroot's.
"""

from __future__ import annotations

from audit2seccomp.named_tuple import NamedTuple

NOT_ALLOWED = "does not allow it"
_ADMIN = "allows it only with CAP_SYS_ADMIN"


class SecondLook(NamedTuple):
    """Why to look twice."""

    can: str
    """What the call can do, as *it … *."""
    docker: str = NOT_ALLOWED
    """What Docker's default profile does, as *Docker's default …*."""


def _only_with(capability: str) -> str:
    return f"allows it only with {capability}"


def _alike(can: str, docker: str, *names: str) -> dict[str, SecondLook]:
    return dict.fromkeys(names, SecondLook(can, docker))


CALLS: dict[str, SecondLook] = {
    # Code in the kernel
    "bpf": SecondLook("loads programs into the kernel", _only_with("CAP_SYS_ADMIN or CAP_BPF")),
    **_alike("loads kernel modules", _only_with("CAP_SYS_MODULE"), "init_module", "finit_module"),
    "delete_module": SecondLook("unloads kernel modules", _only_with("CAP_SYS_MODULE")),
    **_alike("manages kernel modules of Linux 2.4", NOT_ALLOWED, "create_module", "query_module", "get_kernel_syms"),
    **_alike("replaces the running kernel", NOT_ALLOWED, "kexec_load", "kexec_file_load"),
    "perf_event_open": SecondLook(
        "watches the kernel and other programs, and has had many holes", _only_with("CAP_SYS_ADMIN or CAP_PERFMON")
    ),
    "lookup_dcookie": SecondLook("tells paths of the host to profilers", _ADMIN),
    # Attack surface
    "userfaultfd": SecondLook("stops the kernel at a page fault, which makes races easy to win"),
    **_alike(
        "makes calls past the filter, which does not see operations in the ring",
        "does not allow it since Docker 25",
        "io_uring_setup",
        "io_uring_enter",
        "io_uring_register",
    ),
    **_alike("keeps keys in keyrings that no namespace separates", NOT_ALLOWED, "add_key", "keyctl", "request_key"),
    **_alike("runs 16-bit code in a mode that is hardly used", NOT_ALLOWED, "vm86", "vm86old"),
    # Other processes
    **_alike("reads and changes other processes", "allows it (from Linux 4.8 on)", "ptrace", "process_vm_writev"),
    "process_vm_readv": SecondLook("reads the memory of other processes", "allows it (from Linux 4.8 on)"),
    "pidfd_getfd": SecondLook("takes open files of other processes", _only_with("CAP_SYS_PTRACE")),
    "kcmp": SecondLook("tells what two processes share, kernel addresses by and by", _only_with("CAP_SYS_PTRACE")),
    "process_madvise": SecondLook("advises on the memory of other processes", _only_with("CAP_SYS_PTRACE")),
    **_alike("moves the memory of other processes", NOT_ALLOWED, "move_pages", "migrate_pages"),
    **_alike(
        "decides on which nodes memory lies",
        _only_with("CAP_SYS_NICE"),
        "mbind",
        "set_mempolicy",
        "set_mempolicy_home_node",
    ),
    # Namespaces
    "setns": SecondLook("enters namespaces, such as the host's", _ADMIN),
    "unshare": SecondLook("makes namespaces, with which much more of the kernel can be reached", _ADMIN),
    "clone": SecondLook(
        "makes namespaces, with which much more of the kernel can be reached",
        "without CAP_SYS_ADMIN allows it only with no CLONE_NEW flag, by a condition on its flags",
    ),
    "clone3": SecondLook(
        "makes namespaces, and a filter cannot see its flags",
        "without CAP_SYS_ADMIN makes it fail with ENOSYS, so that programs use clone",
    ),
    # File systems
    **_alike(
        "mounts file systems",
        _ADMIN,
        "mount",
        "fsopen",
        "fsconfig",
        "fsmount",
        "fspick",
        "move_mount",
        "open_tree",
        "mount_setattr",
    ),
    "open_tree_attr": SecondLook("mounts file systems"),
    **_alike("unmounts file systems", _ADMIN, "umount", "umount2"),
    "pivot_root": SecondLook("changes the root of the whole mount namespace"),
    "chroot": SecondLook(
        "changes the root directory, from which it is easy to escape", "allows it with CAP_SYS_CHROOT, which it gives"
    ),
    "open_by_handle_at": SecondLook(
        "opens files by handle, also outside of the container", _only_with("CAP_DAC_READ_SEARCH")
    ),
    **_alike("sets disk quotas", _ADMIN, "quotactl", "quotactl_fd"),
    "fanotify_init": SecondLook("watches the files of whole file systems", _ADMIN),
    "nfsservctl": SecondLook("controls the NFS server of old kernels"),
    **_alike("tells about file systems; obsolete", NOT_ALLOWED, "ustat", "sysfs"),
    "uselib": SecondLook("loads libraries the way of the 1990s, and has had holes"),
    "_sysctl": SecondLook("reads and sets kernel parameters; gone since Linux 5.5"),
    "bdflush": SecondLook("tunes how buffers are written; does nothing since Linux 2.6"),
    **_alike("says which swap is used", NOT_ALLOWED, "swapon", "swapoff"),
    # The machine
    "reboot": SecondLook("reboots the machine, or ends the container's pid namespace", _only_with("CAP_SYS_BOOT")),
    **_alike("reaches the ports of devices", _only_with("CAP_SYS_RAWIO"), "iopl", "ioperm"),
    **_alike("reaches PCI devices", NOT_ALLOWED, "pciconfig_read", "pciconfig_write", "pciconfig_iobase"),
    "rtas": SecondLook("calls the machine's firmware (POWER)"),
    "acct": SecondLook("turns process accounting on, into a file of its choice", _only_with("CAP_SYS_PACCT")),
    "syslog": SecondLook(
        "reads and clears the kernel log, with addresses of the host", _only_with("CAP_SYS_ADMIN or CAP_SYSLOG")
    ),
    **_alike(
        "sets the machine's clock",
        _only_with("CAP_SYS_TIME"),
        "settimeofday",
        "stime",
        "clock_settime",
        "clock_settime64",
    ),
    **_alike("sets the host's name", _ADMIN, "sethostname", "setdomainname"),
    "vhangup": SecondLook("hangs up the terminal", _only_with("CAP_SYS_TTY_CONFIG")),
    "personality": SecondLook(
        "turns off address space randomisation, among others", "allows it only with five harmless values"
    ),
}
"""By name."""
