"""One file per kind of model: how it is recognised, its sizes, its parts, its pipeline."""
