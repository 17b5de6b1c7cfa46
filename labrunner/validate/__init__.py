"""Proves scenarios: types what their lessons say into a real terminal, and tries to fool them."""
