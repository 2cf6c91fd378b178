"""`audit2seccomp lint`: what is wrong with profiles, or risky, and for which target."""

# No `from __future__ import annotations` here: typer would evaluate each one again, which takes 3 ms.

from typing import Annotated

import typer

from audit2seccomp.cli.findings import Located, as_json, as_sarif, as_text, counted, locate
from audit2seccomp.cli.messages import complain_of, plural, say
from audit2seccomp.cli.output import Output
from audit2seccomp.cli.profiles import Lenient, load, read_bounded
from audit2seccomp.errors import ExitStatus, InputError, UsageError, did_you_mean
from audit2seccomp.formats import READABLE
from audit2seccomp.profile.lint import Level
from audit2seccomp.profile.lint import lint as findings_of
from audit2seccomp.profile.lint.targets import PLATFORMS, Target, parse_target

_BY_VERSION, _ALIKE = (
    " ".join(name for name, platform in PLATFORMS.items() if (platform.of_versions is True) is by_version)
    for by_version in (True, False)
)
EPILOG = f"""\b
Examples:
  audit2seccomp lint profile.json
  audit2seccomp lint profile.json --target runc:1.1,crun --target libseccomp:2.5.4
  runc features | audit2seccomp lint profile.json --features -
  audit2seccomp lint profiles/*.json --level warning --sarif -o lint.sarif

\b
Targets (docs/lint.md), with :VERSION where the newest one is not meant:
  {_BY_VERSION}
those of which no versions are told apart:
  {_ALIKE}

\b
Exit status:
  0  no error was found
  1  an error was found
  2  the command line is wrong
  3  a profile could not be read, or the output not written: a file of -o stays as it was
"""


def lint(
    profiles: Annotated[
        list[str],
        typer.Argument(metavar="PROFILE...", help=f"The profiles: each {READABLE}; - for standard input."),
    ],
    target: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TARGET[:VERSION],...",
            help="What the profile is meant for; may be repeated.",
            autocompletion=lambda: list(PLATFORMS),
        ),
    ] = None,
    features: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="What `runc features` or `crun features` printed, as a target; - for stdin."),
    ] = None,
    level: Annotated[
        str,
        typer.Option(
            metavar="LEVEL",
            help="Show findings from that level on: error, warning or note.",
            autocompletion=lambda: [one.value for one in Level],
        ),
    ] = "note",
    json: Annotated[bool, typer.Option("--json", help="Print a JSON array.")] = False,
    sarif: Annotated[bool, typer.Option("--sarif", help="Print SARIF 2.1.0, which code hosts show.")] = False,
    output: Annotated[
        str | None,
        typer.Option("-o", "--output", metavar="FILE", help="Write there instead of to standard output."),
    ] = None,
    lenient: Lenient = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="No summary on standard error.")] = False,
) -> None:
    """Tell what is wrong with profiles, what is risky, and what a runtime would make of them."""
    if json and sarif:
        raise UsageError("--json, --sarif: one of them, please")
    lowest = _level(level)
    if [*profiles, features].count("-") > 1:
        raise UsageError("lint: standard input can be read once: name a file for the others")
    targets = tuple(parse_target(one) for option in target or () for one in option.split(","))
    if features is not None:
        targets += (_of_features(features),)
    destination = Output(output)
    located, unread = _lint_all(profiles, targets, lenient=lenient, quiet=quiet)
    shown = [one for one in located if one.finding.level.rank <= lowest.rank]
    form = as_json if json else as_text
    if not (unread and output is not None):  # what stands there is better than a part
        destination.write(as_sarif(shown, unread) if sarif else form(shown))
    if not quiet and len(unread) < len(profiles):
        hidden = f"; {plural(len(located) - len(shown), 'finding')} below --level" if len(shown) < len(located) else ""
        say(f"{plural(len(profiles) - len(unread), 'profile')}: {counted(shown)}{hidden}")
    if unread:
        raise typer.Exit(ExitStatus.NO_RESULT)
    if any(one.finding.level is Level.ERROR for one in located):
        raise typer.Exit(ExitStatus.INCOMPLETE)


def _lint_all(
    names: list[str], targets: tuple[Target, ...], *, lenient: bool, quiet: bool
) -> tuple[list[Located], list[str]]:
    """What was found in all files, file by file, and why others could not be read, which is said."""
    located: list[Located] = []
    unread: list[str] = []
    for name in names:
        try:
            file = load(name, lenient=lenient, quiet=quiet)
        except InputError as error:
            complain_of(error)
            unread.append(str(error))
            continue
        size = len(file.text.encode())
        located += locate(file, findings_of(file.profile, targets, size=size, flaws=file.problems))
    return located, unread


def _of_features(path: str) -> Target:
    from audit2seccomp.formats.reading.runtime_features import read

    name, data = read_bounded(path)
    return read(name, data)


def _level(text: str) -> Level:
    try:
        return Level(text.lower())
    except ValueError:
        levels = [one.value for one in Level]
        hint = did_you_mean(text.lower(), levels) or f": one of {', '.join(levels)}"
        raise UsageError(f"--level: no level '{text}'{hint}") from None
