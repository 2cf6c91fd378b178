"""Profiles in files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
WEB, WORKER = ROOT / "fixtures/profiles/web.json", ROOT / "fixtures/profiles/worker.json"
DOCKERS = ROOT / "fixtures/profiles/docker-like.json"


def profile(path: Path, *rules: dict[str, Any], **keys: object) -> Path:
    """A profile file."""
    document = {"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": rules, **keys}
    path.write_text(json.dumps({key: value for key, value in document.items() if value is not None}))
    return path


def allow(*names: str, **keys: object) -> dict[str, Any]:
    """A rule."""
    return {"names": names, "action": "SCMP_ACT_ALLOW", **keys}
