"""Numbers only, importable before Paddle: sizes, chunks, timesteps, memory."""
