"""What reading a profile file gives."""

from __future__ import annotations

from collections.abc import Callable, Collection

from audit2seccomp.errors import ProfileFileError
from audit2seccomp.formats.reading.places import Path, Place, Problem, Span, nearest, places_of, pointer, with_parents
from audit2seccomp.named_tuple import NamedTuple
from audit2seccomp.profile.model import Profile

Find = Callable[[Collection[Path], bool], dict[Path, Span]]
"""Where values stand, or with True the keys that name them; those that are not there are left out."""


class ProfileFile(NamedTuple):
    """A file that holds a profile, read."""

    name: str
    text: str
    format: str
    """One of `formats.READERS`, or `docker`."""
    profile: Profile | None
    """What could be understood; None if nothing could."""
    problems: tuple[Problem, ...]
    find: Find
    prefix: Path = ()
    """The path of the profile in the file, to put before paths such as `("syscalls", 0)`."""
    object_name: str | None = None
    """What Kubernetes calls it."""
    remarks: tuple[str, ...] = ()
    """What the file says and a profile cannot, a sentence each; never that it denies a call."""

    def places(self, paths: Collection[Path], *, keys: bool = False) -> dict[Path, Place]:
        """Where the values at some paths of the profile stand, or the nearest that is there; with `keys` their keys."""
        whole = {path: (*self.prefix, *path) for path in paths}
        found = self.find(with_parents(whole.values()), False)
        if keys:
            found |= self.find(set(whole.values()), True)
        offsets = {path: nearest(found, there).start for path, there in whole.items()}
        places = places_of(self.text, offsets.values())
        return {path: places[offset] for path, offset in offsets.items()}

    def sound(self) -> Profile:
        """The profile; raises ProfileFileError with the place of the first problem, if there is one."""
        for problem in self.problems:
            place = self.places([problem.path], keys=problem.of_key)[problem.path]
            where = pointer((*self.prefix, *problem.path))
            more = len(self.problems) - 1
            rest = "" if not more else f" (and {more} more: audit2seccomp lint {self.name} lists them)"
            raise ProfileFileError(
                f"{self.name}:{place.line}:{place.column}: {where}{': ' if where else ''}{problem.text}{rest}"
            )
        if self.profile is None:
            raise ProfileFileError(f"{self.name}: no profile in it")
        return self.profile
