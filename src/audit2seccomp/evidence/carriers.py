"""The text that a record travels in.

A carrier is a prefix at the start of a line, directly followed by a record; one entry in `CARRIERS` adds one. What a
carrier proves is part of it; trust.py decides.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Set
from enum import Enum, IntEnum
from functools import cached_property
from types import MappingProxyType

from audit2seccomp.named_tuple import NamedTuple


class Trust(IntEnum):
    """How far a line proves the kernel as the author of the record in it."""

    EMBEDDED = 0
    ANCHORED = 1
    AUTHENTICATED = 2

    @property
    def word(self) -> str:
        """The level as options, files and messages name it."""
        return self.name.lower()


LEVELS: Mapping[str, Trust] = MappingProxyType({level.word: level for level in reversed(Trust)})
"""By their words; what proves most stands first."""


class Speaker(Enum):
    """Who spells the record; the value matches what stands between a carrier's prefix and the record, without
    consuming the record."""

    PRINTK = rb"(?:audit: )?(?=type=1(?:326|701) audit\()"
    AUDITD = rb"(?=type=(?:SECCOMP|UNKNOWN\[1326\]|ANOM_ABEND) msg=audit\((?![^()]{1,48} \d\d:\d\d:\d\d\.))"
    AUSEARCH = rb"(?=type=SECCOMP msg=audit\([^()]{1,48} \d\d:\d\d:\d\d\.)"
    JOURNALD = rb"(?=SECCOMP [a-z]{1,8}=)"


# Every repetition is bounded, so that a prefix costs a bounded number of steps whatever a stranger writes.
_WORD = rb"[^\s\[\]<>:\"=]{1,32}"
HMS = rb"\d\d:\d\d:\d\d"
_ISO = rb"\d{4}-\d\d-\d\dT" + HMS + rb"(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)"
_SECONDS = rb" {0,12}\d{1,12}[.,]\d{3,9}"
_SEVERITY_WORD = rb"(?:EMERG|ALERT|CRIT|ERR|ERROR|WARNING|NOTICE|INFO|DEBUG)"
# Neither a time zone nor a host: that is how applications log.
NO_SEVERITY = rb"(?!(?:FATAL|CRIT|CRITICAL|ERR|ERROR|WARN|WARNING|NOTICE|INFO|DEBUG|TRACE|SEVERE)\b)"
_ZONE = NO_SEVERITY + rb"[A-Z]{2,5}"
DATES = {
    "rfc3164": _WORD + rb" {1,2}\d{1,2} " + HMS,
    "iso": _ISO,
    "rfc3164_more": _WORD + rb" {1,2}\d{1,2} (?:\d{4} )?" + HMS + rb"(?:\.\d{1,9})?(?: " + _ZONE + rb")??",
    "short_full": _WORD + rb" \d{4}-\d\d-\d\d " + HMS + rb"(?:\.\d{1,9})? " + NO_SEVERITY + rb"[^\s:]{1,8}",
    "short_monotonic": rb"\[" + _SECONDS + rb"(?: <" + _SECONDS + rb"[ *]?>)?\]",
    "short_unix": rb"\d{9,11}\.\d{6}",
}
"""How syslog and journalctl write a date, in any locale."""
_CALLER = rb"\[ {0,8}[TC]\d{1,10}\]"  # CONFIG_PRINTK_CALLER: the task or the CPU
_CPU = rb"\d{3}: "  # PREEMPT_RT
_CALLER_OR_CPU = rb"(?: ?" + _CALLER + rb" (?:" + _CPU + rb")?| " + _CPU + rb")"
BRACKETS = {
    "seconds": rb"\[" + _SECONDS + rb"\]",
    "relative": rb"\[ {0,12}\+\d{1,12}[.,]\d{3,9}\]",
    "delta": rb"\[(?:" + _SECONDS + rb" )?<" + _SECONDS + rb" ?>\]",
    "ctime": rb"\["
    + _WORD
    + rb" {1,2}"
    + _WORD
    + rb" {1,2}\d{1,2} "
    + HMS
    + rb" \d{4}(?: <"
    + _SECONDS
    + rb"[ *]?>)?\]",
    "minute": rb"\[" + _WORD + rb" {0,2}\d{0,2} \d\d:\d\d\]",
}
_CLOCKS = {
    # Choices of their own, because what most kernels do not write takes time to look for in each line.
    **{f"{name}_and_more": bracket + _CALLER_OR_CPU for name, bracket in BRACKETS.items()},
    **{name: bracket + rb" " for name, bracket in BRACKETS.items()},
    "dmesg_iso": _ISO + rb" ",
    "caller": _CALLER + rb" (?:" + _CPU + rb")?",
}
"""What the kernel, or dmesg in its many formats, writes in front of a message."""
_PRI_KERN = rb"<[0-7]>"
# A host name never ends in a colon: a word that does is the tag, and then the rest is that program's message.
HOST = NO_SEVERITY + rb"[^\s]{1,255}(?<!:) "
_RFC5424 = rb"\d (?:" + _ISO + rb"|-) "
RFC5424 = _RFC5424 + rb"[^\s]{1,255} "
_AUDISP = rb"(?:audispd|audisp-syslog)"
_CHOICES: dict[bytes, dict[str, bytes]] = {
    b"pri": {"pri": _PRI_KERN, "no_pri": b""},
    b"date": DATES,
    b"host": {"no_host": b"", "host": HOST},
    b"host_5424": {"host_5424": rb"[^\s]{1,255} "},
    b"host_talos": {"host_talos": rb"[0-9A-Za-z.:-]{1,255}: "},
    b"node": {"node": rb"node=[!-~]{1,255} ", "no_node": b""},
    b"facility": {"no_facility": b"", "facility": rb"kern\.[a-z]{1,8} "},
    b"kernel": {"kernel": b"kernel", "vmunix": b"vmunix"},
    b"clock": _CLOCKS,
    b"clock_if_any": {**_CLOCKS, "no_clock": b""},
}
"""What a template can leave open, nothing last where it ends one. A log makes the same choice in nearly all lines."""
_HOSTS = ("node", "host", "host_5424", "host_talos")
"""The choices that name the machine. auditd's own word for it goes before syslog's."""


class Prefix(NamedTuple):
    """The prefixes of one kind of line: regular expressions several times as fast as a carrier's pattern."""

    literal: bytes
    """Those of the same machine."""
    host: str | None
    """The machine, where the prefix names it."""
    any_host: Callable[[], bytes]
    """Those of any machine; what names it is the first group."""


