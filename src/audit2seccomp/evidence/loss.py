"""Signs in a log that records are missing, what to do about each kind, and how many records can be missing at most.

docs/loss.md is the table of what is recognised. A sign counts only where a record would: whoever can write other text
into a log must not be able to make a result incomplete.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING

from audit2seccomp.evidence.carriers import CARRIERS, DATES, HOST, RFC5424, SGR, Speaker
from audit2seccomp.named_tuple import NamedTuple

if TYPE_CHECKING:
    from audit2seccomp.evidence.model import Evidence, Sample, Segment


class Kind(NamedTuple):
    """One way to lose records."""

    name: str
    title: str
    remedy: str
    gap: bool = False
    """Lost records have used up serials, so that a gap shows them."""
    counted: str = "sign"
    """What there is a number of."""


KINDS = {
    kind.name: kind
    for kind in (
        Kind("printk-limit", "kernel rate limit", "run auditd or sysctl kernel.printk_ratelimit=0", gap=True),
        # audit_log_start() gives up before it takes a serial.
        Kind("audit-backlog", "audit backlog", "auditctl -b 65536 --backlog_wait_time 60000"),
        Kind("audit-rate", "audit rate limit", "auditctl -r 0", gap=True),
        Kind("audit-lost", "records lost in the kernel", "record again; auditctl -s tells how many were lost"),
        Kind("audit-socket", "audit socket overrun", "record --via notify, which loses nothing", gap=True),
        Kind("audit-count", "records lost in the kernel, of any program", "record --via notify", counted="record"),
        Kind("no-count", "kernel's count of losses is not known", "CAP_AUDIT_CONTROL, or --via notify", counted="time"),
        Kind("excluded", "audit rules that may exclude records", "auditctl -l; record --via notify", counted="rule"),
        Kind("interrupted", "calls that a signal interrupted unseen", "record --via audit", counted="call"),
        Kind("own-filter", "filters of its own, which hide what they trace", "record --via notify", counted="call"),
        Kind("session", "audit sessions that may be the command's", "record --via notify", counted="record"),
        Kind("journal-missed", "journald missed kernel messages", "run auditd or boot with log_buf_len=64M", gap=True),
        Kind("journal-audit", "journald's audit transport stopped", "run auditd", gap=True),
        Kind("ring-buffer", "kernel ring buffer overrun", "run auditd or boot with log_buf_len=64M", gap=True),
        Kind("syslog-limit", "rsyslog rate limit", "read auditd's own file or set RateLimit.Interval to 0", gap=True),
        Kind("auditd-disk", "auditd's disk", "make room in /var/log/audit and record again", gap=True),
        Kind("auditd-error", "auditd failed", "look for auditd in the system log and record again", gap=True),
        Kind("auditd-queue", "auditd's plugin queue", "read auditd's own file or raise q_depth", gap=True),
        Kind("archive-cut", "input that ends early", "give the whole file", gap=True, counted="time"),
        Kind("too-many", "more than is kept in memory", "read the logs in parts", counted="time"),
        Kind("entry-broken", "entry that cannot be read", "export the journal again", gap=True, counted="time"),
        Kind("rejected", "record or entry that cannot be read", "see the reasons below", counted="time"),
        Kind("line-cut", "record that the log cut", "read auditd's file or journald's audit transport", counted="time"),
    )
}  # fmt: skip
"""By name; the first one in which most is lost."""

LINE_TOKENS = (b"audi", b" messages")
"""A line of a text log without one of them holds no sign. What the kernel says of audit names audit or one of its
functions, and the daemons are called auditd and audispd; journald, rsyslog and printk's console count messages."""

MESSAGE_TOKENS = (*LINE_TOKENS, b"Audi", b"recvmsg", b"epoll", b" full")
"""A message whose author is known holds no sign without one of these."""


class Sign(NamedTuple):
    """That records are missing."""

    kind: str
    lost: int | None = None
    """How many messages were lost, records among them, where the sign says so. Not what the kernel calls `callbacks
    suppressed`, which counts all users of its limit, and not `audit_lost=`, which counts from the start."""
    bare: bool = False
    """The line has no prefix of its own. It counts as far as a record without prefix would."""


