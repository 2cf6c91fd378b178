"""Facts that the kernel defines, each with the header it comes from."""
