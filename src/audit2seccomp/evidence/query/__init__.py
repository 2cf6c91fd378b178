"""Which records count: the language of `--where`."""
