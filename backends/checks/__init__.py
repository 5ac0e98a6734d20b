"""Asks every seam a real question, and says in words what is missing when it does not answer."""
