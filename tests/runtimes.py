"""How the container runtimes of a Debian are called."""

from __future__ import annotations

COMMANDS = {
    "runc": ("runc",),
    "crun": (
        *("unshare", "-m", "sh", "-c"),
        # crun 1.8 fails where version 2 of cgroups is mounted below version 1.
        'umount -l /sys/fs/cgroup/unified 2>/dev/null; exec crun --cgroup-manager=disabled "$@"',
        "sh",
    ),
}
