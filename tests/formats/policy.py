"""What minijail does under a policy file: an interpreter written from minijail0(5), "Seccomp_Filter Syntax", alone.

It knows nothing of how policies are written here."""

from __future__ import annotations

import re

KILLED = "kill"
ALLOWED = "allow"


class PolicyError(ValueError):
    """minijail loads no such policy."""


def verdict(policy: str, name: str, args: tuple[int, ...], bits: int) -> str | int:
    """What becomes of a call: ALLOWED, KILLED, or the errno that it fails with."""
    lines = policy_lines(policy)
    return _evaluate(lines[name], args, bits) if name in lines else KILLED


def policy_lines(policy: str) -> dict[str, str]:
    """The expression for each call."""
    found: dict[str, str] = {}
    for line in policy.split("\n"):
        stripped = line.strip(" \t")
        if not stripped or stripped.startswith("#"):
            continue
        name, colon, expression = stripped.partition(":")
        if not colon or not expression.strip() or name.strip() in found:
            raise PolicyError(line)
        found[name.strip()] = expression.strip(" \t")
    return found


def _evaluate(expression: str, args: tuple[int, ...], bits: int) -> str | int:
    if expression == "1":
        return ALLOWED
    if expression.startswith("return"):
        return _returned(expression)
    condition, semicolon, otherwise = expression.partition(";")
    if any(all(_holds(atom, args, bits) for atom in group.split("&&")) for group in condition.split("||")):
        return ALLOWED
    return _returned(otherwise.strip(" ")) if semicolon else KILLED


def _returned(text: str) -> int:
    words = text.split(" ")
    if len(words) != 2 or words[0] != "return":
        raise PolicyError(text)
    return _constant(words[1], 32)


def _holds(atom: str, args: tuple[int, ...], bits: int) -> bool:
    words = [word for word in atom.split(" ") if word]
    if len(words) != 3 or not re.fullmatch(r"arg[0-5]", words[0]):
        raise PolicyError(atom)
    argument, operator, value = args[int(words[0][3])] % 2**bits, words[1], _constant(words[2], bits)
    held: dict[str, bool] = {
        "==": argument == value,
        "!=": argument != value,
        "<": argument < value,
        "<=": argument <= value,
        ">": argument > value,
        ">=": argument >= value,
        "&": argument & value != 0,
        "in": argument & ~value == 0,
    }
    return held[operator]


def _constant(text: str, bits: int) -> int:
    """A number, or the complement of one."""
    mask = (1 << bits) - 1
    if text.startswith("~"):
        return _constant(text[1:], bits) ^ mask
    if not re.fullmatch(r"0|0x[0-9a-f]+|[1-9][0-9]*", text):
        raise PolicyError(text)
    number = int(text, 0)
    if number > mask:
        raise PolicyError(text)
    return number
