"""The equations of the papers as pure functions: motion, background, token merging, decomposed noise."""
