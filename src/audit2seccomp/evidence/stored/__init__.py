"""Evidence as a file, and what it takes to read on with it."""
