"""Print the calls in auditd's file as `arch=HEX syscall=NUMBER`, read with auparse, the audit project's own library.

Run with the system's Python, which Debian's package python3-audit extends: /usr/bin/python3 auparse_calls.py FILE
"""

from __future__ import annotations

import sys

import auparse

AUDIT_SECCOMP = 1326  # include/uapi/linux/audit.h


def calls(path: str) -> set[tuple[str, str]]:
    """Return the different (arch, number) pairs of the file's SECCOMP records, as they are written."""
    found: set[tuple[str, str]] = set()
    parser = auparse.AuParser(auparse.AUSOURCE_FILE, path)
    while parser.parse_next_event():
        more = parser.first_record()
        while more:
            if parser.get_type() == AUDIT_SECCOMP:
                arch = parser.get_field_str() if parser.find_field("arch") else "?"
                number = parser.get_field_str() if parser.find_field("syscall") else "?"
                found.add((arch, number))
            more = parser.next_record()
    return found


if __name__ == "__main__":
    print("\n".join(sorted(f"arch={arch} syscall={number}" for arch, number in calls(sys.argv[1]))))
