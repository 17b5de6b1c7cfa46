"""Who reaches whom: what a measurement means, how it changed, and how it is drawn."""
