"""A sandbox is a Docker engine of one's own that comes up, obeys its limits, and goes."""
