"""What a test needs of the machine."""

from __future__ import annotations

import os
import shutil

import pytest

from audit2seccomp.evidence.text.compiled import is_compiled


def needs(*programs: str, root: bool = True, compiled: bool = False) -> pytest.MarkDecorator:
    """Skip where one of the programs is missing, the tests do not run as root, or the scan could not be compiled."""
    missing = [program for program in programs if shutil.which(program) is None]
    reasons = [f"needs {', '.join(missing)}"] if missing else []
    if root and os.geteuid() != 0:
        reasons.append("needs root")
    if compiled and not is_compiled():
        reasons.append("needs the compiled scan: a C compiler and Python's headers")
    return pytest.mark.skipif(bool(reasons), reason=" and ".join(reasons) or "-")
