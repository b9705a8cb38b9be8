"""The commands of ``ppt2v``: functions that typer understands, a module for each subject; ``cli`` adds them."""
