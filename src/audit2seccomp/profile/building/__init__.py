"""The parts of building a profile: what the user chose, which names, and why each of them."""
