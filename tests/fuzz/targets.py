"""All kinds of inputs that are fuzzed."""

from __future__ import annotations

import gc

from tests.fuzz import logs, profiles, programs, queries, records, stored
from tests.fuzz.target import Target

gc.enable()  # a module of the command line was imported, which leaves that to the command

TARGETS: dict[str, Target] = {
    target.name: target for family in (logs, records, stored, profiles, queries, programs) for target in family.TARGETS
}
"""By name."""
