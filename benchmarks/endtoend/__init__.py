"""Measures the whole product in real processes: cases, latency, footprint, and where the CPU goes."""
