"""`typing.NamedTuple`, made in a third of the time: that one compiles each annotation, for which nobody here asks.

A short run spends a fifth of its time on that (docs/performance.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING

__all__ = ["NamedTuple"]

if TYPE_CHECKING:
    from typing import NamedTuple
else:
    from collections import namedtuple

    class _Maker(type):
        def __new__(cls, name, bases, namespace):
            if not bases:
                return super().__new__(cls, name, bases, namespace)
            fields = namespace.get("__annotations__", {})
            optional = [field for field in fields if field in namespace]
            if optional != list(fields)[len(fields) - len(optional) :]:
                raise TypeError(f"{name}: a field without a default follows one that has one")
            defaults = [namespace.pop(field) for field in optional]
            values = namedtuple(name, fields, defaults=defaults, module=namespace["__module__"])
            return type(name, (values,), {"__slots__": (), **namespace})

    class NamedTuple(metaclass=_Maker):
        """See `typing.NamedTuple`."""