# kernel/audit.c, as of Linux 3.4, 3.18, 4.4, 5.15 and 6.18. The limit of printk_ratelimit() is told by the function
# that next asks for it (lib/ratelimit.c); audit_panic() and audit_log_lost() print the rest.
_NUMBER = rb"-?\d{1,10}"
_KERNEL = (
    ("printk-limit", rb"k?audit[a-z_]{1,32}: " + _NUMBER + rb" callbacks suppressed"),
    ("printk-limit", rb"audit: printk limit exceeded"),
    ("audit-backlog", rb"audit: audit_backlog=" + _NUMBER + rb" > audit_backlog_limit=" + _NUMBER),
    ("audit-backlog", rb"audit: audit_lost=" + _NUMBER + rb" audit_rate_limit=0 audit_backlog_limit=" + _NUMBER),
    ("audit-backlog", rb"audit: (?:backlog limit exceeded|kauditd (?:hold|retry) queue overflow)"),
    # With a rate limit the kernel tells of losses at most once a second, and they are the limit's but for rare ones.
    (
        "audit-rate",
        rb"audit: audit_lost=" + _NUMBER + rb" audit_rate_limit=[1-9]\d{0,9} audit_backlog_limit=" + _NUMBER,
    ),
    ("audit-rate", rb"audit: rate limit exceeded"),
    ("audit-lost", rb"audit: (?:out of memory in audit_[a-z_]{1,32}|auditd disappeared|audit_pid=\d{1,10} reset)"),
    # A console that is too slow (kernel/printk/printk.c); older kernels print the next message on the same line.
    ("ring-buffer", rb"\*\* (?P<lost>\d{1,20}) printk messages dropped \*\*(?: .{0,1024})?"),
)
# systemd's src/journal/journald-kmsg.c. `Suppressed 12 messages from UNIT` and `Forwarding to syslog missed 3 messages`
# are no signs: the kernel's and audit's transports know no such limit and are not forwarded.
_JOURNALD = (
    ("journal-missed", rb"Missed (?P<lost>\d{1,20}) kernel messages"),
    ("journal-missed", rb"/dev/kmsg buffer overrun, some messages lost\."),
    # journald-server.c: of its sockets only audit's can overrun, and it is not read again. In text these have no token:
    # what overruns it is far above printk's limit, which says so too.
    ("journal-audit", rb"recvmsg\(\) failed: No buffer space available"),
    ("journal-audit", rb"Got invalid event from epoll for datagram fd: [0-9a-f]{1,8}"),
)
# rsyslog's runtime/ratelimit.c and contrib/imkmsg, and plugins/imuxsock of old. imuxsock limits each process for
# itself; of those that it names only the audit daemon's plugins matter.
_MODULE = (
    rb"(?:imuxsock\[pid: \d{1,10}(?:, name: [^\s\]]{0,255}/audi[a-z-]{1,16})?\]"
    rb"|(?!imuxsock\[)im[a-z0-9]{1,16}(?:\[[^\s\]]{1,255}\])?)"
)
_VERSION = rb"(?: \[v\d[^\]]{1,100}\])?"
_LIMITED = rb" due to rate-limiting(?: \(\d{1,10} allowed within \d{1,10} seconds\))?" + _VERSION
_RSYSLOG = (
    ("syslog-limit", _MODULE + rb": (?P<lost>\d{1,10}) messages lost" + _LIMITED),
    ("syslog-limit", _MODULE + rb"(?: from <[^>]{0,512}>)?: begin to drop messages" + _LIMITED),
    ("syslog-limit", rb"imuxsock lost (?P<lost>\d{1,10}) messages from pid \d{1,10}" + _LIMITED),
    ("syslog-limit", rb"imuxsock begins to drop messages from pid \d{1,10}" + _LIMITED),
    ("ring-buffer", rb"imkmsg: some messages in circular buffer got overwritten" + _VERSION),
)
# auditd's src/auditd-event.c, src/auditd-dispatch.c and audisp/queue.c, versions 2 to 4.
_AUDITD = (
    ("auditd-disk", rb"Audit daemon is (?:very )?low on disk space for logging(?: and unknown action requested)?"),
    ("auditd-disk", rb"Audit daemon is suspending logging due to [a-z ]{1,64}\.?"),
    ("auditd-disk", rb"Audit daemon has no space left on logging partition"),
    ("auditd-disk", rb"[a-z0-9]{1,16}: Audit daemon detected an error writing an event to disk \([^()]{0,100}\)"),
    ("auditd-queue", rb"queue (?:to plugins )?is full - dropping event"),
    ("auditd-queue", rb"dispatch err \(pipe full\) event lost"),
    ("auditd-queue", rb"Audi(?:td|spd) is suspending event [a-z ]{1,32} due to overflowing its queue\."),
)
_AUDITD_FILE = "audit.log"
_SAID = {
    "kernel": _KERNEL,
    "systemd-journald": _JOURNALD,
    "systemd-journal": _JOURNALD,  # of old: a process name has 15 bytes
    "rsyslogd": _RSYSLOG,
    "rsyslog": _RSYSLOG,  # its unit
    "auditd": _AUDITD,
    "audispd": _AUDITD,
    _AUDITD_FILE: (
        ("auditd-error", rb"type=DAEMON_ERR .*"),
        # That it goes on is all that its own file says about having stopped.
        ("auditd-disk", rb"type=DAEMON_RESUME .*"),
    ),
}
"""What each author says, by its tag."""

