"""What happens when a model obeys every instruction that somebody hid in the data."""
