"""The command tree."""

from __future__ import annotations

import os
import re
from importlib import import_module
from typing import TYPE_CHECKING, Annotated

import typer
from typer.core import TyperCommand, TyperGroup

from audit2seccomp._version import __version__
from audit2seccomp.cli.option_groups import ungrouped
from audit2seccomp.cli.start import COMMANDS, COMPLETION_VARIABLE
from audit2seccomp.errors import UsageError, did_you_mean
from audit2seccomp.kernel.syscalls import tables_kernel

if TYPE_CHECKING:
    from typer._click.core import Command, Context
    from typer._click.shell_completion import CompletionItem

DEFAULT_COMMAND = "generate"
_GROUP_OPTIONS = ("--version", "--install-completion", "--show-completion")


_IMPLIED = {"--portable": "A", "--boot": "0"}
"""Options that may stand alone, and the value that they have then; another one stands behind `=`."""


_TAKES_NUMBERS = ("decide",)
"""Commands whose arguments may be numbers below 0."""
_BELOW_0 = re.compile("-[0-9][0-9a-fA-FxX]*")


class _Command(TyperCommand):
    """A command some of whose options may stand alone, and whose arguments may begin like options."""

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        """Give those options their value: click would take the next word for it. A blank before a number below 0 keeps
        click from taking that for an option."""
        end = args.index("--") if "--" in args else len(args)
        alone = {word: f"{word}={value}" for word, value in _IMPLIED.items()}
        words = [alone.get(word, word) for word in args[:end]]
        if self.name in _TAKES_NUMBERS:
            words = [f" {word}" if _BELOW_0.fullmatch(word) else word for word in words]
        return super().parse_args(ctx, words + args[end:])


def _load(name: str) -> Command:
    module = import_module(f"audit2seccomp.cli.{name.replace('-', '_')}")
    alone = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    # The words of a command that is run are its own, options among them.
    settings = {"allow_interspersed_args": not getattr(module, "TAKES_COMMAND", False)}
    function = getattr(module, name.replace("-", "_"))
    alone.command(name, cls=_Command, epilog=module.EPILOG, context_settings=settings)(ungrouped(function))
    return typer.main.get_command(alone)


def _refuse_misspelt(word: str) -> None:
    """Raise UsageError for a first word that is nearly a command and no file."""
    if word.replace("-", "").isalpha() and not word.startswith("-") and not os.path.lexists(word):
        hint = did_you_mean(word, COMMANDS)
        if hint:
            raise UsageError(f"{word}: no such command or file{hint}")


class CommandGroup(TyperGroup):
    """The commands, loaded when they are needed; `audit2seccomp kern.log` means `audit2seccomp generate kern.log`."""

    def list_commands(self, ctx: Context) -> list[str]:
        """Their names."""
        return list(COMMANDS)

    def get_command(self, ctx: Context, cmd_name: str) -> Command | None:
        """One of them; None if there is none of that name."""
        return _load(cmd_name) if cmd_name in COMMANDS else None

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        """Put the default command in front, unless a command or an option of the group is named."""
        named = bool(args) and (args[0] in COMMANDS or args[0].startswith(_GROUP_OPTIONS))
        completing_first_word = ctx.resilient_parsing and not args
        if not named and not completing_first_word:
            if args and not ctx.resilient_parsing:
                _refuse_misspelt(args[0])
            args.insert(0, DEFAULT_COMMAND)
        return super().parse_args(ctx, args)

    def shell_complete(self, ctx: Context, incomplete: str) -> list[CompletionItem]:
        """What can stand as the first word: commands, the options of this group, and those of the default command."""
        items = super().shell_complete(ctx, incomplete)
        if incomplete.startswith("-"):
            items += _load(DEFAULT_COMMAND).shell_complete(ctx, incomplete)
        return list({item.value: item for item in items}.values())


app = typer.Typer(cls=CommandGroup, rich_markup_mode=None, pretty_exceptions_enable=False, no_args_is_help=False)


def _print_version(wanted: bool) -> None:
    if wanted:
        from audit2seccomp.evidence.text.compiled import is_compiled

        scan = "compiled" if is_compiled() else "pure Python"
        typer.echo(f"audit2seccomp {__version__} (system call tables of Linux {tables_kernel()}, {scan} scan)")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_print_version,
            is_eager=True,
            help="Print this version, that of the tables, and the scan.",
        ),
    ] = False,
) -> None:
    """Turn the kernel's seccomp audit records into an allow-list profile."""


def run() -> None:
    """Run the command line; raises the errors of what it does, and SystemExit."""
    if COMPLETION_VARIABLE in os.environ:
        # Typer breaks the help of a candidate at the terminal's width, and shells read one candidate from each line.
        os.environ["COLUMNS"] = "1000"
    app(prog_name="audit2seccomp")
