"""What a profile is made of and how it is written, as the options of `profile_options` ask for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from audit2seccomp.cli.messages import plural, printable
from audit2seccomp.cli.output import Output
from audit2seccomp.cli.words import action_named, errno_number
from audit2seccomp.errors import FormatError, NothingFoundError, OutputError, UsageError
from audit2seccomp.evidence.decide import is_runtime
from audit2seccomp.evidence.model import Evidence, observe
from audit2seccomp.formats import BY_LIBSECCOMP, known_form, write_profile
from audit2seccomp.formats.writing.plain import plain
from audit2seccomp.formats.written import NO_OPTIONS, WriteOptions
from audit2seccomp.named_tuple import NamedTuple
from audit2seccomp.profile.build import Built, build, counts
from audit2seccomp.profile.building.bases import Base, names_let_through
from audit2seccomp.profile.building.choices import GENERATED_ACTIONS, oci_arch
from audit2seccomp.profile.building.reasons import explained
from audit2seccomp.profile.building.runtimes import NOW_AND_THEN, can_start
from audit2seccomp.profile.model import RuleAction

if TYPE_CHECKING:
    from audit2seccomp.cli.profile_options import Shaping
    from audit2seccomp.formats.files import ProfileFile

STARTS = "execve"
"""What every runtime calls under the filter: without it no container starts."""
NO_RUNTIME = "a container would not start under this profile: --runtime runc, crun or any adds what they call"
_BASE = "base "
"""What stands before the file in a base's label."""


class Product(NamedTuple):
    """A profile as it is written."""

    built: Built
    content: str | bytes
    losses: tuple[str, ...]


class ExtendedFile(Output):
    """The file that --update names, which must not change while the logs are read."""

    def __init__(self, file: ProfileFile) -> None:
        """Raises OutputError if it cannot be written."""
        super().__init__(file.name)
        self._path_read = file.name
        self._stands = file.text.encode()

    def write(self, content: str | bytes) -> None:
        """Write all of it; raises OutputError, also if somebody else wrote to the file."""
        with suppress(OSError), open(self._path_read, "rb") as now:
            if now.read(len(self._stands) + 1) != self._stands:
                raise OutputError(f"{self._path_read}: was changed meanwhile: it is left alone: run this again")
        super().write(content)
        self._stands = content.encode() if isinstance(content, str) else content


class Shape(NamedTuple):
    """What these options ask for, checked."""

    action: RuleAction = RuleAction.ALLOW
    include_denied: bool = False
    default_action: RuleAction | None = None
    errno: int | None = None
    architectures: tuple[str, ...] = ()
    form: str = "oci"
    runtimes: tuple[str, ...] = ()
    portable: str | None = None
    allow: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    drop_never: bool = False
    bases: tuple[Base, ...] = ()
    updated: ProfileFile | None = None
    """The file that is extended."""
    explain_names: bool = False

    @property
    def needs_programs(self) -> bool:
        """Whether it makes a difference who made a call."""
        return self.explain_names or self.form == "docker" or bool(self.never or self.bases)

    def build(self, evidence: Evidence) -> Built:
        """The profile of some evidence; see `profile.build`."""
        return build(
            evidence if self.needs_programs else evidence.by_call(),
            include_denied=self.include_denied,
            default_action=self.default_action,
            errno=self.errno,
            action=self.action,
            architectures=self.architectures,
            runtimes=self.runtimes,
            portable=self.portable,
            allow=self.allow,
            never=self.never,
            drop_never=self.drop_never,
            bases=self.bases,
        )

    def product(self, evidence: Evidence, write_options: WriteOptions = NO_OPTIONS) -> Product:
        """The profile of some evidence, written; raises FormatError for what the format cannot hold."""
        built = self.build(evidence)
        if self.updated is not None:
            from audit2seccomp.formats.updating.json_update import updated

            return Product(built, updated(self.updated, built, self.action), ())
        # OCI has no place for reasons, and Docker's form is larger with them: so only who asks for it gets them.
        profile = built.commented() if self.form == "docker" else built.profile
        written = write_profile(profile, self.form, write_options)
        return Product(built, written.content, written.losses)

    def lacks_runtime(self, evidence: Evidence) -> bool:
        """Whether nothing in the profile is there because a container runtime needs it. A file that is extended may
        have that from an earlier log."""
        if self.updated is not None and STARTS in names_let_through(self.updated.sound()):
            return False
        if self.runtimes or any(can_start(names_let_through(base.profile)) for base in self.bases):
            return False
        return not any(
            is_runtime(key.comm, key.exe) and counts(observe(key, count), self.include_denied)
            for key, count in evidence.counts.items()
        )

    def may_not_start(self, evidence: Evidence, built: Built) -> Iterator[str]:
        """What a recorded runtime calls at some starts only, and a new profile lacks."""
        if self.updated is not None:
            return
        allowed = names_let_through(built.profile)
        recorded = {key.comm for key in evidence.counts if is_runtime(key.comm, key.exe)}
        for runtime, calls in NOW_AND_THEN.items():
            lacking = [name for name in calls if name not in allowed]
            if lacking and any(comm is not None and comm.startswith(runtime.encode()) for comm in recorded):
                also = " and ".join(lacking)
                yield f"container: at some starts {runtime} calls {also} as well: --runtime {runtime} adds such calls"

    def remarks(self, product: Product, output: str | None = None) -> Iterator[str]:
        """What a user may not expect of a profile that is written to `output`, or where it was extended."""
        yield from (printable(note) for note in product.built.notes)
        yield from (printable(f"loss: {loss}") for loss in product.losses)
        if self.updated is not None:
            added, architectures = len(product.built.added), ", ".join(product.built.added_architectures)
            names = plural(added, "name") if added or not architectures else ""
            new = " and ".join(what for what in (names, architectures) if what)
            what = "nothing is new" if product.content == self.updated.text else f"{new} added"
            yield printable(f"{self.updated.name if output is None else output}: {what}")

    def explanations(self, built: Built) -> Iterator[str]:
        """Each name with its reasons, if that is asked for."""
        if self.explain_names:
            width = max(map(len, built.reasons), default=0)
            for name, reasons in built.reasons.items():
                yield printable(f"{name:{width}}  {explained(reasons)}")


