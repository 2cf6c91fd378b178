"""What a profile says, told a second time: from its JSON, the tables and the documentation of seccomp, without the
program's own reading, effects or filters."""

from __future__ import annotations

from typing import Any

from audit2seccomp.kernel.abi import Abi
from audit2seccomp.kernel.multiplexed import MULTIPLEXED
from audit2seccomp.kernel.syscalls import table_of

CODES = {
    "SCMP_ACT_ALLOW": 0x7FFF0000,
    "SCMP_ACT_LOG": 0x7FFC0000,
    "SCMP_ACT_TRACE": 0x7FF00000,
    "SCMP_ACT_ERRNO": 0x00050000,
    "SCMP_ACT_TRAP": 0x00030000,
    "SCMP_ACT_KILL": 0x00000000,
    "SCMP_ACT_KILL_THREAD": 0x00000000,
    "SCMP_ACT_KILL_PROCESS": 0x80000000,
}
"""SECCOMP_RET_* of include/uapi/linux/seccomp.h."""
KILL_THREAD = 0
_WITH_NUMBER = ("SCMP_ACT_ERRNO", "SCMP_ACT_TRACE")
_WHOLE_REGISTERS = frozenset(
    ("x86_64", "aarch64", "mips64", "mipsel64", "parisc64", "ppc64", "ppc64le", "riscv64", "s390x")
)
"""Where a filter compares 64 bits of an argument."""
_DOCKERS_NAMES = {"x86_64": "amd64", "aarch64": "arm64"}

Args = tuple[int, ...]
Conditions = list[dict[str, Any]]


def code(action: str, number: int | None) -> int:
    """What a filter returns."""
    return CODES[action] | ((1 if number is None else number) if action in _WITH_NUMBER else 0)


class Reading:
    """What a profile's JSON says of the calls of one ABI, on a host whose containers have no capabilities."""

    def __init__(
        self, document: dict[str, Any], abi: Abi, host: Abi, kernel: tuple[int, int], lacking: frozenset[str]
    ) -> None:
        """`lacking`: the names that a runtime ignores, as its libseccomp does not know them."""
        self.default = code(document["defaultAction"], document.get("defaultErrnoRet"))
        self._mask = 2 ** (64 if abi.name in _WHOLE_REGISTERS else 32) - 1
        self._rules: dict[int, list[tuple[Conditions, int]]] = {}
        table = table_of(abi)
        for rule in document["syscalls"]:
            verdict = code(rule["action"], rule.get("errnoRet"))
            if verdict == self.default or not _is_there(rule, host, kernel):
                continue
            for name in rule["names"] if "names" in rule else [rule["name"]]:
                if name in lacking:
                    continue
                cases = _cases(rule.get("args") or [])
                self._add(table.number_of(name), cases, verdict)
                if name in MULTIPLEXED:
                    inner = {"index": 0, "op": "SCMP_CMP_EQ", "value": MULTIPLEXED[name].number}
                    through = [[inner, *(one for one in case if one["index"] != 0)] for case in cases]
                    self._add(table.number_of(MULTIPLEXED[name].through), through, verdict)

    def _add(self, number: int | None, cases: list[Conditions], verdict: int) -> None:
        if number is not None:
            self._rules.setdefault(number, []).extend((case, verdict) for case in cases)

    @property
    def conditional(self) -> dict[int, set[int]]:
        """The numbers of calls whose arguments matter, each with the values that they are compared with."""
        return {
            number: {value for case, _ in rules for one in case for value in (one["value"], one.get("valueTwo") or 0)}
            for number, rules in self._rules.items()
            if any(case for case, _ in rules)
        }

    def verdict(self, number: int, args: Args) -> int:
        """What the kernel is told. A rule without conditions goes before those that have some."""
        rules = self._rules.get(number, [])
        for case, verdict in sorted(rules, key=lambda one: bool(one[0])):
            if all(self._holds(one, args) for one in case):
                return verdict
        return self.default

    def _holds(self, one: dict[str, Any], args: Args) -> bool:
        datum: int = args[one["index"]] & self._mask
        value: int = one["value"] & self._mask
        match one["op"].removeprefix("SCMP_CMP_"):
            case "EQ":
                return datum == value
            case "NE":
                return datum != value
            case "LT":
                return datum < value
            case "LE":
                return datum <= value
            case "GT":
                return datum > value
            case "GE":
                return datum >= value
        assert one["op"] == "SCMP_CMP_MASKED_EQ"
        two: int = one.get("valueTwo") or 0
        return datum & value == two & value


def _cases(args: Conditions) -> list[Conditions]:
    """All conditions of a rule must hold; where two are about one argument, any one is enough."""
    return [[one] for one in args] if len({one["index"] for one in args}) < len(args) else [args]


def _is_there(rule: dict[str, Any], host: Abi, kernel: tuple[int, int]) -> bool:
    """Whether Docker keeps a rule."""
    includes, excludes = rule.get("includes") or {}, rule.get("excludes") or {}
    name = _DOCKERS_NAMES.get(host.name, host.name)
    needed = [tuple(map(int, clause["minKernel"].split("."))) for clause in (includes,) if clause.get("minKernel")]
    assert not excludes.get("minKernel"), "no profile here excludes kernels"
    return (
        not includes.get("caps")
        and name not in (excludes.get("arches") or ())
        and (not includes.get("arches") or name in includes["arches"])
        and all(kernel >= least for least in needed)
    )
