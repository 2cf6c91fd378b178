"""A profile file in JSON, extended in place: all that stands in it stays as it is, to the byte."""

from __future__ import annotations

import json
from collections.abc import Iterator

from audit2seccomp.errors import UsageError
from audit2seccomp.formats import read_profile
from audit2seccomp.formats.files import ProfileFile
from audit2seccomp.formats.reading import json_places
from audit2seccomp.formats.reading.places import Path, Span
from audit2seccomp.formats.updating.json_splice import (
    Edit,
    edited,
    into_array,
    into_object,
    laid_out,
    sorted_places,
    with_items,
)
from audit2seccomp.formats.writing.json_document import mapping_document, rule_document
from audit2seccomp.profile.build import Built
from audit2seccomp.profile.building.bases import is_bare
from audit2seccomp.profile.model import Profile, Rule, RuleAction

UPDATABLE = ("oci", "docker")
"""The formats that can be extended in place."""


def check(file: ProfileFile) -> Profile:
    """The profile in a file that can be extended; raises UsageError for another format, ProfileFileError for what is
    wrong in it."""
    profile = file.sound()
    if file.format not in UPDATABLE:
        raise UsageError(
            f"--update: {file.name} is in the format {file.format}: one in {' or '.join(UPDATABLE)} can be updated"
        )
    return profile


def updated(file: ProfileFile, built: Built, action: RuleAction) -> str:
    """The file's text with what was built on it: the names that it lacks, in the first rule that gives that action
    without conditions and without a comment, which would be about other names, and architectures. Where nothing is new,
    the text itself."""
    profile = check(file)
    index = next(
        (
            index
            for index, rule in enumerate(profile.rules)
            if rule.action is action and is_bare(rule) and not rule.single and not rule.comment
        ),
        None,
    )
    expected = _expected(profile, built, index, action)
    text = edited(file.text, _edits(_Text(file.text), profile, expected, index))
    if read_profile(text.encode(), file.name, lenient=True).sound() != expected:
        raise RuntimeError(f"{file.name}: the extended text does not say what it should")
    return text


def _expected(profile: Profile, built: Built, index: int | None, action: RuleAction) -> Profile:
    rules = list(profile.rules)
    if built.added and index is None:
        # Where rules have comments, the names that come have theirs: a rule for each name.
        commented = any(rule.comment for rule in profile.rules)
        rules += built.commented().rules[-len(built.added) :] if commented else [Rule(built.added, action)]
    elif index is not None:
        names = rules[index].names
        rules[index] = rules[index]._replace(names=tuple(with_items(names, sorted_places(names, built.added))))
    archs = _in_place(profile.architectures, built.profile.architectures)
    return profile._replace(rules=tuple(rules), architectures=archs, arch_map=built.profile.arch_map)


def _in_place(old: tuple[str, ...], all_of_them: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(with_items(old, sorted_places(old, set(all_of_them) - set(old))))


class _Text:
    """A JSON text and where its values stand."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._document: object = json.loads(text)

    def spans(self, paths: list[Path]) -> list[Span]:
        """Where the values at some paths stand, which are all there."""
        found = json_places.find(self.text, set(paths))
        return [found[path] for path in paths]

    def into(self, path: Path, count: int, places: list[tuple[int, str]]) -> Iterator[Edit]:
        """Put JSON values into the array at a path, which has so many items; null and nothing are an empty one."""
        if not places:
            return
        whole = json_places.find(self.text, {path}).get(path)
        if whole is not None and self.text[whole.start] == "[":
            items = self.spans([(*path, index) for index in range(count)])
            yield from into_array(self.text, whole, items, places)
            return
        array = f"[{', '.join(value for _, value in places)}]"
        if whole is not None:
            yield Edit(whole, array)
        else:
            yield into_object(self.text, *self._object(path[:-1]), str(path[-1]), array)

    def _object(self, path: Path) -> tuple[Span, list[Span]]:
        """An object, and each of its members."""
        value = self._document
        for part in path:
            value = _inside(value, part)
        members = [(*path, key) for key in value] if isinstance(value, dict) else []
        keys = json_places.find(self.text, set(members), keys=True)
        values = self.spans(members)
        spans = [Span(keys[member].start, span.end) for member, span in zip(members, values, strict=True)]
        return self.spans([path])[0], spans


def _inside(value: object, part: str | int) -> object:
    if isinstance(value, dict):
        return value[part]
    return value[part] if isinstance(value, list) and isinstance(part, int) else None


def _edits(text: _Text, profile: Profile, expected: Profile, index: int | None) -> Iterator[Edit]:
    """What turns the text of one profile into that of the other."""
    yield from text.into(("architectures",), *_added(profile.architectures, expected.architectures))
    old_maps, new_maps = profile.arch_map, expected.arch_map
    for number, (old, new) in enumerate(zip(old_maps, new_maps[: len(old_maps)], strict=True)):
        subs = _added(old.sub_architectures, new.sub_architectures)
        yield from text.into(("archMap", number, "subArchitectures"), *subs)
    yield from _objects(text, "archMap", len(old_maps), [mapping_document(new) for new in new_maps[len(old_maps) :]])
    if index is not None:
        names = _added(profile.rules[index].names, expected.rules[index].names)
        yield from text.into(("syscalls", index, "names"), *names)
    old_rules = len(profile.rules)
    yield from _objects(text, "syscalls", old_rules, [rule_document(rule) for rule in expected.rules[old_rules:]])


def _added(old: tuple[str, ...], new: tuple[str, ...]) -> tuple[int, list[tuple[int, str]]]:
    """How many there were, and what comes before which of them."""
    places: list[tuple[int, str]] = []
    at = 0
    for item in new:
        if at < len(old) and item == old[at]:
            at += 1
        else:
            places.append((at, json.dumps(item)))
    return len(old), places


def _objects(text: _Text, key: str, count: int, new: list[dict[str, object]]) -> Iterator[Edit]:
    """Put objects behind the last one of an array."""
    sample = text.spans([(key, count - 1)])[0] if new and count else None
    yield from text.into((key,), count, [(count, laid_out(value, text.text, sample)) for value in new])
