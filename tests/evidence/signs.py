"""What each author says of records that are missing, and what that is a sign of."""

from __future__ import annotations

from audit2seccomp.evidence.loss import Sign

KERNEL = {
    b"kauditd_printk_skb: 110 callbacks suppressed": Sign("printk-limit"),
    b"audit_printk_skb: 24 callbacks suppressed": Sign("printk-limit"),
    b"audit_log_start: 5 callbacks suppressed": Sign("printk-limit"),
    b"audit_log_lost: 1 callbacks suppressed": Sign("printk-limit"),
    b"audit: printk limit exceeded": Sign("printk-limit"),
    b"audit: audit_backlog=66 > audit_backlog_limit=64": Sign("audit-backlog"),
    b"audit: audit_lost=11086 audit_rate_limit=0 audit_backlog_limit=64": Sign("audit-backlog"),
    b"audit: audit_lost=-7 audit_rate_limit=0 audit_backlog_limit=64": Sign("audit-backlog"),
    b"audit: backlog limit exceeded": Sign("audit-backlog"),
    b"audit: kauditd hold queue overflow": Sign("audit-backlog"),
    b"audit: kauditd retry queue overflow": Sign("audit-backlog"),
    b"audit: audit_lost=10905 audit_rate_limit=10 audit_backlog_limit=64": Sign("audit-rate"),
    b"audit: rate limit exceeded": Sign("audit-rate"),
    b"audit: out of memory in audit_log_start": Sign("audit-lost"),
    b"audit: auditd disappeared": Sign("audit-lost"),
    b"audit: audit_pid=812 reset": Sign("audit-lost"),
    b"** 127 printk messages dropped **": Sign("ring-buffer", 127),
    b"** 3 printk messages dropped ** [  112.617229] usb 1-1: new device": Sign("ring-buffer", 3),
}
JOURNALD = {
    b"Missed 1118 kernel messages": Sign("journal-missed", 1118),
    b"/dev/kmsg buffer overrun, some messages lost.": Sign("journal-missed"),
}
RSYSLOG = {
    b"imuxsock lost 44 messages from pid 12 due to rate-limiting": Sign("syslog-limit", 44),
    b"imuxsock begins to drop messages from pid 12 due to rate-limiting": Sign("syslog-limit"),
    b"imuxsock[pid: 12]: 44 messages lost due to rate-limiting": Sign("syslog-limit", 44),
    b"imuxsock[pid: 12, name: /sbin/audisp-syslog]: 391 messages lost"
    b" due to rate-limiting (10 allowed within 2 seconds)": Sign("syslog-limit", 391),
    b"imuxsock[pid: 12, name: /sbin/audispd] from <vm:audispd>: begin to drop messages due to rate-limiting": (
        Sign("syslog-limit")
    ),
    b"imjournal: 1234 messages lost due to rate-limiting": Sign("syslog-limit", 1234),
    b"imjournal: begin to drop messages due to rate-limiting [v8.24.0 try http://www.rsyslog.com/e/2177 ]": (
        Sign("syslog-limit")
    ),
    b"imklog: 9 messages lost due to rate-limiting (100 allowed within 5 seconds) [v8.2302.0]": Sign("syslog-limit", 9),
    b"imudp[514]: 9 messages lost due to rate-limiting": Sign("syslog-limit", 9),
    b"imkmsg: some messages in circular buffer got overwritten": Sign("ring-buffer"),
}
AUDITD = {
    b"queue is full - dropping event": Sign("auditd-queue"),
    b"queue to plugins is full - dropping event": Sign("auditd-queue"),
    b"dispatch err (pipe full) event lost": Sign("auditd-queue"),
    b"Auditd is suspending event passing to plugins due to overflowing its queue.": Sign("auditd-queue"),
    b"Audispd is suspending event processing due to overflowing its queue.": Sign("auditd-queue"),
    b"Audit daemon is low on disk space for logging": Sign("auditd-disk"),
    b"Audit daemon is very low on disk space for logging": Sign("auditd-disk"),
    b"Audit daemon is suspending logging due to low disk space.": Sign("auditd-disk"),
    b"Audit daemon is suspending logging due to previously mentioned write error": Sign("auditd-disk"),
    b"Audit daemon has no space left on logging partition": Sign("auditd-disk"),
    b"write: Audit daemon detected an error writing an event to disk (No space left on device)": Sign("auditd-disk"),
}
AUDITD_FILE = {
    b"type=DAEMON_ERR msg=audit(1795548646.482:9466): op=format-raw msg=NULL res=failed": Sign("auditd-error"),
    b"type=DAEMON_RESUME msg=audit(1795548646.482:9466): op=resume-logging auid=0 res=success": Sign("auditd-disk"),
}
SAID = {
    "kernel": KERNEL,
    "systemd-journald": JOURNALD
    | {
        b"recvmsg() failed: No buffer space available": Sign("journal-audit"),
        b"Got invalid event from epoll for datagram fd: 9": Sign("journal-audit"),
    },
    "systemd-journal": JOURNALD,
    "rsyslogd": RSYSLOG,
    "auditd": AUDITD,
    "audispd": AUDITD,
}
