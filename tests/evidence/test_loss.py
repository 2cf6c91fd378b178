"""Signs that records are missing: every one, in every form of line, and only from those who can know."""

from __future__ import annotations

import timeit
from collections import Counter
from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit2seccomp.evidence.loss import (
    KINDS,
    MAX_SIGN_BYTES,
    MESSAGE_TOKENS,
    Bound,
    Sign,
    bound,
    describe,
    places_of_signs,
    sign_in_line,
    sign_in_message,
)
from audit2seccomp.evidence.model import Sample, Segment
from tests.corpus import FIXTURES, cases, recorded
from tests.evidence.signs import AUDITD_FILE, KERNEL, SAID
from tests.writer import FORGERIES, KernelRecord
from tests.writer.kernel_log import DMESG, SYSLOG
from tests.writer.record import Form

if TYPE_CHECKING:
    from pathlib import Path

NO_LOSS = [
    ("systemd-journald", b"Suppressed 1234 messages from nginx.service"),
    ("systemd-journald", b"Forwarding to syslog missed 3 messages."),
    ("systemd-journald", b"Journal started"),
    ("rsyslogd", b"imuxsock[pid: 11782, name: /usr/sbin/cron]: 35 messages lost due to rate-limiting"),
    ("rsyslogd", b"imuxsock[pid: 1, name: /x/cron] from <vm:x>: begin to drop messages due to rate-limiting"),
    (
        "rsyslogd",
        b"rsyslogd[internal_messages]: 3543 messages lost due to rate-limiting",
    ),
    ("rsyslogd", b"message repeated 5 times: [audit: backlog limit exceeded]"),
    ("kernel", b"net_ratelimit: 110 callbacks suppressed"),
    ("kernel", b"audit: type=1305 audit(1.000:2): op=set audit_backlog_limit=64 old=64 auid=4294967295 res=1"),
    ("kernel", b"Missed 1118 kernel messages"),
    ("auditd", b"Audit daemon resumed logging."),
    ("auditd", b"backlog limit exceeded"),
    ("audisp-remote", b"queue is full - dropping event"),
    ("", b"audit: backlog limit exceeded"),
]
DAEMON_LINES = [
    b"Jul  6 15:37:40 my-machine %s[656]: ",
    b"Jul  6 15:37:40 %s[656]: ",
    b"<46>Jul  6 15:37:40 my-machine %s[656]: ",
    b"2026-11-22T09:06:29.123456+00:00 vm %s[656]: ",
    b"2026-11-22T09:06:29+0000 vm %s[656]: ",
    b"Nov 22 09:04:38.166184 vm %s[656]: ",
    b"Sun 2026-11-22 09:01:57 UTC vm %s[656]: ",
    b"Sun 2026-11-22 09:01:57 UTC vm %s.service[656]: ",
    b"[ 1037.531824] vm %s[656]: ",
    b"1795338117.531824 vm %s[656]: ",
    b"Jul  6 15:37:40 my-machine syslog.info %s[656]: ",
    b"<30>1 2026-11-22T09:07:14.030212+00:00 vm %s 656 - -  ",
    b"<46>1 2026-11-22T09:07:14.030212+00:00 vm %s 656 - - \xef\xbb\xbf",
    b"\0\0Jul  6 15:37:40 my-machine %s[656]: ",
]
NO_DAEMON_LINES = [
    b"%s[656]: ",
    b"Jul  6 15:37:40 my-machine portal[1]: %s[656]: ",
    b"Jul  6 15:37:40 my-machine x %s[656]: ",
    b"Jul  6 15:37:40 my-machine my-%s[656]: ",
    b"Jul  6 15:37:40 my-machine %s-helper[656]: ",
    b"<13>Jul  6 15:37:40 my-machine %s[656]: ",
    b"<14>1 2026-11-22T09:07:14.030212+00:00 vm %s 656 - - ",
    b"Jul  6 15:37:40 my-machine user.notice %s[656]: ",
    b"    Jul  6 15:37:40 my-machine %s[656]: ",
    b"Jul  6 15:37:40 ERROR %s[656]: ",
    b"Jul  6 15:37:40 my-machine kernel: ",
]
IN_RECORDED = {
    "auditd-suspended.log": Counter({"auditd-disk": 1}),
    "dmesg-auditctl-rate.txt": Counter({"audit-rate": 2}),
    "dmesg-backlog-auditd-stopped.txt": Counter({"audit-backlog": 10}),
    "dmesg-backlog-serials.txt": Counter({"audit-backlog": 39}),
    "dmesg-ratelimit.txt": Counter({"printk-limit": 2}),
    "journal-flood-missed.txt": Counter({"journal-missed": 2}),
    "journal-ratelimit.txt": Counter({"printk-limit": 2}),
    "journald-audit-source-died.txt": Counter({"audit-backlog": 16, "printk-limit": 1}),
    "rsyslog-audisp-limit-syslog23.log": Counter({"auditd-disk": 5, "syslog-limit": 2}),
    "rsyslog-audisp-limit-traditional.log": Counter({"auditd-disk": 5, "syslog-limit": 2}),
    "rsyslog-fileformat.log": Counter({"audit-backlog": 8, "printk-limit": 1}),
    "rsyslog-rfc5424.log": Counter({"audit-backlog": 8, "printk-limit": 1}),
    "rsyslog-syslog23.log": Counter({"audit-backlog": 8, "printk-limit": 1}),
}
"""auditd-raw-backlog.log has none: only the kernel's log, dmesg-backlog-auditd-stopped.txt, tells of that loss."""
IN_SHAPES = {
    "journal-missed-1": Counter({"journal-missed": 1}),
    "negative-1": Counter({"printk-limit": 1}),
    "negative-3": Counter({"printk-limit": 1}),
    "negative-5": Counter({"audit-backlog": 1}),
    "negative-7": Counter({"printk-limit": 1}),
    "negative-11": Counter({"audit-backlog": 1}),
    "negative-13": Counter({"audit-backlog": 1}),
    "no-rtc-1": Counter({"printk-limit": 1}),
    "old-1701-3": Counter({"printk-limit": 1}),
    "suppressed-around-1": Counter({"printk-limit": 1, "audit-backlog": 1}),
    "talos-1": Counter({"printk-limit": 1}),
}
"""negative-9 is quoted in a mail."""
SEGMENT = Segment("kern.log", "vm", None, 87_174, 115_521, 1_795_338_060_000, 1_795_338_899_999, 10)


