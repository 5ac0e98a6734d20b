"""What fills the terminal: the queue, a case, and the panels in front of them."""
