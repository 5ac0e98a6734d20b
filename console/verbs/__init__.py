"""The console without the screen: every verb as a shell command."""