_HOST_MARK = re.compile(rb"\Anode=|:? \Z")


def host_in(match: re.Match[bytes]) -> str | None:
    """The machine that a prefix with a group for it names."""
    named = match.groupdict()
    return host_name(next((named[name] for name in _HOSTS if named.get(name)), b"- "))


def host_name(text: bytes) -> str | None:
    """The machine that a part of a prefix names."""
    name = _HOST_MARK.sub(b"", text).decode(errors="surrogateescape")
    return None if name == "-" else name


def _either(choices: dict[str, bytes]) -> bytes:
    return rb"(?:" + b"|".join(rb"(?P<%b>%b)" % (name.encode(), choice) for name, choice in choices.items()) + rb")"


class _Carrier(NamedTuple):
    name: str
    template: bytes
    speaker: Speaker
    trust: Trust
    bare: bool = False
    """Only that it begins a line speaks for it, so that it may be the second line of another program's message."""
    usual: frozenset[str] = frozenset()
    """The choices that most such logs make; these are tried first, because `pattern` takes long to compile."""


class Carrier(_Carrier):
    """One form of line; there is one object for each.

    `template` is a regular expression over bytes for what stands in front of the speaker's words, with the choices
    that it leaves open as `%(date)b` and the like, each once."""

    __hash__ = object.__hash__

    @cached_property
    def pattern(self) -> re.Pattern[bytes]:
        """Any prefix of this form and the speaker's words; compiled when the first candidate line needs it."""
        return re.compile(self.any_prefix.pattern + self.speaker.value)

    @cached_property
    def any_prefix(self) -> re.Pattern[bytes]:
        """Any prefix of this form, whatever stands behind it."""
        return re.compile(self.template % {key: _either(choices) for key, choices in _CHOICES.items()})

    @cached_property
    def usual_pattern(self) -> re.Pattern[bytes]:
        """The usual prefix and the speaker's words."""
        return re.compile(self._chosen(self.usual) + self.speaker.value)

    def prefix(self, match: re.Match[bytes]) -> Prefix:
        """The prefixes that make the choices of a line that one of the patterns matched."""
        named = match.groupdict()
        chosen = (
            self.usual
            if match.re is self.__dict__.get("usual_pattern")
            else frozenset(name for name, text in named.items() if text is not None)
        )
        hosts = {name: named[name] for name in _HOSTS if named.get(name)}
        return Prefix(
            self._chosen(chosen, {name: re.escape(text) for name, text in hosts.items()}),
            host_in(match),
            lambda: self._chosen(chosen),
        )

    def _chosen(self, chosen: Set[str], literal: Mapping[str, bytes] = MappingProxyType({})) -> bytes:
        """A prefix with these choices. What names the machine is a group of its own, unless the name is given."""
        group = None if literal else next((name for name in _HOSTS if name in chosen), None)

        def written(name: str, choice: bytes) -> bytes:
            return literal.get(name) or (rb"(?P<%b>%b)" % (name.encode(), choice) if name == group else choice)

        return self.template % {
            key: next((written(name, choice) for name, choice in choices.items() if name in chosen), b"")
            for key, choices in _CHOICES.items()
        }


