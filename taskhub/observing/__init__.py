"""What an operator sees of a running hub: one snapshot, as metrics and as pages."""
