"""A small desk in memory that speaks the server's API, for tests of the console alone."""
