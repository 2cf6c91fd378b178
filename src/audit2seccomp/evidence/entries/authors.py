"""Who wrote an entry, as far as its carrier proves it: for structured logs, this is the one place that decides.

trust.py says what the levels mean, and docs/trust.md explains the table. The names of what is only embedded say why.
"""

from __future__ import annotations

from audit2seccomp.evidence.carriers import CONTINUES, FACILITY, Carrier, Speaker, Trust
from audit2seccomp.evidence.trust import FOREIGN
from audit2seccomp.kernel.uapi import AUDIT_SECCOMP
from audit2seccomp.named_tuple import NamedTuple


class Author(NamedTuple):
    """Who wrote an entry."""

    carrier: Carrier
    """What that proves of a record which is the whole message."""
    tag: str = ""
    """Whose signs of loss these are, see `Entry.tag`."""


def _author(name: str, trust: Trust, speaker: Speaker = Speaker.PRINTK, tag: str = "", template: bytes = b"") -> Author:
    return Author(Carrier(name, template, speaker, trust), tag)


# journalctl's own output. journald's clients cannot set fields with a leading underscore.
JOURNAL_AUDIT = _author("journald, audit transport", Trust.AUTHENTICATED, Speaker.JOURNALD, "audit")
JOURNAL_KERNEL = _author("journald, kernel transport", Trust.AUTHENTICATED, tag="kernel")
JOURNAL_ITSELF = _author("journald about itself", Trust.AUTHENTICATED, Speaker.JOURNALD, "systemd-journald")
# A process writes to /dev/kmsg with facility user, and without SYSLOG_FACILITY nobody can tell it from the kernel.
JOURNAL_KERNEL_UNSURE = _author("journald, kernel transport without SYSLOG_FACILITY", Trust.ANCHORED, tag="kernel")
# Without __CURSOR it is no output of journalctl, and whose fields stand there is up to the program that wrote it.
SHIPPED_AUDIT = _author("journald's audit transport, from another program", Trust.ANCHORED, Speaker.JOURNALD, "audit")
SHIPPED_KERNEL = _author("journald's kernel transport, from another program", Trust.ANCHORED, tag="kernel")

# util-linux 2.38 shows a process's <13> as 5, and with --decode its facility 128 as kern: neither proves anything.
DMESG = _author("dmesg --json", Trust.ANCHORED, tag="kernel")
# The message of a syslog daemon may begin with its separator and with the kernel's clock, or with auditd's node.
SYSLOG_KERNEL = _author("syslog JSON, kernel", Trust.ANCHORED, tag="kernel", template=b" ?%(clock_if_any)b")
_DAEMON = b" {0,2}%(node)b"
SYSLOG_AUDITD = _author("syslog JSON, audit daemon", Trust.ANCHORED, Speaker.AUDITD, "auditd", _DAEMON)
LAUREL = _author("laurel", Trust.ANCHORED, Speaker.AUDITD)
AUDITBEAT = _author("auditbeat", Trust.ANCHORED, Speaker.AUDITD)

KMSG_WRITER = _author(FACILITY, Trust.EMBEDDED)
JOURNAL_CLIENT = _author("its _TRANSPORT says that a process wrote it", Trust.EMBEDDED)
NO_TRANSPORT = _author("its entry has no _TRANSPORT (journalctl --output-fields left it out)", Trust.EMBEDDED)
OTHER_AUDIT_TYPE = _author("it stands in an audit record of another type", Trust.EMBEDDED)
OTHER_PROGRAM = _author("its tag or facility is not the kernel's", Trust.EMBEDDED)
CONTINUATION = _author(CONTINUES, Trust.EMBEDDED)
BELOW_OTHERS = _author(FOREIGN, Trust.EMBEDDED)
WRAPPED = _author("it is text in the JSON of another program", Trust.EMBEDDED)
UNREAD = _author("it stands in a part of JSON that is not read", Trust.EMBEDDED)

PROCESSES = frozenset({"syslog", "journal", "stdout"})
"""The transports of what processes write."""
KERNEL_FACILITY = "0"
"""LOG_KERN of syslog(3)."""
_SPEAKERS_OF_LOSS = {
    "systemd-journald.service": "systemd-journald",
    "rsyslog.service": "rsyslogd",
    "syslog-ng.service": "syslog-ng",
    "auditd.service": "auditd",
}


_CLIENTS = {tag: JOURNAL_CLIENT._replace(tag=tag) for tag in _SPEAKERS_OF_LOSS.values()}
_COMM_BYTES = 15
"""TASK_COMM_LEN of linux/sched.h, less its NUL."""


def of_journal(transport: str, facility: str, *, seccomp: bool, audit_id: bool, journalctl: bool) -> Author:
    """The author of a journal entry, less the tag where a process wrote it.

    `seccomp`: its message begins with `SECCOMP `, which journald makes of the type of an audit record. `audit_id`: it
    has `_AUDIT_ID`. `journalctl`: it is journalctl's own output, not that of a program that kept journald's names."""
    if transport == "audit" or (audit_id and not transport):
        if not seccomp:
            return OTHER_AUDIT_TYPE
        return JOURNAL_AUDIT if journalctl else SHIPPED_AUDIT
    if transport == "kernel":
        if facility == KERNEL_FACILITY:
            return JOURNAL_KERNEL if journalctl else SHIPPED_KERNEL
        return KMSG_WRITER if facility else JOURNAL_KERNEL_UNSURE
    if transport == "driver" and journalctl:
        return JOURNAL_ITSELF
    return JOURNAL_CLIENT if transport else NO_TRANSPORT


def journal_matches(trust: Trust) -> list[str]:
    """What journalctl is asked for, as its arguments: each entry with a record that is believed at this level, and each
    by those whose signs of loss are. Nothing asks for all, where any entry may hold a record."""
    if trust is Trust.EMBEDDED:
        return []
    units = [f"_SYSTEMD_UNIT={unit}" for unit in _SPEAKERS_OF_LOSS]
    without_unit = ["_UID=0", *(f"_COMM={tag[:_COMM_BYTES]}" for tag in _SPEAKERS_OF_LOSS.values())]
    transports = ["_TRANSPORT=kernel", "_TRANSPORT=driver"]
    return [f"_AUDIT_TYPE={AUDIT_SECCOMP}", "+", *transports, "+", *units, "+", *without_unit]


def client(unit: str, uid: str, comm: str) -> Author:
    """A process that wrote to the journal. SYSLOG_IDENTIFIER is for anybody to set; the unit is not, nor, where no unit
    is known, is the name of a process that runs as root."""
    if unit:
        return _CLIENTS.get(_SPEAKERS_OF_LOSS.get(unit, ""), JOURNAL_CLIENT)
    if uid == "0":
        return next((author for tag, author in _CLIENTS.items() if comm == tag[:_COMM_BYTES]), JOURNAL_CLIENT)
    return JOURNAL_CLIENT


def program(name: str) -> Author:
    """A program other than the kernel and the audit daemon, by its syslog tag."""
    return OTHER_PROGRAM._replace(tag=name if name in _CLIENTS else "")
