"""Turn the kernel's seccomp audit records into an allow-list profile.

evidence = audit2seccomp.read("/var/log/kern.log")
built = audit2seccomp.build(evidence)
print(audit2seccomp.write_profile(built.profile).content)
"""

from audit2seccomp._version import __version__
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
