"""`--journal`: journalctl is asked for what can count, and gives the same evidence as all that it prints."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.cli.command import PATIENCE, SCRIPT, Arg, Running, as_anybody, body, line, run, running
from tests.corpus import FIXTURES
from tests.evidence.signs import SAID
from tests.journals import needs_journals, save, without_places, writing
from tests.writer.journal_entries import BOOT, FORMATS, JournalEntry, client_entry

pytestmark = needs_journals

EXPORT = (FIXTURES / "recorded" / "journal-export.txt").read_bytes()
FIRST_SECOND = 1_795_338_117
"""When its entries were received, all in that second."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a journal that was recorded: each event by both transports."""
    return save(EXPORT, tmp_path_factory.mktemp("journals") / "saved" / "system.journal").parent


def entries(*fields: dict[str, bytes]) -> bytes:
    """Entries with these fields, as journalctl exports them."""
    common = {"_BOOT_ID": BOOT.encode(), "_HOSTNAME": b"vm"}
    return FORMATS["export"]([JournalEntry(tuple({**common, **one}.items())) for one in fields])


def kernel_says(message: bytes) -> dict[str, bytes]:
    """An entry of the kernel's transport."""
    return {"_TRANSPORT": b"kernel", "SYSLOG_FACILITY": b"0", "MESSAGE": message}


def record(nr: int, second: int = FIRST_SECOND) -> dict[str, bytes]:
    """A record by the kernel's transport; its call is its serial too."""
    return kernel_says(f"audit: type=1326 audit({second}.484:{nr}): {body(nr)}".encode())


def evidence(*args: Arg, stdin: bytes = b"") -> dict[str, Any]:
    """What a run of `collect` finds."""
    return without_places(json.loads(run("collect", "-q", *args, stdin=stdin).stdout))


def printed(folder: Path, form: str = "export") -> bytes:
    """All that journalctl prints of the journals in a folder."""
    command = ["journalctl", "--no-pager", "-q", f"--directory={folder}", "-o", form]
    return subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout


def test_it_gives_what_all_that_journalctl_prints_gives(folder: Path) -> None:
    whole = evidence(stdin=printed(folder))
    assert whole == evidence(stdin=EXPORT)
    assert whole["counts"]
    for named in ([folder], [folder / "system.journal"], [folder, "--merge"], [folder, "--trust", "authenticated"]):
        assert evidence("--journal", *named) == whole
    assert run("--journal", folder).stdout == run(stdin=printed(folder)).stdout


def test_every_command_that_reads_logs_reads_journals(folder: Path, tmp_path: Path) -> None:
    profile = tmp_path / "profile.json"
    assert run("--journal", folder, "-o", profile).status == 0
    export = printed(folder)
    listed = (run("explain", "--csv", *which) for which in (["--journal", folder], [tmp_path / "export"]))
    (tmp_path / "export").write_bytes(export)
    from_journal, from_export = ([row.rsplit(b",", 2)[0] for row in one.stdout.splitlines()] for one in listed)
    assert from_journal == from_export
    commands: list[list[Arg]] = [
        ["check", profile, "--include-denied"],
        ["-q", "--per", "comm", "-d", tmp_path / "x"],
    ]
    for args in commands:
        asked, piped = run(*args, "--journal", folder), run(*args, stdin=export)
        assert (asked.status, asked.stdout) == (piped.status, piped.stdout)
    alike = run("check", profile, "--journal", folder)
    with profile.open("rb") as file:
        assert run("check", "-", "--journal", folder, stdin=file).stdout == alike.stdout


def test_each_journal_that_is_named_is_a_log(tmp_path: Path) -> None:
    for name, nr in (("web", 0), ("db", 3)):
        save(entries(record(nr)), tmp_path / name / f"{name} [1].journal")
    both = run("--journal", tmp_path / "web", tmp_path / "db" / "db [1].journal")
    assert (both.status, both.names) == (0, ["close", "read"])
    assert run("--journal", tmp_path / "web", tmp_path / "db", "-d", tmp_path / "profiles").status == 0
    assert sorted(path.name for path in (tmp_path / "profiles").iterdir()) == ["db.json", "web.json"]


def test_what_clients_wrote_is_not_even_asked_for(tmp_path: Path) -> None:
    forged = client_entry([record(101)["MESSAGE"]], "vm", Random(1))
    export = entries(record(0)) + FORMATS["export"]([forged])
    saved = save(export, tmp_path / "x.journal")
    result = run("--journal", saved)
    assert (result.names, "0 not trusted" in result.stderr) == (["read"], True)
    assert run("--trust", "embedded", "--journal", saved).names == ["ptrace", "read"]


