"""Options that several commands have: a command takes them as one parameter."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any


def ungrouped(command: Callable[..., None]) -> Callable[..., None]:
    """A command for typer. Each of its parameters that is annotated with a NamedTuple is that class's fields, with
    their annotations and defaults, which are objects: typer evaluates no text here."""
    parameters = inspect.signature(command).parameters.values()
    groups = {one.name: one.annotation for one in parameters if hasattr(one.annotation, "_fields")}
    options = [option for one in parameters for option in (_options(groups[one.name]) if one.name in groups else [one])]

    @wraps(command)
    def called(**given: Any) -> None:
        for name, group in groups.items():
            given[name] = group(**{field: given.pop(field) for field in group._fields})
        command(**given)

    by_name = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in options]
    called.__signature__ = inspect.Signature(by_name)  # type: ignore[attr-defined]
    called.__annotations__ = {one.name: one.annotation for one in by_name}
    return called


def _options(group: Any) -> list[inspect.Parameter]:
    return [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=group._field_defaults.get(name, inspect.Parameter.empty),
            annotation=group.__annotations__[name],
        )
        for name in group._fields
    ]
