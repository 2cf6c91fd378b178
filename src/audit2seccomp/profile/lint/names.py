"""Rules about the names of calls: whether they are any, and where they have a number."""

from __future__ import annotations

from collections.abc import Iterator

from audit2seccomp.errors import did_you_mean
from audit2seccomp.kernel.abi import Abi, oci_abis
from audit2seccomp.kernel.syscalls import all_names, tables_kernel
from audit2seccomp.profile.lint.libseccomp_tables import DISTRIBUTED, knows
from audit2seccomp.profile.lint.registry import Hit, Level, Path, lint_rule
from audit2seccomp.profile.lint.subject import Subject, has, listed

_MAX_SUGGESTIONS = 50
"""Each takes milliseconds, and whoever wrote a profile may write any number of names that are none."""
_MAX_SHOWN = 80


@lint_rule("misspelt-name", Level.ERROR, "a name is no system call; runtimes skip it, and the call stays denied")
def misspelt(subject: Subject) -> Iterator[Hit]:
    """A name in no table. (What comes after the newest kernel of the tables is reported, too.) Not where `structure`
    says so, as for lists of names."""
    told = {path for path, _, _ in subject.flaws}
    suggested: dict[str, str] = {}
    for _, name, path in subject.names():
        if any(has(abi, name) for abi in subject.abis) or name in all_names() or path in told:
            continue
        if name not in suggested and len(suggested) < _MAX_SUGGESTIONS:
            suggested[name] = _suggestion(name)
        hint = suggested.get(name, "")
        yield Hit(path, f'"{name[:_MAX_SHOWN]}" is no system call{hint}')


def _suggestion(name: str) -> str:
    plain = name.strip().lower().removeprefix("sys_").removeprefix("__nr_")
    if plain in all_names():
        return f": did you mean {plain}?"
    return did_you_mean(plain[:_MAX_SHOWN], all_names()) or f" of Linux {tables_kernel()}: remove it"


@lint_rule(
    "no-number", Level.WARNING, "a name has no number on any of the architectures that its rule is for: it does nothing"
)
def no_number(subject: Subject) -> Iterator[Hit]:
    """A call of other architectures."""
    for index, name, path in subject.names():
        abis = subject.abis_of(subject.profile.rules[index])
        if not abis or any(has(abi, name) for abi in abis) or name not in all_names():
            continue
        elsewhere = [abi.name for abi in oci_abis() if has(abi, name)]
        where = f"only {listed(elsewhere)} {'has' if len(elsewhere) == 1 else 'have'} it"
        if not elsewhere:
            where = "no architecture of profiles has it"
        yield Hit(path, f'"{name}" has no number on {_and(abis)}, so it does nothing: {where}')


@lint_rule("other-architecture", Level.NOTE, "names of a rule have no number on some of the profile's architectures")
def other_architecture(subject: Subject) -> Iterator[Hit]:
    """One note for each rule: such names are meant for the profile's other architectures."""
    for index, rule in enumerate(subject.profile.rules):
        if rule.includes.arches:
            continue
        abis = subject.abis_of(rule)
        anywhere = [name for name in dict.fromkeys(rule.names) if any(has(abi, name) for abi in abis)]
        lacking = {abi.name: [name for name in anywhere if not has(abi, name)] for abi in abis}
        counts = [f"{len(names)} on {abi}" for abi, names in lacking.items() if names]
        if counts:
            path: Path = ("syscalls", index, "name" if rule.single else "names")
            shown = list(dict.fromkeys(name for names in lacking.values() for name in names))
            what = f"names that have no number, and do nothing there: {listed(counts, 20)}"
            yield Hit(path, f"{what} ({listed(shown, 3)}), which is as it should be if others are meant")


@lint_rule("libseccomp-lacks", Level.WARNING, "the target's libseccomp does not know a name: the call stays denied")
def libseccomp_lacks(subject: Subject) -> Iterator[Hit]:
    """runc and crun start all the same, and skip the name."""
    for _, name, path in subject.names():
        if name not in all_names():
            continue
        for release in subject.libseccomps:
            if not knows(release, name):
                newer = [one for one in DISTRIBUTED if one.version == release.version and knows(one, name)]
                but = "".join(f" (that of {one.text} does)" for one in newer if one is not release)
                yield Hit(
                    path, f'libseccomp {release.text} does not know "{name}"{but}: its rule is skipped, the call denied'
                )


def _and(abis: tuple[Abi, ...]) -> str:
    names = [abi.name for abi in abis]
    return listed(names) if len(names) < 3 else f"any of {listed(names)}"
