"""The command line: the only place that knows typer and rich."""

import gc

# Importing makes many objects and no garbage, and each collection on the way looks at all: `start` turns it on again.
gc.disable()
