"""Which rules of one call libseccomp refuses beside earlier ones (EEXIST), so that no container starts.

libseccomp keeps the conditions of a call as a tree, in which each rule is a way from the top to an action, by one
condition for each argument (src/db.c). A rule is refused where its way ends where another action stands, or where
another action follows further down; it is left out where its way leads past the end of an earlier one.

The tests hold this against libseccomp for all conditions that it builds exactly (profile/exactness.py), except for two
kinds in which it may overlook a rule: where an argument is compared with one value both upwards and downwards, and
where all conditions of a rule are among another's, but not its first ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from audit2seccomp.named_tuple import NamedTuple
from audit2seccomp.profile.exactness import Conditions, narrowed
from audit2seccomp.profile.model import ArgCondition, Operator, Outcome

_Step = tuple[int, Operator, int, int | None, bool]
"""A comparison and the way out of it: argument, operator, value, second value, whether it is true."""

_AS_ITS_OPPOSITE = {Operator.NE: Operator.EQ, Operator.LT: Operator.GE, Operator.LE: Operator.GT}
"""How libseccomp compares, where the action is that of a comparison that is false."""


class Stated(NamedTuple):
    """A rule about one call of one ABI."""

    when: Conditions
    outcome: Outcome
    rule: int
    """Its index."""
    hosts: object = None
    """On which hosts it is there; None: on all. Rules with the same are on the same hosts."""

    def is_wherever(self, other: Stated) -> bool:
        """Whether it is there on all hosts on which the other is."""
        return self.hosts is None or self.hosts == other.hosts


class _Node:
    """A place in the tree."""

    __slots__ = ("ends", "steps")

    def __init__(self) -> None:
        self.ends: list[Stated] = []
        """The rules whose way ends here."""
        self.steps: dict[_Step, _Node] = {}

    def all_ends(self) -> Iterator[Stated]:
        """The rules that end here or further down."""
        nodes = [self]
        while nodes:
            node = nodes.pop()
            yield from node.ends
            nodes += node.steps.values()


def refusals(
    stated: Iterable[Stated], bits: int, may_meet: Callable[[int, int], bool]
) -> Iterator[tuple[Stated, Stated]]:
    """Each rule that libseccomp refuses, behind an earlier one that it contradicts, on an ABI of which filters compare
    so many bits (`effects.compared_bits`). Rules for which `may_meet` is false are never on the same host."""
    top = _Node()
    always: set[object] = set()
    for new in stated:
        if None in always or new.hosts in always:
            continue
        if not new.when:
            always.add(new.hosts)
            continue
        node = _place(top, [_step(one, bits) for one in new.when], new)
        if node is None:
            continue
        against = next(
            (old for old in node.all_ends() if old.outcome != new.outcome and may_meet(old.rule, new.rule)), None
        )
        if against is not None:
            yield against, new
            continue
        if new.hosts is None:
            node.ends, node.steps = [], {}
        if not any(end.outcome == new.outcome and end.hosts == new.hosts for end in node.ends):
            node.ends.append(new)


def _place(top: _Node, way: list[_Step], new: Stated) -> _Node | None:
    """Where a way ends; None if it leads past the end of another."""
    node = top
    for step in way:
        if any(end.is_wherever(new) for end in node.ends):
            return None
        node = node.steps.setdefault(step, _Node())
    return node


def _step(one: ArgCondition, bits: int) -> _Step:
    argument, operator, value, two, _ = narrowed(one, bits)
    return argument, _AS_ITS_OPPOSITE.get(operator, operator), value, two, operator not in _AS_ITS_OPPOSITE
