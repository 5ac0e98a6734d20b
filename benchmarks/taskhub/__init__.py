"""Measures the task hub beside other systems: ``python -m benchmarks.taskhub``."""
