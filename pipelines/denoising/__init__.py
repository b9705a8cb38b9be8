"""From noise to latents: solvers, noise, the two loops, the checkpoint."""
