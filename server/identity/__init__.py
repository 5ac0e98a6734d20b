"""Sign-in: whose tokens are taken, what they say, and which route needs which permission."""
