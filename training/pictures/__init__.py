"""What the models that ship are taught and judged with, drawn by code."""
