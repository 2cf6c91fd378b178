"""Carriers of journalctl's text formats and of rsyslog's imjournal, for the kernel's and for the audit transport."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import clock
from .carrier import LATER, Carrier, Write, text
from .clock import host, moment
from .record import Form, KernelRecord

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random


def _month(rnd: Random) -> str:
    months = rnd.choice((clock.MONTHS, clock.MONTHS, *(months for _, months in clock.LOCALES.values())))
    return rnd.choice(months)


def _short(rnd: Random, digits: int = 0) -> str:
    time = moment(rnd)
    return f"{_month(rnd)} {time.day:02d} {clock.hms(time, digits)} "


def _iso(rnd: Random, digits: int = 0) -> str:
    return f"{clock.iso(moment(rnd), digits, rnd.choice(('+0000', '+0100', '-0730', '+00:00')))} "


def _full(rnd: Random) -> str:
    time = moment(rnd)
    return f"{clock.DAYS[time.weekday()]} {time:%Y-%m-%d %H:%M:%S} {rnd.choice(clock.ZONES)} "


def _delta(rnd: Random) -> str:
    return f"[{clock.seconds(rnd)} <{clock.seconds(rnd)}{rnd.choice(' *')}>] "


STAMPS: dict[str, Callable[[Random], str]] = {
    "short": _short,
    "short-precise": lambda rnd: _short(rnd, 6),
    "short-iso": _iso,
    "short-iso-precise": lambda rnd: _iso(rnd, 6),
    "short-full": _full,
    "short-monotonic": lambda rnd: f"[{clock.seconds(rnd)}] ",
    "short-unix": lambda rnd: f"{moment(rnd).timestamp():.6f} ",
    "short-delta": _delta,
    "with-unit": _full,
}
"""What each `journalctl -o` writes in front of the host."""


def _kernel(stamp: Callable[[Random], str], *, named: bool) -> Write:
    def write(record: KernelRecord, rnd: Random) -> bytes:
        return text(stamp(rnd) + (f"{host(rnd)} " if named else "") + "kernel: ") + record.printk()

    return write


def _audit(stamp: Callable[[Random], str], *, named: bool) -> Write:
    def write(record: KernelRecord, rnd: Random) -> bytes:
        where = f"{host(rnd)} " if named else ""
        return text(f"{stamp(rnd)}{where}audit[{record.pid}]: ") + record.body(Form.JOURNALD)

    return write


def _repeated(times: int) -> Carrier:
    def write(record: KernelRecord, rnd: Random) -> bytes:
        time = rnd.choice((clock.any_iso(rnd), clock.rfc3164(moment(rnd))))
        repeated = f"{time} {host(rnd)} audit[{record.pid}]: message repeated {times} times: ["
        return text(repeated) + record.body(Form.JOURNALD) + b"]"

    return Carrier(write, stamped=False, repeat=times, ages=LATER)


def _carriers() -> dict[str, Carrier]:
    found: dict[str, Carrier] = {}
    for output, stamp in STAMPS.items():
        for named, note in ((True, ""), (False, " --no-hostname")):
            found[f"journalctl -o {output}{note}, kernel"] = Carrier(_kernel(stamp, named=named))
            found[f"journalctl -o {output}{note}, audit"] = Carrier(
                _audit(stamp, named=named), stamped=False, ages=LATER
            )
    found["journalctl -o cat, audit"] = Carrier(lambda record, _: record.body(Form.JOURNALD), stamped=False, ages=LATER)
    found["imjournal, RFC 3164"] = Carrier(
        _audit(lambda rnd: f"{clock.rfc3164(moment(rnd))} ", named=True), stamped=False, ages=LATER
    )
    found["imjournal, RFC 3339"] = Carrier(
        _audit(lambda rnd: f"{clock.any_iso(rnd)} ", named=True), stamped=False, ages=LATER
    )
    for times in (2, 5, 1000):
        found[f"imjournal, repeated {times}"] = _repeated(times)
    return found


JOURNAL: dict[str, Carrier] = _carriers()
