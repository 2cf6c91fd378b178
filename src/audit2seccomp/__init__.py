"""Turn the kernel's seccomp audit records into an allow-list profile.

evidence = audit2seccomp.read("/var/log/kern.log")
built = audit2seccomp.build(evidence)
print(audit2seccomp.write_profile(built.profile).content)
"""

from importlib import import_module
from typing import TYPE_CHECKING

from audit2seccomp._version import __version__

if TYPE_CHECKING:
    from audit2seccomp.errors import Audit2SeccompError
    from audit2seccomp.evidence.model import Evidence, Observation
    from audit2seccomp.evidence.reading import read
    from audit2seccomp.formats import read_profile, write_profile
    from audit2seccomp.profile.build import Built, build
    from audit2seccomp.profile.building.bases import Base
    from audit2seccomp.profile.building.reasons import Reason
    from audit2seccomp.profile.model import Profile, Rule, RuleAction

__all__ = [
    "Audit2SeccompError",
    "Base",
    "Built",
    "Evidence",
    "Observation",
    "Profile",
    "Reason",
    "Rule",
    "RuleAction",
    "__version__",
    "build",
    "read",
    "read_profile",
    "write_profile",
]

_HOMES = {
    "errors": ("Audit2SeccompError",),
    "evidence.model": ("Evidence", "Observation"),
    "evidence.reading": ("read",),
    "formats": ("read_profile", "write_profile"),
    "profile.build": ("Built", "build"),
    "profile.building.bases": ("Base",),
    "profile.building.reasons": ("Reason",),
    "profile.model": ("Profile", "Rule", "RuleAction"),
}


def __getattr__(name: str) -> object:
    """Import what is asked for, and nothing else: a command needs a part of it."""
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"audit2seccomp.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """What can be asked for."""
    return __all__
