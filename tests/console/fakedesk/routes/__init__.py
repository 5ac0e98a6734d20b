"""The fake desk's routes, by subject."""
