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

NLM_F_REQUEST = 1
NLMSG_ERROR = 2
"""The type of an answer that holds an errno: zero or negative."""

NLMSG_HEADER = struct.Struct("=IHHII")
"""struct nlmsghdr: length, type, flags, sequence number, port."""

AUDIT_STATUS = struct.Struct("=8I")
"""The start of struct audit_status: mask, enabled, failure, pid, rate_limit, backlog_limit, lost, backlog."""
