"""Line mode: the console as a conversation in words, for screen readers, dumb terminals and pipes."""
