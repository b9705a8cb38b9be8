"""What runs at a step: layers, programs, and the predictors of a run."""