MAX_SIGN_BYTES = 2048
"""Longer lines hold no sign: the longest, with two names of 255 bytes, has about 1,000, and a console's 1,024 more."""
# Expressions that not every run needs are compiled where they are used.
_AUDIT_WORDS = (
    rb"audi(?:t: (?:audit_|backlog |rate |printk |kauditd |out of |auditd |\x1b)|t[a-z_]{1,32}: [-\d\x1b]"
    rb"|(?:td|spd)(?:\.service)?[\[: ]"
    rb"|t\((?:(?<=type=DAEMON_ERR msg=audit\()|(?<=type=DAEMON_RESUME msg=audit\()))"
)
_MESSAGES_WORDS = rb"messages(?:(?<=kernel messages)| lost\b| dropped \*| from pid \d| due to rate-| in circular )"
"""Cheaper than a prefix: most lines with a token are other audit records, or of those who count other messages."""


def places_of_signs(lines: bytes) -> list[int]:
    """Where a sign may stand in lines of a text log; every line with a sign has such a place."""
    found: list[int] = []
    for token, words in zip(LINE_TOKENS, (_AUDIT_WORDS, _MESSAGES_WORDS), strict=True):
        # A blank in front of a token is no part of the words. Colours may stand between these: then none are skipped.
        begins = len(token) - len(token.lstrip())
        match = None if b"\x1b" in lines else re.compile(words).match
        at = lines.find(token)
        while at >= 0:
            if match is None or match(lines, at + begins) is not None:
                found.append(at)
            at = lines.find(token, at + 1)
    return sorted(found)


def sign_in_line(line: bytes) -> Sign | None:
    """The sign in a line of a text log; None where there is none, or where anybody could have written it."""
    if not re.search(_AUDIT_WORDS, line) and not re.search(_MESSAGES_WORDS, line):
        return None
    if b"\x1b" in line:  # dmesg --color
        plain = re.sub(SGR, b"", line)
        return None if b"\x1b" in plain else sign_in_line(plain)
    if len(line) > MAX_SIGN_BYTES:
        return None
    line = line.lstrip(b"\0").removeprefix(b"\xef\xbb\xbf").rstrip(_BLANKS)
    daemon = _daemon_prefix().match(line)
    if daemon is not None:
        sign = _sign((daemon["tag"] or daemon["tag_5424"]).decode(), line[daemon.end() :])
        if sign is not None:
            return sign
    for carrier in CARRIERS:
        author = _AUTHORS.get(carrier.speaker)
        prefix = carrier.any_prefix.match(line) if author else None
        if author and prefix:
            sign = _sign(author, line[prefix.end() :])
            if sign is not None:
                return sign._replace(bare=carrier.bare)
    return None


_BLANKS = b" \t\r\n"
_AUTHORS = {Speaker.PRINTK: "kernel", Speaker.AUDITD: _AUDITD_FILE}


def sign_in_message(tag: str, message: bytes) -> Sign | None:
    """The sign in a whole message whose author is known: its tag is kernel, systemd-journald, rsyslogd, auditd or
    audispd."""
    return _sign(tag, message.strip(_BLANKS))


def _sign(tag: str, message: bytes) -> Sign | None:
    for kind, pattern in _patterns(tag) if tag in _SAID else ():
        match = pattern.fullmatch(message)
        if match is not None:
            lost = match.groupdict().get("lost")
            return Sign(kind, None if lost is None else int(lost))
    return None


@cache
def _patterns(tag: str) -> list[tuple[str, re.Pattern[bytes]]]:
    return [(kind, re.compile(pattern)) for kind, pattern in _SAID[tag]]


