"""Many profiles at once: `-d DIR` writes one for each log, and `--per FIELD` for each value of a field."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from audit2seccomp.cli.file_names import file_names, input_names, object_name
from audit2seccomp.cli.messages import complain, plural, printable, say
from audit2seccomp.cli.output import Directory
from audit2seccomp.cli.shape import NO_RUNTIME, Product, Shape
from audit2seccomp.errors import ExitStatus, NothingFoundError, UsageError, did_you_mean
from audit2seccomp.evidence.split import FIELDS, Value, split
from audit2seccomp.formats import WRITERS
from audit2seccomp.formats.written import WriteOptions
from audit2seccomp.named_tuple import NamedTuple

if TYPE_CHECKING:
    from audit2seccomp.cli.reading import Gathered
    from audit2seccomp.evidence.model import Evidence

MAX_FILES = 10_000
"""More values are a mistake, or somebody's joke: whoever runs the recorded programs chooses comm and exe."""
_FILE = "file"
_ADVICE = {
    "unit": "journalctl -o json or export has it",
    "container": "journalctl -o json or export has it",
    "host": "syslog and journalctl -o json have it",
    "subj": "kernels write it where SELinux, AppArmor or Smack runs",
}


class _Made(NamedTuple):
    """A profile to write."""

    name: str
    whose: str
    """Printable."""
    product: Product
    lacks_runtime: bool

    @property
    def calls(self) -> int:
        """How many it names."""
        return len({name for rule in self.product.built.profile.rules for name in rule.names})


class Many:
    """The folder, and what decides which calls go into one profile."""

    def __init__(self, directory: str, per: str | None) -> None:
        """Raises UsageError for a field that is none, and OutputError for a folder that cannot be written to."""
        if per is not None and per not in FIELDS:
            raise UsageError(f"--per: no field '{per}': one of {', '.join(FIELDS)}{did_you_mean(per, FIELDS)}")
        if not directory:
            raise UsageError("-d: names no folder")
        self._field = _FILE if per is None else per
        self._directory = Directory(directory)

    @property
    def of_files(self) -> bool:
        """Whether each input yields what it would yield alone."""
        return self._field == _FILE

    def write(self, gathered: Gathered, shape: Shape, *, strict: bool, quiet: bool) -> int:
        """Write the profiles, all or none, and say which is whose; returns the exit status.

        A value without a call to allow has no profile: that is said, and the status tells. Raises OutputError, and
        SystemExit if nothing is written for a reason that was said."""
        parts = split(gathered.evidence, self._field)
        known = parts.keys() - {None}
        if not known:
            advice = f": {_ADVICE[self._field]}" if self._field in _ADVICE else ""
            complain(f"--per {self._field}: no record says its {self._field}{advice}")
            raise SystemExit(gathered.interrupted or ExitStatus.NO_RESULT)
        if len(known) > MAX_FILES:
            complain(
                f"--per {self._field}: {len(known):,} different values, and no more than {MAX_FILES:,} profiles are "
                "written: --where selects some of them"
            )
            raise SystemExit(ExitStatus.NO_RESULT)
        lacking: list[str] = []
        ending = WRITERS[shape.form]
        of_inputs = [*gathered.inputs, *map(str, parts)]
        names = input_names(of_inputs, ending) if self.of_files else file_names(parts, ending)
        made = list(self._profiles(parts, names, shape, lacking))
        lacking += [f"{name}: none of its records counts" for name in self._without_records(gathered, parts)]
        for reason in lacking:
            complain(f"{reason}: no profile")
        if strict and lacking:
            complain("the result is incomplete and --strict was given: nothing is written")
            raise SystemExit(ExitStatus.INCOMPLETE)
        losses = dict.fromkeys(loss for one in made for loss in one.product.losses)
        if strict and losses:
            for loss in losses:
                say(printable(f"loss: {loss}"))
            complain("something is lost, and --strict was given: nothing is written")
            raise SystemExit(ExitStatus.INCOMPLETE)
        self._directory.write({one.name: one.product.content for one in made})
        self._tell(made, shape, quiet=quiet, about_runtime=gathered.via is None and not gathered.runtime_left_out)
        return gathered.status or (ExitStatus.NO_RESULT if lacking else ExitStatus.DONE)

    def _tell(self, made: list[_Made], shape: Shape, *, quiet: bool, about_runtime: bool) -> None:
        """Say which is whose, and what all of them lack once."""
        for one in made:
            if not quiet:
                path = printable(os.path.join(self._directory.path, one.name))
                say(f"wrote {path}: {one.whose}, {plural(one.calls, 'call')}")
            for line in shape.explanations(one.product.built):
                say(f"  {line}")
        if quiet:
            return
        for remark in dict.fromkeys(remark for one in made for remark in shape.remarks(one.product)):
            say(remark)
        lacking = sum(one.lacks_runtime for one in made)
        if lacking and about_runtime:
            some = "" if lacking == len(made) else f"{lacking:,} of "
            what = f"{some}{plural(len(made), 'profile')} without a call of a container runtime"
            say(f"container: {what}: {NO_RUNTIME}")

    def _profiles(
        self,
        parts: dict[Value | None, Evidence],
        names: dict[Value | None, str],
        shape: Shape,
        lacking: list[str],
    ) -> Iterator[_Made]:
        """The profiles; adds to `lacking` whose profile cannot be made, and why."""
        for value, part in parts.items():
            whose = self._whose(value)
            try:
                product = shape.product(part, WriteOptions(name=object_name(names[value])))
            except NothingFoundError as error:
                lacking.append(f"{whose}: {error}")
                continue
            yield _Made(names[value], whose, product, shape.lacks_runtime(part))

    def _whose(self, value: Value | None) -> str:
        if value is None:
            return f"records that do not say their {self._field}"
        text = value if isinstance(value, str) else value.decode(errors="surrogateescape")
        return printable(text) if self.of_files else f"{self._field} '{printable(text)}'"

    def _without_records(self, gathered: Gathered, parts: dict[Value | None, Evidence]) -> list[str]:
        """Inputs that no part is of."""
        return [name for name in dict.fromkeys(gathered.inputs) if name not in parts] if self.of_files else []