RECORD = KernelRecord(
    seconds=1795338328, millis=330, serial=87173, pid=1, comm=b"sh", exe=b"/sh", nr=39, ip=0x43, code=0x7FFC0000
)


def put(line: bytes, said: bytes) -> bytes:
    """The line with what is said in the place of the kernel's record."""
    if RECORD.printk() in line:
        return line.replace(RECORD.printk(), said)
    # dmesg colours what stands in front of the first colon.
    word, colon, rest = said.partition(b": ")
    word, rest = (word, rest) if colon else (b"", said)
    return line.replace(b"audit: ", word + colon).replace(RECORD.body(Form.PRINTK), rest)


def signs_in(data: bytes) -> Counter[str]:
    """The kinds of the signs in a log, looked for as its reader does."""
    starts = {data.rfind(b"\n", 0, at) + 1 for at in places_of_signs(data)}
    lines = [data[start:].partition(b"\n")[0] for start in sorted(starts)]
    return Counter(sign.kind for sign in map(sign_in_line, lines) if sign)


@pytest.mark.parametrize("name", [*DMESG, *SYSLOG])
def test_what_the_kernel_says_is_heard_in_every_form_of_its_log(name: str) -> None:
    rnd = Random(name)
    for said, sign in KERNEL.items():
        line = put((DMESG | SYSLOG)[name].write(RECORD, rnd), said)
        assert places_of_signs(line)
        bare = name.startswith(("bare", "/dev/kmsg", "talosctl"))
        assert sign_in_line(line) == sign._replace(bare=bare), line


