"""The running kernel: commands under a filter, enforced or recorded."""
