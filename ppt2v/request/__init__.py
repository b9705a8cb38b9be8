"""What is asked for: read once, checked once, in the form in which recipes keep it."""