@cache
def _daemon_prefix() -> re.Pattern[bytes]:
    """The prefix of a line by one of the daemons. Facility user is what `logger` has, and none of them."""
    pri = rb"<(?!(?:[89]|1[0-5])>)\d{1,3}>"
    tag = rb"systemd-journald?(?=(?:\.service)?\[| \d)|rsyslogd|rsyslog(?=\.service\[)|auditd|audispd"
    return re.compile(
        rb"(?:" + pri + rb")?(?:" + b"|".join(DATES.values()) + rb") (?:" + HOST + rb")??"
        rb"(?:(?!user\.)[a-z0-9]{1,8}\.[a-z]{1,8} )?"
        rb"(?P<tag>" + tag + rb")(?:-\d{1,5})?(?:\.service)?(?:\[\d{1,10}\])?: {1,2}|"
        + pri + RFC5424 + rb"(?P<tag_5424>" + tag + rb") (?:\d{1,10}|-) - - (?:\xef\xbb\xbf)? {0,2}"
    )  # fmt: skip


class Bound(NamedTuple):
    """How many records can be missing at most between the first and the last that were seen."""

    missing: int
    first_time: int | None = None
    """Milliseconds since the epoch; None where nothing is missing."""
    last_time: int | None = None


def bound(segments: Iterable[Segment]) -> Bound:
    """Serials that no event has. All audit records share them, so other records make it larger than what is missing;
    what the backlog lost is not in it, since that never had a serial."""
    holes = [(segment.last_serial - segment.first_serial + 1 - segment.events, segment) for segment in segments]
    holes = [(missing, segment) for missing, segment in holes if missing > 0]
    if not holes:
        return Bound(0)
    return Bound(
        sum(missing for missing, _ in holes),
        min(segment.first_time for _, segment in holes),
        max(segment.last_time for _, segment in holes),
    )


def all_losses(evidence: Evidence) -> dict[str, Sample]:
    """The signs, and the records that were there and are not whole, not sound or not kept."""
    losses = dict(evidence.losses)
    for reason, sample in sorted(evidence.rejected.items()):
        kind = next((kind for start, kind in _REJECTED if reason.startswith(start)), _REASONS_FOLLOW)
        known = losses.get(kind)
        losses[kind] = sample if known is None else known._replace(events=known.events + sample.events)
    return losses


_REASONS_FOLLOW = "rejected"
"""Of this kind whoever shows losses shows each reason anyway, with its place."""
_REJECTED = (("cut", "line-cut"), ("more than", "too-many"))
"""How reasons for rejecting a record begin that are a kind of their own."""


def describe(losses: Mapping[str, Sample], segments: Iterable[Segment]) -> list[str]:
    """Whether the log is complete, in lines for the summary: what is missing and the remedy, worst first, and the first
    place of each kind with its text. They hold what strangers wrote, so they must be made printable.

    Raises KeyError for a kind that is not in KINDS."""
    if not losses:
        return ["complete as far as the log tells"]
    kinds = sorted((KINDS[name] for name in losses), key=list(KINDS.values()).index)
    shown = next((kind for kind in kinds if kind.gap), None)
    lines = []
    for kind in kinds:
        events = losses[kind.name].events
        extent = f"{events:,} {kind.counted}{'' if events == 1 else 's'}"
        if kind is shown:
            extent += _at_most(bound(segments))
        elif kind.counted == "sign" and not kind.gap:
            extent += ", no serial shows how many records are missing"
        lines.append(f"INCOMPLETE: {kind.title} ({extent}): {kind.remedy}")
    for kind in kinds:
        if kind.name == _REASONS_FOLLOW:
            continue
        _, (file, line), text = losses[kind.name]
        lines.append(f"{kind.title}: {file}:{line}:" if line else f"{kind.title}: {file}")
        if text:
            lines.append(f"    {text.decode(errors='surrogateescape')}")
    return lines


def _at_most(most: Bound) -> str:
    if most.first_time is None or most.last_time is None:
        return ""
    (day, first), (last_day, last) = _minute(most.first_time), _minute(most.last_time)
    records = f", up to {most.missing:,} record{'' if most.missing == 1 else 's'} missing"
    if (day, first) == (last_day, last):
        return f"{records} at {day} {first} UTC"
    return f"{records} between {day} {first} and {last if day == last_day else f'{last_day} {last}'} UTC"


def _minute(millis: int) -> tuple[str, str]:
    """Day and minute; a clock that is set wrong may show a year that the calendar does not have."""
    from datetime import UTC, datetime  # a run without losses does without

    try:
        moment = datetime.fromtimestamp(millis // 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return "second", f"{millis // 1000}"
    return f"{moment:%Y-%m-%d}", f"{moment:%H:%M}"
