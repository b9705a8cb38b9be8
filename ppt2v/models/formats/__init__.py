"""Weight files: read and written without PyTorch and without running a pickle, and put exactly into a network."""
