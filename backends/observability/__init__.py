"""What the processes tell about themselves: traces, metrics, and logs without customer data."""
