"""Simulated telemetry: ordinary customers, now and then something suspicious, and the fraud stories."""
