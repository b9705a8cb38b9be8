"""Videos for others: a queue, what clients may ask, who gets in."""
