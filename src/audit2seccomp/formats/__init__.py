"""One module per profile format."""
