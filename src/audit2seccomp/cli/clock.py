"""How times are written."""

from __future__ import annotations

from datetime import UTC, datetime


def local_time(millis: int, *, exactly: bool = False) -> str:
    """ISO 8601 in local time, to the second: `2026-11-22 09:01:15`; `exactly`: to the millisecond."""
    try:
        return f"{datetime.fromtimestamp(millis // 1000).isoformat(' ')}{f'.{millis % 1000:03}' if exactly else ''}"
    except (ValueError, OverflowError, OSError):
        return _seconds(millis)


def utc_time(millis: int) -> str:
    """ISO 8601 in UTC, to the millisecond: `2026-11-22T08:01:15.250Z`."""
    try:
        return f"{datetime.fromtimestamp(millis // 1000, UTC):%Y-%m-%dT%H:%M:%S}.{millis % 1000:03}Z"
    except (ValueError, OverflowError, OSError):
        return _seconds(millis)


def _seconds(millis: int) -> str:
    """Seconds since the epoch as `date -d` takes them: for years after 9999, which a record can claim."""
    return f"@{millis // 1000}.{millis % 1000:03}"
