"""How fast audit2seccomp is, next to the tools that people use for the same question. Not shipped."""
