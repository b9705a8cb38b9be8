"""Model folders of what was trained."""
