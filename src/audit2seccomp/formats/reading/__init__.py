"""From text to a profile: values with their places, and what is wrong with them."""
