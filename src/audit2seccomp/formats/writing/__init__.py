"""From a profile to text: what several formats share."""
