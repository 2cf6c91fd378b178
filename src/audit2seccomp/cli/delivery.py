"""From evidence to the profile that is written: what is said of it, and what speaks against writing it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from audit2seccomp.cli.messages import complain, first_seen, gaps, say, summary
from audit2seccomp.cli.output import Output
from audit2seccomp.cli.reading import refuse_unread, write_result
from audit2seccomp.cli.shape import NO_RUNTIME, ExtendedFile, Product, Shape
from audit2seccomp.errors import ExitStatus, NothingFoundError, UsageError
from audit2seccomp.evidence.model import Count, RecordKey, observe
from audit2seccomp.named_tuple import NamedTuple
from audit2seccomp.profile.build import counts

if TYPE_CHECKING:
    from audit2seccomp.cli.choices import Choices
    from audit2seccomp.cli.interrupt import Interruption
    from audit2seccomp.cli.many import Many
    from audit2seccomp.cli.reading import Gathered


class Destination:
    """Where a profile goes: a file, a file that is extended, standard output, or a folder of several."""

    def __init__(self, shape: Shape, output: str | None, directory: str | None, per: str | None) -> None:
        """Raises UsageError for options that contradict each other, and OutputError for what cannot be written."""
        if shape.updated is not None and (directory or per):
            raise UsageError("--update: extends one profile: not with --per or -d")
        self.output = output
        self.many = _many(directory, per, output)
        in_place = shape.updated if output is None else None
        self.target: Output | None = None
        if self.many is None:
            self.target = Output(output) if in_place is None else ExtendedFile(in_place)
        self.written: str | bytes | None = None if in_place is None else in_place.text
        """What stands there already and need not be written."""


def _many(directory: str | None, per: str | None, output: str | None) -> Many | None:
    """Where several profiles go, if they are asked for."""
    if directory is None and per is None:
        return None
    from audit2seccomp.cli.many import Many

    if directory is None:
        raise UsageError("--per: writes several profiles: -d DIR says where")
    if output is not None:
        raise UsageError("-o, -d: one of them, please: a profile, or a folder of several")
    return Many(directory, per)


def announcer() -> Callable[[RecordKey], None]:
    """What says each distinct call and action once, by whichever program made it first."""
    known: set[object] = set()

    def announce(key: RecordKey) -> None:
        seen = observe(key, Count(1))
        call = (seen.abi.name, seen.nr, seen.action or seen.code)
        if call not in known:
            known.add(call)
            say(first_seen(seen))

    return announce


class Delivered(NamedTuple):
    """What was written, and what the command says of it to its caller."""

    status: int
    product: Product


def deliver(
    gathered: Gathered,
    choices: Choices,
    shape: Shape,
    destination: Destination,
    interruption: Interruption,
    *,
    strict: bool,
) -> Delivered:
    """Say what was found, make the profile or profiles and write them. Raises SystemExit, Interrupted where that is
    said, and the errors of what is called."""
    product = _product(gathered, choices, shape, strict=strict, many=destination.many is not None)
    if destination.many is not None:
        return Delivered(destination.many.write(gathered, shape, strict=strict, quiet=choices.quiet), product)
    for line in shape.remarks(product, destination.output) if not choices.quiet else ():
        say(line)
    for line in shape.explanations(product.built):
        say(line)
    if strict and product.losses:
        complain("something is lost, and --strict was given: nothing is written")
        raise SystemExit(ExitStatus.INCOMPLETE)
    target = destination.target
    if target is not None and isinstance(product.content, bytes) and target.is_terminal:
        raise UsageError(f"--format {shape.form}: is no text for a terminal: -o FILE names a file")
    if target is not None and product.content != destination.written:
        write_result(target, product.content, gathered, interruption, "profile")
    return Delivered(gathered.status, product)


def _product(gathered: Gathered, choices: Choices, shape: Shape, *, strict: bool, many: bool) -> Product:
    """Say what was found, and make the profile; raises SystemExit if something speaks against it."""
    evidence = gathered.evidence
    seen = evidence.by_call().observations()
    used = [one for one in seen if counts(one, shape.include_denied)]
    left_out = [one for one in seen if not counts(one, shape.include_denied)]
    missing = list(gaps(used))
    if not choices.quiet:
        for line in (*summary(evidence, used, left_out, unread=gathered.unread, via=gathered.via), *missing):
            say(line)
    refuse_unread(gathered, choices)
    try:
        product = shape.product(evidence)
    except NothingFoundError as error:
        complain(str(error))
        raise SystemExit(gathered.interrupted or ExitStatus.NO_RESULT) from None
    if gathered.via is None and not (gathered.runtime_left_out or choices.quiet or many):
        if shape.lacks_runtime(evidence):
            say(f"container: the log holds no call of a container runtime: {NO_RUNTIME}")
        for line in shape.may_not_start(evidence, product.built):
            say(line)
    if strict and (missing or evidence.rejected or evidence.losses):
        lacking = evidence.rejected or evidence.losses
        why = "the result is incomplete" if lacking else "the profile is incomplete: it lacks calls that were made"
        complain(f"{why}, and --strict was given: nothing is written")
        raise SystemExit(ExitStatus.INCOMPLETE)
    return product
