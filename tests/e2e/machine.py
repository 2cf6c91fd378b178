"""What a test on the running kernel needs of the machine."""

from __future__ import annotations

import os
import shutil

import pytest


def needs(*programs: str, root: bool = True) -> pytest.MarkDecorator:
    """Skip where one of the programs is missing, or the tests do not run as root."""
    missing = [program for program in programs if shutil.which(program) is None]
    reasons = [f"needs {', '.join(missing)}"] if missing else []
    if root and os.geteuid() != 0:
        reasons.append("needs root")
    return pytest.mark.skipif(bool(reasons), reason=" and ".join(reasons) or "-")
