"""Chance, which can be repeated."""

from __future__ import annotations

import os

SEED = int(os.environ.get("AUDIT2SECCOMP_SEED", "1326"))
"""Another one tries other things."""
