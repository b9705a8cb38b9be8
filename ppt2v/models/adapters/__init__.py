"""Small files that change a model for a run: LoRA, textual inversion."""
