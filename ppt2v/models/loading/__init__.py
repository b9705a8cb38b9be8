"""Networks that read their weights when they are needed; tokenizers."""