@pytest.mark.parametrize("tag", sorted(SAID))
def test_every_sign_of_loss_is_seen(tag: str, tmp_path: Path) -> None:
    """The kernel tells them, journald about itself, and daemons by their unit, or without one by their name."""
    who = {
        "kernel": [{"_TRANSPORT": b"kernel", "SYSLOG_FACILITY": b"0"}],
        "systemd-journald": [{"_TRANSPORT": b"driver"}],
        "rsyslogd": [{"_SYSTEMD_UNIT": b"rsyslog.service"}],
    }.get(tag, [{"_SYSTEMD_UNIT": b"auditd.service" if "audi" in tag else b"systemd-journald.service"}])
    if tag in ("systemd-journald", "rsyslogd", "auditd"):
        who.append({"_UID": b"0", "_COMM": tag[:15].encode()})
    said = [{"_TRANSPORT": b"syslog", **author, "MESSAGE": message} for author in who for message in sorted(SAID[tag])]
    saved = save(entries(*said), tmp_path / "x" / "x.journal")
    found = evidence("--journal", saved)["losses"]
    assert found == evidence(stdin=printed(saved.parent))["losses"]
    assert {loss["reason"] for loss in found} == {sign.kind for sign in SAID[tag].values()}
    assert sum(loss["events"] for loss in found) == len(said)


def test_since_is_asked_of_journalctl_and_until_is_not(tmp_path: Path) -> None:
    """A sign of loss comes later than what it is about."""
    times = [FIRST_SECOND + 100 * place for place in range(3)]
    export = b"".join(
        entries(record(place, second), kernel_says(b"audit: backlog limit exceeded")).replace(
            b"__REALTIME_TIMESTAMP=1795338117", b"__REALTIME_TIMESTAMP=%d" % second
        )
        for place, second in enumerate(times)
    )
    saved = save(export, tmp_path / "x.journal")

    def seen(*args: str) -> tuple[int, int]:
        found = evidence("--journal", saved, *args)
        return len(found["counts"]), found["losses"][0]["events"]

    middle = f"{times[1]}.484"
    iso = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(times[1])) + ".484Z"
    assert middle.startswith("1795338217")
    assert seen() == (3, 3)
    assert seen("--since", iso) == seen("--where", f"time >= {iso} and uid == 0") == (2, 2)
    assert seen("--until", iso) == (2, 3)
    assert seen("--since", iso, "--until", iso) == (1, 2)
    assert seen("--where", f"time >= {iso} or uid == 0") == (3, 3)


def test_a_boot(tmp_path: Path) -> None:
    other = "0f" * 16
    export = entries(record(0)) + entries(record(1)).replace(BOOT.encode(), other.encode())
    saved = save(export, tmp_path / "x" / "x.journal")
    assert run("--journal", saved).names == ["read", "write"]
    assert run("--journal", saved, f"--boot={BOOT}").names == ["read"]
    named = {run("--journal", saved, boot).names[0] for boot in ("--boot", "--boot=-1")}
    assert named == {"read", "write"}
    missing = run("--journal", saved, "--boot=-2")
    assert (missing.status, missing.stdout) == (3, b"")
    assert missing.stderr.startswith(f"audit2seccomp: {saved}: journalctl: Data from the specified boot (-2) is not ")


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--boot=1"], "--boot: is for --journal"),
        (["--merge"], "--merge: is for --journal"),
        (["--journal", "-r"], "--recursive: journalctl knows which folders belong to a journal: not with --journal"),
        (["--journal", "--format-in", "json"], "--format-in: a journal has just one form: not with --journal"),
        (["--journal", "-"], "--journal: reads files and folders: what journalctl prints is read without it"),
        (
            ["--journal", "--directory", "/var/log/journal"],
            "-d: a journal is one log: -o FILE writes its profile; saved ones are named behind --journal",
        ),
        (
            ["explain", "--journal", "--line"],
            "--line: explains what is written there: it has no other form, and selects nothing",
        ),
    ],
)
def test_what_does_not_go_together(args: list[str], said: str) -> None:
    result = run(*args)
    assert (result.status, result.stdout, result.stderr) == (2, b"", f"audit2seccomp: {said}\n")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("gone.journal", None, "no such file or directory"),
        ("kern.log", line(0), "is no journal file: read it without --journal"),
        ("x.journal.gz", b"\x1f\x8b\x08", "is an archive: journalctl reads none: unpack it first"),
        ("cut.journal", b"LPKSHHRH" + bytes(50), "journalctl: "),
        ("empty", "a folder", "journalctl: found no journal files"),
        ("pipe", "a pipe", "is no journal file: read it without --journal"),
    ],
)
def test_what_is_no_journal(name: str, content: bytes | str | None, said: str, folder: Path, tmp_path: Path) -> None:
    path = tmp_path / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        (path.mkdir if content == "a folder" else lambda: os.mkfifo(path))()
    result = run("--journal", path, folder)
    assert (result.status, result.stdout) == (3, b"")
    assert result.stderr.startswith(f"audit2seccomp: {path}: {said}")
    kept = run("--keep-going", "--journal", path, folder)
    assert (kept.status, kept.stdout) == (3, run("--journal", folder).stdout)


