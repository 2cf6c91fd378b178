"""Union, intersection and difference of profiles, exact for all arguments, architectures and hosts, or an error."""
