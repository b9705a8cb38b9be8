"""The figures: judges, studies, the README's pictures."""
