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
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from errno import ENOBUFS
from typing import TYPE_CHECKING

from audit2seccomp.errors import LiveError
from audit2seccomp.evidence.model import Sample
from audit2seccomp.evidence.scan import Scanner
from audit2seccomp.kernel.audit_netlink import (
    AUDIT_GET,
    AUDIT_LIST_RULES,
    AUDIT_NLGRP_READLOG_BIT,
    AUDIT_STATUS,
    NETLINK_AUDIT,
    NLM_F_DUMP,
    NLM_F_REQUEST,
    NLMSG_HEADER,
    SO_RCVBUFFORCE,
    excludes,
)
from audit2seccomp.kernel.uapi import AUDIT_SECCOMP, AUDIT_SID_UNSET
from audit2seccomp.live.descendants import parent_of
from audit2seccomp.live.launch import Launch
from audit2seccomp.live.libc import name_thread
from audit2seccomp.live.loading import Loader
from audit2seccomp.live.own_filters import filters_that_hand_over
from audit2seccomp.profile.assembly import always
from audit2seccomp.profile.model import Outcome, RuleAction

if TYPE_CHECKING:
    from audit2seccomp.evidence.model import Evidence

_BUFFER_BYTES = 128 << 20
"""A record takes about 1 KiB of the kernel's memory while it waits here: so many are more than a hundred thousand."""
_MESSAGE_BYTES = 9216
"""MAX_AUDIT_MESSAGE_LENGTH is 8,970."""
_AT_ONCE = 512
"""So many records are read before anything else is looked at."""
_PATIENCE = 5.0
"""Seconds until the last record must have come."""
_LOGGED = "/proc/sys/kernel/seccomp/actions_logged"
_RECORDED = always(Outcome(RuleAction.LOG))


class AuditSocket:
    """The records of one audit session. It is opened before the command starts."""

    def __init__(self, scanner: Scanner, name: str, launch: Launch) -> None:
        """`scanner` takes the records, as lines of auditd's file; `name` stands for that. Those of `launch` come first.
        Raises LiveError."""
        _refuse_unlogged()
        try:
            self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, NETLINK_AUDIT)
            self._socket.bind((0, AUDIT_NLGRP_READLOG_BIT))
            self._enlarge()
        except PermissionError as error:
            raise LiveError("audit: reading records takes CAP_AUDIT_READ: run as root, or --via notify") from error
        except OSError as error:
            reason = (error.strerror or "").lower()
            raise LiveError(f"audit: this kernel sends no records ({reason}): --via notify") from error
        self.descriptor = self._socket.fileno()
        self._scanner = scanner
        self._name = name
        self._launch: Launch | None = launch
        """Until the command makes its own calls."""
        self._sessions = _Sessions()
        self._overruns = 0
        self._records = 0
        self._lost_before = _lost()
        self._excluding_before = _rules_that_exclude()
        self._last: bytes | None = None
        scanner.start_input(name)

    def _enlarge(self) -> None:
        """The buffer; without CAP_NET_ADMIN as far as net.core.rmem_max lets it be."""
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, _BUFFER_BYTES)
        except PermissionError:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)

    def of_session(self, number: int) -> None:
        """Take the records of that session from now on, and of those that its processes begin."""
        self._sessions.begin(number)

    def take(self) -> None:
        """Take records that wait, but not too many."""
        lines = []
        for _ in range(_AT_ONCE):
            text = self._next()
            if text is None:
                break
            if self._sessions.is_ours(text):
                lines.append(b"type=SECCOMP msg=%b\n" % self._as_launched(text))
            elif self._last is not None and self._last in text:
                self._last = None
        self._records += len(lines)
        self._scanner.feed(b"".join(lines))

    def _as_launched(self, text: bytes) -> bytes:
        if self._launch is None:
            return text
        changed = self._launch.in_text(text)
        if changed is None:
            self._launch = None
        return changed or text

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
        until = time.monotonic() + _PATIENCE * _is_made(name)
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        while self._last is not None and time.monotonic() < until:
            poll.poll(max(0.0, until - time.monotonic()) * 1000)
            self.take()
        self._socket.close()
        self._scanner.finish_input()

    def evidence(self) -> Evidence:
        """What they say, and what is missing of them. Raises LiveError where the kernel sent none at all."""
        if self._last is not None and not self._records:
            raise LiveError(
                "audit: no record came: audit=0 is on the kernel's command line, a rule excludes them (auditctl -l), "
                "this is another network namespace than the first, or this process is being recorded already: "
                "--via notify"
            )
        seen = self._scanner.evidence()
        losses = dict(seen.losses)
        before, after = self._lost_before, _lost()
        counted = before is not None and after is not None and after >= before  # somebody may set it to 0
        signs = {
            "audit-socket": self._overruns + (self._last is not None),
            "audit-count": (after or 0) - (before or 0) if counted else 0,
            "no-count": int(not counted),
            # These actions go before LOG (seccomp(2)).
            "own-filter": filters_that_hand_over(seen),
            "session": self._sessions.unknown,
            "excluded": max(self._excluding_before, _rules_that_exclude()),
        }
        losses.update({kind: Sample(number, (self._name, 0), b"") for kind, number in signs.items() if number})
        return seen._replace(losses=losses)


