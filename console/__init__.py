"""The analyst console: a terminal interface and shell verbs over the server's API."""
