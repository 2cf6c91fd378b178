"""Carriers of auditd's own file and of its syslog plugin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import clock
from .carrier import LATER, Carrier, Write, text
from .clock import host, moment
from .record import Form, KernelRecord

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

SEPARATORS = {"": b"\x1d", ", separator lost": b"", ", blank": b" ", ", #035": b"#035", ", ^]": b"^]"}
"""What stands between the record and auditd's enrichment: 0x1d, or what is left of it."""


def _enrichment(rnd: Random) -> bytes:
    user = rnd.choice(("unset", "root", "kim", "unknown(61903)"))
    call = rnd.choice(("unknown-syscall(-1)", "openat", "ptrace"))
    return text(f'AUID="{user}" UID="root" GID="{user}" ARCH={rnd.choice(("x86_64", "aarch64"))} SYSCALL={call}')


def _node(rnd: Random) -> str:
    return f"node={rnd.choice(('wren', 'db-2.example.com', '10.0.0.4', '[elided]'))} "


def _file(form: Form = Form.AUDITD, separator: bytes | None = None, *, node: bool = False) -> Write:
    def write(record: KernelRecord, rnd: Random) -> bytes:
        line = (text(_node(rnd)) if node else b"") + record.body(form)
        return line if separator is None else line + separator + _enrichment(rnd)

    return write


def _syslog(prefix: Callable[[Random], str]) -> Write:
    def write(record: KernelRecord, rnd: Random) -> bytes:
        line = text(prefix(rnd) + rnd.choice(("", _node(rnd)))) + record.body(Form.AUDITD)
        return rnd.choice((line, line + b" " + _enrichment(rnd), line + b"#035" + _enrichment(rnd)))

    return write


def _tag(rnd: Random) -> str:
    return rnd.choice(("audispd", "audispd[568]", "audisp-syslog", "audisp-syslog[2210]"))


def _carriers() -> dict[str, Carrier]:
    found = {
        "audit.log": Carrier(_file(), "authenticated"),
        "audit.log, node": Carrier(_file(node=True), "authenticated"),
        "audit.log, old auditd": Carrier(_file(Form.OLD_AUDITD), "authenticated", ages=LATER),
        "audit.log, old auditd, node": Carrier(_file(Form.OLD_AUDITD, node=True), "authenticated", ages=LATER),
    }
    for note, separator in SEPARATORS.items():
        found[f"audit.log, enriched{note}"] = Carrier(_file(separator=separator), "authenticated")
        found[f"audit.log, enriched{note}, node"] = Carrier(_file(separator=separator, node=True), "authenticated")
    found["audisp, RFC 3164"] = Carrier(_syslog(lambda rnd: f"{clock.rfc3164(moment(rnd))} {host(rnd)} {_tag(rnd)}: "))
    found["audisp, RFC 3339"] = Carrier(_syslog(lambda rnd: f"{clock.any_iso(rnd)} {host(rnd)} {_tag(rnd)}: "))
    found["audisp, RFC 5424"] = Carrier(
        _syslog(
            lambda rnd: (
                f"<{rnd.choice((14, 30))}>1 {clock.any_iso(rnd)} {host(rnd)} "
                f"{rnd.choice(('audispd 2210', 'audisp-syslog -', 'audispd -'))} - - {rnd.choice(('', ' '))}"
            )
        )
    )
    return found


AUDITD: dict[str, Carrier] = _carriers()
