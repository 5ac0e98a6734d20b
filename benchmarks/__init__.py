"""Measurements, run by hand; `python -m benchmarks` lists them."""
