"""Measures detection: records a second on one core, and memory per customer."""
