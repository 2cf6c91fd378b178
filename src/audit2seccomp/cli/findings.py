"""What lint found, as text, JSON and SARIF."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable

from audit2seccomp._version import __version__
from audit2seccomp.cli.messages import plural, printable
from audit2seccomp.formats.files import ProfileFile
from audit2seccomp.formats.reading.places import Place, pointer
from audit2seccomp.named_tuple import NamedTuple
from audit2seccomp.profile.lint import RULES, Finding, Level

SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


class Located(NamedTuple):
    """A finding and where it is."""

    file: str
    place: Place
    pointer: str
    """The JSON pointer of the value, or of the key; empty for the whole file."""
    finding: Finding


def locate(file: ProfileFile, findings: Iterable[Finding]) -> list[Located]:
    """Findings with their places, in the order of the file; at one place the worst first."""
    found = list(findings)
    values = file.places({one.path for one in found if not one.of_key})
    of_keys = {one.path for one in found if one.of_key}
    keys = file.places(of_keys, keys=True) if of_keys else {}
    located = [
        Located(
            file.name,
            (keys if one.of_key else values)[one.path],
            pointer((*file.prefix, *one.path)),
            one,
        )
        for one in found
    ]
    return sorted(located, key=lambda one: (one.place, one.finding.level.rank, one.finding.rule, one.finding.text))


def counted(located: Iterable[Located]) -> str:
    """`2 errors, 1 warning, 0 notes`."""
    levels = Counter(one.finding.level for one in located)
    return ", ".join(plural(levels[level], level.value) for level in Level)


def as_text(located: Iterable[Located]) -> str:
    """A line for each."""
    return "".join(f"{printable(_line(one))}\n" for one in located)


def _line(one: Located) -> str:
    where = f"{one.pointer}: " if one.pointer else ""
    finding = one.finding
    return f"{one.file}:{one.place.line}:{one.place.column}: {finding.level}: {where}{finding.text} [{finding.rule}]"


def as_json(located: Iterable[Located]) -> str:
    """An array of objects."""
    return json.dumps([_object(one) for one in located], indent=2) + "\n"


def _object(one: Located) -> dict[str, object]:
    return {
        "file": one.file,
        "line": one.place.line,
        "column": one.place.column,
        "pointer": one.pointer,
        "level": one.finding.level.value,
        "rule": one.finding.rule,
        "message": one.finding.text,
    }


def as_sarif(located: Iterable[Located], unread: Iterable[str] = ()) -> str:
    """A log of SARIF 2.1.0 (OASIS) with one run. All rules are described, whether they found something or not; `unread`
    says why files could not be read, without which the run was no success."""
    indexes = {name: index for index, name in enumerate(RULES)}
    rules = [
        {
            "id": rule.name,
            "shortDescription": {"text": f"{rule.meaning}."},
            "defaultConfiguration": {"level": rule.level.value},
        }
        for rule in RULES.values()
    ]
    run = {
        "tool": {"driver": {"name": "audit2seccomp", "version": __version__, "rules": rules}},
        "invocations": [_invocation(list(unread))],
        "columnKind": "unicodeCodePoints",
        "results": [_result(one, indexes[one.finding.rule]) for one in located],
    }
    return json.dumps({"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _invocation(unread: list[str]) -> dict[str, object]:
    notifications = [{"level": "error", "message": {"text": why}} for why in unread]
    return {"executionSuccessful": not unread, "toolExecutionNotifications": notifications}


def _result(one: Located, rule_index: int) -> dict[str, object]:
    location: dict[str, object] = {
        "physicalLocation": {
            "artifactLocation": {"uri": _uri(one.file)},
            "region": {"startLine": one.place.line, "startColumn": one.place.column},
        }
    }
    if one.pointer:
        location["logicalLocations"] = [{"fullyQualifiedName": one.pointer}]
    return {
        "ruleId": one.finding.rule,
        "ruleIndex": rule_index,
        "level": one.finding.level.value,
        "message": {"text": one.finding.text},
        "locations": [location],
    }


def _uri(name: str) -> str:
    """A file's name as a relative URI reference, or an absolute file: URI."""
    from urllib.parse import quote

    path = quote(os.fsencode(name))
    return f"file://{path}" if path.startswith("/") else path
