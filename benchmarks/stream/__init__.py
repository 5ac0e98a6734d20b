"""Measures the fan-out of one live stream to many clients, beside nchan."""
