"""Measures the task hub beside the SDK's in-memory backend: ``python -m benchmarks.taskhub``."""
