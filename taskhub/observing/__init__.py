"""What an operator sees of a running hub: one snapshot, as metrics, as pages and as JSON."""
