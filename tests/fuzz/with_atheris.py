"""Fuzz one target with atheris, which goes by the coverage of the package: with_atheris TARGET SECONDS."""

from __future__ import annotations

import pkgutil
import sys
from importlib import import_module

import atheris

with atheris.instrument_imports(include=["audit2seccomp"]):
    import audit2seccomp

    # What is imported only when it is needed would not be seen.
    for _module in pkgutil.walk_packages(audit2seccomp.__path__, "audit2seccomp."):
        if _module.name != "audit2seccomp.__main__":
            import_module(_module.name)

from tests.fuzz.corpus import FOUND, KEPT
from tests.fuzz.target import MAX_BYTES, PATIENCE
from tests.fuzz.targets import TARGETS

RSS_MEBIBYTES = 2048
"""libFuzzer's own bound, should the target's not be reached."""


def main() -> None:
    """Does not return: libFuzzer ends the process."""
    name, seconds = sys.argv[1:]
    target = TARGETS[name]
    folder = FOUND / name
    seeds, corpus = folder / "seeds", folder / "corpus"
    for path in (seeds, corpus, KEPT / name):
        path.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.seeds()):
        (seeds / f"{number:05}").write_bytes(seed[:MAX_BYTES])
    words = folder / "words"
    words.write_text("".join(f'"{_escaped(word)}"\n' for word in target.words))
    options = {
        "max_total_time": seconds,
        "max_len": MAX_BYTES,
        "timeout": 5 * PATIENCE,
        "rss_limit_mb": RSS_MEBIBYTES,
        "artifact_prefix": f"{folder}/",
        "dict": words,
        "print_final_stats": 1,
    }
    given = [f"-{option}={value}" for option, value in options.items()]
    atheris.Setup([sys.argv[0], *given, *map(str, (corpus, seeds, KEPT / name))], target.run)
    atheris.Fuzz()


def _escaped(word: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word)


if __name__ == "__main__":
    main()
