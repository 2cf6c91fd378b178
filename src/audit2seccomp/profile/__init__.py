"""From evidence to a profile: pure functions."""
