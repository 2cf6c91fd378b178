"""Rules about conditions on arguments. What they mean is measured: the tests hold it against libseccomp's filters."""

from __future__ import annotations

from collections.abc import Iterator

from audit2seccomp.profile.effects import compared_bits
from audit2seccomp.profile.lint.registry import Hit, Level, Path, lint_rule
from audit2seccomp.profile.lint.subject import Subject, always_holds, listed
from audit2seccomp.profile.model import MAX_U32, ArgCondition, Operator


def _conditions(subject: Subject) -> Iterator[tuple[ArgCondition, Path]]:
    for index, rule in enumerate(subject.profile.rules):
        for position, condition in enumerate(rule.args):
            yield condition, ("syscalls", index, "args", position)


@lint_rule("repeated-index", Level.WARNING, "conditions on one argument: any condition of the rule is enough then")
def repeated_index(subject: Subject) -> Iterator[Hit]:
    """runc (matchCall) and crun (libcrun_generate_seccomp) then make a rule of each condition, also of those on other
    arguments."""
    for index, rule in enumerate(subject.profile.rules):
        arguments = [condition.argument for condition in rule.args]
        for position, argument in enumerate(arguments):
            if argument in arguments[:position]:
                what = (
                    f"argument {argument} has two conditions, and then any one of the rule's {len(arguments)} is enough"
                )
                yield Hit(
                    ("syscalls", index, "args", position, "index"), f"{what}: say it in rules of their own, or as one"
                )
                break


@lint_rule("needless-value-two", Level.WARNING, "valueTwo stands beside an operator that does not look at it")
def needless_value_two(subject: Subject) -> Iterator[Hit]:
    """Only MASKED_EQ does; 0 is what Go writes."""
    for condition, path in _conditions(subject):
        if condition.value_two and condition.operator is not Operator.MASKED_EQ:
            what = f"{condition.operator} does not look at valueTwo: remove it, or use SCMP_CMP_MASKED_EQ"
            yield Hit((*path, "valueTwo"), what)


@lint_rule("outside-mask", Level.ERROR, "valueTwo has bits outside of the mask, which libseccomp leaves out")
def outside_mask(subject: Subject) -> Iterator[Hit]:
    """No argument has them under the mask, so that the condition would never be true (measured: it is)."""
    for condition, path in _conditions(subject):
        value, two = condition.value, condition.value_two or 0
        if condition.operator is Operator.MASKED_EQ and two & ~value:
            what = (
                f"valueTwo has the bits {two & ~value:#x} outside of the mask {value:#x}, and libseccomp compares with"
            )
            yield Hit(
                (*path, "valueTwo"), f"{what} {two & value:#x}: value is the mask, valueTwo what is left under it"
            )


@lint_rule("never-true", Level.ERROR, "a condition is never true, so that its rule never acts")
def never_true(subject: Subject) -> Iterator[Hit]:
    """Less than 0, greater than the largest value; a warning where only some of the architectures are so narrow."""
    for condition, path in _conditions(subject):
        index = path[1]
        assert isinstance(index, int)
        abis = subject.abis_of(subject.profile.rules[index])
        never = [abi.name for abi in abis if _never_holds(condition, compared_bits(abi))]
        compared = f"{'less' if condition.operator is Operator.LT else 'greater'} than {condition.value}"
        if _never_holds(condition, 64) or (never and len(never) == len(abis)):
            yield Hit((*path, "value"), f"never true: no argument is {compared}: remove the rule")
        elif never:
            what = f"never true on {listed(never)}, where 32 bits are compared: no argument is {compared}"
            yield Hit((*path, "value"), f"{what}: write a rule for 64-bit programs alone", Level.WARNING)


def _never_holds(condition: ArgCondition, bits: int) -> bool:
    largest = (1 << bits) - 1
    return (condition.operator, condition.value & largest) in ((Operator.LT, 0), (Operator.GT, largest))


@lint_rule("always-true", Level.NOTE, "a condition is always true")
def always_true(subject: Subject) -> Iterator[Hit]:
    """The rule says less than it seems to."""
    for condition, path in _conditions(subject):
        if always_holds(condition):
            yield Hit((*path, "value"), "always true: remove the condition, or say what was meant")


@lint_rule("value-too-wide", Level.WARNING, "a value does not fit in the 32 bits of an argument on an architecture")
def value_too_wide(subject: Subject) -> Iterator[Hit]:
    """libseccomp compares with its lower half there, so that other arguments fulfil the condition."""
    for condition, path in _conditions(subject):
        index = path[1]
        assert isinstance(index, int)
        narrow = [abi.name for abi in subject.abis_of(subject.profile.rules[index]) if compared_bits(abi) == 32]
        for key, value in (("value", condition.value), ("valueTwo", condition.value_two or 0)):
            if value > MAX_U32 and narrow:
                what = f"{value} has more than 32 bits: on {listed(narrow)} it becomes {value & MAX_U32}"
                yield Hit((*path, key), f"{what}: write a rule for 64-bit programs alone, or a smaller value")
