"""YAML with places: the same values as PyYAML's own reader gives, and nothing that grows without a bound."""

from __future__ import annotations

import json
import re
import time
from contextlib import suppress

import pytest
import yaml
from hypothesis import assume, given
from hypothesis import strategies as st

from audit2seccomp.errors import ProfileFileError
from audit2seccomp.formats import MAX_BYTES
from audit2seccomp.formats.reading import yaml_places
from audit2seccomp.formats.reading.places import Path

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
scalars = st.none() | st.booleans() | st.integers() | texts | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3))
PATIENCE = 30
"""Seconds for the largest hostile file; the slowest takes a fifth of that."""


@pytest.fixture(params=["libyaml", "pure Python"])
def _loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "pure Python":
        monkeypatch.delattr(yaml, "CSafeLoader")


def paths(value: object, path: Path = ()) -> list[tuple[Path, object]]:
    """All values in a value."""
    found: list[tuple[Path, object]] = [(path, value)]
    if isinstance(value, dict):
        found += [one for key, inner in value.items() for one in paths(inner, (*path, key))]
    elif isinstance(value, list):
        found += [one for index, inner in enumerate(value) for one in paths(inner, (*path, index))]
    return found


@given(values, st.booleans(), st.booleans(), st.sampled_from([None, '"', "'", "|"]))
def test_what_pyyaml_wrote_is_read_and_found(value: object, flow: bool, utf: bool, style: str | None) -> None:
    text = yaml.dump(value, Dumper=_NoAnchors, default_flow_style=flow, allow_unicode=utf, default_style=style)
    value = yaml.safe_load(text)  # not always the same: PyYAML writes U+0085 as a line break
    assert yaml_places.decode("a.yaml", text) == value
    wanted = dict(paths(value))
    found = yaml_places.find(text, wanted)
    assert set(found) == set(wanted)
    for path, span in found.items():
        inner = wanted[path]
        if isinstance(inner, (int, str)) and text.isascii() and style is None and flow:
            assert yaml.safe_load(text[span.start : span.end]) == inner


class _NoAnchors(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:
        return True


@given(values, st.integers(0, 4))
def test_json_is_yaml(value: object, indent: int) -> None:
    text = json.dumps(value, indent=indent or None)
    assume(not re.search(r"\de-?\d", text))  # YAML 1.1 wants a point and a sign there: no number of a profile has them
    with suppress(ProfileFileError):  # half of a pair of surrogates as \\u is none of YAML's
        assert yaml_places.decode("a.yaml", text) == value


@given(st.text(st.sampled_from("ab&*!{}[]:-?|>'\"#%@,\n \t01_x.~\\u\ufeff\x85"), max_size=30))
def test_it_reads_what_pyyaml_reads_or_says_why_not(text: str) -> None:
    try:
        value = yaml_places.decode("a.yaml", text)
    except ProfileFileError:
        return
    node = yaml.compose(text, Loader=yaml.CSafeLoader)
    assert value == (None if node is None else built(node))


def built(node: yaml.Node) -> object:
    """A node's value as JSON has it: keys are text."""
    if isinstance(node, yaml.MappingNode):
        return {key.value: built(inner) for key, inner in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [built(inner) for inner in node.value]
    if node.tag.endswith((":timestamp", ":value", ":merge")):
        return node.value
    return yaml.SafeLoader("").construct_object(node)


@pytest.mark.usefixtures("_loader")
@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("[0x10, 1_000, 010, 0b11, -5, +7]", [16, 1000, 8, 3, -5, 7]),
        (
            "[on, No, ~, , 'on', \"1\", !!str 1, 2024-01-01, =]".replace(" ,", ""),
            [True, False, None, "on", "1", "1", "2024-01-01", "="],
        ),
        ("on: 1\n0x10: 2\n<<: {a: 3}", {"on": 1, "0x10": 2, "<<": {"a": 3}}),
        ("a: |\n  x\n  y\nb: >\n  x\n  y\n", {"a": "x\ny\n", "b": "x y\n"}),
        ("\ufeffa: é😀\n", {"a": "é😀"}),
        ("%YAML 1.1\n---\na: 1\n...\n", {"a": 1}),
        ("# nothing\n", None),
        ("1.5e+3", 1500.0),
        ("'" + "9" * 5000 + "'", "9" * 5000),
    ],
)
def test_what_yaml_means(text: str, value: object) -> None:
    assert yaml_places.decode("a.yaml", text) == value