@pytest.mark.parametrize("name", FORGERIES)
def test_what_others_say_for_the_kernel_is_not_heard(name: str) -> None:
    rnd = Random(name)
    for said in KERNEL:
        if not said.startswith(b"**"):  # which may have anything behind it
            line = put(FORGERIES[name](RECORD, rnd), said)
            assert sign_in_line(line) is None, line


@pytest.mark.parametrize("tag", ["systemd-journald", "systemd-journal", "rsyslogd", "auditd", "audispd"])
def test_what_a_daemon_says_is_heard_behind_its_tag(tag: str) -> None:
    for said, sign in SAID[tag].items():
        if sign.kind == "journal-audit":
            continue
        for prefix in DAEMON_LINES:
            line = prefix % tag.encode() + said
            assert places_of_signs(line)
            assert sign_in_line(line) == sign, line
        for prefix in NO_DAEMON_LINES:
            line = (prefix % tag.encode() if b"%s" in prefix else prefix) + said
            assert sign_in_line(line) is None, line


def test_daemons_of_old_need_no_pid_and_rsyslog_had_a_number_but_journald_always_has_one() -> None:
    at = b"Jul  6 15:37:40 my-machine "
    assert sign_in_line(at + b"rsyslogd-2177: imuxsock lost 4 messages from pid 5 due to rate-limiting") == Sign(
        "syslog-limit", 4
    )
    assert sign_in_line(at + b"audispd: queue is full - dropping event") == Sign("auditd-queue")
    assert sign_in_line(at + b"systemd-journald: Missed 4 kernel messages") is None
    by_unit = b"rsyslog.service[7]: imjournal: 9 messages lost due to rate-limiting"
    assert sign_in_line(at + by_unit) == Sign("syslog-limit", 9)
    assert sign_in_line(at + by_unit.replace(b".service", b"")) is None


def test_auditd_writes_into_its_file_and_its_plugin_into_syslog() -> None:
    for said, sign in AUDITD_FILE.items():
        assert sign_in_line(said) == sign._replace(bare=True)
        assert sign_in_line(b"node=wren " + said) == sign._replace(bare=True)
        assert sign_in_line(b"Jul  6 15:37:40 my-machine audispd[568]: node=wren " + said) == sign
        assert sign_in_line(b"<14>1 2026-11-22T09:07:14Z vm audisp-syslog 656 - -  " + said) == sign
        for prefix in (b"      ", b"17:", b"/var/log/audit/audit.log.2:", b"Jul  6 15:37:40 my-machine portal[1]: "):
            assert sign_in_line(prefix + said) is None
    assert sign_in_line(b"type=USER_CMD msg=audit(1.000:2): cmd=" + next(iter(AUDITD_FILE))) is None


def test_dmesg_colours_the_message_too() -> None:
    line = (
        b"\x1b[32m[ 1248.788599] \x1b[0m\x1b[33maudit: \x1b[0m\x1b[1maudit_backlog=66 > audit_backlog_limit=64\x1b[0m"
    )
    assert sign_in_line(line) == Sign("audit-backlog")
    assert sign_in_line(b"user  :warn  : " + line) is None


@pytest.mark.parametrize("tag", SAID)
def test_a_message_of_a_known_author_needs_no_prefix(tag: str) -> None:
    for said, sign in SAID[tag].items():
        assert sign_in_message(tag, said) == sign
        assert any(token in said for token in MESSAGE_TOKENS)
        assert sign_in_message(tag, b" " + said + b"\r\n") == sign
        assert sign_in_message("nginx", said) is None
        if not said.startswith(b"**"):
            assert sign_in_message(tag, said + b" (x)") is None
        assert sign_in_message(tag, b"x " + said) is None


