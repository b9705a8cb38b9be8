"""From the name of a model to networks with weights; the folders below are the steps, from files upwards."""
