"""The kernel's numbers, at their edges and against libseccomp's binding, which has its own copy."""

from __future__ import annotations

import pyseccomp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit2seccomp.kernel.uapi import AUDIT_ANOM_ABEND, AUDIT_SECCOMP, Action, action_of

EDGES = [
    (0x80000000, Action.KILL_PROCESS),
    (0x8000FFFF, Action.KILL_PROCESS),
    (0x00000000, Action.KILL_THREAD),
    (0x0000FFFF, Action.KILL_THREAD),
    (0x00010000, None),
    (0x00030000, Action.TRAP),
    (0x00050000, Action.ERRNO),
    (0x00050001, Action.ERRNO),
    (0x00060000, None),
    (0x12340000, None),
    (0x7FBFFFFF, None),
    (0x7FC00000, Action.USER_NOTIF),
    (0x7FF00000, Action.TRACE),
    (0x7FFC0000, Action.LOG),
    (0x7FFD0000, None),
    (0x7FFF0000, Action.ALLOW),
    (0xFFFF0000, None),
    (0xFFFFFFFF, None),
]


@pytest.mark.parametrize(("code", "action"), EDGES, ids=lambda value: hex(value) if isinstance(value, int) else None)
def test_action_at_the_edges(code: int, action: Action | None) -> None:
    assert action_of(code) is action


@given(st.sampled_from(Action), st.integers(0, 0xFFFF))
def test_data_bits_never_change_the_action(action: Action, data: int) -> None:
    assert action_of(action.value | data) is action


@given(st.integers(0, 0xFFFFFFFF))
def test_every_other_upper_half_is_no_action(code: int) -> None:
    defined = {0x8000, 0, 0x3, 0x5, 0x7FC0, 0x7FF0, 0x7FFC, 0x7FFF}
    assert (action_of(code) is None) == (code >> 16 not in defined)


def test_values_are_libseccomps() -> None:
    assert {action.name: action.value for action in Action} == {
        "KILL_PROCESS": pyseccomp.KILL_PROCESS,
        "KILL_THREAD": pyseccomp.KILL_THREAD,
        "TRAP": pyseccomp.TRAP,
        "ERRNO": pyseccomp.ERRNO(0),
        "USER_NOTIF": pyseccomp.NOTIFY,
        "TRACE": pyseccomp.TRACE(0),
        "LOG": pyseccomp.LOG,
        "ALLOW": pyseccomp.ALLOW,
    }


def test_only_log_and_allow_let_the_call_run() -> None:
    assert [action for action in Action if action.let_through] == [Action.LOG, Action.ALLOW]


def test_record_types() -> None:
    assert (AUDIT_SECCOMP, AUDIT_ANOM_ABEND) == (1326, 1701)