@pytest.mark.parametrize(("tag", "message"), NO_LOSS)
def test_what_is_no_loss_is_no_sign(tag: str, message: bytes) -> None:
    assert sign_in_message(tag, message) is None
    for prefix in (b"Jul  6 15:37:40 vm %s[656]: ", b"Jul  6 15:37:40 vm %s: "):
        assert sign_in_line(prefix % tag.encode() + message) is None


def test_every_kind_has_a_sign_or_is_one_that_reading_finds() -> None:
    found = {sign.kind for said in [*SAID.values(), AUDITD_FILE] for sign in said.values()}
    assert found | {
        "interrupted",
        "audit-socket",
        "audit-count",
        "no-count",
        "excluded",
        "own-filter",
        "session",
        "line-cut",
        "archive-cut",
        "entry-broken",
        "too-many",
        "rejected",
    } == set(KINDS)
    assert all(name == kind.name for name, kind in KINDS.items())


@pytest.mark.parametrize("path", recorded(), ids=lambda path: path.name)
def test_a_recorded_log_holds_the_signs_that_were_reviewed(path: Path) -> None:
    assert signs_in(path.read_bytes()) == IN_RECORDED.get(path.name, Counter())


def test_a_minted_line_holds_the_signs_that_were_reviewed() -> None:
    found = {case.name: signs_in(case.data) for case in cases("shapes")}
    assert {name: signs for name, signs in found.items() if signs} == IN_SHAPES


def test_a_hostile_line_holds_no_sign() -> None:
    assert not any(signs_in(case.data) for case in cases("hostile"))


def test_recorded_signs_are_of_files_that_exist() -> None:
    assert all((FIXTURES / "recorded" / name).exists() for name in IN_RECORDED)


@given(st.binary(max_size=80), st.sampled_from([*KERNEL, *AUDITD_FILE]), st.binary(max_size=20))
def test_any_line_is_read(before: bytes, said: bytes, behind: bytes) -> None:
    sign = sign_in_line(before + said + behind)
    assert sign is None or sign.kind in KINDS
    assert sign_in_line(b"Jul  6 15:37:40 vm portal[1]: " + before + said + behind) is None


def test_a_long_line_holds_no_sign() -> None:
    assert sign_in_line(b"audit: backlog limit exceeded" + b" " * MAX_SIGN_BYTES) is None


def test_a_line_without_a_sign_costs_next_to_nothing() -> None:
    line = (
        b"type=SYSCALL msg=audit(1795338328.330:87173): arch=c000003e syscall=44 success=yes exit=60 a0=3 "
        b"a1=7ffd9f780c90 a2=3c a3=0 items=0 ppid=1 pid=2 auid=4294967295 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 "
        b"sgid=0 fsgid=0 "
        b'tty=(none) ses=4294967295 comm="auditctl" exe="/usr/sbin/auditctl" key=(null)'
    )
    assert min(timeit.repeat(lambda: sign_in_line(line), number=1000, repeat=5)) < 0.005  # a fifth of it is usual


def test_no_more_is_missing_than_serials_without_an_event() -> None:
    assert bound([SEGMENT]) == Bound(28_338, SEGMENT.first_time, SEGMENT.last_time)
    full = SEGMENT._replace(first_serial=1, last_serial=10, first_time=0, last_time=9 * 10**15)
    other = SEGMENT._replace(host="db", first_serial=5, last_serial=9, events=2, first_time=7, last_time=8)
    assert bound([SEGMENT, full, other]) == Bound(28_341, 7, SEGMENT.last_time)
    assert bound([]) == bound([full]) == Bound(0)
    assert bound([full._replace(events=99), SEGMENT._replace(last_serial=0)]) == Bound(0)


