"""`python -m audit2seccomp`."""

from audit2seccomp.cli.app import main

main()
