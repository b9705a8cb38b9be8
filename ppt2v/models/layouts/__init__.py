"""Of which files a model consists and what they call its weights: diffusers, a single file, ModelScope."""