def test_what_is_damaged_is_told_and_the_rest_counts(folder: Path, tmp_path: Path) -> None:
    saved = tmp_path / "x.journal"
    data = bytearray((folder / "system.journal").read_bytes())
    at = data.rindex(b"MESSAGE=SECCOMP")
    data[at - 64 : at] = bytes(64)  # the head of the object that holds it
    saved.write_bytes(data)
    result = run("--journal", saved)
    assert result.status == 0
    assert result.stderr.startswith(f"audit2seccomp: {saved}: journalctl: Entry item ")
    assert "\nINCOMPLETE: input that ends early (1 time" in result.stderr
    assert run("--strict", "--journal", saved).status == 1


def test_what_may_not_be_read_is_told(folder: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        shutil.copy(folder / "system.journal", tmp_path / f"{name}.journal")
    tmp_path.chmod(0o755)
    (tmp_path / "a.journal").chmod(0)
    program = (*as_anybody(), SCRIPT)
    remedy = "run this as root, or in the group systemd-journal"
    some = run("--journal", tmp_path, program=program)
    assert some.status == 0
    assert some.stderr.startswith(f"audit2seccomp: {tmp_path}: journalctl: Failed to open journal file ")
    assert f": Permission denied: {remedy}\n" in some.stderr
    assert "\nINCOMPLETE: " in some.stderr
    (tmp_path / "b.journal").chmod(0)
    none = run("--journal", tmp_path, program=program)
    assert (none.status, none.stdout) == (3, b"")
    assert f": {remedy}\n" in none.stderr


def test_without_journalctl() -> None:
    result = run("--journal", env={"PATH": "/nowhere"})
    assert (result.status, result.stdout) == (3, b"")
    assert result.stderr.startswith(
        "audit2seccomp: <journal>: journalctl: no such file or directory: it comes with systemd; "
    )


def test_what_a_user_sets_for_journalctl_changes_nothing(folder: Path) -> None:
    theirs = {"SYSTEMD_LOG_LEVEL": "emerg", "SYSTEMD_COLORS": "1", "SYSTEMD_LOG_TARGET": "null", "SYSTEMD_PAGER": "cat"}
    assert run("--journal", folder, env=theirs) == run("--journal", folder)
    assert "found no journal files" in run("--journal", folder.parent, env=theirs).stderr


def shim(folder: Path, script: str) -> dict[str, str]:
    """An environment in which `$journalctl "$@"` is the real one, and journalctl is this script."""
    real = shutil.which("journalctl")
    file = folder / "bin" / "journalctl"
    file.parent.mkdir()
    file.write_text(f"#!/bin/sh\njournalctl={real}\n{script}\n")
    file.chmod(0o755)
    return {"PATH": f"{file.parent}:{os.environ['PATH']}"}


def test_one_that_is_killed_in_the_middle(folder: Path, tmp_path: Path) -> None:
    result = run("--journal", folder, env=shim(tmp_path, '"$journalctl" "$@" | head -c 9000; kill -KILL $$'))
    assert result.status == 0
    assert result.stderr.startswith(f"audit2seccomp: {folder}: journalctl: was ended by signal 9\nread ")
    assert "\nINCOMPLETE: input that ends early" in result.stderr


def test_one_that_fails_without_a_word(folder: Path, tmp_path: Path) -> None:
    result = run("--journal", folder, env=shim(tmp_path, "exit 7"))
    assert (result.status, result.stdout) == (3, b"")
    assert result.stderr.startswith(f"audit2seccomp: {folder}: journalctl: failed with status 7\n")


def test_one_that_cannot_search(folder: Path, tmp_path: Path) -> None:
    """Before version 237, or built without PCRE2."""
    cannot = 'case " $* " in *" --grep="*) echo "journalctl: unrecognized option" >&2; exit 1; esac; "$journalctl" "$@"'
    assert run("--journal", folder, env=shim(tmp_path, cannot)).stdout == run("--journal", folder).stdout


def test_nothing_to_find(tmp_path: Path) -> None:
    saved = save(entries(kernel_says(b"usb 1-1: new device")), tmp_path / "x.journal")
    result = run("collect", "--journal", saved)
    assert (result.status, json.loads(result.stdout)["counts"]) == (0, [])
    assert result.stderr == (
        "read 0 lines, 0 records: 0 kept in 0 rows, 0 rejected, 0 not trusted\ncomplete as far as the log tells\n"
    )


def children(of: Running) -> list[int]:
    """The processes that it started."""
    return [int(pid) for pid in Path(f"/proc/{of.process.pid}/task/{of.process.pid}/children").read_text().split()]


def the_child(of: Running) -> int:
    """The process that it started, once there is one."""
    while not (found := children(of)):
        assert of.process.poll() is None
        time.sleep(0.01)
    return found[0]


def is_gone(pid: int) -> bool:
    """Whether that process ends soon."""
    deadline = time.monotonic() + PATIENCE
    while Path(f"/proc/{pid}").exists():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def test_ctrl_c_ends_one_that_hangs(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", shim(tmp_path, 'kill -STOP $$; exec "$journalctl" "$@"')["PATH"])
    with running("--journal", folder, "-o", tmp_path / "p.json") as hanging:
        child = the_child(hanging)
        hanging.signal(signal.SIGINT)
        result = hanging.result()
        assert (result.status, result.stderr) == (130, f"audit2seccomp: {folder}: interrupted: nothing is written\n")
        assert is_gone(child)
    assert not (tmp_path / "p.json").exists()


def test_follow_reads_on(tmp_path: Path) -> None:
    folder, profile = tmp_path / "growing", tmp_path / "p.json"
    folder.mkdir()
    with subprocess.Popen(
        writing(folder / "x.journal"), stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
    ) as writer:
        assert writer.stdin is not None
        writer.stdin.write(entries(record(0)))
        while not list(folder.iterdir()):
            time.sleep(0.01)
        with running("--follow", "--journal", folder, "-o", profile) as following:
            child = the_child(following)
            assert "x86_64 0 read" in following.says()
            writer.stdin.write(entries(record(1)))
            assert "x86_64 1 write" in following.says()
            following.signal(signal.SIGINT)
            result = following.result()
            assert result.status == 130
            assert is_gone(child)
    assert '"write"' in profile.read_text()


def entries_in(folder: Path) -> int:
    """How many journalctl finds there."""
    return printed(folder).count(b"__CURSOR=")


def test_state_reads_on_behind_the_last_entry(tmp_path: Path) -> None:
    """However the runs fall, the evidence is that of one run, and nothing is told or counted twice."""
    folder, state = tmp_path / "growing", tmp_path / "state.json"
    folder.mkdir()
    parts = [
        entries(kernel_says(b"audit: backlog limit exceeded")),
        entries(record(0), kernel_says(b"usb 1-1: new device")),
        b"",
        EXPORT,
        entries(record(1), kernel_says(b"audit: \x00 type=1326 audit(1.2:3): auid=\n\n__CURSOR=s=1;i=2\nA=")),
        entries(record(3)),
    ]
    command = writing(folder / "x.journal")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0) as writer:
        assert writer.stdin is not None
        written = 0
        for part in parts:
            writer.stdin.write(part)
            written += part.count(b"\n__REALTIME_TIMESTAMP=")
            while not list(folder.iterdir()) or entries_in(folder) < written:
                time.sleep(0.01)
            result = run("collect", "--journal", folder, "--state", state)
            assert result.status == 0
            assert "gone" not in result.stderr
            once = run("collect", "-q", "--journal", folder).stdout
            assert run("collect", "-q", state).stdout == once
    assert evidence(state)["losses"][0]["events"] == 1


def test_state_of_a_journal_that_is_another_one(tmp_path: Path) -> None:
    saved, state = tmp_path / "x.journal", tmp_path / "state.json"
    save(entries(record(0)), saved)
    assert run("collect", "--journal", saved, "--state", state).status == 0
    saved.unlink()
    save(entries(record(1)).replace(b"__REALTIME_TIMESTAMP=1795338117", b"__REALTIME_TIMESTAMP=1795339117"), saved)
    strict = run("collect", "--strict", "--journal", saved, "--state", state)
    assert strict.status == 1
    gone = run("collect", "--journal", saved, "--state", state)
    assert f"audit2seccomp: {saved}: what was read before is gone: " in gone.stderr
    assert run(state).names == ["read", "write"]


def test_one_that_follows_does_not_outlive_a_kill(folder: Path, tmp_path: Path) -> None:
    with running("--follow", "--journal", folder, "-o", tmp_path / "p.json") as following:
        child = the_child(following)
        following.hears_until("new: ")
        following.signal(signal.SIGKILL)
        assert is_gone(child)
