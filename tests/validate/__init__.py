"""``lab validate`` against the real engine."""
