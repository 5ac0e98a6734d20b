"""The query language of the NoSQL API: text to syntax, syntax to values."""
