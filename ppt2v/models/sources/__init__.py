"""Which models are known, where the one of a name is, how it is downloaded."""
