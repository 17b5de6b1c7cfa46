"""Courses of Killercoda become packages that load, say what they lost, and hide nothing."""
