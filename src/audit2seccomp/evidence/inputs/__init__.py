"""Where the bytes come from: files, archives, folders, logs that grow."""
