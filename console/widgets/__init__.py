"""Widgets that render lines: only what is visible, only what changed."""
