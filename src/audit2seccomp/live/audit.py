"""Audit's netlink socket: the kernel's own records, as they are written, and whether some were lost.

Each record goes to all who listen (kauditd_send_multicast_skb() in kernel/audit.c), with or without an audit daemon,
and no rate limit of the kernel log applies. What is lost on the way shows: by ENOBUFS where this socket's buffer was
full, and by the kernel's own count where its backlog was.
"""

from __future__ import annotations

import os
import select
import socket
import time
from contextlib import suppress
from dataclasses import replace
from errno import ENOBUFS
from typing import TYPE_CHECKING

from audit2seccomp.errors import LiveError
from audit2seccomp.evidence.model import Sample
from audit2seccomp.evidence.scan import Scanner
from audit2seccomp.kernel.audit_netlink import (
    AUDIT_GET,
    AUDIT_NLGRP_READLOG_BIT,
    AUDIT_STATUS,
    NETLINK_AUDIT,
    NLM_F_REQUEST,
    NLMSG_HEADER,
)
from audit2seccomp.kernel.uapi import AUDIT_SECCOMP
from audit2seccomp.live.loading import Loader, name_thread
from audit2seccomp.profile.assembly import always
from audit2seccomp.profile.model import Outcome, RuleAction

if TYPE_CHECKING:
    from audit2seccomp.evidence.model import Evidence

_BUFFER_BYTES = 128 << 20
"""A record takes about 1 KiB of the kernel's memory while it waits here: so many are more than a hundred thousand."""
_SO_RCVBUFFORCE = 33
"""include/uapi/asm-generic/socket.h: not bound by net.core.rmem_max, with CAP_NET_ADMIN."""
_MESSAGE_BYTES = 9216
"""MAX_AUDIT_MESSAGE_LENGTH is 8,970."""
_AT_ONCE = 512
"""So many records are read before anything else is looked at."""
_PATIENCE = 5.0
"""Seconds until the last record must have come."""
_RECORDED = always(Outcome(RuleAction.LOG))


class AuditSocket:
    """The records of one audit session. It is opened before the command starts."""

    def __init__(self, scanner: Scanner, name: str) -> None:
        """`scanner` takes the records, as lines of auditd's file; `name` stands for that. Raises LiveError."""
        try:
            self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, NETLINK_AUDIT)
            self._socket.bind((0, AUDIT_NLGRP_READLOG_BIT))
        except PermissionError as error:
            raise LiveError("audit: reading records takes CAP_AUDIT_READ: run as root, or --via notify") from error
        except OSError as error:
            reason = (error.strerror or "").lower()
            raise LiveError(f"audit: this kernel sends no records ({reason}): --via notify") from error
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER_BYTES)
        except PermissionError:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
        self.descriptor = self._socket.fileno()
        self._scanner = scanner
        self._name = name
        self._session = b""
        self._overruns = 0
        self._records = 0
        self._lost_before = _lost()
        self._last: bytes | None = None
        scanner.start_input(name)

    def of_session(self, number: int) -> None:
        """Take the records of that session from now on."""
        self._session = b" ses=%d " % number

    def take(self) -> None:
        """Take records that wait, but not too many."""
        lines = []
        for _ in range(_AT_ONCE):
            text = self._next()
            if text is None:
                break
            # A name cannot hold a blank (audit_log_untrustedstring()), and ses= stands in front of all of them.
            if self._session in text:
                lines.append(b"type=SECCOMP msg=%b\n" % text)
            elif self._last is not None and self._last in text:
                self._last = None
        self._records += len(lines)
        self._scanner.feed(b"".join(lines))

    def _next(self) -> bytes | None:
        """The text of the next SECCOMP record; None where no record waits."""
        while True:
            try:
                data = self._socket.recv(_MESSAGE_BYTES)
            except BlockingIOError:
                return None
            except OSError as error:
                if error.errno != ENOBUFS:
                    raise
                self._overruns += 1
                continue
            if NLMSG_HEADER.unpack_from(data)[1] == AUDIT_SECCOMP:
                return data[NLMSG_HEADER.size :].rstrip(b"\0")

    def finish(self) -> None:
        """Wait for what is on its way. The queue keeps the order, so that is a record which this process makes now."""
        name = b"a2s-" + os.urandom(5).hex().encode()
        self._last = b' comm="%b" ' % name
        child = os.fork()
        if child == 0:
            name_thread(name)
            Loader(_RECORDED).load()
            os._exit(0)
        os.waitpid(child, 0)
        until = time.monotonic() + _PATIENCE
        while self._last is not None and time.monotonic() < until:
            select.select([self._socket], [], [], max(0.0, until - time.monotonic()))
            self.take()
        self._socket.close()
        self._scanner.finish_input()

    def evidence(self) -> Evidence:
        """What they say, and what is missing of them. Raises LiveError where the kernel sent none at all."""
        if self._last is not None and not self._records:
            raise LiveError(
                "audit: no record came (audit=0 on the kernel's command line, or another network namespace than the "
                "first): --via notify"
            )
        seen = self._scanner.evidence()
        losses = dict(seen.losses)
        lost = None if self._lost_before is None else (_lost() or 0) - self._lost_before
        for kind, signs in (("audit-socket", self._overruns + (self._last is not None)), ("audit-lost", lost or 0)):
            if signs:
                losses[kind] = Sample(signs, (self._name, 0), b"")
        return replace(seen, losses=losses)


def _lost() -> int | None:
    """How many records the kernel has lost since it started; None without CAP_AUDIT_CONTROL."""
    with suppress(OSError), socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_AUDIT) as asking:
        asking.settimeout(_PATIENCE)
        asking.send(NLMSG_HEADER.pack(NLMSG_HEADER.size, AUDIT_GET, NLM_F_REQUEST, 1, 0))
        answer = asking.recv(_MESSAGE_BYTES)
        if NLMSG_HEADER.unpack_from(answer)[1] == AUDIT_GET:
            return int(AUDIT_STATUS.unpack_from(answer, NLMSG_HEADER.size)[6])
    return None
