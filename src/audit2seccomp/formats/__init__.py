"""Profile formats: one module each, which can `write` a profile or `read` a file, or both."""

from __future__ import annotations

import re
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

from audit2seccomp.errors import ProfileFileError, UsageError, did_you_mean
from audit2seccomp.formats.written import NO_OPTIONS, WriteOptions, Written
from audit2seccomp.profile.model import Profile

if TYPE_CHECKING:
    from audit2seccomp.formats.files import ProfileFile

WRITERS = {
    "oci": ".json",
    "docker": ".json",
    "spo": ".yaml",
    "kubernetes": ".yaml",
    "systemd": ".conf",
    "minijail": ".policy",
    "names": ".txt",
    "bpf": ".bpf",
    "pfc": ".pfc",
}
"""The formats that can be written, and how the names of such files end. Each is a module of that name with a function
`write`, and a tuple OPTIONS of the fields of WriteOptions that it looks at, if there are any."""

BY_LIBSECCOMP = ("bpf", "pfc")
"""Of these formats those that take its library."""

READERS = {
    "systemd": r"\A\s*[^\s{]",
    "spo": "SeccompProfile|security-profiles-operator",
    "oci": r"\A\s*[\[{]",
    "names": r"\A\s*[^\s{]",
}
"""The modules with functions `recognises` and `read`, in the order in which a text is shown to them, each with an
expression that is found in whatever it may recognise: other modules need not be imported."""

READABLE = "JSON (oci or docker), a SeccompProfile (spo), a unit (systemd) or a list of calls (names)"
"""What these read, with the formats' names; all others are only written."""

MAX_BYTES = 4 << 20
"""A profile with all calls of all tables, a rule each, has less than 200 kB; Kubernetes allows 1 MiB (KEP-6061)."""


_BOM = "\ufeff"
"""Go's encoding/json and crun's parser refuse it, so it is not passed over here. systemd and YAML may have it."""


class _Writer(Protocol):
    def write(self, profile: Profile, options: WriteOptions) -> Written:
        """The profile as a file of the format."""


class _Reader(Protocol):
    def recognises(self, text: str) -> bool:
        """Whether a text looks like the format."""

    def read(self, name: str, text: str, *, lenient: bool) -> ProfileFile:
        """The profile in a text."""


def write_profile(profile: Profile, form: str = "oci", options: WriteOptions = NO_OPTIONS) -> Written:
    """A profile in one of the formats in WRITERS. Raises FormatError for what it cannot hold, and UsageError for a
    format that is none."""
    return _writer(form).write(profile, options)


def options_of(form: str) -> tuple[str, ...]:
    """The fields of WriteOptions that a format looks at; raises UsageError for a format that is none."""
    return getattr(_writer(form), "OPTIONS", ())


def known_form(form: str) -> str:
    """The name of a format that can be written; raises UsageError for another one."""
    if form not in WRITERS:
        raise UsageError(f"no format '{form}': one of {', '.join(WRITERS)}{did_you_mean(form, WRITERS)}")
    return form


def read_profile(data: bytes, name: str = "<profile>", *, lenient: bool = False) -> ProfileFile:
    """The profile in a file's bytes, whatever format it has; `name` is for messages. `lenient` keeps keys that the
    format does not define.

    Raises ProfileFileError for what is too large, no text, or of no known format; what is wrong inside are `problems`
    of the result, whose method `sound` raises for them."""
    if len(data) > MAX_BYTES:
        raise ProfileFileError(f"{name}: more than {MAX_BYTES >> 20} MiB: no profile is so large")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise ProfileFileError(f"{name}: no text: byte {error.start:,} is not UTF-8") from None
    if not text.strip():
        raise ProfileFileError(f"{name}: is empty: no profile in it")
    for form, hint in READERS.items():
        if not re.search(hint, text):
            continue
        reader = cast("_Reader", _module(form))
        if reader.recognises(text):
            return reader.read(name, text, lenient=lenient)
    if text.startswith(_BOM):
        raise ProfileFileError(
            f"{name}:1:1: begins with a byte order mark (U+FEFF), with which runc and crun refuse JSON: take it out"
        )
    _refuse_other_json(name, text)
    raise ProfileFileError(f"{name}: no format that can be read: {READABLE} is expected; others are only written")


def _refuse_other_json(name: str, text: str) -> None:
    """Raise ProfileFileError with the place if a text is JSON, but no object."""
    from audit2seccomp.formats import oci
    from audit2seccomp.formats.reading.json_places import decode

    try:
        decode(name, text)
    except ProfileFileError:
        return
    oci.read(name, text).sound()


def _writer(form: str) -> _Writer:
    return cast("_Writer", _module(known_form(form)))


def _module(form: str) -> object:
    return import_module(f"audit2seccomp.formats.{form}")
