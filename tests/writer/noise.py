"""Lines of logs that say nothing about seccomp."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import clock
from .clock import host, moment, uptime

if TYPE_CHECKING:
    from random import Random

_KERNEL = (
    "kauditd_printk_skb: 3 callbacks suppressed",
    "audit: audit_lost=4410 audit_rate_limit=0 audit_backlog_limit=320",
    "audit: backlog limit exceeded",
    "audit: audit_backlog=410 > audit_backlog_limit=320",
    "audit: kauditd hold queue overflow",
    "usb 1-1: new high-speed USB device number 5 using xhci_hcd",
    "systemd[1]: syscall 425",
    'audit: type=1400 audit(1773384420.408:12): apparmor="DENIED" operation="ptrace" profile="snap.baz.qux" pid=88',
    "audit: type=1300 audit(1785800729.280:4804): arch=40000003 syscall=21 success=yes exit=0 ppid=1 pid=90603 "
    'auid=4294967295 uid=0 gid=0 ses=4294967295 comm="nfs-mount" exe="/usr/sbin/nfs-mount" subj=kernel',
    "audit: type=1701 audit(1785800729.281:4805): auid=1000 uid=1000 gid=1000 ses=1 pid=7 "
    'comm="busybox" exe="/usr/bin/busybox" sig=31 res=1',
    "audit: type=1334 audit(1772732678.289:2845566): prog-id=101 op=UNLOAD",
    'audit: type=1016 audit(1772000001.149:4410): pid=991 comm="mk" exe="/bin/mk" sig=0 arch=c000003e syscall=165 '
    "compat=0 ip=0x7f11 code=0x7ffc0000",
    'audit: type=1326x audit(1777667165.551:7): auid=0 uid=0 gid=0 ses=1 pid=2 comm="a" exe="/a" sig=0 arch=c000003e '
    "syscall=101 compat=0 ip=0x1 code=0x7ffc0000",
    "type=1326 syscall=246 IN=eth0 OUT= SRC=203.0.113.9 DST=10.0.0.1 LEN=60",
    "audit: type=1326 audit(...): something elided",
)

_PROGRAMS = (
    "systemd[1]: Started Daily apt download activities.",
    "sshd[4335]: Invalid user kernel: from 203.0.113.9 port 51122",
    "sshd[5426]: fatal: ssh_sandbox_violation: unexpected system call (arch:0xc000003e,syscall:101 @ 0x7f1122334455)",
    "snapd[801]: handlers.go:88: seccomp denied syscall 246 for snap x; add plug",
    "systemd-journald[656]: Missed 2192 kernel messages",
    "CRON[2969]: (eve) CMD (echo type=SECCOMP)",
    'audit[1]: AVC avc:  denied  { open } for  pid=1 comm="smartd" name="sda" tclass=blk_file permissive=0',
    'audit[9]: SYSCALL arch=c000003e syscall=101 success=yes exit=0 ppid=1 pid=9 comm="gdb" exe="/usr/bin/gdb"',
    'audit[9]: ANOM_ABEND auid=1000 uid=1000 gid=1000 ses=1 pid=9 comm="x" exe="/x" sig=31 res=1',
)

_AUDIT = (
    "type=SYSCALL msg=audit(1778781795.408:636931): arch=c000003e syscall=101 success=yes exit=0 a0=7ffda59a items=1 "
    'ppid=8589 pid=2849400 auid=1000 uid=0 gid=0 euid=0 tty=pts2 ses=3 comm="gdb" exe="/usr/bin/gdb" key=(null)',
    "type=USER_LOGIN msg=audit(1773818389.827:4987679): pid=9785 uid=0 auid=1000 ses=3 subj=unconfined "
    'msg=\'op=login acct="type=SECCOMP/arch=c000003e/syscall=101" exe="/usr/sbin/sshd" res=failed\'',
    "type=USER_CMD msg=audit(1773818389.827:4987680): pid=97 uid=0 msg='cwd=\"/\" cmd=747970653D53 res=success'",
    'type=EXECVE msg=audit(1774753838.927:7299584): argc=4 a0="echo" a1="type=1326" a2="arch=1" a3="syscall=101"',
    'type=PROCTITLE msg=audit(1775085119.589:8835034): proctitle="type=SECCOMP/arch=c000003e/syscall=246"',
    'type=PATH msg=audit(1773677967.468:7483879): item=0 name="/tmp/SECCOMP/syscall=246" inode=9 mode=0100644',
    'type=AVC msg=audit(1772001350.925:2): avc:  denied  { open } for  pid=4410 comm="smartd" permissive=0',
    'type=ANOM_ABEND msg=audit(1772001350.925:3): auid=0 uid=0 gid=0 ses=1 pid=7 comm="x" exe="/x" sig=31 res=1',
    'type=UNKNOWN[13260] msg=audit(1776255930.304:48): pid=1 comm="x" exe="/x" sig=0 arch=c000003e syscall=1 code=0x0',
    "type=SECCOMP msg=test(1): syscall=1",
    "type=DAEMON_START msg=audit(1795338195.600:1): op=start ver=3.0.9 format=raw kernel=6.18.44 auid=4294967295",
)

_OTHER = (
    "",
    "----",
    "time->Sun Nov 22 09:03:17 2026",
    "-- Boot 2deaee4513947f763644cbd1005a1601 --",
    "If the kernel prints a SECCOMP line with arch=c000003e syscall=101 then ptrace was denied.",
    "Starting network: OK",
    "6,99119,5267070,-;cpu 0 online",
    " SUBSYSTEM=cpu",
    '{"log":"SECCOMP","stream":"stdout"}',
)


def noise(rnd: Random) -> bytes:
    """One such line."""
    kernel, program = rnd.choice(_KERNEL), rnd.choice(_PROGRAMS)
    time = f"{clock.rfc3164(moment(rnd))} {host(rnd)} "
    return rnd.choice(
        (
            f"{uptime(rnd)} {kernel}",
            f"{time}kernel: {kernel}",
            f"{time}{program}",
            rnd.choice(_AUDIT),
            rnd.choice(_OTHER),
        )
    ).encode()
