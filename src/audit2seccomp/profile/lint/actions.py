"""Rules about actions, errno values, and the listener."""

from __future__ import annotations

from collections.abc import Iterator

from audit2seccomp.profile.lint.registry import Hit, Level, Path, lint_rule
from audit2seccomp.profile.lint.subject import Subject
from audit2seccomp.profile.model import LARGEST_ERRNO, MAX_DATA, Profile, RuleAction, errno_named, errno_text


@lint_rule(
    "empty-profile", Level.WARNING, "a profile that denies by default allows nothing: no program starts under it"
)
def empty(subject: Subject) -> Iterator[Hit]:
    """Neither a rule nor the default lets anything through."""
    if subject.is_whole and subject.default_denies and not subject.let_through:
        yield Hit((), "no call is allowed, so nothing can run under this profile: add rules that allow")


@lint_rule("denies-nothing", Level.WARNING, "neither the default action nor a rule denies anything")
def denies_nothing(subject: Subject) -> Iterator[Hit]:
    """A default of LOG is for recording; it is a note then."""
    actions = {outcome.action for outcome in (*subject.outcomes, subject.default)}
    if subject.is_whole and actions <= {RuleAction.ALLOW, RuleAction.LOG}:
        is_recording = subject.default.action is RuleAction.LOG
        why = "it only records" if is_recording else "the default action allows, and no rule denies"
        level = Level.NOTE if is_recording else Level.WARNING
        yield Hit(("defaultAction",), f"this profile denies nothing: {why}", level)


@lint_rule("needless-errno", Level.WARNING, "an errno stands beside an action that takes none, which crun refuses")
def needless_errno(subject: Subject) -> Iterator[Hit]:
    """crun: "errno value specified for action" (src/libcrun/seccomp.c); runc ignores it."""
    level = subject.level_with("crun")
    profile = subject.profile
    if profile.default_errno is not None and not profile.default_action.takes_errno:
        yield Hit(("defaultErrnoRet",), _needless(profile.default_action), level)
    for index, rule in enumerate(profile.rules):
        if rule.errno is not None and not rule.action.takes_errno:
            yield Hit(("syscalls", index, "errnoRet"), _needless(rule.action), level)


def _needless(action: RuleAction) -> str:
    return f"{action} takes no errno, and crun refuses the profile: remove it, or use SCMP_ACT_ERRNO"


@lint_rule("errno-too-large", Level.ERROR, "an errno is larger than 4094: libseccomp refuses it, and so do runtimes")
def errno_too_large(subject: Subject) -> Iterator[Hit]:
    """Beside ERRNO; what a tracer is told may be any number. Of more than 16 bits the lower ones count: a warning."""
    for path, number in _errnos(subject):
        becomes = number & MAX_DATA
        of_more = f", of which the lower 16 bits count: {becomes}" if number > MAX_DATA else ""
        if becomes > LARGEST_ERRNO:
            what = f"{number} is no errno{of_more}, and runc and crun refuse it"
            yield Hit(path, f"{what}: {LARGEST_ERRNO} is the largest one")
        elif of_more:
            yield Hit(
                path, f"{number} is no errno{of_more} ({errno_text(becomes)}): write what is meant", Level.WARNING
            )


@lint_rule("errno-zero", Level.WARNING, "a call is denied with errno 0: it pretends to succeed")
def errno_zero(subject: Subject) -> Iterator[Hit]:
    """The kernel skips the call and returns 0 (seccomp(2), SECCOMP_RET_ERRNO)."""
    for path, number in _errnos(subject):
        if number & MAX_DATA == 0:
            yield Hit(path, "0 is no error: the call does nothing and pretends to succeed: write an errno such as 1")


def _errnos(subject: Subject) -> Iterator[tuple[Path, int]]:
    """The numbers beside ERRNO."""
    profile = subject.profile
    if profile.default_errno is not None and profile.default_action is RuleAction.ERRNO:
        yield ("defaultErrnoRet",), profile.default_errno
    for index, rule in enumerate(profile.rules):
        if rule.errno is not None and rule.action is RuleAction.ERRNO:
            yield ("syscalls", index, "errnoRet"), rule.errno


@lint_rule("no-such-errno", Level.ERROR, "the name of an errno is none")
def no_such_errno(subject: Subject) -> Iterator[Hit]:
    """containers/common refuses it."""
    names: list[tuple[Path, str | None]] = [(("defaultErrno",), subject.profile.default_errno_name)]
    names += [(("syscalls", index, "errno"), rule.errno_name) for index, rule in enumerate(subject.profile.rules)]
    for path, name in names:
        if name and errno_named(name) is None:
            yield Hit(path, f'"{name[:80]}" is no errno: a name such as EPERM is expected')


@lint_rule("notify-default", Level.ERROR, "NOTIFY is the default action: the container cannot start")
def notify_default(subject: Subject) -> Iterator[Hit]:
    """runc refuses it (InitSeccomp): the runtime's own calls would wait for a listener that it has yet to announce."""
    if subject.profile.default_action is RuleAction.NOTIFY:
        yield Hit(("defaultAction",), "NOTIFY cannot be the default action, runc refuses it: name the calls in a rule")


@lint_rule("notify-write", Level.WARNING, "NOTIFY is the action for write, with which runc hands over the listener")
def notify_write(subject: Subject) -> Iterator[Hit]:
    """runc refuses it (InitSeccomp)."""
    for index, name, path in subject.names():
        if name == "write" and subject.profile.rules[index].action is RuleAction.NOTIFY:
            yield Hit(
                path,
                "runc refuses NOTIFY for write, with which it hands over the listener: take it out",
                subject.level_with("runc"),
            )


@lint_rule("notify-without-listener", Level.WARNING, "a rule notifies a listener, and listenerPath is missing")
def notify_without_listener(subject: Subject) -> Iterator[Hit]:
    """config-linux.md, "Seccomp": the runtime sends the listener to that socket."""
    if subject.profile.listener_path or not subject.is_whole:
        return
    for index, rule in enumerate(subject.profile.rules):
        if rule.action is RuleAction.NOTIFY:
            what = "runc refuses the profile, and with crun nobody is notified: set listenerPath"
            yield Hit(("syscalls", index, "action"), what, subject.level_with("runc"))


@lint_rule("unused-listener", Level.NOTE, "listenerPath is set, and no rule notifies")
def unused_listener(subject: Subject) -> Iterator[Hit]:
    """The socket is not connected to."""
    profile = subject.profile
    if subject.is_whole and profile.listener_path is not None and not _notifies(profile):
        what = "no rule has the action SCMP_ACT_NOTIFY: remove it"
        yield Hit(("listenerPath",), what, of_key=True)


@lint_rule("metadata-without-listener", Level.ERROR, "listenerMetadata stands without listenerPath")
def metadata_without_listener(subject: Subject) -> Iterator[Hit]:
    """config-linux.md, "Seccomp": it must not."""
    profile = subject.profile
    if subject.is_whole and profile.listener_metadata is not None and profile.listener_path is None:
        what = "listenerMetadata without listenerPath, which the OCI specification forbids: set both, or none"
        yield Hit(("listenerMetadata",), what, of_key=True)


def _notifies(profile: Profile) -> bool:
    return RuleAction.NOTIFY in (profile.default_action, *(rule.action for rule in profile.rules))
