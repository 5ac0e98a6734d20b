"""What one does with a task hub's file besides serving it: look, check, repair, copy, shrink, forget."""
