"""What was found by fuzzing stays found: each input that was kept is checked once."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings

from tests.e2e.machine import COMPILED, needs
from tests.fuzz.corpus import KEPT, MAX_KEPT_BYTES, kept
from tests.fuzz.targets import TARGETS
from tests.fuzz.with_hypothesis import inputs

names = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=needs(COMPILED)) if name == "compiled" else name for name in TARGETS]
)


@names
def test_what_was_kept_holds(name: str) -> None:
    for path in kept(name):
        TARGETS[name].run(path.read_bytes())


@names
def test_small_changes_to_fixtures_hold(name: str) -> None:
    @settings(max_examples=settings().max_examples // 4)
    @given(inputs(TARGETS[name]))
    def check(data: bytes) -> None:
        TARGETS[name].run(data)

    check()


def test_the_corpora_are_small_and_each_has_a_target() -> None:
    sizes: dict[str, int] = {}
    for path in KEPT.rglob("*"):
        if path.is_file():
            name = path.relative_to(KEPT).parts[0]
            sizes[name] = sizes.get(name, 0) + path.stat().st_size
    assert sizes.keys() == TARGETS.keys()
    assert max(sizes.values()) <= MAX_KEPT_BYTES


def test_a_check_that_fails_is_seen(tmp_path: Path) -> None:
    """A fuzzer whose assertions cannot fail would hold forever."""
    from tests.fuzz.target import Target

    def refuse(data: bytes) -> None:
        assert data != b"no"

    target = Target("never", refuse, lambda: [b"yes"], ())
    target.run(b"yes")
    with pytest.raises(AssertionError):
        target.run(b"no")