def shape(options: Shaping, *, quiet: bool, include_denied: bool = False, known: ProfileFile | None = None) -> Shape:
    """Check them, and read the profiles that they name; what is `known` is a base, too. Raises UsageError, InputError,
    ProfileFileError and FilterError."""
    if options.update is not None and options.base:
        raise UsageError("--update, --base: one of them, please: --update builds on its file")
    if options.update is not None and options.form is not None:
        raise UsageError("--update, --format: a file keeps its format: convert writes another one")
    lenient, default = options.lenient, options.default_action
    file = None if options.update is None else _file_to_update(options.update, lenient=lenient)
    bases = (
        _bases(options.base or [], known, lenient=lenient, quiet=quiet)
        if file is None
        else (Base(file.name, file.sound(), in_place=True),)
    )
    made = Shape(
        action=action_named("--action", options.action, GENERATED_ACTIONS),
        include_denied=include_denied,
        default_action=None if default is None else action_named("--default-action", default, GENERATED_ACTIONS),
        errno=None if options.errno is None else errno_number(options.errno),
        architectures=tuple(oci_arch(name) for name in options.arch or ()),
        form=known_form(options.form or "oci"),
        runtimes=tuple(options.runtime or ()),
        portable=options.portable,
        allow=tuple(options.allow or ()),
        never=tuple(options.never or ()),
        drop_never=options.drop_never,
        bases=bases,
        updated=file,
        explain_names=options.explain_names,
    )
    if file is None:
        _refuse_open(made)
    if made.form in BY_LIBSECCOMP:
        from audit2seccomp.profile.libseccomp import library_version

        library_version()  # without the library that is an error, and better now
    with suppress(NothingFoundError):  # choices that contradict each other show before hours of reading
        made.build(Evidence())
    return made


def _bases(paths: list[str], known: ProfileFile | None, *, lenient: bool, quiet: bool) -> tuple[Base, ...]:
    if not paths and known is None:
        return ()
    from audit2seccomp.cli.profiles import load

    files = [load(path, lenient=lenient, quiet=quiet) for path in paths]
    bases = [Base(f"{_BASE}{file.name}", file.sound()) for file in files]
    if known is not None:
        bases.append(Base(f"{_BASE}{known.name}", known.sound(), known=True))
    return tuple(bases)


def _refuse_open(shape: Shape) -> None:
    """Raises FormatError for a base that depends on the host, where the format does not hold that."""
    if shape.form == "docker":
        return
    for base in shape.bases:
        try:
            plain(base.label, base.profile)
        except FormatError as error:
            raise FormatError(f"{error}{_way_out(base)}") from None


def _way_out(base: Base) -> str:
    """The command that writes what the base is on one host; nothing where something else is wrong with it."""
    from shlex import quote

    from audit2seccomp.profile.resolve import unanswered

    asked = unanswered(base.profile)
    if not any(asked):
        return ""
    options = zip(asked, ("--host-arch ARCH", "--host-kernel X.Y", "--cap none"), strict=True)
    given = " ".join(option for place, option in options if place is not None)
    path = quote(base.label.removeprefix(_BASE))
    return f"; or build on what this writes: audit2seccomp convert {path} --to oci {given} -o NEW.json"


def _file_to_update(path: str, *, lenient: bool) -> ProfileFile:
    from audit2seccomp.cli.profiles import load
    from audit2seccomp.formats.updating.json_update import check

    if path == "-":
        raise UsageError("--update: a file is extended in place, and - is none")
    file = load(path, lenient=lenient)
    check(file)
    return file
