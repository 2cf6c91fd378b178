"""What the kernel tells all listeners of its audit records: nothing on the way to them can be lost unseen.

The kernel log passes printk's limit, which drops nearly everything, and auditd would serve the whole machine.
"""

from __future__ import annotations

import socket
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

from audit2seccomp.kernel.audit_netlink import (
    AUDIT_NLGRP_READLOG_BIT,
    NETLINK_AUDIT,
    NLM_F_REQUEST,
    NLMSG_HEADER,
    SO_RCVBUFFORCE,
)
from audit2seccomp.kernel.uapi import AUDIT_SECCOMP
from tests.e2e.auditctl import AUDIT_STATUS, status
from tests.e2e.machine import Feature, needs

AUDIT_USER_AVC = 1107
"""A user's message that the kernel takes and passes on also while audit is off (include/uapi/linux/audit.h)."""
ROOM = 64 << 20
"""Bytes that the kernel keeps for the reader while that waits for a processor."""
PATIENCE = 120
"""Seconds without any record after which the reader is stuck."""


def _readers_socket() -> socket.socket:
    kernel = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_AUDIT)
    try:
        kernel.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, ROOM)
        kernel.bind((0, AUDIT_NLGRP_READLOG_BIT))
        kernel.settimeout(PATIENCE)
    except OSError:
        kernel.close()
        raise
    return kernel


def _is_heard() -> bool:
    try:
        _readers_socket().close()
    except OSError:
        return False
    return True


AUDIT_RECORDS = Feature("audit's records (root, outside of containers)", _is_heard)
needs_audit_records = needs(AUDIT_RECORDS, AUDIT_STATUS)


@contextmanager
def kept(file: Path) -> Iterator[None]:
    """Write the seccomp records of all that runs inside into a file, in the form of auditd's. Fails if the kernel lost
    any record, or the reader was too slow for one (OSError ENOBUFS)."""
    lost = lost_records()
    end = uuid.uuid4().hex.encode()
    with closing(_readers_socket()) as kernel, ThreadPoolExecutor(1) as reader:
        written = reader.submit(_write, kernel, file, end)
        try:
            yield
        finally:
            # Messages come in the order in which they were made; of this one the kernel cuts the last byte.
            length = NLMSG_HEADER.size + len(end) + 1
            kernel.sendto(NLMSG_HEADER.pack(length, AUDIT_USER_AVC, NLM_F_REQUEST, 0, 0) + end + b"\0", (0, 0))
        written.result()
    assert lost_records() == lost


def _write(kernel: socket.socket, file: Path, end: bytes) -> None:
    """Write records until a message holds the end's mark."""
    with file.open("wb") as log:
        while True:
            message = kernel.recv(1 << 16)
            kind = NLMSG_HEADER.unpack_from(message)[1]
            if kind == AUDIT_SECCOMP:
                log.write(b"type=SECCOMP msg=%b\n" % message[NLMSG_HEADER.size :].rstrip(b"\0\n"))
            elif kind == AUDIT_USER_AVC and end in message:
                return


def lost_records() -> int:
    """How many audit records the kernel has lost since it started."""
    return int(status()["lost"])
