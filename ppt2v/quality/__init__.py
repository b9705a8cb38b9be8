"""What can be measured of a finished video without weights."""
