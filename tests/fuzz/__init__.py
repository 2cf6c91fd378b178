"""Fuzzing: what must hold of any bytes, one check for each kind of input, driven by atheris or by hypothesis.

`python -m tests.fuzz` runs it (`make fuzz`); `test_corpus.py` runs every input that was kept."""
