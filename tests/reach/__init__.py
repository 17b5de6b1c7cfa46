"""Reach: every way in which containers can and cannot talk, planted and then measured."""
