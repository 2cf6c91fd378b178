"""Files and parts of files that several processes read."""
