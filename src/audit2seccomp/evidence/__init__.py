"""From bytes to evidence: what was seen, how far it can be trusted. Knows nothing of profiles."""
