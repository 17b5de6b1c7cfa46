"""Where scenarios come from, what is said of a broken one, and that it harms nobody else."""