CARRIERS = (
    Carrier(
        "syslog, kernel",
        rb"%(pri)b%(date)b %(host)b%(facility)b%(kernel)b: %(clock_if_any)b",
        Speaker.PRINTK,
        Trust.ANCHORED,
        usual=frozenset({"no_pri", "rfc3164", "host", "no_facility", "kernel", "seconds"}),
    ),
    Carrier("dmesg", rb"%(pri)b%(clock)b", Speaker.PRINTK, Trust.ANCHORED, usual=frozenset({"no_pri", "seconds"})),
    Carrier("audit.log", b"%(node)b", Speaker.AUDITD, Trust.AUTHENTICATED, bare=True),
    Carrier("ausearch -i", b"%(node)b", Speaker.AUSEARCH, Trust.ANCHORED, bare=True),
    Carrier(
        "journal, audit transport",
        rb"%(date)b %(host)baudit\[(?P<pid>\d{1,10})\]: (?:message repeated (?P<repeat>[1-9]\d{0,5}) times: \[)?",
        Speaker.JOURNALD,
        Trust.ANCHORED,
        usual=frozenset({"rfc3164", "host"}),
    ),
    Carrier("kernel log without prefix", rb"", Speaker.PRINTK, Trust.ANCHORED, bare=True),
    Carrier("audit transport without prefix", rb"", Speaker.JOURNALD, Trust.ANCHORED, bare=True),
    Carrier(
        "ChromeOS syslog",
        rb"(?:" + _ISO + rb" )?" + _SEVERITY_WORD + rb" kernel: %(clock)b",
        Speaker.PRINTK,
        Trust.ANCHORED,
    ),
    Carrier("GNOME Logs", HMS + rb" kernel: ", Speaker.PRINTK, Trust.ANCHORED),
    Carrier("dmesg --raw without time", _PRI_KERN, Speaker.PRINTK, Trust.ANCHORED),
    # A process can have facility 128, of which util-linux keeps seven bits (LOG_FAC of sys/syslog.h): it prints kern.
    Carrier("dmesg --decode", rb"kern {0,2}:[a-z]{1,7} {0,3}: %(clock_if_any)b", Speaker.PRINTK, Trust.ANCHORED),
    Carrier(
        "/dev/kmsg",
        rb"[0-7],\d{1,20},\d{1,20},[-c+](?:,[!-:<-~]{0,255})?;",
        Speaker.PRINTK,
        Trust.AUTHENTICATED,
        bare=True,
    ),
    Carrier(
        "syslog RFC 5424, kernel",
        _PRI_KERN + _RFC5424 + rb"%(host_5424)bkernel - - - (?:\xef\xbb\xbf)?%(clock_if_any)b",
        Speaker.PRINTK,
        Trust.ANCHORED,
    ),
    # The audit daemon speaks through syslog, so its facility is user or daemon.
    Carrier(
        "syslog, audit daemon",
        rb"(?:<\d{1,3}>)?%(date)b %(host)b" + _AUDISP + rb"(?:\[\d{1,10}\])?: {1,2}%(node)b",
        Speaker.AUDITD,
        Trust.ANCHORED,
    ),
    Carrier(
        "syslog RFC 5424, audit daemon",
        rb"<\d{1,3}>" + _RFC5424 + rb"%(host_5424)b" + _AUDISP + rb" (?:\d{1,10}|-) - - {1,2}%(node)b",
        Speaker.AUDITD,
        Trust.ANCHORED,
    ),
    Carrier(
        "talosctl dmesg",
        rb"%(host_talos)bkern: {1,8}[a-z]{1,7}: \[" + _ISO + rb"\]: ",
        Speaker.PRINTK,
        Trust.AUTHENTICATED,
        bare=True,
    ),
)
"""All carriers. Their languages do not meet: a line is in at most one."""


