"""A file that is extended as text: all that is not new stays as it is, byte for byte."""
