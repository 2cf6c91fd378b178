"""Numbers of audit's netlink interface: include/uapi/linux/audit.h and netlink.h of Linux 6.18."""

from __future__ import annotations

import struct

NETLINK_AUDIT = 9
"""The netlink family."""

AUDIT_NLGRP_READLOG_BIT = 1
"""As nl_groups of struct sockaddr_nl: the group that gets every record, since Linux 3.16; it takes CAP_AUDIT_READ."""

SO_RCVBUFFORCE = 33
"""include/uapi/asm-generic/socket.h: SO_RCVBUF, not bound by net.core.rmem_max; takes CAP_NET_ADMIN."""

AUDIT_GET = 1000
"""Asks for struct audit_status, and is the type of the answer."""

AUDIT_LIST_RULES = 1013
"""Asks for a struct audit_rule_data of each rule, and is the type of these answers; NLMSG_DONE stands behind them."""

NLM_F_REQUEST = 1
NLM_F_DUMP = 0x300
NLMSG_DONE = 3
NLMSG_ERROR = 2
"""The type of an answer that holds an errno: zero or negative."""

NLMSG_HEADER = struct.Struct("=IHHII")
"""struct nlmsghdr: length, type, flags, sequence number, port."""

AUDIT_STATUS = struct.Struct("=8I")
"""The start of struct audit_status: mask, enabled, failure, pid, rate_limit, backlog_limit, lost, backlog."""

AUDIT_RULE = struct.Struct("=3I256x64I64I64I")
"""struct audit_rule_data up to its strings: flags, action, field_count, a mask, fields, values, fieldflags."""
AUDIT_MAX_FIELDS = 64
AUDIT_FILTER_PREPEND = 0x10
"""In flags beside the list that a rule is in."""
AUDIT_FILTER_EXCLUDE = 5
"""The list of what is not written, whatever the rule's action (audit_filter() in kernel/auditfilter.c)."""
AUDIT_MSGTYPE = 12
"""The field that is the record's type."""
AUDIT_LESS_THAN, AUDIT_GREATER_THAN, AUDIT_EQUAL = 0x10000000, 0x20000000, 0x40000000
"""Of fieldflags; each that holds is enough."""


def excludes(rule: bytes, record_type: int) -> bool:
    """Whether a struct audit_rule_data may keep records of that type from being written: by the type, or by what is
    not known of them here."""
    flags, _action, count, *numbers = AUDIT_RULE.unpack_from(rule)
    fields, values, operators = (numbers[at : at + AUDIT_MAX_FIELDS] for at in range(0, 192, AUDIT_MAX_FIELDS))
    if flags & ~AUDIT_FILTER_PREPEND != AUDIT_FILTER_EXCLUDE:
        return False
    return all(
        operator & (AUDIT_EQUAL if record_type == value else _BESIDE[record_type < value])
        for field, value, operator in list(zip(fields, values, operators, strict=True))[:count]
        if field == AUDIT_MSGTYPE
    )


_BESIDE = {True: AUDIT_LESS_THAN, False: AUDIT_GREATER_THAN}
