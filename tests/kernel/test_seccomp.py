"""What this package says of seccomp(2) is what the header of this machine's kernel says."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from audit2seccomp.kernel import seccomp

NAMES = (
    "SECCOMP_SET_MODE_FILTER",
    "SECCOMP_USER_NOTIF_FLAG_CONTINUE",
    "SECCOMP_IOCTL_NOTIF_RECV",
    "SECCOMP_IOCTL_NOTIF_SEND",
    "SECCOMP_IOCTL_NOTIF_SET_FLAGS",
    "SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP",
)


def of_header(folder: Path, *expressions: str) -> list[int]:
    """The values of C expressions; of names that an older header lacks, -1."""
    guarded = "\n".join(f"#ifndef {one}\n#define {one} -1\n#endif" for one in expressions if one.isidentifier())
    values = "".join(f'printf("%lld\\n", (long long)({one}));' for one in expressions)
    source = folder / "values.c"
    source.write_text(
        "#include <stdio.h>\n#include <stddef.h>\n#include <linux/seccomp.h>\n#include <sys/ioctl.h>\n"
        f"{guarded}\nint main(void) {{ {values} }}\n"
    )
    if shutil.which("gcc") is None:
        pytest.skip("needs gcc")
    done = subprocess.run(
        ["gcc", "-o", folder / "values", source], capture_output=True, text=True, timeout=60, check=False
    )
    if "No such file" in done.stderr:
        pytest.skip("needs the kernel's headers: linux-libc-dev")
    assert done.returncode == 0, done.stderr
    printed = subprocess.run([folder / "values"], capture_output=True, text=True, timeout=60, check=True)
    return list(map(int, printed.stdout.split()))


def test_numbers(tmp_path: Path) -> None:
    names = (*NAMES, *seccomp.FILTER_FLAG_BITS)
    expected = [seccomp.FILTER_FLAG_BITS.get(name, getattr(seccomp, name, None)) for name in names]
    found = of_header(tmp_path, *names)
    assert [one for one in found if one != -1] == [mine for mine, one in zip(expected, found, strict=True) if one != -1]
    assert found[0] == 1
    assert len([one for one in found if one != -1]) >= 8


def test_layouts(tmp_path: Path) -> None:
    assert of_header(
        tmp_path,
        "sizeof(struct seccomp_notif)",
        "sizeof(struct seccomp_notif_resp)",
        "offsetof(struct seccomp_notif, pid)",
        "offsetof(struct seccomp_notif, data.nr)",
        "offsetof(struct seccomp_notif_resp, flags)",
    ) == [seccomp.NOTIF_BYTES, struct.calcsize(seccomp.NOTIF_RESP_LAYOUT), 8, 16, 20]
