"""A year of the shipped data, replayed day by day: how often the detector is wrong, and which faults it finds."""