def _is_made(name: bytes) -> bool:
    """Have a process of that name make a record; whether there was one that could."""
    with suppress(OSError):
        child = os.fork()
        if child == 0:
            status = 1
            try:
                name_thread(name)
                Loader(_RECORDED).load()
                status = 0
            finally:
                os._exit(status)
        return os.waitpid(child, 0)[1] == 0
    return False


def _refuse_unlogged() -> None:
    """Raise LiveError where the kernel is told to write no such record."""
    with suppress(OSError), open(_LOGGED) as file:
        if "log" not in file.read().split():
            raise LiveError("audit: kernel.seccomp.actions_logged lacks log: sysctl puts it there, or --via notify")


class _Sessions:
    """Which audit sessions are the command's.

    Whoever sets a login id, as sshd, cron and su do, begins another one, with a higher number (audit_set_loginuid() in
    kernel/audit.c); whether that is a descendant of this process shows while it is there."""

    def __init__(self) -> None:
        self._first: int | None = None
        self._ours: dict[bytes, bool] = {}
        self._unclear: Counter[bytes] = Counter()

    def begin(self, number: int) -> None:
        """The command's own."""
        self._first = number
        self._ours[b"%d" % number] = True

    def is_ours(self, text: bytes) -> bool:
        """Whether a record is of the command or of a descendant."""
        # A name cannot hold a blank (audit_log_untrustedstring()), and these stand in front of all names.
        session = text[text.find(b" ses=") + 5 :].split(b" ", 1)[0]
        known = self._ours.get(session)
        if known is not None:
            return known
        if self._first is None or not self._first < int(session) < AUDIT_SID_UNSET:
            found: bool | None = False
        else:
            found = _is_descendant(int(text[text.find(b" pid=") + 5 :].split(b" ", 1)[0]))
        if found is None:
            self._unclear[session] += 1
            return False
        self._ours[session] = found
        return found

    @property
    def unknown(self) -> int:
        """How many records may be the command's: their process had ended, and no other of that session was met."""
        return sum(events for session, events in self._unclear.items() if self._ours.get(session) is not False)


def _is_descendant(pid: int) -> bool | None:
    """Whether a process stands below this one; None if it is not there any more."""
    while pid > 1 and pid != os.getpid():
        above = parent_of(pid)
        if above is None:
            return None
        pid = above
    return pid == os.getpid()


def _lost() -> int | None:
    """How many records the kernel has lost since it started; None without CAP_AUDIT_CONTROL."""
    answer = next(_asked(AUDIT_GET, NLM_F_REQUEST), None)
    return None if answer is None else int(AUDIT_STATUS.unpack_from(answer)[6])


def _rules_that_exclude() -> int:
    """How many rules may keep records from being written, which no count tells of; 0 without CAP_AUDIT_CONTROL, when
    the count is missed anyhow."""
    return sum(excludes(rule, AUDIT_SECCOMP) for rule in _asked(AUDIT_LIST_RULES, NLM_F_REQUEST | NLM_F_DUMP))


def _asked(what: int, flags: int) -> Iterator[bytes]:
    """What the kernel answers, with messages of the same type."""
    with suppress(OSError), socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_AUDIT) as asking:
        asking.settimeout(_PATIENCE)
        asking.send(NLMSG_HEADER.pack(NLMSG_HEADER.size, what, flags, 1, 0))
        while True:
            answer = asking.recv(_MESSAGE_BYTES)
            if NLMSG_HEADER.unpack_from(answer)[1] != what:
                return
            yield answer[NLMSG_HEADER.size :]