@pytest.mark.usefixtures("_loader")
@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("a: &x 1", "a.yaml:1:4: anchors and aliases (& and *) are not read: write the values out"),
        ("a: *x", "a.yaml:1:4: anchors and aliases"),
        ("&x {a: 1}", "a.yaml:1:1: anchors and aliases"),
        ("&k a: 1", "a.yaml:1:1: anchors and aliases"),
        ("a: 1\nb: 2\na: 3", 'a.yaml:3:1: the key "a" comes twice in its object'),
        ("a: 1\n---\nb: 2", "a.yaml:2:1: another document begins here: one profile to a file"),
        ("[a]: 1", "a.yaml:1:1: a key is expected to be text"),
        ("{{a: 1}: 2}", "a.yaml:1:2: a key is expected to be text"),
        ("a: !!binary aGk=", 'a.yaml:1:4: the type "binary" is not read'),
        ("a: !!python/object:os.system x", "a.yaml:1:4: the type"),
        ("a: !own {b: 1}", 'a.yaml:1:4: the type "!own" is not read'),
        ("a: !!set {b}", 'a.yaml:1:4: the type "tag:yaml.org,2002:set" is not read'),
        ("a: 1:30", "a.yaml:1:4: a number to base 60"),
        ("a: .inf", 'a.yaml:1:4: ".inf" is no number'),
        ("a: .nan", 'a.yaml:1:4: ".nan" is no number'),
        ("a: !!int x", 'a.yaml:1:4: "x" is none of its type "int"'),
        ("a: !!bool x", 'a.yaml:1:4: "x" is none of its type "bool"'),
        ("a: 0b_", 'a.yaml:1:4: "0b_" is none of its type "int"'),
        ("a: b: c", "a.yaml:1:5: no YAML: mapping values are not allowed"),
        ("a: [1, 2", "a.yaml:1:9: no YAML:"),
        ("a:\n\t- b", "a.yaml:2:1: no YAML: found character"),
        ("é: \x01", "a.yaml:1:4: no YAML: the character U+0001"),
        ("\ufeffé: [", "a.yaml:1:"),
        ('a: "\\ud800"', "a.yaml:1:"),
        ('"\\ud800": a', "a.yaml:1:"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, error: str) -> None:
    with pytest.raises(ProfileFileError) as raised:
        yaml_places.decode("a.yaml", text)
    assert str(raised.value).startswith(error)


BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)
)


@pytest.mark.parametrize(
    "text",
    [
        BOMB,
        "[" * MAX_BYTES,
        "{" * MAX_BYTES,
        "{a: " * (MAX_BYTES // 4),
        "- " * (MAX_BYTES // 2),
        "? " * (MAX_BYTES // 2),
        "[" + "a," * (MAX_BYTES // 2 - 1) + "]",
        "a: 1\n" * (MAX_BYTES // 5),
        "".join(f"{n}: 1\n" for n in range(MAX_BYTES // 12)),
        "a: " + "9" * (MAX_BYTES - 10) + "x: 1",
        "a: " + "1:" * (MAX_BYTES // 2 - 10) + "1: 1",
        "- " + "&" * MAX_BYTES,
        "#" * MAX_BYTES + "\n[",
        "'" + "''" * (MAX_BYTES // 2 - 1),
        "!" * MAX_BYTES,
        "%" * MAX_BYTES,
        "\n".join(" " * n + "a:" for n in range(2000)),
    ],
    ids=lambda text: text[:8].replace("\n", " "),
)
def test_no_file_takes_long(text: str) -> None:
    began = time.monotonic()
    with pytest.raises(ProfileFileError):
        yaml_places.decode("a.yaml", text)
    assert time.monotonic() - began < PATIENCE


def test_long_numbers_are_text() -> None:
    assert yaml_places.decode("a.yaml", f"a: {'9' * 5000}") == {"a": "9" * 5000}
    with pytest.raises(ProfileFileError, match='the type "int" is not read'):
        yaml_places.decode("a.yaml", f"a: !!int {'9' * 5000}")
