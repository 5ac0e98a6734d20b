"""Other systems that do the same work: optional tools in a scratch environment, never dependencies."""
