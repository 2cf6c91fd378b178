"""Rules about what the targets do not take."""

from __future__ import annotations

from collections.abc import Iterator

from audit2seccomp.named_tuple import NamedTuple
from audit2seccomp.profile.lint.libseccomp_tables import version_text
from audit2seccomp.profile.lint.registry import Hit, Level, Path, lint_rule
from audit2seccomp.profile.lint.subject import Subject
from audit2seccomp.profile.lint.targets import (
    KEP_6061,
    MAX_ARTIFACT_BYTES,
    SPO,
    SPO_LISTENER_PREFIX,
    SPO_MAX_VALUE,
    Lack,
    Target,
)
from audit2seccomp.profile.model import EPERM, Clause, Profile, Rule


class Use(NamedTuple):
    """A feature that a profile uses, and where."""

    feature: str
    path: Path
    of_key: bool = False


def uses(profile: Profile) -> Iterator[Use]:
    """Every key, action, operator, flag and architecture that some target may not have, in the order of the file."""
    yield Use(profile.default_action, ("defaultAction",))
    if profile.default_errno is not None:
        yield Use("defaultErrnoRet", ("defaultErrnoRet",), True)
    if profile.default_errno_name is not None and profile.default_errno is None:
        yield Use("defaultErrno", ("defaultErrno",), True)
    for index, name in enumerate(profile.architectures):
        yield Use(name, ("architectures", index))
    if profile.arch_map:
        yield Use("archMap", ("archMap",), True)
    for index, flag in enumerate(profile.flags):
        yield Use(flag, ("flags", index))
    if profile.listener_path is not None:
        yield Use("listenerPath", ("listenerPath",), True)
    if profile.listener_metadata is not None:
        yield Use("listenerMetadata", ("listenerMetadata",), True)
    for index, rule in enumerate(profile.rules):
        yield from _uses_of(rule, ("syscalls", index))


def _uses(subject: Subject) -> Iterator[Use]:
    """Those of the parts that were understood: behind a value that was left out the others have moved."""
    broken = {path[0] for path, _, of_key in subject.flaws if path and not of_key} - {"syscalls"}
    return (use for use in uses(subject.profile) if use.path[0] not in broken)


def _uses_of(rule: Rule, path: Path) -> Iterator[Use]:
    if rule.single:
        yield Use("name", (*path, "name"), True)
    yield Use(rule.action, (*path, "action"))
    if rule.errno is not None:
        yield Use("errnoRet", (*path, "errnoRet"), True)
    elif rule.errno_name is not None:
        yield Use("errno", (*path, "errno"), True)
    for position, condition in enumerate(rule.args):
        yield Use(condition.operator, (*path, "args", position, "op"))
    if rule.comment:
        yield Use("comment", (*path, "comment"), True)
    for key, clause in (("includes", rule.includes), ("excludes", rule.excludes)):
        if clause != Clause():
            yield Use(key, (*path, key), True)
        if clause.min_kernel is not None:
            yield Use("minKernel", (*path, key, "minKernel"), True)


def _text(target: Target, use: Use, lack: Lack) -> str:
    since = f" (it came with {version_text(lack.since)})" if lack.since is not None else ""
    verb = "does not take" if lack.is_refused else "ignores"
    return f"{target.label} {verb} {use.feature}{since}: {lack.effect}"


@lint_rule(
    "target-refuses", Level.ERROR, "a target refuses the profile for a key, action, flag, operator or architecture"
)
def refuses(subject: Subject) -> Iterator[Hit]:
    """From the tables of the targets, and from what `runc features` lists."""
    for use in _uses(subject):
        for target in subject.targets:
            lack = target.lack(use.feature)
            if lack is None or not lack.is_refused:
                continue
            if use.feature == "defaultErrnoRet" and subject.default.errno == EPERM:
                what = f"{target.label} has no defaultErrnoRet, and uses EPERM anyway: remove it"
                yield Hit(use.path, what, Level.WARNING, of_key=True)
            elif use.feature == "comment":
                yield Hit(use.path, f"{target.label} has no comments: it is lost", Level.NOTE, of_key=True)
            else:
                yield Hit(use.path, _text(target, use, lack), lack.level, use.of_key)


@lint_rule("target-ignores", Level.WARNING, "a target ignores a key, so that the profile means something else there")
def ignores(subject: Subject) -> Iterator[Hit]:
    """An error where the profile allows more then, or nothing of what it says; a note where nothing changes."""
    for use in _uses(subject):
        for target in subject.targets:
            lack = target.lack(use.feature)
            if lack is not None and not lack.is_refused:
                yield Hit(use.path, _text(target, use, lack), lack.level, use.of_key)


@lint_rule("no-seccomp", Level.ERROR, "the runtime whose features were given has no seccomp")
def no_seccomp(subject: Subject) -> Iterator[Hit]:
    """`linux.seccomp.enabled` is false."""
    for target in subject.targets:
        if not target.enabled:
            yield Hit((), f"{target.label} was built without seccomp: no profile can be used with it")


@lint_rule("unknown-version", Level.NOTE, "what a target takes is not known by version")
def unknown_version(subject: Subject) -> Iterator[Hit]:
    """The newest facts are taken."""
    for target in subject.targets:
        newest = target.platform.newest
        if target.version is not None and target.platform.of_versions is False:
            yield Hit((), f"what {target.platform.name} takes is not known by version: taken as the newest one")
        elif target.version is not None and newest is not None and target.version[:2] > newest[:2]:
            yield Hit((), f"{target.label} is newer than what is known: taken as {version_text(newest)}")


@lint_rule("artifact-too-large", Level.ERROR, "the file is larger than an artifact of KEP-6061 may be")
def too_large(subject: Subject) -> Iterator[Hit]:
    """1 MiB."""
    if any(target.platform is KEP_6061 for target in subject.targets) and (subject.size or 0) > MAX_ARTIFACT_BYTES:
        yield Hit((), f"{subject.size:,} bytes: kep-6061 takes no more than {MAX_ARTIFACT_BYTES:,}: make it smaller")


@lint_rule("outside-crd", Level.ERROR, "a value does not fit in a field of SeccompProfile (spo)")
def outside_crd(subject: Subject) -> Iterator[Hit]:
    """int64 values, and the pattern of listenerPath."""
    if not any(target.platform is SPO for target in subject.targets):
        return
    listener = subject.profile.listener_path
    if listener is not None and not listener.startswith(SPO_LISTENER_PREFIX):
        yield Hit(("listenerPath",), f"spo takes only a socket below {SPO_LISTENER_PREFIX}: put it there")
    for index, rule in enumerate(subject.profile.rules):
        for position, condition in enumerate(rule.args):
            for key, value in (("value", condition.value), ("valueTwo", condition.value_two or 0)):
                if value > SPO_MAX_VALUE:
                    path = ("syscalls", index, "args", position, key)
                    yield Hit(path, f"{value} does not fit in int64, which spo stores it as: use a smaller value")
