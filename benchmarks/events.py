"""A made-up machine: sixty processes, the calls that each makes, and the audit records the kernel writes about them."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

# Numbers of x86-64 calls that long-running programs make (arch/x86/entry/syscalls/syscall_64.tbl).
CALLS = (
    *(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 28, 32, 33, 35),
    *(38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 59, 60, 61, 62, 63, 72, 73),
    *(74, 75, 76, 77, 78, 79, 80, 81, 82, 83, 84, 86, 87, 89, 90, 92, 95, 96, 97, 98, 99, 102, 104, 105, 106, 107),
    *(108, 109, 110, 112, 115, 116, 117, 119, 120, 124, 126, 131, 137, 138, 140, 143, 144, 145, 157, 158, 160, 186),
    *(200, 201, 202, 203, 204, 213, 217, 218, 221, 228, 229, 230, 231, 232, 233, 234, 257, 258, 262, 263, 264, 269),
    *(270, 271, 273, 280, 281, 283, 285, 286, 288, 290, 291, 292, 293, 302, 316, 318, 319, 324, 332, 334, 425, 435),
)
# fmt: off
_PROGRAMS = (
    "/http-echo", "/usr/sbin/nginx", "/usr/local/bin/redis-server", "/usr/lib/postgresql/15/bin/postgres",
    "/usr/sbin/mysqld", "/usr/local/bin/node", "/usr/local/bin/python3.11",
    "/usr/lib/jvm/java-17-openjdk-amd64/bin/java", "/usr/local/bin/ruby", "/usr/local/bin/envoy",
    "/usr/local/bin/traefik", "/usr/bin/prometheus", "/usr/share/grafana/bin/grafana-server", "/usr/local/bin/etcd",
    "/usr/local/bin/kube-proxy", "/coredns", "/usr/bin/memcached", "/opt/rabbitmq/sbin/rabbitmq-server",
    "/usr/local/lib/erlang/erts-13.2/bin/beam.smp", "/usr/bin/mongod", "/usr/local/apache2/bin/httpd",
    "/usr/sbin/haproxy", "/usr/sbin/php-fpm8.2", "/usr/local/bin/docker-entrypoint.sh", "/bin/sh", "/usr/bin/bash",
    "/usr/bin/curl", "/usr/bin/git", "/usr/lib/git-core/git-remote-https", "/usr/bin/openssl", "/usr/sbin/sshd",
    "/usr/sbin/cron", "/usr/bin/rsync", "/usr/bin/perl", "/usr/local/bin/gunicorn", "/usr/local/bin/uwsgi",
    "/usr/local/bin/celery", "/usr/local/bin/consul", "/usr/local/bin/vault", "/usr/local/bin/nats-server",
    "/usr/local/bin/minio", "/usr/local/bin/influxd", "/usr/bin/telegraf", "/usr/bin/fluent-bit", "/usr/bin/vector",
    "/usr/local/bin/loki", "/usr/local/bin/promtail", "/usr/local/bin/oauth2-proxy", "/usr/local/bin/dex",
    "/usr/local/bin/argocd-server", "/usr/local/bin/registry", "/usr/bin/crun", "/usr/bin/conmon",
    "/usr/sbin/unbound", "/usr/sbin/named", "/usr/sbin/dovecot", "/usr/lib/postfix/sbin/smtpd", "/usr/bin/ffmpeg",
    "/usr/bin/chromium",
)
# fmt: on
_DELETED = "/usr/lib/x86_64-linux-gnu/gconv/worker (deleted)"
_SUBJECTS = (
    "unconfined",
    "docker-default (enforce)",
    "system_u:system_r:container_t:s0:c284,c594",
    "=unconfined",
    "cri-containerd.apparmor.d (complain)",
)


class Shape(NamedTuple):
    """The text of one record around its pid, from `auid=` to `code=`."""

    before_pid: str
    pid: str
    after_pid: str


class Event(NamedTuple):
    """What the kernel says once."""

    record: str
    """From `auid=` to `code=`."""
    serial: int
    header: str
    """What syslog puts in front of it, the date and the host."""
    uptime: str
    """Seconds since boot, to the microsecond."""
    epoch: str
    """Seconds since the epoch, to the millisecond."""


class Shapes(NamedTuple):
    """Every different record of the machine, and how often each occurs."""

    shapes: Sequence[Shape]
    cumulated: Sequence[float]
    """Relative frequencies, summed up, as `random.choices(cum_weights=)` wants them."""


def processes() -> list[tuple[str, str]]:
    """`comm=` and `exe=` values of the processes as the kernel writes them: quoted, or hex where a blank is inside."""
    values = [(_untrusted(path.rsplit("/", 1)[1][:15]), _untrusted(path)) for path in _PROGRAMS]
    values.append((_untrusted("gconv worker"), _untrusted(_DELETED)))
    values[5] = (_untrusted("Main Thread"), values[5][1])
    values[7] = (_untrusted("GC task thread#"), values[7][1])
    return values


def shapes(rng: Random) -> Shapes:
    """Make each process's records: about 40 different calls, a few of them frequent, from a few pids and addresses."""
    made: list[Shape] = []
    weights: list[float] = []
    for index, (comm, exe) in enumerate(processes()):
        owner = rng.choice((0, 0, 0, 33, 101, 999, 1000, 65532))
        auid, session = ("1000", "3") if index % 15 == 14 else ("4294967295", "4294967295")
        subject = f" subj={rng.choice(_SUBJECTS)}" if index % 8 == 3 else ""
        before_pid = f"auid={auid} uid={owner} gid={owner} ses={session}{subject} pid="
        pids = [str(rng.randrange(1_000, 99_999)) for _ in range(3)]
        text_start = rng.choice((0x400000, 0x7F0000000000 + (rng.getrandbits(24) << 16)))
        for rank, call in enumerate(rng.sample(CALLS, rng.randint(34, 46))):
            for _ in range(6):
                ip = f"0x{text_start + rng.randrange(0x1000, 0x1FFFFF):x}"
                called = f"sig=0 arch=c000003e syscall={call} compat=0 ip={ip} code=0x7ffc0000"
                made.append(Shape(before_pid, rng.choice(pids), f" comm={comm} exe={exe} {called}"))
                weights.append(1 / ((1 + rank) * (10 + index)))
    return Shapes(made, list(accumulate(weights)))


def renamed(shape: Shape, comm: str) -> Shape:
    """The same call, made by a program of another name."""
    behind = shape.after_pid.index(" exe=")
    return Shape(shape.before_pid, shape.pid, f" comm={_untrusted(comm)}{shape.after_pid[behind:]}")


def _untrusted(value: str) -> str:
    """Write a value as audit_log_untrustedstring() of kernel/audit.c does."""
    if " " in value or '"' in value:
        return value.encode().hex().upper()
    return f'"{value}"'
