"""Other processes that work for this one: on this machine, or on a Ray cluster."""
