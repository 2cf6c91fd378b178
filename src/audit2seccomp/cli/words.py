"""Words on the command line that several commands understand: actions, errnos, hosts."""

from __future__ import annotations

import errno as errno_numbers
import re

from audit2seccomp.errors import UsageError, did_you_mean
from audit2seccomp.kernel.abi import Abi, abi_named, kernels_of, oci_abis
from audit2seccomp.profile.model import LARGEST_ERRNO, RuleAction


def action_named(option: str, text: str, actions: tuple[RuleAction, ...] = tuple(RuleAction)) -> RuleAction:
    """`ERRNO`, `scmp_act_errno`; raises UsageError for none of the actions."""
    name = text.upper().removeprefix("SCMP_ACT_")
    if name not in RuleAction.__members__ or RuleAction[name] not in actions:
        raise UsageError(f"{option}: no action '{text}': one of {', '.join(actions)}")
    return RuleAction[name]


def errno_number(text: str) -> int:
    """`EPERM`, `1`; raises UsageError for what no filter can return."""
    if text.isascii() and text.isdigit() and len(text) <= len(str(LARGEST_ERRNO)) and int(text) <= LARGEST_ERRNO:
        return int(text)
    number = getattr(errno_numbers, text.upper(), None)
    if not isinstance(number, int):
        raise UsageError(f"--errno: no errno '{text}': a name such as EPERM, or a number from 0 to {LARGEST_ERRNO}")
    return number


def number_named(text: str) -> int | None:
    """`12`, `-1`, `0x1b5`; None for what is no number, or needs more than 64 bits anyway."""
    match = re.fullmatch(r"(-?)(?:([0-9]{1,20})|0[xX]([0-9a-fA-F]{1,16}))", text.strip(" "))
    if match is None:
        return None
    sign, decimal, hexadecimal = match.groups()
    size = int(decimal) if decimal is not None else int(hexadecimal, 16)
    return -size if sign else size


def host_arch(text: str) -> Abi:
    """The architecture of a kernel that profiles can name; raises UsageError. No kernel is x32: programs are, on
    x86_64."""
    abi = abi_named(text)
    if abi is None or abi.scmp_name is None or abi not in kernels_of(abi):
        known = [one.name for one in oci_abis() if one in kernels_of(one)]
        raise UsageError(
            f"--host-arch: no host of architecture '{text}': one of {', '.join(known)}{did_you_mean(text, known)}"
        )
    return abi
