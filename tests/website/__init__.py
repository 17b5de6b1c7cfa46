"""The site that `lab site build` makes."""