@given(st.lists(st.sets(st.integers(1, 60), min_size=1), max_size=4), st.data())
def test_the_bound_holds_for_what_was_lost_between_the_first_and_the_last_event(
    written: list[set[int]], data: st.DataObject
) -> None:
    segments, missing = [], 0
    for file, serials in enumerate(written):
        seen = data.draw(st.sets(st.sampled_from(sorted(serials)), min_size=1))
        missing += sum(min(seen) < serial < max(seen) for serial in serials - seen)
        segments.append(Segment(str(file), None, None, min(seen), max(seen), 0, 1, len(seen)))
    assert bound(segments).missing >= missing


def test_a_complete_log_is_said_to_be_one_as_far_as_one_can_tell() -> None:
    assert describe({}, [SEGMENT]) == ["complete as far as the log tells"]


def test_one_line_says_what_is_missing_and_what_to_do() -> None:
    sample = Sample(3, ("kern.log", 8812), b"kauditd_printk_skb: 110 callbacks suppressed")
    assert describe({"printk-limit": sample}, [SEGMENT]) == [
        "INCOMPLETE: kernel rate limit (3 signs, up to 28,338 records missing between 2026-11-22 09:01 and 09:14 UTC): "
        "run auditd or sysctl kernel.printk_ratelimit=0",
        "kernel rate limit: kern.log:8812:",
        "    kauditd_printk_skb: 110 callbacks suppressed",
    ]


def test_several_kinds_are_said_worst_first_and_the_bound_once() -> None:
    losses = {
        "line-cut": Sample(2, ("a.log", 7), b"cut \xff"),
        "archive-cut": Sample(1, ("b.log.gz", 0), b""),
        "audit-backlog": Sample(1_000, ("a.log", 3), b"audit: backlog limit exceeded"),
        "journal-missed": Sample(1, ("a.log", 9), b"Missed 3 kernel messages"),
    }
    assert describe(losses, [SEGMENT]) == [
        "INCOMPLETE: audit backlog (1,000 signs, no serial shows how many records are missing): "
        "auditctl -b 65536 --backlog_wait_time 60000",
        "INCOMPLETE: journald missed kernel messages (1 sign, up to 28,338 records missing between 2026-11-22 09:01 "
        "and 09:14 UTC): run auditd or boot with log_buf_len=64M",
        "INCOMPLETE: input that ends early (1 time): give the whole file",
        "INCOMPLETE: record that the log cut (2 times): read auditd's file or journald's audit transport",
        "audit backlog: a.log:3:",
        "    audit: backlog limit exceeded",
        "journald missed kernel messages: a.log:9:",
        "    Missed 3 kernel messages",
        "input that ends early: b.log.gz",
        "record that the log cut: a.log:7:",
        "    cut \udcff",
    ]


@pytest.mark.parametrize(
    ("first", "last", "when"),
    [
        (1_795_338_060_000, 1_795_338_061_000, "at 2026-11-22 09:01 UTC"),
        (1_795_338_060_000, 1_795_424_460_000, "between 2026-11-22 09:01 and 2026-11-23 09:01 UTC"),
        (0, 10**22, "between 1970-01-01 00:00 and second 10000000000000000000 UTC"),
    ],
)
def test_the_time_is_said_to_the_minute(first: int, last: int, when: str) -> None:
    segment = SEGMENT._replace(first_serial=1, last_serial=2, events=1, first_time=first, last_time=last)
    said = describe({"printk-limit": Sample(1, ("a", 1), b"")}, [segment])
    assert said[0].startswith(f"INCOMPLETE: kernel rate limit (1 sign, up to 1 record missing {when}): ")


def test_without_serials_there_is_no_bound() -> None:
    assert describe({"printk-limit": Sample(1, ("a", 1), b"")}, [])[0] == (
        "INCOMPLETE: kernel rate limit (1 sign): run auditd or sysctl kernel.printk_ratelimit=0"
    )
