"""Where the program starts: the short way to a profile, the way over typer to all else, and the one error boundary."""

from __future__ import annotations

import gc
import os
import sys
from typing import TYPE_CHECKING, NoReturn

from audit2seccomp.cli.messages import complain, complain_of
from audit2seccomp.errors import Audit2SeccompError, ExitStatus
from audit2seccomp.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

COMPLETION_VARIABLE = "_AUDIT2SECCOMP_COMPLETE"
COMMANDS = (
    "generate",
    "explain",
    "collect",
    "audit-profile",
    "check",
    "decide",
    "merge",
    "diff",
    "lint",
    "convert",
    "record",
    "run",
    "syscall",
)
"""Each is a function of that name in the module of that name, with _ for -; only the one that runs is imported."""


_JOBS_DIGITS = 4


class PlainRun(NamedTuple):
    """What most command lines ask for."""

    logs: list[str]
    output: str | None
    quiet: bool
    jobs: int | None
    journal: bool


def plain_run(words: Sequence[str]) -> PlainRun | None:
    """The meaning of a command line with nothing but logs, `--journal`, `-o FILE`, `--jobs N` and `-q`, as typer would
    tell it; None for any other. Importing typer takes as long as all else that such a run does."""
    logs: list[str] = []
    output: str | None = None
    quiet, jobs, journal = False, None, False
    rest = iter(words)
    for word in rest:
        if word in ("-q", "--quiet"):
            quiet = True
        elif word in ("-o", "--output"):
            output = next(rest, "-")
            if output.startswith("-"):
                return None
        elif word == "--journal":
            journal = True
        elif word == "--jobs":
            number = next(rest, "")
            if not (number.isascii() and number.isdecimal() and len(number) <= _JOBS_DIGITS and int(number)):
                return None
            jobs = int(number)
        elif word.startswith("-") and word != "-":
            return None
        else:
            logs.append(word)
    first = words[0] if words else "-"
    if first in COMMANDS or not (first.startswith("-") or os.path.lexists(first)):
        return None  # it is a command, or may be meant as one
    return PlainRun(logs, output, quiet, jobs, journal)


def _run_plain(run: PlainRun) -> NoReturn:
    from audit2seccomp.cli.choices import Choices
    from audit2seccomp.cli.generation import make_profile
    from audit2seccomp.cli.shape import Shape

    _collect_garbage()
    choices = Choices(quiet=run.quiet, jobs=run.jobs)
    if run.journal:
        choices = choices.of_journals()
    sys.exit(make_profile(run.logs or None, choices, Shape(), run.output))


def _collect_garbage() -> None:
    """From now on: cli/__init__.py turned it off. What is there now stays, so it need not be looked at again."""
    gc.freeze()
    gc.enable()


def _lacks_memory(error: Exception) -> bool:
    """Whether that is what happened; of shared libraries the loader tells it in its own words."""
    return isinstance(error, MemoryError) or (isinstance(error, ImportError) and "failed to map" in str(error))


def _end_by_interrupt() -> None:
    """As any program that Ctrl-C ends, so that a shell knows."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGINT)


def main() -> NoReturn:
    """Run the command line and exit."""
    if sys.stderr is None:  # started with a closed stderr: there is nobody to talk to, which is no reason to fail
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - for the life of the process
    try:
        plain = None if COMPLETION_VARIABLE in os.environ else plain_run(sys.argv[1:])
        if plain is not None:
            _run_plain(plain)
        from audit2seccomp.cli.app import run

        _collect_garbage()
        run()
    except Audit2SeccompError as error:
        complain_of(error)
        sys.exit(error.exit_status)
    except KeyboardInterrupt:
        _end_by_interrupt()
    except Exception as error:
        if _lacks_memory(error):
            complain("out of memory: ulimit -v raises the limit")
            sys.exit(ExitStatus.NO_RESULT)
        import traceback

        traceback.print_exc()
        complain("this is a bug in audit2seccomp: please report it with the lines above")
        sys.exit(ExitStatus.OWN_BUG)
    sys.exit(ExitStatus.DONE)
