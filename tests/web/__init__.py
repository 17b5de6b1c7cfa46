"""The page: what the server keeps from the outside, and what it does for the learner."""
