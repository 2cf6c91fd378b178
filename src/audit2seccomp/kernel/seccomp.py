"""Numbers and layouts of seccomp(2) and of its user notification: include/uapi/linux/seccomp.h of Linux 6.18."""

from __future__ import annotations

import os

SECCOMP_SET_MODE_FILTER = 1
"""The operation that loads a filter."""
SECCOMP_GET_ACTION_AVAIL = 2
"""The operation that tells whether there is an action: EOPNOTSUPP if not (Linux 4.14; EINVAL before)."""

FILTER_FLAG_BITS = {
    "SECCOMP_FILTER_FLAG_TSYNC": 1 << 0,
    "SECCOMP_FILTER_FLAG_LOG": 1 << 1,
    "SECCOMP_FILTER_FLAG_SPEC_ALLOW": 1 << 2,
    "SECCOMP_FILTER_FLAG_NEW_LISTENER": 1 << 3,
    "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV": 1 << 5,
}
"""Since Linux 3.17, 4.14, 4.17, 5.0 and 5.19."""

NOTIF_BYTES = 80
"""sizeof(struct seccomp_notif): u64 id, u32 pid, u32 flags, struct seccomp_data; it is zeroed for each ioctl."""
NOTIF_RESP_LAYOUT = "=QqiI"
"""struct seccomp_notif_resp: u64 id, s64 val, s32 error, u32 flags."""
SECCOMP_USER_NOTIF_FLAG_CONTINUE = 1
"""The call is to run as it was made (Linux 5.5)."""
SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP = 1
"""The two sides take turns, so that waking one ends the other's time slice (Linux 6.6)."""

_IOC_MAGIC = ord("!")
_READ, _WRITE = 2, 1


def _ioctl(number: int, direction: int, size: int) -> int:
    """_IOC() of include/uapi/asm-generic/ioctl.h. mips and powerpc have headers of their own, with WRITE as 4 and three
    bits for the direction."""
    if os.uname().machine.startswith(("mips", "ppc")):
        direction, shift = (direction & _READ) | (4 if direction & _WRITE else 0), 29
    else:
        shift = 30
    return direction << shift | size << 16 | _IOC_MAGIC << 8 | number


SECCOMP_IOCTL_NOTIF_RECV = _ioctl(0, _READ | _WRITE, NOTIF_BYTES)
SECCOMP_IOCTL_NOTIF_SEND = _ioctl(1, _READ | _WRITE, 24)
SECCOMP_IOCTL_NOTIF_SET_FLAGS = _ioctl(4, _WRITE, 8)
