"""What the other services of a busy machine write into the same log: lines without a seccomp record."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from random import Random


class Line(NamedTuple):
    """One line behind the syslog header."""

    from_kernel: bool
    """The kernel's lines carry the time since boot in front of the text."""
    text: str


# {n}: a number, {p}: a pid, {h}: 12 hex digits, {a}: an IPv4 address. The digit: how often it occurs.
_KERNEL = (
    (
        9,
        "[UFW BLOCK] IN=eth0 OUT= MAC=02:42:ac:11:00:02:02:42:5d:{p}:08:00 SRC={a} DST={a} LEN=40 TOS=0x00 PREC=0x00 "
        "TTL=243 ID={n} PROTO=TCP SPT={p} DPT={n} WINDOW=1024 RES=0x00 SYN URGP=0",
    ),
    (5, "docker0: port {n}(veth{h}) entered blocking state"),
    (5, "docker0: port {n}(veth{h}) entered forwarding state"),
    (4, "IPv6: ADDRCONF(NETDEV_CHANGE): veth{h}: link becomes ready"),
    (3, "eth0: renamed from veth{h}"),
    (
        6,
        'audit: type=1400 audit(1594067{n:03d}.484:{p}): apparmor="ALLOWED" operation="open" profile="/usr/sbin/sssd" '
        'name="/proc/{p}/cmdline" pid={p} comm="sssd_nss" requested_mask="r" denied_mask="r" fsuid=0 ouid=0',
    ),
    (
        2,
        'audit: type=1400 audit(1594067{n:03d}.101:{p}): apparmor="STATUS" operation="profile_replace" '
        'profile="unconfined" name="docker-default" pid={p} comm="apparmor_parser"',
    ),
    (
        1,
        "audit: type=1300 audit(1594067{n:03d}.220:{p}): arch=c000003e syscall=59 success=yes exit=0 a0=55{h} a1=55{h} "
        'a2=55{h} a3=8 items=2 ppid={p} pid={p} auid=1000 uid=1000 comm="ls" exe="/usr/bin/ls" key="exec"',
    ),
    (1, "EXT4-fs (sda1): mounted filesystem with ordered data mode. Opts: (null)"),
    (1, "TCP: request_sock_TCP: Possible SYN flooding on port {n}. Sending cookies."),
    (1, "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset={h},mems_allowed=0,task=java,pid={p},uid=1000"),
    (1, "nf_conntrack: nf_conntrack: table full, dropping packet"),
)
_SERVICES = (
    (8, "systemd[1]: run-docker-runtime\\x2drunc-moby-{h}-runc.{h}.mount: Succeeded."),
    (4, "systemd[1]: Started Session {n} of user root."),
    (2, "systemd[{p}]: Reached target Main User Target."),
    (
        1,
        "systemd[1]: systemd 252.39 running in system mode (+PAM +AUDIT +SELINUX +APPARMOR +IMA +SMACK +SECCOMP "
        "+GCRYPT -GNUTLS +OPENSSL +ACL +BLKID +CURL +ELFUTILS default-hierarchy=unified)",
    ),
    (6, "CRON[{p}]: pam_unix(cron:session): session opened for user root(uid=0) by (uid=0)"),
    (6, "CRON[{p}]: (root) CMD (   cd / && run-parts --report /etc/cron.hourly)"),
    (6, "sshd[{p}]: Failed password for invalid user admin from {a} port {p} ssh2"),
    (4, "sshd[{p}]: Received disconnect from {a} port {p}:11: Bye Bye [preauth]"),
    (4, "sshd[{p}]: Connection closed by authenticating user root {a} port {p} [preauth]"),
    (
        9,
        'dockerd[812]: time="2020-07-06T15:37:40.{n}Z" level=info msg="ignoring event" container={h}{h}{h} '
        'module=libcontainerd namespace=moby topic=/tasks/delete type="*events.TaskDelete"',
    ),
    (7, 'containerd[790]: time="2020-07-06T15:37:40.{n}Z" level=info msg="shim disconnected" id={h}{h}{h}'),
    (
        8,
        'kubelet[1503]: I0706 15:37:40.{n}    1503 kubelet.go:1958] SyncLoop (PLEG): "web-{h}_default({h})", event: '
        '&pleg.PodLifecycleEvent{{ID:"{h}", Type:"ContainerStarted", Data:"{h}{h}"}}',
    ),
    (
        3,
        'kubelet[1503]: W0706 15:37:40.{n}    1503 prober.go:117] Readiness probe for "api-{h}:api" failed (failure): '
        "Get http://{a}:8080/healthz: dial tcp {a}:8080: connect: connection refused",
    ),
    (3, "dhclient[{p}]: DHCPACK of {a} from {a}"),
    (3, "NetworkManager[655]: <info>  [1594067860.{n}] device (veth{h}): carrier: link connected"),
    (2, 'rsyslogd: [origin software="rsyslogd" swVersion="8.2302.0" x-pid="{p}"] rsyslogd was HUPed'),
    (3, "systemd-resolved[601]: Server returned error NXDOMAIN, mitigating potential DNS violation DVE-2018-0001."),
    (2, "dbus-daemon[640]: [system] Successfully activated service 'org.freedesktop.hostname1'"),
    (2, 'snapd[{p}]: storehelpers.go:{n}: cannot refresh: snap has no updates available: "core18", "lxd"'),
    (2, "postfix/smtpd[{p}]: connect from unknown[{a}]"),
)


def chatter(rng: Random, variants: int = 20_000) -> list[Line]:
    """Make that many lines, to be drawn from with equal chance."""
    kinds = [Line(True, text) for often, text in _KERNEL for _ in range(often)]
    kinds += [Line(False, text) for often, text in _SERVICES for _ in range(often)]
    return [Line(kind.from_kernel, _filled(kind.text, rng)) for kind in rng.choices(kinds, k=variants)]


def _filled(text: str, rng: Random) -> str:
    return text.format(
        n=rng.randrange(1, 1_000),
        p=rng.randrange(10_000, 99_999),
        h=f"{rng.getrandbits(48):012x}",
        a=".".join(str(rng.randrange(1, 255)) for _ in range(4)),
    )
