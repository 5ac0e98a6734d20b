"""Sessions of the console as files: what the server answered and streamed, and when."""
