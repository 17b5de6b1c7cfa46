"""Tests that drive the whole of ``lab`` against a real engine."""
