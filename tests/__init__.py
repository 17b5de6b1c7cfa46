"""What labrunner promises, kept."""
