"""The trainings, on one loop."""
