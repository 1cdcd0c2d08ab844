"""A fitted model behind its wrappers: what stands in front of it, and what it answers."""
