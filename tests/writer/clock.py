"""Clocks, hosts and other things that log tools put in front of a message."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

LOCALES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "de": (("Mo", "Di", "Mi", "Do", "Fr", "Sa", "So"), ("Jan", "Mär", "Mai", "Okt", "Dez")),
    "es": (("lun", "mar", "mié", "jue", "vie", "sáb", "dom"), ("ene", "abr", "ago", "dic")),
    "pt": (("seg.", "ter.", "qua.", "qui.", "sex.", "sáb.", "dom."), ("fev.", "abr.", "mai.", "set.")),
    "fr": (("lun.", "mar.", "mer.", "jeu.", "ven."), ("janv.", "févr.", "mars", "juil.", "août", "sept.")),
}
"""Week days and months as glibc abbreviates them; every one of these fits into latin-1."""

LATIN1 = (("Fr", "Mär"), ("mié", "ago"), ("sáb.", "mai."), ("sam.", "févr."), ("ven.", "août"))
"""Week days and months that are no UTF-8 where the locale is not."""

RUSSIAN = (("Пн", "Вт", "Чт"), ("янв", "мар", "апр", "мая"))
CHINESE = (("一", "五", "日"), ("3月", "5月", "11月"))
"""glibc's `%b` here begins with a digit, and with a blank for one."""

HOSTS = (
    "vm",
    "tern",
    "mail.int.example.org",
    "10.44.7.9",
    "fe80::5054:ff:fe12:3456",
    "VM-9d1c22e7-0a4b-4f8e-b3c1-6a0f2d9e8b71",
    "ip-172-29-4-61",
    "n31-064-019",
    "[elided]",
)
ZONES = ("UTC", "CET", "CEST", "PDT", "+03")
OFFSETS = ("+00:00", "+01:00", "-08:00", "+05:30")
LEVELS = ("emerg", "alert", "crit", "err", "warn", "notice", "info", "debug")


def moment(rnd: Random) -> datetime:
    """When the line was written, to the microsecond."""
    return datetime(2012, 7, 1, tzinfo=UTC) + timedelta(microseconds=rnd.randrange(25 * 365 * 86_400_000_000))


def host(rnd: Random) -> str:
    """A host name as syslog shows them."""
    return rnd.choice(HOSTS)


def hms(time: datetime, digits: int = 0) -> str:
    """The time of day with that many digits of a second's fraction."""
    fraction = f".{time.microsecond:06d}000"[: digits + 1] if digits else ""
    return f"{time:%H:%M:%S}{fraction}"


def rfc3164(time: datetime, months: tuple[str, ...] = MONTHS) -> str:
    """`Jul  6 15:37:40`: the day is padded with a blank."""
    return f"{months[time.month % len(months) - 1]} {time.day:2d} {hms(time)}"


def iso(time: datetime, digits: int = 6, offset: str = "+00:00", point: str = ".") -> str:
    """`2026-11-22T09:07:14.030222+00:00`."""
    return f"{time:%Y-%m-%d}T{hms(time, digits).replace('.', point)}{offset}"


def any_iso(rnd: Random) -> str:
    """An RFC 3339 time with any fraction and any offset."""
    return iso(moment(rnd), rnd.choice((0, 1, 3, 6, 9)), rnd.choice((*OFFSETS, "Z")))


def seconds(rnd: Random, width: int = 5) -> str:
    """Seconds since the start, as printk pads them: `%5lu.%06lu`."""
    whole = rnd.choice((0, 12, 1037, 60, 252999, 25111222))
    return f"{whole:{width}d}.{rnd.randrange(1_000_000):06d}"


def uptime(rnd: Random) -> str:
    """printk's stamp."""
    return f"[{seconds(rnd)}]"


def caller(rnd: Random) -> str:
    """CONFIG_PRINTK_CALLER: `[%6s]` of a task or a CPU."""
    return f"[{rnd.choice(('T1', 'T55', 'T412', 'T24310', 'C3')):>6}]"
