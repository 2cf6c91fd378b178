"""The proof of a profile: the command runs again, under it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from audit2seccomp.live.beginning import Beginning
from audit2seccomp.live.command import Successor, find
from audit2seccomp.live.enforce import enforced
from audit2seccomp.live.tree import Tree
from audit2seccomp.profile.model import Profile


def verify(
    words: Sequence[str], profile: Profile, say: Callable[[str], None], *, output_to_stderr: bool = False
) -> int:
    """Run a command under a profile to the end of its last descendant, and return its wait status. Raises FilterError
    where the profile cannot be enforced exactly."""
    beginning = Beginning(Successor(find(words)), enforced(profile), output_to_stderr=output_to_stderr)
    return Tree(beginning, say=say).run()
