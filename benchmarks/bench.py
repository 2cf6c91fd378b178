"""Compare audit2seccomp with its peers: python benchmarks/bench.py [--help]"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

if __name__ == "__main__":
    # Started as a file, Python looks for modules beside it; they are found from the top of the tree.
    sys.path[0] = str(Path(__file__).resolve().parent.parent)
    raise SystemExit(import_module("benchmarks.suite").main())
