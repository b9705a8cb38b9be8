"""Many videos from one file, on this machine or on Ray."""
