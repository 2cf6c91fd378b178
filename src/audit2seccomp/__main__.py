"""`python -m audit2seccomp`."""

from audit2seccomp.cli.start import main

main()
