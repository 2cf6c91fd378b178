"""Carriers of the kernel's message: dmesg and its like, /dev/kmsg, and the syslog files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import clock
from .carrier import TAGGED, Carrier, in_kernel_log, text
from .clock import host, moment, uptime
from .record import Form, KernelRecord

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random


def _ctime(rnd: Random, days: tuple[str, ...] = clock.DAYS, months: tuple[str, ...] = clock.MONTHS) -> str:
    time = moment(rnd)
    return f"{rnd.choice(days)} {rnd.choice(months)} {time.day:2d} {time:%H:%M:%S %Y}"


def _localized(rnd: Random) -> str:
    return _ctime(rnd, *rnd.choice(list(clock.LOCALES.values())))


def _latin1(record: KernelRecord, rnd: Random) -> bytes:
    day, month = rnd.choice(clock.LATIN1)
    return f"[{_ctime(rnd, (day,), (month,))}] ".encode("latin-1") + record.printk()


def _relative(rnd: Random) -> str:
    step = f"+{rnd.choice((0, 12, 53))}.{rnd.randrange(1_000_000):06d}"
    return step.replace(".", rnd.choice(".,")).rjust(11)


def _minute(rnd: Random) -> str:
    time = moment(rnd)
    day = rnd.choice((f"{time.day:2d}", f"{time.day:02d}", f" {time.day}"))
    return f"{rnd.choice(clock.MONTHS)}{day} {time:%H:%M}"


def _delta(rnd: Random) -> str:
    return f"<{clock.seconds(rnd).rjust(12)}>"


def _level(rnd: Random) -> str:
    return f"kern  :{rnd.choice(clock.LEVELS):<6}: "


def _color(record: KernelRecord, rnd: Random) -> bytes:
    stamp, tag, off = rnd.choice((("\x1b[32m", "\x1b[33m", "\x1b[0m"), ("\x1b[1;38;5;108m", "\x1b[1;33m", "\x1b[m")))
    inner = rnd.choice((clock.seconds(rnd), _relative(rnd)))
    return text(f"{stamp}[{inner}] {off}{tag}audit: {off}") + record.body(Form.PRINTK)


def _talos(rnd: Random, pad: int) -> str:
    level = rnd.choice(("notice", "warning", "info"))
    return (
        f"{rnd.choice(('10.20.0.14', 'fd00::7', 'cp-1'))}: kern: {level:>{pad}}: [{clock.iso(moment(rnd), 9, 'Z')}]: "
    )


def _iso(rnd: Random) -> str:
    return clock.iso(moment(rnd), 6, rnd.choice(clock.OFFSETS), rnd.choice(",."))


def _kmsg(rnd: Random) -> str:
    return f"{rnd.randrange(8)},{rnd.randrange(99999)},{rnd.randrange(10**10)},-"


def _maybe_uptime(rnd: Random) -> str:
    return rnd.choice((f"{uptime(rnd)} ", ""))


_DMESG: dict[str, Callable[[Random], str]] = {
    "bare": lambda _: "",
    "dmesg": lambda rnd: f"{uptime(rnd)} ",
    "dmesg -T": lambda rnd: f"[{_ctime(rnd)}] ",
    "dmesg -T, other language": lambda rnd: f"[{_localized(rnd)}] ",
    "dmesg -T, Russian": lambda rnd: f"[{_ctime(rnd, *clock.RUSSIAN)}] ",
    "dmesg -T, Chinese": lambda rnd: f"[{_ctime(rnd, *clock.CHINESE)}] ",
    "dmesg -r": lambda rnd: f"<{rnd.randrange(8)}>{uptime(rnd)} ",
    "dmesg -d": lambda rnd: f"[{clock.seconds(rnd)} {_delta(rnd)}] ",
    "dmesg -d -T": lambda rnd: f"[{_ctime(rnd)} {_delta(rnd)}] ",
    "dmesg delta": lambda rnd: f"[{_delta(rnd)}] ",
    "dmesg reltime": lambda rnd: f"[{_relative(rnd)}] ",
    "dmesg -H, minute": lambda rnd: f"[{_minute(rnd)}] ",
    "dmesg iso": lambda rnd: f"{_iso(rnd)} ",
    "dmesg, caller": lambda rnd: f"{uptime(rnd)}{clock.caller(rnd)} ",
    "dmesg, caller apart": lambda rnd: f"{uptime(rnd)} {clock.caller(rnd)} ",
    "dmesg, PREEMPT_RT": lambda rnd: f"{uptime(rnd)} {rnd.randrange(256):03d}: ",
}

_DECODED: dict[str, Callable[[Random], str]] = {
    "dmesg -x": lambda rnd: f"{_level(rnd)}{uptime(rnd)} ",
    "dmesg -x, caller": lambda rnd: f"{_level(rnd)}{uptime(rnd)}{clock.caller(rnd)} ",
    "dmesg -x -T": lambda rnd: f"{_level(rnd)}[{_ctime(rnd)}] ",
    "dmesg -x -d": lambda rnd: f"{_level(rnd)}[{clock.seconds(rnd)} {_delta(rnd)}] ",
    "dmesg -x iso": lambda rnd: f"{_level(rnd)}{_iso(rnd)} ",
}

_PROVEN: dict[str, Callable[[Random], str]] = {
    "/dev/kmsg": lambda rnd: f"{_kmsg(rnd)};",
    "/dev/kmsg, caller": lambda rnd: f"{_kmsg(rnd)},caller={clock.caller(rnd)[1:-1].strip()};",
    "talosctl": lambda rnd: _talos(rnd, 7),
    "talosctl, not padded": lambda rnd: _talos(rnd, 0),
}

DMESG: dict[str, Carrier] = {
    **{name: Carrier(in_kernel_log(prefix)) for name, prefix in (_DMESG | _DECODED).items()},
    **{name: Carrier(in_kernel_log(prefix), "authenticated") for name, prefix in _PROVEN.items()},
    "dmesg -T, latin-1": Carrier(_latin1),
    "dmesg color": Carrier(_color, ages=TAGGED),
}


def _rfc3164(rnd: Random) -> str:
    return f"{clock.rfc3164(moment(rnd))} {host(rnd)} "


def _with_year(rnd: Random) -> str:
    time = moment(rnd)
    return f"{time:%b} {time.day:2d} {time.year} {clock.hms(time, 3)} {host(rnd)} "


def _with_zone(rnd: Random) -> str:
    time = moment(rnd)
    return f"{time:%b} {time.day:2d} {clock.hms(time, 6)} {rnd.choice(('CET', 'UTC', 'PDT'))} {host(rnd)} "


def _rfc5424(rnd: Random) -> str:
    return f"<{rnd.randrange(8)}>1 {clock.any_iso(rnd)} {rnd.choice((host(rnd), '-'))} kernel - - - "


_SYSLOG: dict[str, Callable[[Random], str]] = {
    "RFC 3164": lambda rnd: f"{_rfc3164(rnd)}kernel: {uptime(rnd)} ",
    "RFC 3164, no uptime": lambda rnd: f"{_rfc3164(rnd)}kernel: ",
    "RFC 3164, no host": lambda rnd: f"{clock.rfc3164(moment(rnd))} kernel: {_maybe_uptime(rnd)}",
    "RFC 3164, caller": lambda rnd: f"{_rfc3164(rnd)}kernel: {uptime(rnd)}{clock.caller(rnd)} ",
    "RFC 3164, PREEMPT_RT": lambda rnd: f"{_rfc3164(rnd)}kernel: {uptime(rnd)} {rnd.randrange(256):03d}: ",
    "RFC 3164, PRI": lambda rnd: f"<{rnd.randrange(8)}>{_rfc3164(rnd)}kernel: {_maybe_uptime(rnd)}",
    "busybox": lambda rnd: f"{_rfc3164(rnd)}kern.{rnd.choice(clock.LEVELS)} kernel: {_maybe_uptime(rnd)}",
    "vmunix": lambda rnd: f"{_rfc3164(rnd)}vmunix: {uptime(rnd)} ",
    "date with year": lambda rnd: f"{_with_year(rnd)}kernel: {uptime(rnd)} ",
    "date with zone": lambda rnd: f"{_with_zone(rnd)}kernel: {uptime(rnd)} ",
    "RFC 3339": lambda rnd: f"{clock.any_iso(rnd)} {host(rnd)} kernel: {_maybe_uptime(rnd)}",
    "RFC 5424": lambda rnd: f"{_rfc5424(rnd)}{_maybe_uptime(rnd)}",
    "RFC 5424, BOM": lambda rnd: f"{_rfc5424(rnd)}\ufeff{_maybe_uptime(rnd)}",
    "ChromeOS": lambda rnd: f"NOTICE kernel: {uptime(rnd)} ",
    "ChromeOS, time": lambda rnd: f"{clock.iso(moment(rnd), 6, 'Z')} NOTICE kernel: {uptime(rnd)} ",
    "GNOME Logs": lambda rnd: f"{clock.hms(moment(rnd))} kernel: ",
}

SYSLOG: dict[str, Carrier] = {name: Carrier(in_kernel_log(prefix)) for name, prefix in _SYSLOG.items()}
