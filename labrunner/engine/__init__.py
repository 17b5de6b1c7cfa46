"""The only room that speaks to a Docker engine."""
