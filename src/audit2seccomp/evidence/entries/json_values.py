"""JSON in bytes → values, with the types that logs use. The one place that knows the JSON library.

msgspec decodes just the fields that are asked for (docs/performance.md, "Structured logs")."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

import msgspec
from msgspec import Raw

_T = TypeVar("_T")
_OBJECT = msgspec.json.Decoder(dict[str, Raw])
_ARRAY = msgspec.json.Decoder(list[Raw])
_Value = str | int | float | bool | list[str | int | list[int] | None] | None
_VALUE: msgspec.json.Decoder[_Value] = msgspec.json.Decoder(_Value)

TEXT_FIELDS = ("log", "message", "MESSAGE", "msg", "line", "body", "textPayload", "short_message")
"""Where loggers and shippers put the text: Docker and fluentd, Elastic and Vector, journald, Go and Node, Loki,
OpenTelemetry, Google Cloud, GELF."""


def read_object(data: bytes | Raw) -> dict[str, Raw] | None:
    """An object's members, not yet decoded; None where it is no sound object. Of members with one name, the last."""
    return _decode(_OBJECT, data)


def read_array(data: bytes | Raw) -> list[Raw] | None:
    """An array's members, not yet decoded; None where it is no sound array."""
    return _decode(_ARRAY, data)


def _decode(decoder: msgspec.json.Decoder[_T], data: bytes | Raw) -> _T | None:
    """What the decoder makes of it. Bytes that are no UTF-8 become U+FFFD: outside a label no record has any."""
    try:
        return decoder.decode(data)
    except UnicodeDecodeError:
        return _decode(decoder, bytes(data).decode(errors="replace").encode())
    except (msgspec.MsgspecError, RecursionError):
        return None


def text_of(raw: Raw | None) -> bytes | None:
    """A string's text; None where there is none."""
    value = None if raw is None else _decode(_VALUE, raw)
    return value.encode() if isinstance(value, str) else None


def name_of(raw: Raw | None) -> str:
    """A string, or a number as it is written; empty for anything else."""
    value = None if raw is None else _decode(_VALUE, raw)
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else ""


def values_of(raw: Raw) -> Sequence[bytes | None] | None:
    """The values of a journal field, None where it has a type that journalctl does not write.

    journalctl writes a string, the bytes of what is no clean text as an array of numbers, null for what is too long,
    and an array of these for a field that an entry has more than once."""
    value = _decode(_VALUE, raw)
    if value is None:
        return [None] if bytes(raw) == b"null" else None
    if not isinstance(value, list):
        one = _bytes_of(value)
        return None if one is None else [one]
    if all(isinstance(part, int) for part in value):
        one = _bytes_of(value)
        return None if one is None else [one]
    parts = [part if part is None else _bytes_of(part) for part in value]
    return None if any(part is None and given is not None for part, given in zip(parts, value, strict=True)) else parts


def texts_in(data: bytes | Raw) -> list[bytes]:
    """The text that a logger or a shipper wrapped into an object; the one with a record, where there are several."""
    return _texts(read_object(data) or {})


def _texts(fields: Mapping[str, Raw]) -> list[bytes]:
    texts = [text for text in (text_of(fields.get(name)) for name in TEXT_FIELDS) if text]
    return [next((text for text in texts if b"auid=" in text), texts[0])] if texts else []


def texts_inside(fields: Mapping[str, Raw]) -> list[bytes]:
    """The texts in an object, or in one of the known forms in which exports and queries nest them."""
    return _texts(fields) or [text for path in _PATHS for raw in _at(fields, path) for text in _innermost(raw)]


_PATHS = (
    ("jsonPayload",),  # Google Cloud
    ("_source",),  # an export from Elasticsearch
    ("resourceLogs", "scopeLogs", "logRecords", "body"),  # OpenTelemetry
    ("streams", "values"),  # what is pushed to Loki
    ("data", "result", "values"),  # what Loki answers
)


def _at(fields: Mapping[str, Raw], path: tuple[str, ...]) -> list[Raw]:
    """The values at the end of a path of members, through arrays."""
    if path[0] not in fields:
        return []
    reached = [fields[path[0]]]
    for name in path[1:]:
        objects = [read_object(one) for raw in reached for one in _each(raw)]
        reached = [members[name] for members in objects if members and name in members]
    return [one for raw in reached for one in _each(raw)]


def _each(raw: Raw) -> list[Raw]:
    """An array's members, or the value itself."""
    members = read_array(raw)
    return [raw] if members is None else members


def _innermost(raw: Raw) -> list[bytes]:
    """The text in a value: a string, Loki's `[time, line]`, OpenTelemetry's `stringValue`, or another object."""
    pair = read_array(raw)
    fields = read_object(raw) or {}
    text = text_of(pair[1] if pair is not None and len(pair) > 1 else fields.get("stringValue", raw))
    return [text] if text else _texts(fields)


def _bytes_of(value: object) -> bytes | None:
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, list):
        try:
            return bytes(value)
        except (TypeError, ValueError):
            return None
    return None
