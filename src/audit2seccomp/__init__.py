"""Turn the kernel's seccomp audit records into an allow-list profile.

evidence = audit2seccomp.read("/var/log/kern.log")
profile = audit2seccomp.build(evidence)
print(audit2seccomp.WRITERS["oci"](profile))
"""

from audit2seccomp._version import __version__
from audit2seccomp.errors import Audit2SeccompError
from audit2seccomp.evidence.model import Evidence, Observation
from audit2seccomp.evidence.reading import read
from audit2seccomp.formats import WRITERS
from audit2seccomp.profile.build import build
from audit2seccomp.profile.model import Profile, Rule, RuleAction

__all__ = [
    "WRITERS",
    "Audit2SeccompError",
    "Evidence",
    "Observation",
    "Profile",
    "Rule",
    "RuleAction",
    "__version__",
    "build",
    "read",
]
