"""A unit file or drop-in of systemd → Profile."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from audit2seccomp.errors import ProfileFileError, shown
from audit2seccomp.formats.files import ProfileFile
from audit2seccomp.formats.reading.fields import MAX_PROBLEMS, Reading
from audit2seccomp.formats.reading.places import Path, Span
from audit2seccomp.formats.reading.unknown import hint
from audit2seccomp.formats.systemd.call_set import KILL, filtered, logged
from audit2seccomp.formats.systemd.names import ARCHITECTURES, NATIVE, errno_of
from audit2seccomp.formats.systemd.unit_file import Assignment, Fault, Word, assignments, begins
from audit2seccomp.kernel.uapi import MAX_ERRNO
from audit2seccomp.profile.model import Outcome, Profile, Rule, RuleAction

SECTIONS = ("Service", "Socket", "Mount", "Swap")
"""Those whose units run programs (src/core/load-fragment-gperf.gperf.in)."""
_LOOKS = re.compile(r"(?:\[[A-Z][A-Za-z-]*+\][ \t]*+(?:[\n\r\0]|\Z)|SystemCall[A-Z][A-Za-z]*+[ \t]*+=)")
_FILTERS_TOO = (
    *("LockPersonality", "MemoryDenyWriteExecute", "PrivateDevices", "ProtectClock", "ProtectHostname"),
    *("ProtectKernelLogs", "ProtectKernelModules", "ProtectKernelTunables", "RestrictAddressFamilies"),
    *("RestrictNamespaces", "RestrictRealtime", "RestrictSUIDSGID", "DynamicUser"),
)
"""The settings for which systemd filters calls in its own way: skip_seccomp_unavailable() in src/core/execute.c, and
DynamicUser=, for which unit_patch_contexts() of src/core/unit.c sets RestrictSUIDSGID=."""
_ALL_ARCHITECTURES = (
    "the unit has no SystemCallArchitectures=, which allows programs of all architectures of the host: the profile is "
    "for the host's own, and others, such as 32-bit ones, are killed: name them there, or native"
)
_LINE = "line"
"""The path of a problem with a line as such begins so."""
_OFF = ("no", "n", "false", "f", "off", "0")


def recognises(text: str) -> bool:
    """Whether a text begins with a section, or with one of the settings that are read here."""
    return _LOOKS.match(text, begins(text)) is not None


def read(name: str, text: str, *, lenient: bool = False) -> ProfileFile:
    """What the `SystemCall…=` settings of a unit say. `lenient` ignores what systemd ignores, and takes names of calls
    that no table has. Raises ProfileFileError if there is no such setting."""
    unit = _Unit(Reading([], lenient))
    for assignment in assignments(text):
        unit.take(assignment)
        if len(unit.reading.problems) >= MAX_PROBLEMS:
            break
    if not unit.said and not any(str(one.path[0]).startswith(("SystemCall", _LINE)) for one in unit.reading.problems):
        raise ProfileFileError(f"{name}: a unit of systemd without SystemCallFilter=: no profile in it")
    profile = unit.profile() if unit.said else None
    unit.spans[()] = Span(0, len(text))
    return ProfileFile(
        name,
        text,
        "systemd",
        profile,
        tuple(unit.reading.problems),
        lambda paths, keys: {
            path: table[path] for table in (unit.keys if keys else unit.spans,) for path in paths if path in table
        },
        remarks=() if unit.names_architectures else (_ALL_ARCHITECTURES,),
    )


class _Unit:
    """What a unit has said so far."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.spans: dict[Path, Span] = {}
        self.keys: dict[Path, Span] = {}
        self.said = False
        self.names_architectures = False
        self._filter = filtered(reading, self.spans)
        self._log = logged(reading, self.spans)
        self._denied = Outcome(RuleAction.KILL_PROCESS)
        self._architectures: dict[str, Span] = {}
        self._section = ""
        self._settings: dict[str, Callable[[Assignment], None]] = {
            "SystemCallFilter": lambda given: self._filter.assign(given.words()),
            "SystemCallLog": lambda given: self._log.assign(given.words()),
            "SystemCallErrorNumber": self._take_errno,
            "SystemCallArchitectures": self._take_architectures,
        }

    def take(self, given: Assignment | Fault) -> None:
        """Take the next line."""
        if isinstance(given, Fault):
            self._problem(_LINE, given.span, given.text, ignored=given.ignored)
            return
        key = given.key.text
        if key in _FILTERS_TOO:
            value = " ".join(word.text for word in given.words())
            if value and value.lower() not in _OFF:
                text = f"{key}= filters calls, too, and a profile cannot say how: --lenient leaves it out"
                self._problem(key, given.key.span, text)
        if not key.startswith("SystemCall"):
            return
        setting = self._settings.get(key)
        if setting is None:
            close = hint(key, self._settings, len(self.reading.problems))
            self._problem(key[:40], given.key.span, f"no setting of systemd: {shown(key)}{close}")
        elif given.section not in SECTIONS:
            where = f"[{given.section[:40]}]" if given.section else "above all sections"
            text = f"{key}= {where}: systemd ignores it there: it belongs in [Service]"
            self._problem(key, given.key.span, text)
        elif self._section not in ("", given.section):
            text = f"[{given.section}] beside [{self._section}]: a unit has one of them"
            self._problem(key, given.key.span, text)
        else:
            self.said = True
            self._section = given.section
            setting(given)

    def _take_errno(self, given: Assignment) -> None:
        words = list(given.words())
        if not words or (len(words) == 1 and words[0].text == "kill"):
            self._denied = Outcome(RuleAction.KILL_PROCESS)
            self._point(("defaultAction",), given, words)
            return
        number = errno_of(words[0].text) if len(words) == 1 else None
        if not number:
            text = f"no errno: {shown(words[0].text)}: a name such as EPERM, a number from 1 to {MAX_ERRNO}, or kill"
            self._problem("SystemCallErrorNumber", words[0].span, text)
            return
        self._denied = Outcome(RuleAction.ERRNO, number)
        self._point(("defaultAction",), given, words)
        self._point(("defaultErrnoRet",), given, words)

    def _point(self, path: Path, given: Assignment, words: list[Word]) -> None:
        self.keys[path] = given.key.span
        self.spans[path] = words[0].span if words else given.key.span

    def _take_architectures(self, given: Assignment) -> None:
        known = {name: scmp for scmp, name in ARCHITECTURES.items()} | {NATIVE: NATIVE}
        empty = True
        for word in given.words():
            empty = False
            found = known.get(word.text.strip("\"'"))
            if found is not None:
                self._architectures[found] = word.span
            else:
                close = hint(word.text, known, len(self.reading.problems))
                text = f"no architecture of systemd: {shown(word.text)}{close}"
                self._problem("SystemCallArchitectures", word.span, text)
        if empty:
            self._architectures.clear()

    def _problem(self, key: str, span: Span, text: str, *, ignored: bool = True) -> None:
        """Report something; a lenient reading passes over what systemd ignores."""
        if not (ignored and self.reading.lenient):
            path = (key, len(self.reading.problems))
            self.spans[path] = span
            self.reading.report(path, text)

    def profile(self) -> Profile:
        """All that was said."""
        self.names_architectures = bool(self._architectures)
        native = self._architectures.pop(NATIVE, None)
        if native is not None and self._architectures:
            text = f"{NATIVE} beside others: which one it is depends on the host: name it"
            self._problem("SystemCallArchitectures", native, text)
        for index, span in enumerate(self._architectures.values()):
            self.spans["architectures", index] = span
        default = self._default()
        rules: list[Rule] = []
        for outcome, calls in self._outcomes(default):
            for index, call in enumerate(calls):
                place = self._filter.places.get(call) or self._log.places[call]
                self.spans["syscalls", len(rules), "names", index] = place
                self.spans.setdefault(("syscalls", len(rules)), place)
            rules.append(Rule(calls, outcome.action, errno=outcome.errno))
        return Profile(default.action, default.errno, tuple(self._architectures), tuple(rules))

    def _default(self) -> Outcome:
        if self._filter.listed:
            return self._denied
        # A list of exceptions without any is no list (context_has_syscall_logs).
        return Outcome(RuleAction.LOG if self._log.listed is False and self._log.calls else RuleAction.ALLOW)

    def _outcomes(self, default: Outcome) -> Iterator[tuple[Outcome, tuple[str, ...]]]:
        """What becomes of calls other than the default, each outcome once."""
        of_calls: dict[Outcome, list[str]] = {Outcome(RuleAction.ALLOW): [], Outcome(RuleAction.LOG): []}
        mentioned: Iterable[str] = self._filter.calls
        if not self._filter.listed:
            mentioned = dict.fromkeys((*self._log.calls, *self._filter.calls))
        for call in mentioned:
            of_calls.setdefault(self._outcome(call), []).append(call)
        return ((outcome, tuple(calls)) for outcome, calls in of_calls.items() if calls and outcome != default)

    def _outcome(self, call: str) -> Outcome:
        if call in self._filter.calls:
            suffix = self._filter.calls[call]
            if suffix is not None:
                return Outcome(RuleAction.KILL_PROCESS) if suffix == KILL else Outcome(RuleAction.ERRNO, suffix)
            if not self._filter.listed:
                return self._denied
        is_logged = (call in self._log.calls) == self._log.listed if self._log.calls else False
        return Outcome(RuleAction.LOG if is_logged else RuleAction.ALLOW)
