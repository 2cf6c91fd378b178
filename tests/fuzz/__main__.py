"""Fuzz targets one after the other, and say what was done: `python -m tests.fuzz --seconds 600 [TARGET...]`.

What an engine said, and inputs of which something does not hold (`crash-…`), are in build/fuzz/TARGET."""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import time
from importlib.util import find_spec

from tests.fuzz.corpus import FOUND
from tests.fuzz.targets import TARGETS

_UNITS = re.compile(r"stat::number_of_executed_units: *(\d+)")
_EDGES = re.compile(r"#\d+\s+(?:DONE|NEW|REDUCE|pulse|INITED)\s+cov: (\d+) ft: (\d+) corp: (\d+)/")
_PEAK = re.compile(r"stat::peak_rss_mb: *(\d+)")
_SPARE = 120
"""Seconds that a target may take beyond its own, for its seeds and the input that it is at."""


def fuzz(engine: str, name: str, seconds: float) -> bool:
    """Run one target and print a line about it; whether all held."""
    folder = FOUND / name
    folder.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    with (folder / "said").open("w+b") as said:
        command = [sys.executable, "-m", f"tests.fuzz.with_{engine}", name, str(max(1, int(seconds)))]
        try:
            status = subprocess.run(command, stdout=said, stderr=said, timeout=seconds + _SPARE, check=False).returncode
        except subprocess.TimeoutExpired:
            status = -1
    text = (folder / "said").read_text(errors="replace")
    units, edges, peak = _UNITS.findall(text), _EDGES.findall(text), _PEAK.findall(text)
    figures = [units[-1] if units else "?", edges[-1][0] if edges else "-", edges[-1][2] if edges else "-"]
    verdict = "held" if status == 0 else f"FAILED ({status}): see {folder}"
    row = [name, f"{time.monotonic() - start:.0f} s", *figures, f"{peak[-1]} MB" if peak else "-", verdict]
    print("\t".join(row), flush=True)
    return status == 0


def main() -> int:
    """Returns 1 if something did not hold."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600, help="for all targets together")
    parser.add_argument("--engine", choices=["atheris", "hypothesis"], help="atheris where it is installed")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    asked = parser.parse_args()
    unknown = set(asked.targets) - TARGETS.keys()
    if unknown:
        parser.error(f"no target {', '.join(sorted(unknown))}: there are {', '.join(TARGETS)}")
    engine = asked.engine or ("atheris" if find_spec("atheris") else "hypothesis")
    names = asked.targets or list(TARGETS)
    print(f"{engine}, {asked.seconds / len(names):.0f} seconds for each of {len(names)} targets")
    print("target\ttime\texecutions\tedges\tcorpus\tmemory\t", flush=True)
    held = [fuzz(engine, name, asked.seconds / len(names)) for name in names]
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
