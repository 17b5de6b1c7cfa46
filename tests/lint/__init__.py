"""``lab lint``: a bad sample is caught and named rightly, a good one is not."""
