"""Text logs, line by line."""
