"""JSON as syslog daemons write it: rsyslog's templates, syslog-ng's format-json, fluentd's in_syslog."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from audit2seccomp.evidence.entries import authors
from audit2seccomp.evidence.entries.entry import Entry, Found
from audit2seccomp.evidence.entries.json_values import name_of, text_of

if TYPE_CHECKING:
    from msgspec import Raw

_TAGS = ("tag", "syslogtag", "programname", "program", "PROGRAM", "app-name", "APP-NAME", "appname", "ident")
_MESSAGES = ("message", "msg", "MESSAGE")
_FACILITIES = ("facility", "FACILITY", "syslogfacility-text", "syslogfacility", "facility-text")
_PIDS = ("pid", "PID", "procid", "PROCID")
_HOSTS = ("host", "hostname", "HOST", "HOSTNAME")
"""The members' names: those of rsyslog's and syslog-ng's documentation and what people make of them."""
_TAG = re.compile(r"([!-9;-Z\\^-~]{1,128})(\[\d{1,10}\])?:?")
_KERNEL = frozenset({"kern", "kernel", "0"})
_AUDISP = frozenset({"audispd", "audisp-syslog"})
_NODE = re.compile(rb" ?(?:node=([!-~]{1,255}) )?")


def of_syslog(fields: Mapping[str, Raw], line: int) -> list[Found]:
    """What a syslog daemon's object says; nothing where it has no tag or no message.

    All tags that it has must agree: with one of them any program could call itself the kernel, and another one would
    show it."""
    message = next((text for text in map(text_of, map(fields.get, _MESSAGES)) if text), None)
    tags = [_TAG.fullmatch(name_of(fields[name])) for name in _TAGS if name in fields]
    if message is None or not tags:
        return []
    programs = {tag[1] if tag else "" for tag in tags}
    has_pid = any(tag and tag[2] for tag in tags) or any(name_of(fields.get(name)) not in {"", "-"} for name in _PIDS)
    host = next((host for host in (name_of(fields.get(name)) for name in _HOSTS) if host), None)
    if programs == {"kernel"}:
        facilities = {name_of(fields[name]).lower() for name in _FACILITIES if name in fields}
        author = authors.OTHER_PROGRAM if has_pid or facilities - _KERNEL else authors.SYSLOG_KERNEL
        # What follows the tag begins with a blank in rsyslog's `msg`.
        message = message.removeprefix(b" ")
    elif programs <= _AUDISP:
        author = authors.SYSLOG_AUDITD
        node = _NODE.match(message)
        if node is not None:
            message = message[node.end() :]
            host = node[1].decode() if node[1] else host
    else:
        author = authors.program(programs.pop()) if len(programs) == 1 else authors.OTHER_PROGRAM
    return [Entry(message, author.carrier, host, None, None, None, None, None, author.tag, line)]
