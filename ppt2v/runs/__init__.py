"""One run: from a checked request and a model to a file."""