class Located(NamedTuple):
    """Where a line's record stands. `carrier` is None where no carrier matches: then the record is embedded, and
    `reason` says why."""

    carrier: Carrier | None
    body: bytes
    prefix: Prefix | None = None
    """The prefixes of this line's kind."""
    pid: int | None = None
    """The pid in the tag, which for journald's audit transport is that of the record."""
    repeat: int = 1
    """How many events the line stands for."""
    reason: str = ""


SGR = rb"\x1b\[[0-9;]{0,32}m"
"""A code that colours text, as a regular expression."""
_OPENING_WORDS = (
    b"type=1326 audit(",
    b"SECCOMP ",
    b"type=SECCOMP msg=audit(",
    b"type=UNKNOWN[1326] msg=audit(",
    b"type=1701 audit(",
    b"type=ANOM_ABEND msg=audit(",
)
CONTINUES = "it may belong to the application's message above it (give this log as a file of its own)"
FACILITY = "a process wrote it to the kernel log (its facility is not kern)"
_WHY = (
    (rb"[ \t]", "the line is indented: a continuation or a paste"),
    (rb"<(?:[89]|\d\d\d?)>|\d\d+,\d+,\d+,[^;]*;|[89],\d+,\d+,[^;]*;", FACILITY),
    (rb"(?:[0-9A-Za-z.:-]+: )?(?!kern\b)[a-z][a-z0-9]* {0,3}: {0,3}[a-z]+ {0,3}: ", FACILITY),
    (rb".{0,300} (?!kern\.)[a-z0-9]{1,8}\.[a-z]{1,8} kernel: ", FACILITY),
    (rb".{0,300}[ \]]kernel\[\d+\]: ", "the tag is kernel[PID]: a process wrote it, the kernel has no pid"),
)


_TRIALS = [*((True, carrier) for carrier in CARRIERS if carrier.usual), *((False, carrier) for carrier in CARRIERS)]


def locate(line: bytes) -> Located | None:
    """Find the record in a line (without its newline); None where there are no words that open one."""
    # Most lines that come here are of other audit records; this is the cheapest way to see it.
    if b"1326" not in line and b"SECCOMP" not in line and b'"seccomp"' not in line:
        return None
    # A crash leaves NULs at the end of what was written before, an editor a byte order mark, dmesg --color its codes.
    line = line.lstrip(b"\0").removeprefix(b"\xef\xbb\xbf")
    if b"\x1b" in line:
        line = _without_colours(line)
    # Without one of them no carrier matches (`Speaker`), and to compile all their patterns takes 30 ms.
    at = min((at for at in map(line.find, _OPENING_WORDS) if at >= 0), default=-1)
    if at < 0:
        return None
    for usual, carrier in _TRIALS:
        match = (carrier.usual_pattern if usual else carrier.pattern).match(line)
        if match is not None:
            named = match.groupdict()
            pid, repeat = named.get("pid"), named.get("repeat")
            return Located(
                carrier,
                line[match.end() :],
                carrier.prefix(match),
                int(pid) if pid else None,
                int(repeat) if repeat else 1,
            )
    head = line[:at]
    why = next((reason for pattern, reason in _WHY if re.match(pattern, head)), "it stands inside other text")
    return Located(None, line[at:], reason=why)


def _without_colours(line: bytes) -> bytes:
    """dmesg colours the parts of its prefix; codes inside a record are not its doing and stay."""
    end = line.find(b"type=")
    return line if end < 0 else re.sub(SGR, b"", line[:end]) + line[end:]
